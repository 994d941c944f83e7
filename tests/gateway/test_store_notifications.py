"""The log of each account in the store: complete, in order, numbered without gaps, shortened only at its old end."""

import asyncio
import sqlite3
from importlib.resources import files

import pytest

from gateway import audit, lifecycle
from gateway.conflicts import Conflict
from gateway.notify.feed import prune
from gateway.notify.told import Asked, Mark, Told
from gateway.ports import DeliveryChange
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import admission, at, by_hand, change, decision, mrn
from tests.gateway.scripted import ManualClock


@pytest.fixture
async def trader(store) -> int:
    return (await store.add_account("Greengate Brokers", "trader", None, "0" * 64)).id


@pytest.fixture
async def rival(store) -> int:
    return (await store.add_account("Bluegate Brokers", "trader", None, "1" * 64)).id


async def log(store, account_id: int, limit: int = 1000, after: int = 0, **fields) -> list[Told]:
    return await store.notifications(Asked(account_id=account_id, after=after, limit=limit, **fields))


def numbers(told: list[Told]) -> list[int]:
    return [each.number for each in told]


def told_of(number: int, count: int, second: int | None = None) -> tuple:
    """A history of so many events that are told."""
    link, events = audit.genesis(mrn(number)), []
    for seq in range(1, count + 1):
        events.append(audit.link(link, seq, at(number if second is None else second), "accepted", "trader", {}))
        link = events[-1].digest
    return tuple(events)


def test_every_kind_of_event_is_told_or_is_not_for_a_reason():
    """Who adds a kind decides here: these are steps of the house, and follow from others or lead to them."""
    of_the_house = {"received", "validated", "routed", "queued", "offered", "sent", "retry", "parked", "revived"}
    of_the_house |= {"invalidation", "superseded", "withdrawn", "provided", "mandate", "unconfirmed"}
    of_the_house |= {"answer", "told", "untold"}
    assert set(lifecycle.EVENT_KINDS) - set(lifecycle.TOLD) == of_the_house
    assert set(lifecycle.TOLD) <= set(lifecycle.EVENT_KINDS)


async def test_what_is_accepted_is_told_to_its_account_alone(store, trader, rival):
    await store.accept(admission(trader, 1))
    await store.accept(admission(rival, 2))
    [told] = await log(store, trader)
    assert (told.number, told.kind, told.mrn, told.reference, told.at) == (1, "accepted", mrn(1), "LRN-1", at(1))
    assert [(each.number, each.mrn) for each in await log(store, rival)] == [(1, mrn(2))]


async def test_a_repeat_a_conflict_and_a_change_that_came_too_late_tell_nothing(store, trader):
    await store.accept(admission(trader, 1))
    file = await store.case_file(mrn(1))
    await store.accept(admission(trader, 1))
    with pytest.raises(Conflict):
        await store.accept(admission(trader, 1, document=b"{}"))
    held = audit.link(file.events[-1].digest, 2, at(5), "held", "gateway", {})
    assert await store.apply(change(file, 5, events=(held,)))
    assert not await store.apply(change(file, 6, events=(held,)))
    assert [each.kind for each in await log(store, trader)] == ["accepted", "held"]


async def test_a_decision_is_told_with_its_document(store, trader):
    await store.accept(admission(trader, 1))
    made = decision("FSA-1", 5, "documents")
    file = await store.case_file(mrn(1))
    facts = {"delivery": "FSA-1", "agency": "FSA", "outcome": "documents", "digest": made.digest}
    event = audit.link(file.events[-1].digest, 2, at(5), "decision", "agency:FSA", facts)
    move = DeliveryChange(id="FSA-1", state="held")
    assert await store.apply(change(file, 5, move, decisions=(made,), events=(event,)))
    told = (await log(store, trader))[-1]
    assert (told.kind, told.data["agency"], told.decision) == ("decision", "FSA", made.document)


async def test_two_writers_at_once_leave_no_gap_and_a_reader_in_between_misses_nothing(store, database, trader, rival):
    beside = SqliteStore(database, exclusive=False)
    await beside.open()
    seen: dict[int, list[int]] = {trader: [], rival: []}

    async def read(account_id: int) -> None:
        while len(seen[account_id]) < 60:
            after = seen[account_id][-1] if seen[account_id] else 0
            seen[account_id] += numbers(await log(beside, account_id, after=after))

    async def write(who: SqliteStore, account_id: int, first: int) -> None:
        await asyncio.gather(*(who.accept(admission(account_id, number)) for number in range(first, first + 30)))

    writers = [write(who, of, 100 * at) for at, (who, of) in enumerate([(s, a) for s in (store, beside) for a in seen])]
    try:
        async with asyncio.timeout(30):
            await asyncio.gather(*writers, *map(read, seen))
    finally:
        await beside.close()
    assert seen == {trader: list(range(1, 61)), rival: list(range(1, 61))}


