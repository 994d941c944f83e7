"""Invalidation: what becomes of deliveries in every state, of sends under way, and of decisions that come too late."""

import asyncio

import pytest

from adapters.port import Declined, Receipt, Unreachable
from gateway import revival
from gateway.acts.common import UnknownCase
from gateway.acts.invalidation import invalidate
from gateway.cases import Stale
from gateway.clock import later, stamp
from gateway.collect import DecisionConflict, DeliveryClosed, collect
from gateway.conflicts import Conflict
from gateway.lifecycle import IllegalAct
from gateway.sending import send
from gateway.views import status, timeline
from tests.gateway.scripted import (
    ScriptedAdapter,
    case,
    case_when,
    decision,
    delivery_to,
    invalidation,
    kinds,
    lodge_sample,
    states,
    steps,
    taking_back,
)

HOTEL = "import-hotel-supplies.xml"  # all five agencies
FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone


async def decide(gateway, file, agency: str, outcome: str = "granted", **fields):
    return await collect(gateway, agency, decision(outcome, **fields), "json", delivery_to(file, agency).id)


@pytest.fixture
async def lodged(gateway, trader):
    """A case that all five agencies have before them."""
    accepted = await lodge_sample(gateway, trader, HOTEL)
    return await case_when(gateway, accepted.mrn, lambda file: set(states(file).values()) == {"awaiting"})


@pytest.fixture
async def at_rest(built):
    """A gateway that sends nothing by itself."""
    await built.store.open()
    yield built
    await built.store.close()


async def test_what_is_undecided_is_withdrawn_and_what_was_decided_stays(gateway, trader, lodged, clock):
    mrn = lodged.case.mrn
    await decide(gateway, lodged, "FSA")
    await decide(gateway, lodged, "MED", "refused")
    await decide(gateway, lodged, "WLD", "held")
    clock.advance(60)
    done = await invalidate(gateway, mrn, taking_back(trader, mrn))
    file = await case(gateway, mrn)
    withdrawn = {"PHS": "withdrawn", "TEX": "withdrawn", "WLD": "withdrawn"}
    assert states(file) == {"FSA": "granted", "MED": "refused", **withdrawn}
    assert (file.case.state, file.case.updated_at) == ("invalidated", done.invalidated_at)
    assert done.invalidated_at == "2026-11-21T08:01:00.000Z"
    last = steps(file)[-5:]
    assert [event.kind for event in last] == ["invalidation", "withdrawn", "withdrawn", "withdrawn", "invalidated"]
    told = last[0]
    assert (told.actor, told.data["digest"]) == (f"trader:{trader.id}", done.digest)
    assert "mistake" not in str([event.data for event in file.events]), "no free text in the chain"
    assert [event.data["agency"] for event in last[1:-1]] == ["PHS", "TEX", "WLD"]
    assert timeline(file).intact
    clock.advance(365 * 24 * 3600)
    assert not any(line.overdue or line.problem for line in status(file, {}, clock()).agencies)


async def test_what_waits_to_be_sent_again_is_not_sent(gateway, trader, partners, clock):
    partners["PHS"].otherwise = Unreachable("nobody there")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await case_when(gateway, accepted.mrn, lambda file: "retry" in kinds(file))
    await invalidate(gateway, accepted.mrn, taking_back(trader, accepted.mrn))
    assert states(await case(gateway, accepted.mrn)) == {"PHS": "withdrawn"}
    tried = len(partners["PHS"].sent)
    clock.advance(24 * 3600)
    assert await gateway.store.next_attempt_at("PHS") is None
    partners["PHS"].otherwise = Receipt()
    second = await lodge_sample(gateway, trader, HOTEL)
    await case_when(gateway, second.mrn, lambda file: states(file)["PHS"] == "awaiting")
    assert [sent.delivery_id for sent in partners["PHS"].sent[tried:]] == [
        delivery_to(await case(gateway, second.mrn), "PHS").id
    ]


async def test_a_parked_delivery_is_withdrawn_and_cannot_be_revived(gateway, trader, partners, clock):
    partners["PHS"].script.append(Declined("answered 422"))
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    parked = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})
    await invalidate(gateway, accepted.mrn, taking_back(trader, accepted.mrn))
    with pytest.raises(ValueError, match="withdrawn cannot be revived"):
        await revival.revive(gateway.store, clock, parked.deliveries[0].id, "again", "A. Miller")


@pytest.mark.parametrize(
    "outcome", [Receipt(), Receipt(decision()), Unreachable("nobody there"), Declined("answered 422")]
)
async def test_a_send_that_is_under_way_changes_nothing_any_more(at_rest, clock, outcome):
    trader, _ = await at_rest.accounts.register("Greengate Brokers", "trader")
    accepted = await lodge_sample(at_rest, trader, FLOWERS)
    [claim] = await at_rest.store.claim("PHS", 1, stamp(clock()), later(clock(), 30))
    await invalidate(at_rest, accepted.mrn, taking_back(trader, accepted.mrn))
    before = await case(at_rest, accepted.mrn)
    assert states(before) == {"PHS": "withdrawn"}
    await send(at_rest, ScriptedAdapter(outcome), claim)
    assert await case(at_rest, accepted.mrn) == before
    clock.advance(24 * 3600)
    assert await at_rest.store.claim("PHS", 1, stamp(clock()), later(clock(), 30)) == []


