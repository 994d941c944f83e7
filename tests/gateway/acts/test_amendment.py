"""Amendments: who is asked again and who is not, what counts afterwards, and what is kept of the version before."""

import asyncio

import pytest

from adapters.port import Receipt, Unreachable
from gateway.acts.amendment import amend
from gateway.acts.common import UnknownCase
from gateway.acts.invalidation import invalidate
from gateway.cases import Stale
from gateway.clock import later, stamp
from gateway.collect import DeliveryClosed, collect
from gateway.conflicts import Conflict
from gateway.lifecycle import IllegalAct
from gateway.sending import send
from gateway.views import status, timeline
from tests.gateway.scripted import (
    ScriptedAdapter,
    altered,
    case,
    case_when,
    decision,
    delivery_to,
    kinds,
    lodge_sample,
    sample,
    steps,
    taking_back,
)

HOTEL = "import-hotel-supplies.json"  # all five agencies
ROSES = ("Roses, fresh cut, 60 cm", "Roses, fresh cut, 70 cm")  # item 3, which plant health alone is shown
COFFEE = ("Coffee machines for bars", "Coffee machines for hotel bars")  # item 11, which nobody is shown
NO_MEDICINES = ("30049000", "84198180")  # item 5, which medicines control alone is shown: no medicines any more
AGENCIES = ("FSA", "MED", "PHS", "TEX", "WLD")


def counting(file) -> dict[str, str]:
    """The states of the deliveries that count."""
    return {each.agency: each.state for each in file.deliveries if each.state != "superseded"}


async def decide(gateway, file, agency: str, outcome: str = "granted", **fields):
    [own] = [each for each in file.deliveries if each.agency == agency and each.state != "superseded"]
    return await collect(gateway, agency, decision(outcome, **fields), "json", own.id)


def version(account, *changes: tuple[str, str], **fields):
    """A version of the hotel's declaration as its sender hands it in."""
    return taking_back(account, "", body=altered(HOTEL, *changes), **fields)


@pytest.fixture
async def lodged(gateway, trader):
    """A case that all five agencies have before them."""
    accepted = await lodge_sample(gateway, trader, HOTEL)
    return await case_when(gateway, accepted.mrn, lambda file: set(counting(file).values()) == {"awaiting"})


async def test_only_who_is_shown_something_else_is_asked_again_and_the_others_keep_their_decisions(
    gateway, trader, lodged, partners, clock
):
    mrn = lodged.case.mrn
    await decide(gateway, lodged, "FSA", LPCO=[{"TypeCode": "N853", "ID": "XZ-FS-1"}])
    await decide(gateway, lodged, "PHS")
    clock.advance(60)
    done = await amend(gateway, mrn, version(trader, ROSES))
    assert (done.version, done.asked, done.replayed) == (2, ("PHS",), False)
    file = await case_when(gateway, mrn, lambda file: counting(file)["PHS"] == "awaiting")
    assert counting(file) == {
        "FSA": "granted",
        "MED": "awaiting",
        "PHS": "awaiting",
        "TEX": "awaiting",
        "WLD": "awaiting",
    }
    old, new = [each for each in file.deliveries if each.agency == "PHS"]
    assert (old.state, new.due_at > old.due_at) == ("superseded", True)
    assert [outgoing.delivery_id for outgoing in partners["PHS"].sent] == [old.id, new.id]
    assert b"70 cm" in partners["PHS"].sent[1].body and b"60 cm" in partners["PHS"].sent[0].body
    assert len(partners["FSA"].sent) == 1
    assert [event.kind for event in steps(file)[-4:]] == ["amendment", "superseded", "queued", "sent"]
    assert steps(file)[-4].actor == f"trader:{trader.id}"
    assert timeline(file).intact
    shown = status(file, gateway.agencies, clock())
    assert (shown.version, shown.digest, shown.reference) == (2, done.digest, lodged.case.reference)
    assert [line.code for line in shown.agencies] == ["FSA", "MED", "TEX", "WLD", "PHS"]
    assert [permit.id for line in shown.agencies for permit in line.permits] == ["XZ-FS-1"]


