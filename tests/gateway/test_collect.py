"""Decisions: whose they are, which count as the same, which come too late, and what a case keeps of them."""

import asyncio

import pytest

from datamodel.issues import Refused
from gateway import audit, cases, decisions
from gateway.collect import DecisionConflict, UnknownDelivery, collect
from tests.gateway.scripted import case, case_when, decision, delivery_to, kinds, lodge_sample, states

HOTEL = "import-hotel-supplies.xml"  # all five agencies
AGENCIES = ("FSA", "MED", "PHS", "TEX", "WLD")


@pytest.fixture
async def lodged(gateway, trader):
    """A case that all five agencies have before them."""
    accepted = await lodge_sample(gateway, trader, HOTEL)
    return await case_when(gateway, accepted.mrn, lambda file: set(states(file).values()) == {"awaiting"})


async def decide(gateway, file, agency: str, outcome: str = "granted", **fields):
    return await collect(gateway, agency, decision(outcome, **fields), "json", delivery_to(file, agency).id)


async def test_a_decision_is_recorded_with_its_moment_and_its_event(gateway, lodged, clock):
    clock.advance(60)
    taken = await decide(gateway, lodged, "FSA", LPCO=[{"TypeCode": "N853", "ID": "XZ-FS-1"}], Reason="in order")
    file = await case(gateway, lodged.case.mrn)
    assert (taken.mrn, taken.delivery_id) == (file.case.mrn, delivery_to(file, "FSA").id)
    assert (taken.outcome, taken.replayed) == ("granted", False)
    assert delivery_to(file, "FSA").state == "granted"
    assert delivery_to(file, "FSA").decided_at == file.case.updated_at == "2026-11-21T08:01:00.000Z"
    [kept] = file.decisions
    assert (kept.agency, kept.outcome, kept.reason, kept.at) == ("FSA", "granted", "in order", file.case.updated_at)
    assert decisions.from_document(kept.document).permits == (decisions.Permit("N853", "XZ-FS-1"),)
    event = file.events[-1]
    assert (event.kind, event.actor, event.data["digest"]) == ("decision", "agency:FSA", kept.digest)
    assert "in order" not in str(event.data)
    assert audit.verify(file.case.mrn, file.events) is None


@pytest.mark.parametrize(
    ("outcomes", "end"),
    [
        (("granted",) * 5, "released"),
        (("granted", "granted", "refused", "granted", "granted"), "refused"),
        (("granted", "held", "refused", "granted", "granted"), "held"),
        (("documents", "granted", "granted", "granted", "granted"), "held"),
    ],
)
async def test_the_case_follows_its_deliveries(gateway, lodged, outcomes, end):
    named = {"documents": {"DocumentRequest": [{"TypeCode": "N851"}]}}
    for number, (agency, outcome) in enumerate(zip(AGENCIES, outcomes, strict=True)):
        assert (await case(gateway, lodged.case.mrn)).case.state == "under-control", number
        await decide(gateway, lodged, agency, outcome, **named.get(outcome, {}))
    file = await case(gateway, lodged.case.mrn)
    assert file.case.state == kinds(file)[-1] == end
    assert file.events[-1].data == {"from": "under-control"}


async def test_five_agencies_at_the_same_moment_lose_nothing(gateway, lodged):
    await asyncio.gather(*(decide(gateway, lodged, agency) for agency in AGENCIES))
    file = await case(gateway, lodged.case.mrn)
    assert file.case.state == "released"
    assert kinds(file).count("decision") == len(file.decisions) == 5
    assert audit.verify(file.case.mrn, file.events) is None


async def test_the_same_decision_again_changes_nothing_however_it_comes(gateway, lodged):
    own = delivery_to(lodged, "FSA").id
    await decide(gateway, lodged, "FSA", Reason="in order")
    before = await case(gateway, lodged.case.mrn)
    as_xml = (
        f'<Decision xmlns="urn:guichet:agency:1"><DeliveryID>{own}</DeliveryID>'
        "<OutcomeCode>granted</OutcomeCode><Reason>in order</Reason></Decision>"
    ).encode()
    for body, media, named in [
        (decision(Reason="in order"), "application/json", own),
        (decision(delivery_id=own, Reason="in order"), "json", own),
        (decision(delivery_id=own, Reason="in order"), "application/json; charset=utf-8", None),
        (as_xml, "application/xml", None),
    ]:
        assert (await collect(gateway, "FSA", body, media, named)).replayed
    assert await case(gateway, lodged.case.mrn) == before


async def test_two_equal_decisions_at_the_same_moment_are_one(gateway, lodged):
    taken = await asyncio.gather(*(decide(gateway, lodged, "FSA") for _ in range(10)))
    assert sum(not each.replayed for each in taken) == 1
    assert len((await case(gateway, lodged.case.mrn)).decisions) == 1


