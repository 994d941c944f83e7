"""Intake: what is taken, what is written with it, what counts as the same, and what is refused."""

import asyncio
import tomllib
from hashlib import sha256

import pytest

from datamodel.codecs import Parsed, read, write
from datamodel.issues import Refused
from gateway import audit, intake
from gateway.conflicts import Conflict
from gateway.identifiers import check_character
from gateway.intake import Lodgement, lodge
from tests.gateway.scripted import SAMPLES, case, case_when, delivery_to, kinds, lodge_sample, sample, states

EXPECTED = tomllib.loads((SAMPLES / "expected.toml").read_text())


def as_json(registry, body: bytes) -> bytes:
    return write(read(registry, body, "xml"), "json")


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_every_sample_goes_to_the_agencies_that_it_needs(gateway, trader, name):
    accepted = await lodge_sample(gateway, trader, f"{name}.xml")
    file = await case(gateway, accepted.mrn)
    assert [delivery.agency for delivery in file.deliveries] == sorted(EXPECTED[name]["agencies"])
    assert audit.verify(file.case.mrn, file.events) is None


async def test_an_acceptance_says_where_to_find_the_case(gateway, trader):
    body = sample("import-cut-flowers-kenya.xml")
    accepted = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml", conversation_id="c-1")
    assert accepted.mrn.startswith("26XZ")
    assert check_character(accepted.mrn[:-1]) == accepted.mrn[-1]
    assert (accepted.conversation_id, accepted.replayed) == ("c-1", False)
    assert accepted.digest == sha256(body).hexdigest()
    assert accepted.accepted_at == "2026-11-21T08:00:00.000Z"


async def test_what_is_stored_is_what_came_and_what_it_says(gateway, trader, registry):
    body = sample("import-cut-flowers-kenya.xml")
    accepted = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml")
    file = await case(gateway, accepted.mrn)
    stored = await gateway.store.message(file.case.id)
    assert (stored.media, stored.body) == ("application/xml", body)
    assert stored.document == as_json(registry, body)
    assert file.case.message == "wco-dms/3.6/DEC"


async def test_the_first_events_tell_the_way_in(gateway, trader):
    accepted = await lodge_sample(gateway, trader, "import-hotel-supplies.xml")
    events = (await case(gateway, accepted.mrn)).events
    assert [event.kind for event in events[:4]] == ["received", "validated", "routed", "accepted"]
    assert sorted(event.kind for event in events[4:9]) == ["offered", "queued", "queued", "queued", "queued"]
    assert {event.data["agency"] for event in events[4:9]} == {"FSA", "MED", "PHS", "TEX", "WLD"}
    assert events[0].actor == f"trader:{trader.id}"
    assert events[2].data["rules"] == gateway.rules
    assert {entry["agency"] for entry in events[2].data["agencies"]} == {"FSA", "MED", "PHS", "TEX", "WLD"}


async def test_goods_that_no_agency_has_to_see_are_released_at_once(gateway, trader):
    accepted = await lodge_sample(gateway, trader, "import-machine-parts-germany.xml")
    file = await case(gateway, accepted.mrn)
    assert (file.case.state, file.deliveries) == ("released", ())
    assert kinds(file)[-1] == "released"
    assert file.events[-1].data["reason"] == "routed, no intervention"


async def test_an_agency_gets_its_items_and_its_part_as_a_valid_message_in_its_format(gateway, trader, registry):
    accepted = await lodge_sample(gateway, trader, "import-supermarket-thirty-items.xml")
    file = await case(gateway, accepted.mrn)
    for delivery in file.deliveries:
        agency = gateway.agencies[delivery.agency]
        assert delivery.media == f"application/{agency.media}"
        sent = await gateway.store.fetch(agency.code, delivery.id)
        request = read(registry, sent.body, agency.media, message="guichet/1/PermitRequest").document
        assert (request.DeliveryID, request.DeclarationID) == (delivery.id, accepted.mrn)
        assert (request.AgencyCode, request.IssueDateTime) == (delivery.agency, accepted.accepted_at)
        assert request.DueDateTime == delivery.due_at > accepted.accepted_at
        assert tuple(each.ID for each in request.Requirement) == delivery.requirements
        shipment = request.od_Declaration.GoodsShipment
        shown = tuple(int(item.SequenceNumeric) for item in shipment.GovernmentAgencyGoodsItem)
        assert shown == delivery.items
        asked = {int(item) for each in request.Requirement for item in each.SequenceNumeric}
        assert asked == set(delivery.items)


async def test_an_agency_sees_nothing_that_it_is_not_to_see(gateway, trader):
    accepted = await lodge_sample(gateway, trader, "import-hotel-supplies.xml")
    textiles = await gateway.store.fetch("TEX", delivery_to(await case(gateway, accepted.mrn), "TEX").id)
    assert b"Exporter" not in textiles.body
    assert b"InvoiceLine" not in textiles.body


async def test_a_delivery_to_an_inbox_waits_there_from_the_start(gateway, trader):
    accepted = await lodge_sample(gateway, trader, "import-hotel-supplies.xml")
    file = await case(gateway, accepted.mrn)
    assert states(file)["TEX"] == "awaiting"
    assert [claim.delivery.id for claim in await gateway.store.inbox("TEX", None, 10)] == [delivery_to(file, "TEX").id]


