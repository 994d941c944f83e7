"""How the store writes: in groups, one failure apart from another, for one process only, and for good."""

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest

from gateway import audit
from gateway.ports import Acceptance
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite_file import DatabaseInUse, UnfitDatabase, connect_to_write
from gateway.store.writer import Writer
from tests.gateway.ledger import additional, admission, at, by_hand, change, digest, held_by_another_program, mrn

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def opened(database):
    """Opens stores on the database, and closes them after the test."""
    stores = []

    async def open_store(**options):
        store = SqliteStore(database, **options)
        await store.open()
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        await store.close()


async def trader(store):
    return (await store.add_account("Example Flowers", "trader", None, digest(b"key"))).id


def count(database, table):
    """Rows that anybody who opens the file can see, committed and no others."""
    with by_hand(database) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


# Groups


async def test_what_waits_together_is_committed_together(opened, database):
    store = await opened()
    account = await trader(store)
    before = store.commits
    with held_by_another_program(database):
        waiting = [asyncio.ensure_future(store.accept(admission(account, number))) for number in range(200)]
        done, _ = await asyncio.wait(waiting, timeout=0.1)
        assert not done
        assert count(database, "declaration_case") == 0
    await asyncio.gather(*waiting)
    assert count(database, "declaration_case") == 200
    assert store.commits - before <= 2  # the writer may have taken the first few before the rest arrived


async def test_a_group_has_a_limit(opened):
    store = await opened(group_limit=10)
    account = await trader(store)
    before = store.commits
    await asyncio.gather(*(store.accept(admission(account, number)) for number in range(100)))
    assert 10 <= store.commits - before <= 100


async def test_who_is_answered_is_in_the_file(opened, database):
    store = await opened(group_limit=7)
    account = await trader(store)
    answered = 0

    async def accept(number):
        nonlocal answered
        await store.accept(admission(account, number))
        answered += 1
        assert count(database, "declaration_case") >= answered

    await asyncio.gather(*(accept(number) for number in range(40)))


async def test_one_that_fails_takes_nobody_along(opened, database):
    store = await opened()
    account = await trader(store)
    await store.accept(admission(account, 0))
    taken = admission(account, 0).deliveries
    before = store.commits
    with held_by_another_program(database):
        waiting = [
            store.accept(admission(account, 1)),
            store.accept(admission(account, 2, deliveries=taken)),
            store.accept(admission(account + 1, 3)),
            store.accept(admission(account, 4)),
        ]
        together = asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(0)  # all four are with the writer now
    answers = await together
    assert [type(answer) for answer in answers] == [
        Acceptance,
        sqlite3.IntegrityError,
        sqlite3.IntegrityError,
        Acceptance,
    ]
    assert store.commits - before <= 2
    assert [await store.case_file(mrn(number)) is not None for number in range(5)] == [True, True, False, False, True]


async def test_a_store_that_cannot_write_says_so_and_recovers(opened, database):
    store = await opened(busy_seconds=0.05)
    account = await trader(store)
    with held_by_another_program(database):
        for attempt in store.ping(), store.accept(admission(account, 1)):
            with pytest.raises(sqlite3.OperationalError, match="nothing was written: database is locked"):
                await attempt
        assert await store.case_file(mrn(1)) is None  # reading goes on
    await store.ping()
    assert not (await store.accept(admission(account, 1))).replayed


