"""The outbox of one process among several: its share, what it leaves to others, and how they call each other."""

import asyncio
import dataclasses
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest

from adapters.port import Pickup, Receipt
from gateway import bootstrap
from gateway.doorbell import Chime, Doorbell
from gateway.outbox import part
from gateway.service import ALONE, Seat
from tests.gateway.scripted import ScriptedAdapter, case_when, decision, eventually, lodge_sample, renamed, states

FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone


@pytest.fixture
def settings(settings):
    return msgspec.structs.replace(settings, workers=2)


@pytest.mark.parametrize(("whole", "of"), [(8, 1), (8, 2), (8, 3), (3, 2), (5, 5), (64, 7)])
def test_the_shares_add_up_and_differ_by_one_at_most(whole, of):
    shares = [part(whole, Seat(number, of)) for number in range(1, of + 1)]
    assert sum(shares) == whole
    assert min(shares) >= 1 and max(shares) - min(shares) <= 1
    assert part(whole, ALONE) == whole


def settings_for(settings, **outbox):
    return msgspec.structs.replace(settings, outbox=msgspec.structs.replace(settings.outbox, **outbox))


def by_folder(gateway):
    """Plant health, but by folder."""
    agencies = dict(gateway.agencies)
    agencies["PHS"] = msgspec.structs.replace(agencies["PHS"], channel="folder", folder="unused", url=None)
    return dataclasses.replace(gateway, agencies=agencies)


@asynccontextmanager
async def two(settings, clock, partners, change=lambda gateway: gateway):
    """Two members of one gateway, here in one process, joined as forked ones are."""
    chime = Chime(2)
    with bootstrap.held_ledger(settings, clock):
        async with AsyncExitStack() as closing:
            members = []
            for number in 1, 2:
                built = change(bootstrap.build(settings, clock=clock, adapters=partners[number - 1], shared=True))
                chime.join(number, built.doorbell)
                members.append(await closing.enter_async_context(bootstrap.running(built, Seat(number, 2))))
            yield members


def flowers(number):
    return renamed(FLOWERS, f"SHARED-{number}")


async def lodge_flowers(gateway, trader, count):
    return [await lodge_sample(gateway, trader, FLOWERS, body=flowers(number)) for number in range(count)]


async def test_one_that_has_its_hands_full_is_helped_and_together_they_keep_the_bound(settings, clock):
    go_on, under_way = asyncio.Event(), []

    async def hold(outgoing):
        under_way.append(outgoing.delivery_id)
        await go_on.wait()
        return Receipt()

    partners = [{"PHS": ScriptedAdapter(hold)} for _ in range(2)]
    # Nobody looks by himself before the test is over.
    async with two(settings_for(settings, in_flight=4, idle=600.0), clock, partners) as (first, _):
        trader, _ = await first.accounts.register("Greengate Brokers", "trader")
        accepted = await lodge_flowers(first, trader, 10)
        await eventually(lambda: len(under_way) == 4)
        assert [each["PHS"].most for each in partners] == [2, 2]
        go_on.set()
        for each in accepted:
            await case_when(first, each.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert len(under_way) == len(set(under_way)) == 10
    assert max(each["PHS"].most for each in partners) == 2


async def test_a_member_that_starts_takes_nothing_from_its_living_siblings(settings, clock):
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def hold(outgoing):
        begun.set()
        await go_on.wait()
        return Receipt()

    partners = [{"PHS": ScriptedAdapter(hold)}, {"PHS": ScriptedAdapter()}, {"PHS": ScriptedAdapter()}]
    async with two(settings, clock, partners) as (first, second):
        trader, _ = await first.accounts.register("Greengate Brokers", "trader")
        [accepted] = await lodge_flowers(first, trader, 1)
        await asyncio.wait([asyncio.ensure_future(begun.wait())], timeout=10)
        replaced = bootstrap.build(settings, clock=clock, adapters=partners[2], shared=True)
        async with bootstrap.running(replaced, Seat(2, 2)):
            before = replaced.store.commits
            await eventually(lambda: replaced.store.commits > before + 3)  # it looked, and looked again
        go_on.set()
        await case_when(second, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert sum(len(each["PHS"].sent) for each in partners) == 1


async def test_one_of_them_picks_up(settings, clock):
    partners = [{"PHS": ScriptedAdapter()} for _ in range(2)]
    async with two(settings, clock, partners, by_folder) as (first, second):
        trader, _ = await second.accounts.register("Greengate Brokers", "trader")
        [accepted] = await lodge_flowers(second, trader, 1)
        file = await case_when(first, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
        waiting = Pickup("found", "application/json", decision(delivery_id=file.deliveries[0].id))
        for each in partners:
            each["PHS"].waiting = [waiting]
        await case_when(second, accepted.mrn, lambda file: states(file) == {"PHS": "granted"})
        await eventually(lambda: partners[0]["PHS"].settled == {"found": None})
        assert partners[1]["PHS"].settled == {}, "the second leaves what lies there to the first"


async def test_a_call_reaches_all_others_and_not_the_caller():
    chime, bells = Chime(3), [Doorbell() for _ in range(3)]
    for number, bell in enumerate(bells, 1):
        chime.join(number, bell)
    bells[0].call_others("FSA")
    await asyncio.gather(*(asyncio.wait_for(bell.wait("FSA", 60), 10) for bell in bells[1:]))
    await bells[0].wait("FSA", 0.0)  # returns for its own time, not for a ring
    assert not bells[0]._bell("FSA").is_set()


async def test_who_does_not_listen_stops_nobody():
    chime, bell = Chime(2), Doorbell()
    chime.join(1, bell)
    for _ in range(10_000):
        bell.call_others("FSA")
