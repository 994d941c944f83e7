"""Idempotency-Key: what was done under one is done once, and answered as the first time whatever became of the case."""

import asyncio

import msgspec
import pytest

from datamodel.issues import Refused
from datamodel.limits import Limits
from gateway import bootstrap
from gateway.acts.amendment import amend
from gateway.acts.invalidation import invalidate
from gateway.conflicts import Conflict
from gateway.lifecycle import IllegalAct
from tests.gateway.acts.test_amendment import COFFEE, HOTEL, ROSES, version
from tests.gateway.scripted import altered, case, kinds, lodge_sample, sample, taking_back

OTHER = "import-cut-flowers-kenya.json"


@pytest.fixture
async def lodged(gateway, trader):
    return await lodge_sample(gateway, trader, HOTEL)


@pytest.fixture
async def first(gateway, trader, lodged):
    """An amendment under a key, after which there was another one."""
    done = await amend(gateway, lodged.mrn, version(trader, ROSES, idempotency_key="k"))
    await amend(gateway, lodged.mrn, version(trader, ROSES, COFFEE))
    return done


async def test_the_first_answer_comes_again_though_the_case_has_moved_on_in_either_format(
    gateway, trader, lodged, first
):
    as_xml = sample("import-hotel-supplies.xml").decode().replace(*ROSES).encode()
    for body, media in ((altered(HOTEL, ROSES), "application/json"), (as_xml, "application/xml")):
        handed_in = taking_back(trader, "", body=body, media=media, idempotency_key="k")
        again = await amend(gateway, lodged.mrn, handed_in, lambda version: False)
        assert again == msgspec.structs.replace(first, replayed=True)
    assert kinds(await case(gateway, lodged.mrn)).count("amendment") == 2
    without = await amend(gateway, lodged.mrn, version(trader, ROSES))
    assert without.version == 4, "without the key it is a new version"


async def test_a_key_is_remembered_over_a_restart(built, settings, clock):
    async with bootstrap.running(built):
        trader, _ = await built.accounts.register("Greengate Brokers", "trader")
        mrn = (await lodge_sample(built, trader, HOTEL)).mrn
        taken = await amend(built, mrn, version(trader, ROSES, idempotency_key="k"))
        back = await invalidate(built, mrn, taking_back(trader, mrn, idempotency_key="i"))
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters={})) as anew:
        again = await amend(anew, mrn, version(trader, ROSES, idempotency_key="k"))
        assert again == msgspec.structs.replace(taken, replayed=True), "though nothing can be amended any more"
        again = await invalidate(anew, mrn, taking_back(trader, mrn, idempotency_key="i"))
        assert again == msgspec.structs.replace(back, replayed=True)


async def test_another_document_under_the_key_is_a_conflict_with_both_digests(gateway, trader, lodged, first):
    before = await case(gateway, lodged.mrn)
    other = version(trader, COFFEE, idempotency_key="k")
    with pytest.raises(Conflict) as caught:
        await amend(gateway, lodged.mrn, other)
    again = await amend(gateway, lodged.mrn, msgspec.structs.replace(other, idempotency_key="l"))
    assert (caught.value.what, caught.value.mrn) == ("Idempotency-Key", lodged.mrn)
    assert (caught.value.first, caught.value.second) == (first.digest, again.digest)
    assert len((await case(gateway, lodged.mrn)).events) > len(before.events)


async def test_a_key_is_for_one_case_one_act_and_not_for_lodging_as_well(gateway, trader, lodged, first):
    other = await lodge_sample(gateway, trader, OTHER, idempotency_key="lodging")
    with pytest.raises(Conflict):  # of an act, and now to lodge
        await lodge_sample(gateway, trader, "import-machine-parts-germany.json", idempotency_key="k")
    with pytest.raises(Conflict):  # the document is even the one that was lodged under it
        await amend(gateway, other.mrn, taking_back(trader, "", body=sample(OTHER), idempotency_key="lodging"))
    with pytest.raises(Conflict):
        await invalidate(gateway, other.mrn, taking_back(trader, other.mrn, idempotency_key="k"))
    assert kinds(await case(gateway, other.mrn)).count("invalidation") == 0
    rival, _ = await gateway.accounts.register("Bluegate Brokers", "trader")
    taken = await lodge_sample(gateway, rival, OTHER, idempotency_key="k")
    assert not taken.replayed, "another account's keys are its own"


async def test_what_was_refused_leaves_its_key_free(gateway, trader, lodged):
    wrong = version(trader, ("GRANDALMAR-OPENING-01", "GRANDALMAR-OPENING-02"), idempotency_key="k")
    with pytest.raises(Refused):
        await amend(gateway, lodged.mrn, wrong)
    assert (await amend(gateway, lodged.mrn, version(trader, ROSES, idempotency_key="k"))).version == 2
    await invalidate(gateway, lodged.mrn, taking_back(trader, lodged.mrn))
    with pytest.raises(IllegalAct):
        await amend(gateway, lodged.mrn, version(trader, COFFEE, idempotency_key="l"))
    assert not (await lodge_sample(gateway, trader, OTHER, idempotency_key="l")).replayed


async def test_copies_that_race_are_done_once_and_a_key_is_given_to_one_case_only(gateway, trader, lodged):
    other = await lodge_sample(gateway, trader, OTHER)
    copies = [amend(gateway, lodged.mrn, version(trader, ROSES, idempotency_key="k")) for _ in range(6)]
    done = await asyncio.gather(*copies)
    assert sorted(each.replayed for each in done) == [False] + [True] * 5
    assert {(each.version, each.digest) for each in done} == {(2, done[0].digest)}
    both = [invalidate(gateway, mrn, taking_back(trader, mrn, idempotency_key="i")) for mrn in (lodged.mrn, other.mrn)]
    ends = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(end, Conflict) for end in ends) == [False, True]


async def test_what_had_been_done_without_a_key_is_kept_under_the_one_that_comes_with_a_repeat(gateway, trader, lodged):
    await amend(gateway, lodged.mrn, version(trader, ROSES))
    repeat = await amend(gateway, lodged.mrn, version(trader, ROSES, idempotency_key="k"))
    assert (repeat.version, repeat.replayed) == (2, True)
    await amend(gateway, lodged.mrn, version(trader, COFFEE))
    assert (await amend(gateway, lodged.mrn, version(trader, ROSES, idempotency_key="k"))).version == 2


async def test_what_was_lodged_under_a_key_is_answered_though_it_would_not_be_taken_today(built, settings, clock):
    """The ceiling was lowered between the two; the same goes for a package that has ended."""
    async with bootstrap.running(built):
        trader, _ = await built.accounts.register("Greengate Brokers", "trader")
        taken = await lodge_sample(built, trader, HOTEL, idempotency_key="k")
    lower = msgspec.structs.replace(settings, limits=Limits(max_elements=20))
    async with bootstrap.running(bootstrap.build(lower, clock=clock, adapters={})) as anew:
        again = await lodge_sample(anew, trader, HOTEL, idempotency_key="k")
        assert (again.mrn, again.digest, again.replayed) == (taken.mrn, taken.digest, True)
        for other in {"idempotency_key": "l"}, {"idempotency_key": "k", "body": altered(HOTEL, ROSES)}, {}:
            with pytest.raises(Refused):
                await lodge_sample(anew, trader, HOTEL, **other)
