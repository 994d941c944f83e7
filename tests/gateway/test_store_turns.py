"""Turns among processes: nobody overtakes who waits, and who dies waits for nothing and holds up nobody."""

import asyncio
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.store.sqlite import SqliteStore, held
from gateway.store.sqlite_file import DatabaseInUse
from gateway.store.turns import Turns
from tests.gateway.ledger import admission, at, digest, mrn
from tests.gateway.waiting_turns import take

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def line(tmp_path):
    return tmp_path / "ledger.db.turns"


@asynccontextmanager
async def greedy(line):
    """A process that always wants the turn, and has had it once."""
    command = [sys.executable, "-m", "tests.gateway.waiting_turns", str(line)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert await process.stdout.readline() == b"has it\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_nobody_is_kept_out_by_others_who_never_pause(line):
    """In a line, each of four has as many turns as any other, give or take what it was late at the door."""
    mine, turns = Turns(line), 100

    def take_turns():
        for _ in range(turns):
            take(mine, "")

    async with greedy(line) as first, greedy(line) as second, greedy(line) as third:
        others = (first, second, third)
        readers = [asyncio.create_task(each.stdout.read()) for each in others]
        await asyncio.wait_for(asyncio.to_thread(take_turns), 30)
        for each in others:
            each.kill()
        heard = [(await reader).count(b"turn\n") for reader in readers]
    mine.close()
    assert min(heard) > turns / 4, heard


async def test_a_turn_ends_with_the_process_that_had_it(line):
    mine = Turns(line)
    async with greedy(line) as other:
        other.send_signal(signal.SIGSTOP)  # wherever it is, it keeps its place
        waiting = asyncio.create_task(asyncio.to_thread(mine.__enter__))
        other.kill()
        await asyncio.wait_for(waiting, 10)
        mine.__exit__()
    mine.close()


# The ledger of several processes


async def test_held_for_others_a_ledger_is_refused_to_everybody_else_and_is_one_file_afterwards(database):
    with held(database, at(0)):
        with pytest.raises(DatabaseInUse):
            await SqliteStore(database).open()
        first, second = (SqliteStore(database, exclusive=False) for _ in range(2))
        await first.open()
        await second.open()
        trader = (await first.add_account("Example Flowers", "trader", None, digest(b"key"))).id
        stores = (first, second)
        await asyncio.gather(*(stores[number % 2].accept(admission(trader, number)) for number in range(100)))
        assert (await second.accept(admission(trader, 0))).replayed, "a copy is known whoever took the first"
        assert await first.case_file(mrn(99)) == await second.case_file(mrn(99))
        await asyncio.gather(first.close(), second.close())
    assert {file.name for file in database.parent.iterdir()} == {"ledger.db", "ledger.db.lock", "ledger.db.turns"}
    again = SqliteStore(database)
    await again.open()
    await again.close()


async def test_what_a_dead_gateway_was_sending_is_due_when_the_ledger_is_held_again(store, database):
    trader = (await store.add_account("Example Flowers", "trader", None, digest(b"key"))).id
    await store.accept(admission(trader, 1))
    assert await store.claim("FSA", 1, at(5), at(600))
    await store.close()
    with held(database, at(6)):
        member = SqliteStore(database, exclusive=False)
        await member.open()
        assert [claim.delivery.id for claim in await member.claim("FSA", 1, at(6), at(600))] == ["FSA-1"]
        await member.close()


async def test_claims_of_two_processes_never_overlap(database):
    with held(database, at(0)):
        stores = [SqliteStore(database, exclusive=False) for _ in range(2)]
        for each in stores:
            await each.open()
        trader = (await stores[0].add_account("Example Flowers", "trader", None, digest(b"key"))).id
        for number in range(40):
            await stores[0].accept(admission(trader, number))
        taken = await asyncio.gather(*(stores[n % 2].claim("FSA", 3, at(60), at(600)) for n in range(20)))
        ids = [claim.delivery.id for claims in taken for claim in claims]
        assert sorted(ids) == sorted(f"FSA-{number}" for number in range(40))
        for each in stores:
            await each.close()