async def test_times_never_go_back_and_find_their_place(store, trader):
    for number, second in (1, 10), (2, 30), (3, 20), (4, 40):
        await store.accept(admission(trader, number, events=told_of(number, 1, second)))
    assert [each.at for each in await log(store, trader)] == [at(10), at(30), at(30), at(40)]
    for since in range(5, 50, 5):
        for until in range(5, 50, 5):
            found = await log(store, trader, since=at(since), until=at(until))
            expected = [number for number, second in enumerate((10, 30, 30, 40), 1) if since <= second < until]
            assert numbers(found) == expected, (since, until)


async def test_one_case_is_read_page_by_page(store, trader, rival):
    await store.accept(admission(trader, 1, events=told_of(1, 5)))
    await store.accept(admission(trader, 2, events=told_of(2, 5)))
    assert numbers(await log(store, trader, 3, mrn=mrn(2))) == [6, 7, 8]
    assert numbers(await log(store, trader, 3, after=8, mrn=mrn(2))) == [9, 10]
    assert await log(store, rival, mrn=mrn(2)) == []
    assert await log(store, trader, mrn="26XZ99999999999999") == []


async def test_an_acknowledgement_never_goes_back_nor_beyond_the_end(store, trader):
    await store.accept(admission(trader, 1, events=told_of(1, 5)))
    assert await store.acknowledge(trader, 3, at(1)) == Mark(1, 5, 3)
    assert await store.acknowledge(trader, 2, at(2)) == Mark(1, 5, 3)
    with pytest.raises(ValueError, match="has no notification 6"):
        await store.acknowledge(trader, 6, at(3))
    assert await store.mark(trader) == Mark(1, 5, 3)


async def test_what_is_old_goes_in_small_bites_and_numbers_go_on(store, trader, rival, caplog):
    await store.accept(admission(trader, 1, events=told_of(1, 25)))
    await store.accept(admission(trader, 900, events=told_of(900, 2)))
    await store.accept(admission(rival, 2, events=told_of(2, 3)))
    before = store.commits
    assert await store.prune_notifications(at(500), 10) == 25 + 2
    assert store.commits - before >= 4, "no write took more than ten"
    assert numbers(await log(store, trader)) == [26, 27]
    assert numbers(await log(store, rival)) == [3], "the last stays, so that the next has its number"
    assert numbers(await log(store, trader, since=at(0), until=at(901))) == [26, 27]
    before = store.commits
    assert await store.prune_notifications(at(500), 10) == 0
    assert store.commits == before, "what cannot be shortened costs no write"
    await store.accept(admission(rival, 3))
    assert numbers(await log(store, rival)) == [3, 4]


async def test_they_are_kept_for_so_many_days_and_the_log_says_what_went(store, trader, caplog):
    caplog.set_level("INFO", "gateway.notify.feed")
    clock = ManualClock()
    await store.accept(admission(trader, 1, events=told_of(1, 3)))  # in January; the clock begins in November
    await prune(store, 400, clock)
    assert (len(await log(store, trader)), caplog.text) == (3, "")
    await prune(store, 30, clock)
    assert numbers(await log(store, trader)) == [3]
    assert "2 notifications from before 2026-10-22T08:00:00.000Z were removed" in caplog.text


async def test_a_database_of_the_form_before_is_brought_along(database):
    script = (files("gateway.store") / "migrations" / "0001_ledger.sql").read_text()
    connection = sqlite3.connect(database)
    connection.executescript(f"PRAGMA journal_mode = WAL; {script}; PRAGMA user_version = 1;")
    connection.close()
    with by_hand(database) as old:
        old.execute("INSERT INTO account VALUES (1, 'Greengate Brokers', 'trader', NULL, 'x', NULL)")
    store = SqliteStore(database)
    await store.open()
    try:
        await store.accept(admission(1, 1))
        assert numbers(await log(store, 1)) == [1]
    finally:
        await store.close()
