"""What a trader sees: one status, a line per agency, and a history that proves itself."""

import msgspec
import pytest

from adapters.port import Declined, Receipt, Unreachable
from gateway.collect import collect
from gateway.views import status, timeline
from tests.gateway.scripted import case, case_when, decision, delivery_to, kinds, lodge_sample, states

HOTEL = "import-hotel-supplies.xml"
FLOWERS = "import-cut-flowers-kenya.xml"


@pytest.fixture
async def lodged(gateway, trader):
    accepted = await lodge_sample(gateway, trader, HOTEL, conversation_id="c-7")
    return await case_when(gateway, accepted.mrn, lambda file: set(states(file).values()) == {"awaiting"})


def line(seen, code: str):
    return next(each for each in seen.agencies if each.code == code)


async def test_the_roll_up_has_a_line_for_each_agency(gateway, lodged, clock):
    seen = status(lodged, gateway.agencies, clock())
    assert (seen.mrn, seen.conversation_id, seen.status) == (lodged.case.mrn, "c-7", "under-control")
    assert (seen.message, seen.reference, seen.digest) == (
        "wco-dms/3.6/DEC",
        lodged.case.reference,
        lodged.case.digest,
    )
    assert [each.code for each in seen.agencies] == ["FSA", "MED", "PHS", "TEX", "WLD"]
    first = line(seen, "FSA")
    assert (first.name, first.status, first.overdue) == ("Food Safety Authority", "awaiting", False)
    assert (first.items, first.requirements) == (lodged.deliveries[0].items, lodged.deliveries[0].requirements)
    assert (first.due_at, first.decided_at) == ("2026-11-21T12:00:00.000Z", None)


@pytest.mark.parametrize(
    ("hours", "late"), [(0, ""), (4, ""), (5, "FSA"), (9, "FSA MED"), (100, "FSA MED PHS TEX WLD")]
)
async def test_who_has_not_decided_in_time_is_overdue(gateway, lodged, clock, hours, late):
    clock.advance(hours * 3600)
    seen = status(lodged, gateway.agencies, clock())
    assert [each.code for each in seen.agencies if each.overdue] == late.split()


async def test_who_has_decided_is_never_overdue_and_who_holds_is(gateway, lodged, clock):
    await collect(gateway, "FSA", decision("refused"), "json", delivery_to(lodged, "FSA").id)
    await collect(gateway, "MED", decision("held"), "json", delivery_to(lodged, "MED").id)
    clock.advance(1000 * 3600)
    seen = status(await case(gateway, lodged.case.mrn), gateway.agencies, clock())
    assert not line(seen, "FSA").overdue
    assert line(seen, "MED").overdue


async def test_a_line_says_what_the_agency_said_last(gateway, lodged, clock):
    own = delivery_to(lodged, "FSA")
    await collect(gateway, "FSA", decision("held", Reason="sample taken"), "json", own.id)
    finding = {"Code": "F1", "Description": "lead", "SequenceNumeric": [own.items[0]]}
    final = decision("refused", Reason="unfit", Finding=[finding], LPCO=[{"TypeCode": "N853", "ID": "P1"}])
    await collect(gateway, "FSA", final, "json", own.id)
    seen = line(status(await case(gateway, lodged.case.mrn), gateway.agencies, clock()), "FSA")
    assert (seen.status, seen.reason, seen.decided_at) == ("refused", "unfit", "2026-11-21T08:00:00.000Z")
    assert [(each.code, each.description, each.items) for each in seen.findings] == [("F1", "lead", own.items[:1])]
    assert [(each.type, each.id, each.expires) for each in seen.permits] == [("N853", "P1", None)]


async def test_the_documents_that_are_asked_for_are_named(gateway, lodged, clock):
    wanted = [{"TypeCode": "N853", "Description": "health certificate"}]
    own = delivery_to(lodged, "FSA").id
    await collect(gateway, "FSA", decision("documents", DocumentRequest=wanted), "json", own)
    seen = line(status(await case(gateway, lodged.case.mrn), gateway.agencies, clock()), "FSA")
    assert [(each.type, each.description) for each in seen.documents] == [("N853", "health certificate")]


async def test_of_an_agency_that_is_not_reached_a_trader_learns_when_it_is_tried_again_and_no_more(
    gateway, trader, partners, clock
):
    partners["PHS"].otherwise = Unreachable("Cannot connect to host phs.internal:8443", "10.0.0.7")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: "retry" in kinds(file))
    seen = line(status(file, gateway.agencies, clock()), "PHS")
    assert seen.status == "queued"
    assert seen.problem == f"not reached yet, next attempt at {file.deliveries[0].next_attempt_at}"


@pytest.mark.parametrize("play", [Declined("answered 422", "at 10.0.0.7"), Receipt(b"<html>10.0.0.7</html>")])
async def test_of_a_delivery_that_is_parked_a_trader_learns_who_looks_after_it(gateway, trader, partners, clock, play):
    partners["PHS"].otherwise = play
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})
    assert file.deliveries[0].problem, "the operator has the reason"
    assert line(status(file, gateway.agencies, clock()), "PHS").problem == (
        "declined by the agency, an operator has been told"
    )
    assert "10.0.0.7" not in repr((status(file, gateway.agencies, clock()), timeline(file)))


async def test_a_delivery_that_has_not_been_tried_has_no_problem(gateway, lodged, clock):
    assert [each.problem for each in status(lodged, gateway.agencies, clock()).agencies] == [None] * 5


async def test_an_agency_that_left_the_list_goes_by_its_code(lodged, clock):
    assert line(status(lodged, {}, clock()), "FSA").name == "FSA"


async def test_the_history_is_whole_and_says_so(lodged):
    history = timeline(lodged)
    assert history.intact
    assert [event.seq for event in history.events] == list(range(1, len(lodged.events) + 1))
    assert history.events[0].kind == "received"


async def test_a_history_that_was_changed_says_so(lodged):
    forged = msgspec.structs.replace(lodged.events[3], actor="operator:9")
    changed = msgspec.structs.replace(lodged, events=(*lodged.events[:3], forged, *lodged.events[4:]))
    assert not timeline(changed).intact


async def test_what_is_shown_can_be_written_as_json(gateway, lodged, clock):
    for shown in status(lodged, gateway.agencies, clock()), timeline(lodged):
        assert msgspec.json.decode(msgspec.json.encode(shown))["mrn"] == lodged.case.mrn