async def test_the_case_follows_the_deliveries_that_count(gateway, trader, lodged):
    mrn = lodged.case.mrn
    await decide(gateway, lodged, "PHS", "refused")
    for agency in "FSA", "MED", "TEX":
        await decide(gateway, lodged, agency)
    await amend(gateway, mrn, version(trader, ROSES))
    file = await case(gateway, mrn)
    await decide(gateway, file, "WLD")
    assert (await case(gateway, mrn)).case.state == "under-control"
    await decide(gateway, file, "PHS")
    assert (await case(gateway, mrn)).case.state == "released"


async def test_what_nobody_is_shown_is_amended_without_asking_anybody(gateway, trader, lodged):
    done = await amend(gateway, lodged.case.mrn, version(trader, COFFEE))
    file = await case(gateway, lodged.case.mrn)
    assert done.asked == ()
    assert file.deliveries == lodged.deliveries
    assert file.case.version == lodged.case.version + 1


async def test_an_agency_that_is_concerned_no_more_is_let_go_and_asked_anew_when_it_is_again(gateway, trader, lodged):
    mrn = lodged.case.mrn
    done = await amend(gateway, mrn, version(trader, NO_MEDICINES))
    assert done.asked == ()
    assert "MED" not in counting(await case(gateway, mrn))
    for agency in "FSA", "PHS", "TEX":
        await decide(gateway, lodged, agency)
    back = await amend(gateway, mrn, version(trader))
    assert (back.version, back.asked) == (3, ("MED",))
    file = await case(gateway, mrn)
    for agency in "MED", "WLD":
        await decide(gateway, file, agency)
    assert (await case(gateway, mrn)).case.state == "released"


async def test_a_case_whose_last_undecided_agency_is_concerned_no_more_is_released(gateway, trader, lodged):
    for agency in "FSA", "PHS", "TEX", "WLD":
        await decide(gateway, lodged, agency)
    await amend(gateway, lodged.case.mrn, version(trader, NO_MEDICINES))
    file = await case(gateway, lodged.case.mrn)
    assert file.case.state == steps(file)[-1].kind == "released"


@pytest.mark.parametrize("outcome", ["granted", "refused", "held"])
async def test_a_decision_on_what_was_superseded_is_refused(gateway, trader, lodged, outcome):
    await amend(gateway, lodged.case.mrn, version(trader, ROSES))
    old = delivery_to(lodged, "PHS").id
    with pytest.raises(DeliveryClosed, match=f"its declaration {lodged.case.mrn} was amended"):
        await collect(gateway, "PHS", decision(outcome), "json", old)
    assert "decision" not in kinds(await case(gateway, lodged.case.mrn))


@pytest.mark.parametrize("outcome", [Receipt(), Receipt(decision()), Unreachable("nobody there")])
async def test_a_send_of_the_earlier_version_that_is_under_way_changes_nothing(built, clock, outcome):
    await built.store.open()
    try:
        trader, _ = await built.accounts.register("Greengate Brokers", "trader")
        accepted = await lodge_sample(built, trader, HOTEL)
        [claim] = await built.store.claim("PHS", 1, stamp(clock()), later(clock(), 30))
        await amend(built, accepted.mrn, version(trader, ROSES))
        before = await case(built, accepted.mrn)
        await send(built, ScriptedAdapter(outcome), claim)
        assert await case(built, accepted.mrn) == before
        [anew] = await built.store.claim("PHS", 2, stamp(clock()), later(clock(), 30))
        assert anew.delivery.id != claim.delivery.id
    finally:
        await built.store.close()