# The same again


async def test_xml_and_json_of_one_document_are_one_lodgement(gateway, trader, registry):
    body = sample("import-cut-flowers-kenya.xml")
    first = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml")
    again = await lodge(
        gateway,
        Lodgement(account=trader, body=as_json(registry, body), media="application/json", conversation_id="another"),
    )
    assert again.replayed
    assert (again.mrn, again.conversation_id) == (first.mrn, first.conversation_id)


async def test_the_same_key_gets_the_same_answer_and_reaches_the_agency_once(gateway, trader, partners):
    first = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml", idempotency_key="k")
    again = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml", idempotency_key="k")
    assert (again.mrn, again.replayed) == (first.mrn, True)
    await case_when(gateway, first.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert len(partners["PHS"].sent) == 1


async def test_many_at_the_same_time_are_one(gateway, trader):
    lodged = [lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml") for _ in range(20)]
    answers = await asyncio.gather(*lodged)
    assert len({answer.mrn for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1


@pytest.mark.parametrize("key", ["k", None])
async def test_another_document_under_the_same_key_or_reference_is_a_conflict(gateway, trader, key):
    first = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml", idempotency_key=key)
    body = sample("import-cut-flowers-kenya.xml")
    other = body.replace(b"<TypeCode>IMA</TypeCode>", b"<TypeCode>IMD</TypeCode>", 1)
    assert other != body
    with pytest.raises(Conflict) as caught:
        await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml", idempotency_key=key, body=other)
    assert caught.value.mrn == first.mrn


async def test_two_traders_may_use_the_same_reference(gateway, trader):
    rival, _ = await gateway.accounts.register("Bluegate Brokers", "trader")
    first = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml")
    second = await lodge_sample(gateway, rival, "import-cut-flowers-kenya.xml")
    assert first.mrn != second.mrn
    assert not second.replayed


# What is refused


async def refusal(gateway, trader, body: bytes, media: str = "application/xml", **fields) -> Refused:
    with pytest.raises(Refused) as caught:
        await lodge(gateway, Lodgement(account=trader, body=body, media=media, conversation_id="c", **fields))
    return caught.value


async def test_an_invalid_declaration_is_refused_with_all_its_issues_and_can_be_sent_again_mended(gateway, trader):
    body = sample("import-cut-flowers-kenya.xml")
    wrong = body.replace(b"<TypeCode>IMA</TypeCode>", b"<TypeCode>IMA</TypeCode><Nonsense/>", 1)
    wrong = wrong.replace(b"<SequenceNumeric>1<", b"<SequenceNumeric>one<", 1)
    refused = await refusal(gateway, trader, wrong, idempotency_key="k")
    assert refused.report.total >= 2
    assert refused.status == 422
    accepted = await lodge_sample(gateway, trader, "import-cut-flowers-kenya.xml", idempotency_key="k")
    assert not accepted.replayed


async def test_a_valid_message_that_is_no_declaration_is_not_lodged(gateway, trader):
    body = b'{"Decision":{"DeliveryID":"x","OutcomeCode":"granted"}}'
    refused = await refusal(gateway, trader, body, "application/json")
    assert refused.report.issues[0].rule == "message.not-lodged-here"


@pytest.mark.parametrize("media", ["text/plain", "", "application/xmlx", "image/svg"])
async def test_other_media_are_refused_as_such(gateway, trader, media):
    refused = await refusal(gateway, trader, b"<x/>", media)
    assert (refused.status, refused.report.issues[0].rule) == (415, "media.unsupported")


@pytest.mark.parametrize("media", ["text/xml; charset=utf-8", "application/vnd.example+xml", "xml", " Application/XML"])
async def test_every_spelling_of_xml_is_taken(gateway, trader, media):
    accepted = await lodge_sample(gateway, trader, "import-machine-parts-germany.xml", media=media)
    stored = await gateway.store.message((await case(gateway, accepted.mrn)).case.id)
    assert stored.media == media


async def test_nothing_is_written_when_the_document_is_over_a_limit(gateway, trader):
    body = b"<a>" * 200 + b"</a>" * 200
    refused = await refusal(gateway, trader, body)
    assert refused.report.issues[0].rule.startswith("size.")


# Big ones


async def test_a_big_declaration_is_read_in_a_thread_and_the_loop_goes_on(gateway, trader, registry, monkeypatch):
    """The loop must turn while the reading is held up; it could not, if it did the reading itself."""
    turning = asyncio.Event()
    loop = asyncio.get_running_loop()
    admitted = intake.admit

    def held_up(*args):
        asyncio.run_coroutine_threadsafe(turn(), loop).result(timeout=10)
        return admitted(*args)

    async def turn() -> None:
        turning.set()

    monkeypatch.setattr(intake, "admit", held_up)
    accepted = await lodge_sample(gateway, trader, "import-supermarket-thirty-items.xml")
    assert turning.is_set()
    file = await case(gateway, accepted.mrn)
    stored = await gateway.store.message(file.case.id)
    assert len(stored.body) > 64 * 1024
    assert isinstance(read(registry, stored.document, "json"), Parsed)