@pytest.mark.parametrize("outcome", ["granted", "refused", "held"])
async def test_a_decision_that_comes_too_late_is_refused_and_says_why(gateway, trader, lodged, outcome):
    await invalidate(gateway, lodged.case.mrn, taking_back(trader, lodged.case.mrn))
    before = await case_when(gateway, lodged.case.mrn, lambda file: kinds(file).count("told") == 4)
    with pytest.raises(DeliveryClosed, match=f"its declaration {lodged.case.mrn} is invalidated"):
        await decide(gateway, lodged, "FSA", outcome)
    assert await case(gateway, lodged.case.mrn) == before


async def test_a_late_copy_of_a_decision_that_was_recorded_is_answered_as_before(gateway, trader, lodged):
    await decide(gateway, lodged, "FSA", "held")
    await decide(gateway, lodged, "MED")
    await invalidate(gateway, lodged.case.mrn, taking_back(trader, lodged.case.mrn))
    assert (await decide(gateway, lodged, "FSA", "held")).replayed
    assert (await decide(gateway, lodged, "MED")).replayed
    with pytest.raises(DecisionConflict):
        await decide(gateway, lodged, "MED", "refused")


async def test_the_same_again_is_answered_as_the_first_time_and_another_is_a_conflict(gateway, trader, lodged, clock):
    mrn = lodged.case.mrn
    first = await invalidate(gateway, mrn, taking_back(trader, mrn))
    clock.advance(60)
    again = await invalidate(gateway, mrn, taking_back(trader, mrn, conversation_id="another"), lambda version: False)
    assert again.replayed
    assert (again.conversation_id, again.invalidated_at) == (first.conversation_id, first.invalidated_at)
    with pytest.raises(Conflict) as caught:
        await invalidate(gateway, mrn, taking_back(trader, mrn, body=invalidation(mrn, "Another reason")))
    assert (caught.value.mrn, caught.value.first) == (mrn, first.digest)
    assert caught.value.second != first.digest


async def test_two_at_once_are_one_invalidation(gateway, trader, lodged):
    mrn = lodged.case.mrn
    done = await asyncio.gather(*(invalidate(gateway, mrn, taking_back(trader, mrn)) for _ in range(8)))
    assert sorted(each.replayed for each in done) == [False] + [True] * 7
    assert kinds(await case(gateway, mrn)).count("invalidation") == 1


async def test_decisions_and_an_invalidation_that_race_leave_one_consistent_history(gateway, trader, lodged):
    mrn = lodged.case.mrn
    racing = [decide(gateway, lodged, agency) for agency in ("FSA", "MED", "PHS", "TEX")]
    *decided, done = await asyncio.gather(
        *racing, invalidate(gateway, mrn, taking_back(trader, mrn)), return_exceptions=True
    )
    file = await case(gateway, mrn)
    assert not isinstance(done, BaseException)
    assert file.case.state == "invalidated"
    for agency, answer in zip(("FSA", "MED", "PHS", "TEX"), decided, strict=True):
        late = isinstance(answer, DeliveryClosed)
        assert states(file)[agency] == ("withdrawn" if late else "granted")
    assert timeline(file).intact


async def test_what_is_over_stays_as_it_is(gateway, trader, lodged):
    for agency in "FSA", "MED", "PHS", "TEX", "WLD":
        await decide(gateway, lodged, agency)
    before = await case(gateway, lodged.case.mrn)
    with pytest.raises(IllegalAct) as caught:
        await invalidate(gateway, lodged.case.mrn, taking_back(trader, lodged.case.mrn))
    assert (caught.value.state, caught.value.legal) == (
        "released",
        ("accepted", "under-control", "held", "ready", "awaiting-confirmation"),
    )
    assert await case(gateway, lodged.case.mrn) == before


async def test_a_version_that_is_no_longer_the_one_seen_changes_nothing(gateway, trader, lodged):
    mrn, seen = lodged.case.mrn, lodged.case.version
    await decide(gateway, lodged, "FSA")
    with pytest.raises(Stale) as caught:
        await invalidate(gateway, mrn, taking_back(trader, mrn), lambda version: version == seen)
    assert caught.value.version == seen + 1
    await invalidate(gateway, mrn, taking_back(trader, mrn), lambda version: version == seen + 1)


async def test_a_case_of_another_account_is_none(gateway, lodged):
    other, _ = await gateway.accounts.register("Rival Brokers", "trader")
    with pytest.raises(UnknownCase):
        await invalidate(gateway, lodged.case.mrn, taking_back(other, lodged.case.mrn))