async def test_the_same_again_is_answered_as_the_first_time_in_either_format(gateway, trader, lodged, clock):
    mrn, to_xml = lodged.case.mrn, sample("import-hotel-supplies.xml").decode()
    first = await amend(gateway, mrn, version(trader, ROSES))
    clock.advance(60)
    as_xml = to_xml.replace(*ROSES).encode()
    for body, media in ((altered(HOTEL, ROSES), "application/json"), (as_xml, "application/xml")):
        again = await amend(gateway, mrn, taking_back(trader, mrn, body=body, media=media), lambda version: False)
        assert again.replayed
        assert (again.version, again.digest, again.amended_at) == (2, first.digest, first.amended_at)
    assert kinds(await case(gateway, mrn)).count("amendment") == 1
    unchanged = await amend(gateway, (await lodge_other(gateway, trader)).mrn, other_version(trader))
    assert (unchanged.version, unchanged.replayed) == (1, True)


async def lodge_other(gateway, trader):
    return await lodge_sample(gateway, trader, "import-cut-flowers-kenya.json")


def other_version(trader):
    return taking_back(trader, "", body=sample("import-cut-flowers-kenya.json"))


async def test_lodging_the_first_version_again_is_still_answered_as_the_first_time(gateway, trader, lodged):
    await amend(gateway, lodged.case.mrn, version(trader, ROSES))
    again = await lodge_sample(gateway, trader, HOTEL)
    assert (again.mrn, again.replayed) == (lodged.case.mrn, True)
    with pytest.raises(Conflict):
        await lodge_sample(gateway, trader, HOTEL, body=altered(HOTEL, ROSES))


async def test_amendments_that_race_are_versions_one_after_the_other(gateway, trader, lodged):
    mrn = lodged.case.mrn
    bodies = [altered(HOTEL, (ROSES[0], f"Roses, fresh cut, {number} cm")) for number in range(70, 75)]
    done = await asyncio.gather(*(amend(gateway, mrn, taking_back(trader, mrn, body=body)) for body in bodies))
    assert sorted(each.version for each in done) == [2, 3, 4, 5, 6]
    file = await case(gateway, mrn)
    assert len([each for each in file.deliveries if each.agency == "PHS" and each.state != "superseded"]) == 1
    last = max(done, key=lambda each: each.version)
    for each in done:
        kept = await gateway.store.additional(file.case.id, "amendment", each.version)
        assert kept.digest == each.digest
    assert (await gateway.store.additional(file.case.id, "amendment")).digest == last.digest
    assert timeline(file).intact


async def test_what_was_amended_can_be_taken_back(gateway, trader, lodged):
    mrn = lodged.case.mrn
    await amend(gateway, mrn, version(trader, ROSES))
    await invalidate(gateway, mrn, taking_back(trader, mrn))
    file = await case(gateway, mrn)
    assert (file.case.state, set(counting(file).values())) == ("invalidated", {"withdrawn"})
    assert (await gateway.store.additional(file.case.id, "invalidation")).number == 3
    with pytest.raises(IllegalAct, match="an amendment is for a case that is accepted"):
        await amend(gateway, mrn, version(trader, COFFEE))


async def test_what_is_over_stays_as_it_is(gateway, trader, lodged):
    for agency in AGENCIES:
        await decide(gateway, lodged, agency)
    before = await case(gateway, lodged.case.mrn)
    with pytest.raises(IllegalAct) as caught:
        await amend(gateway, lodged.case.mrn, version(trader, ROSES))
    assert (caught.value.state, caught.value.legal) == (
        "released",
        ("accepted", "under-control", "held", "ready", "awaiting-confirmation"),
    )
    assert await case(gateway, lodged.case.mrn) == before


async def test_a_version_that_is_no_longer_the_one_seen_changes_nothing(gateway, trader, lodged):
    seen = lodged.case.version
    await decide(gateway, lodged, "FSA")
    with pytest.raises(Stale):
        await amend(gateway, lodged.case.mrn, version(trader, ROSES), lambda version: version == seen)


async def test_a_case_of_another_account_is_none(gateway, lodged):
    other, _ = await gateway.accounts.register("Rival Brokers", "trader")
    with pytest.raises(UnknownCase):
        await amend(gateway, lodged.case.mrn, version(other, ROSES))