async def test_two_contrary_decisions_at_the_same_moment_are_one_and_a_conflict(gateway, lodged):
    taken = await asyncio.gather(
        decide(gateway, lodged, "FSA", "granted"), decide(gateway, lodged, "FSA", "refused"), return_exceptions=True
    )
    assert sum(isinstance(each, DecisionConflict) for each in taken) == 1
    assert len((await case(gateway, lodged.case.mrn)).decisions) == 1


@pytest.mark.parametrize("first", ["granted", "refused"])
@pytest.mark.parametrize("second", ["granted", "refused", "held"])
async def test_after_a_final_decision_another_is_a_conflict(gateway, lodged, first, second):
    await decide(gateway, lodged, "FSA", first)
    with pytest.raises(DecisionConflict, match=f"decided before as {first}; {second} came too late"):
        await decide(gateway, lodged, "FSA", second, Reason="another")
    assert states(await case(gateway, lodged.case.mrn))["FSA"] == first


async def test_holds_may_follow_one_another_until_a_final_decision(gateway, lodged):
    await decide(gateway, lodged, "FSA", "held", Reason="sample taken")
    await decide(gateway, lodged, "FSA", "documents", DocumentRequest=[{"TypeCode": "N853"}])
    assert states(await case(gateway, lodged.case.mrn))["FSA"] == "held"
    assert delivery_to(await case(gateway, lodged.case.mrn), "FSA").decided_at is None
    again = await decide(gateway, lodged, "FSA", "held", Reason="sample taken")
    assert not again.replayed
    await decide(gateway, lodged, "FSA", "granted")
    late = await decide(gateway, lodged, "FSA", "held", Reason="sample taken")
    assert late.replayed
    assert states(await case(gateway, lodged.case.mrn))["FSA"] == "granted"


async def test_the_times_of_a_history_never_go_back_though_the_clock_may(gateway, lodged, clock):
    clock.advance(60)
    await decide(gateway, lodged, "FSA")
    clock.advance(-120)
    await decide(gateway, lodged, "PHS")
    file = await case(gateway, lodged.case.mrn)
    times = [event.at for event in file.events]
    assert times == sorted(times)
    assert file.case.updated_at == times[-1] == "2026-11-21T08:01:00.000Z"
    assert audit.verify(file.case.mrn, file.events) is None


# Whose it is


@pytest.mark.parametrize(("caller", "owner"), [("FSA", "PHS"), ("PHS", "FSA")])
async def test_an_agency_cannot_decide_anothers_delivery(gateway, lodged, caller, owner):
    before = await case(gateway, lodged.case.mrn)
    for body, named in [
        (decision(), delivery_to(lodged, owner).id),
        (decision(delivery_id=delivery_to(lodged, owner).id), None),
    ]:
        with pytest.raises(UnknownDelivery):
            await collect(gateway, caller, body, "json", named)
    assert await case(gateway, lodged.case.mrn) == before


async def test_a_delivery_that_is_not_there_is_unknown(gateway, lodged):
    with pytest.raises(UnknownDelivery):
        await collect(gateway, "FSA", decision(), "json", "01900000-0000-7000-8000-000000000000")


# What is refused


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"delivery_id": "another"}, "decision.delivery-mismatch"),
        ({"outcome": "documents"}, "decision.documents-unnamed"),
        ({"outcome": "refused", "Finding": [{"Code": "A"}, {"Code": "B", "SequenceNumeric": [9999]}]}, None),
        ({"outcome": "perhaps"}, "value.code"),
        ({"Reason": "x" * 513}, "value.length"),
    ],
)
async def test_a_decision_that_will_not_do_is_refused_and_changes_nothing(gateway, lodged, fields, rule):
    before = await case(gateway, lodged.case.mrn)
    with pytest.raises(Refused) as caught:
        await collect(gateway, "FSA", decision(**fields), "json", delivery_to(lodged, "FSA").id)
    [issue] = caught.value.report.issues
    assert issue.rule == (rule or "decision.item-unknown")
    if rule is None:
        assert issue.json_pointer == "/Decision/Finding/1/SequenceNumeric/0"
        assert issue.xpath == "/Decision/Finding[2]/SequenceNumeric[1]"
    assert caught.value.status == 422
    assert await case(gateway, lodged.case.mrn) == before


async def test_a_decision_that_names_no_delivery_is_refused(gateway, lodged):
    with pytest.raises(Refused, match="decision.delivery-missing"):
        await collect(gateway, "FSA", decision(), "json")


async def test_a_permit_request_is_no_decision(gateway, lodged):
    with pytest.raises(Refused):
        own = delivery_to(lodged, "FSA").id
        await collect(gateway, "FSA", (await gateway.store.fetch("FSA", own)).body, "json", own)


async def test_a_case_that_never_stands_still_ends_in_an_error_and_not_in_a_loop(gateway, lodged):
    async def never(change) -> bool:
        return False

    gateway.store.apply = never
    with pytest.raises(cases.Contended):
        await decide(gateway, lodged, "FSA")
