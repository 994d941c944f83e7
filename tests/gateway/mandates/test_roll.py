"""What accepting knows of mandates without asking the store: never older than it may be, read again only if changed."""

import asyncio

import pytest

from gateway.mandates import office
from gateway.mandates.parties import Parties
from gateway.mandates.roll import Rolls
from tests.gateway.scripted import ManualClock

LOOK = 5.0


class Counting:
    """The store's roll, counted."""

    def __init__(self, store) -> None:
        self.looks, self.readings, self.broken, self._store = 0, 0, False, store

    async def mandate_roll(self, known, today):
        self.looks += 1
        if self.broken:
            raise OSError("the disk is gone")
        read = await self._store.mandate_roll(known, today)
        self.readings += read is not None
        return read


class Ticks:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def traders(store):
    for number, name in enumerate(("importer", "broker")):
        await store.add_account(name, "trader", None, str(number) * 64)


@pytest.fixture
def counted(store, traders):
    counting, ticks = Counting(store), Ticks()
    return counting, ticks, Rolls(counting, Parties(), LOOK, ManualClock(), ticks)


async def give(store, clock, *, confirm: bool = False, last: str | None = None, first: str = "2026-01-01"):
    wanted = office.Wanted("importer", "broker", ("import",), first, last, confirm)
    return await office.grant(store, wanted, "why", "who", 10, clock(), bytes)


async def test_it_asks_once_in_a_while_however_many_want_to_know(counted):
    counting, ticks, rolls = counted
    for _ in range(3):
        await asyncio.gather(*(rolls.current() for _ in range(50)))
        ticks.now += LOOK - 0.1
        await rolls.current()
        ticks.now += 0.1
    assert (counting.looks, counting.readings) == (3, 1)


async def test_a_change_counts_after_that_time_or_at_once_where_it_was_made(counted, store, clock):
    counting, ticks, rolls = counted
    assert (await rolls.current()).mandates == {}
    await office.add_identifier(store, "importer", "xz1 ", clock())
    assert (await rolls.current()).owners == {}
    ticks.now += LOOK
    assert (await rolls.current()).owners == {"XZ1": 1}
    mandate = await give(store, clock)
    rolls.forget()
    roll = await rolls.current()
    assert roll.in_force(1, 2, "import", clock().date()) == mandate
    assert roll.in_force(2, 1, "import", clock().date()) is None
    await office.revoke(store, mandate.id, "why", "who", clock())
    ticks.now += LOOK
    assert (await rolls.current()).mandates == {}


async def test_where_the_store_cannot_be_asked_nothing_is_known_rather_than_what_was(counted, store, clock):
    counting, ticks, rolls = counted
    await give(store, clock)
    assert (await rolls.current()).mandates
    ticks.now, counting.broken = ticks.now + LOOK, True
    with pytest.raises(OSError):
        await rolls.current()


async def test_of_several_in_force_the_one_that_was_granted_last_counts(counted, store, clock):
    _, _, rolls = counted
    await office.grant(
        store, office.Wanted("importer", "broker", ("import",), "2026-01-01", None, False), "a", "b", 9, clock(), bytes
    )
    clock.advance(60)
    await give(store, clock, confirm=True)
    clock.advance(60)
    await give(store, clock, first="2027-01-01")
    roll = await rolls.current()
    assert roll.in_force(1, 2, "import", clock().date()).confirm
    assert roll.in_force(1, 2, "export", clock().date()) is None