@contextmanager
def full_disk(database):
    """The log of the database may not grow: each write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = database.with_name(database.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_told_and_survived(opened, database):
    store = await opened()
    account = await trader(store)
    await store.accept(admission(account, 1))
    with full_disk(database):
        for attempt in store.ping(), store.accept(admission(account, 2)):
            with pytest.raises(sqlite3.OperationalError, match="nothing was written: (disk|database)"):
                await attempt
        assert await store.case_file(mrn(1)) is not None
    await store.ping()
    assert await store.case_file(mrn(2)) is None
    assert not (await store.accept(admission(account, 2))).replayed


# The writer by itself


@pytest.fixture
async def begin(database):
    """Begins a writer, and stops it after the test."""
    writers = []

    def begin_writer(waiting_limit=100):
        connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
        writers.append(Writer(connection, group_limit=10, waiting_limit=waiting_limit))
        return writers[-1]

    yield begin_writer
    for writer in writers:
        await writer.stop()


def note(text):
    return lambda connection: connection.execute("INSERT INTO note (text) VALUES (?)", (text,)).rowcount


def kept(database):
    with by_hand(database) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note")]


async def occupied(writer):
    """A piece of work that the writer is busy with until the event is set: what comes meanwhile makes one group."""
    gate, begun = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_gate(connection):
        loop.call_soon_threadsafe(begun.set)
        assert gate.wait(10)

    task = asyncio.ensure_future(writer.run(wait_for_gate))
    await asyncio.wait_for(begun.wait(), 10)
    return gate, task


async def test_beyond_the_limit_callers_wait_for_a_place(database, begin):
    writer = begin(waiting_limit=2)
    gate, busy = await occupied(writer)
    tasks = [busy, *(asyncio.ensure_future(writer.run(note(text))) for text in "abc")]
    await asyncio.sleep(0)  # each has taken its place, or waits for one
    for task in tasks:
        task.cancel()
    gate.set()
    await asyncio.wait(tasks)
    assert await writer.run(note("d")) == 1
    assert kept(database) == ["a", "d"]  # the gate and `a` had the two places; `b` and `c` never got one


async def test_who_gives_up_waiting_harms_nobody(database, begin):
    writer = begin()
    gate, _ = await occupied(writer)
    first, second = (asyncio.ensure_future(writer.run(note(text))) for text in "ab")
    await asyncio.sleep(0)  # both are with the writer now
    first.cancel()
    gate.set()
    assert await asyncio.wait_for(second, 10) == 1
    assert first.cancelled()


async def test_when_the_whole_transaction_is_lost_all_in_it_are_told(database, begin):
    writer = begin()
    gate, _ = await occupied(writer)

    def lose(connection):  # as SQLite itself does when the disk is full
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    told = asyncio.gather(*map(writer.run, (note("a"), lose, note("b"))), return_exceptions=True)
    await asyncio.sleep(0)  # all three are with the writer now
    gate.set()
    assert list(map(str, await told)) == ["nothing was written: database or disk is full"] * 3
    assert await writer.run(note("c")) == 1
    assert kept(database) == ["c"]


async def test_a_commit_that_fails_undoes_its_group_and_no_other(database, begin):
    writer = begin()
    gate, _ = await occupied(writer)

    def break_a_promise(connection):  # a deferred constraint speaks up at the commit, and leaves the transaction open
        connection.execute("CREATE TABLE reply (note INTEGER REFERENCES note DEFERRABLE INITIALLY DEFERRED)")
        connection.execute("INSERT INTO reply VALUES (5)")

    told = asyncio.gather(*map(writer.run, (note("a"), break_a_promise)), return_exceptions=True)
    await asyncio.sleep(0)  # both are with the writer now
    gate.set()
    assert [type(answer) for answer in await told] == [sqlite3.OperationalError] * 2
    assert await writer.run(note("b")) == 1
    assert kept(database) == ["b"]


async def test_what_waits_at_the_end_is_still_written(database, begin):
    writer = begin()
    waiting = [asyncio.ensure_future(writer.run(note(text))) for text in "ab"]
    await asyncio.sleep(0)  # let both take their places
    await writer.stop()
    assert await asyncio.gather(*waiting) == [1, 1]
    assert kept(database) == ["a", "b"]
    with pytest.raises(RuntimeError, match="closed"):
        await writer.run(note("c"))


# One process, and for good


def test_a_commit_waits_for_the_disk(database):
    connection = connect_to_write(database, 1)
    asked = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    connection.close()
    assert asked == {"journal_mode": "wal", "synchronous": 2}


async def test_a_second_process_is_refused(opened, database):
    await opened()
    code = "import asyncio, sys, pathlib; from gateway.store.sqlite import SqliteStore\n"
    code += "asyncio.run(SqliteStore(pathlib.Path(sys.argv[1])).open())"
    other = [sys.executable, "-c", code, str(database)]
    ended = await asyncio.to_thread(subprocess.run, other, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert f"{database} is already in use by another guichet process" in ended.stderr


async def test_a_second_store_is_refused_until_the_first_is_closed(opened, database, tmp_path):
    first = await opened()
    (tmp_path / "by-another-name.db").symlink_to(database)
    second = SqliteStore(tmp_path / "by-another-name.db")
    with pytest.raises(DatabaseInUse):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


async def test_a_database_of_a_newer_program_is_left_alone(opened, database):
    store = await opened()
    await trader(store)
    await store.close()
    with by_hand(database) as connection:
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 9999")
    with pytest.raises(UnfitDatabase, match="newer guichet"):
        await SqliteStore(database).open()
    with by_hand(database) as connection:
        connection.execute(f"PRAGMA user_version = {form}")
    reopened = await opened()
    assert await reopened.holder(digest(b"key")) is not None


async def test_a_database_of_the_first_form_is_brought_to_the_newest_with_all_that_is_in_it(opened, database):
    first = (files("gateway.store") / "migrations" / "0001_ledger.sql").read_text(encoding="utf-8")
    with by_hand(database) as connection:
        connection.executescript(f"PRAGMA journal_mode = WAL; {first}; PRAGMA user_version = 1;")
        key = digest(b"key")
        connection.execute("INSERT INTO account (id, name, role, key_digest) VALUES (1, 'E', 'trader', ?)", (key,))
        connection.execute(
            """INSERT INTO declaration_case
            VALUES (1, 1, ?, 1, 'c', 'wco-dms/3.6/DEC', 'R', 'd', 'e', 'text/xml', 'accepted', ?, ?)""",
            (mrn(1), at(1), at(1)),
        )
        first_event = admission(1, 1).events[0]
        row = (1, first_event.at, first_event.kind, first_event.actor, '{"bytes":2}', first_event.digest)
        connection.execute("INSERT INTO event VALUES (1, ?, ?, ?, ?, ?, ?)", row)
    store = await opened()
    assert (await store.holder(digest(b"key"))).account.name == "E"
    file = await store.case_file(mrn(1))
    assert (file.case.reference, file.case.version) == ("R", 1)
    assert await store.apply(change(file, 2, additional=additional(2)))
    assert await store.additional(file.case.id, "invalidation") == additional(2)


async def test_what_cannot_be_a_database_is_said_so(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear customs, " * 100)
    for path in tmp_path / "letter.txt", tmp_path / "letter.txt" / "ledger.db", tmp_path:
        with pytest.raises(UnfitDatabase, match=f"{path} cannot be opened: "):
            await SqliteStore(path).open()
    assert (tmp_path / "letter.txt").read_text().startswith("Dear customs, Dear")


async def test_a_closed_store_holds_all_in_one_file(opened, database):
    store = await opened()
    await store.accept(admission(await trader(store), 1))
    await store.close()
    await store.close()
    assert {file.name for file in database.parent.iterdir()} == {"ledger.db", "ledger.db.lock", "ledger.db.turns"}
    assert database.stat().st_mode & 0o077 == 0
    with pytest.raises(RuntimeError, match="not open"):
        await store.ping()


async def test_what_was_answered_survives_kill_9(opened, database):
    command = [sys.executable, "-m", "tests.gateway.accepting", str(database)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        told = [await process.stdout.readline() for _ in range(300)]
    finally:
        process.kill()
    told += (await process.stdout.read()).splitlines(keepends=True)
    assert await process.wait() == -9
    lines = [line.decode().split() for line in told if line.endswith(b"\n")]
    assert len(lines) >= 300
    store = await opened()  # the kernel has let go of the lock
    for step, number in lines:
        file = await store.case_file(number)
        assert file is not None
        assert audit.verify(number, file.events) is None
        assert len(file.deliveries) == 2
        assert (await store.message(file.case.id)).body
        if step == "applied":
            assert (file.case.version, len(file.events), file.deliveries[0].state) == (2, 2, "awaiting")
    assert len({number for _, number in lines}) >= 100
