"""Trade test where it meets what else a trader does: appeals, documents, mandates. None of it comes to who is live."""

import msgspec
import pytest

from gateway.clock import later
from gateway.mandates import office
from gateway.mandates.lapse import end_unconfirmed
from tests.gateway.attachments.papers import send
from tests.gateway.http.conftest import read_sample
from tests.gateway.http.mandated import BROKER, IMPORTER, terms
from tests.gateway.scripted import case, delivery_to
from tests.gateway.trial.conftest import PATH

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOTEL = "import-hotel-supplies"  # every agency has a part in it


async def test_an_appeal_in_a_test_freezes_its_record_and_waits_for_no_live_agency(house):
    mrn = (await house.lodges(HOTEL, Guichet_Scenario="refused:FSA"))["mrn"]
    delivery = delivery_to(await house.case(mrn, FSA="refused", TEX="granted"), "FSA")
    body = msgspec.json.encode({"Appeal": {"DeliveryID": delivery.id, "Grounds": "The laboratory found none."}})
    done = await house.post(f"{PATH}/{mrn}/appeals", body, caller="tester")
    assert (done.status, done.json.get("agency")) == (200, "FSA"), done.body
    record = (await house.get(f"{PATH}/{mrn}/appeals/1/record", "tester")).json
    assert record["request"]["agency"] == "FSA" and record["request"]["body"] and len(record["versions"]) == 1
    [shown] = (await house.get(f"{PATH}/{mrn}/appeals", "tester")).json["appeals"]
    assert (shown["agency"], shown["status"]) == ("FSA", "lodged")
    assert (await house.get("/v1/agency/appeals", "fsa")).json["appeals"] == []
    assert (await house.get(f"/v1/agency/deliveries/{delivery.id}/appeal", "fsa")).status == 404
    ruling = b'{"Ruling": {"OutcomeCode": "upheld", "Reason": "A second look"}}'
    assert (await house.post(f"/v1/agency/deliveries/{delivery.id}/ruling", ruling, caller="fsa")).status == 404
    assert await house.gateway.store.open_appeals(None, 10) == []


async def test_a_document_that_was_asked_for_does_not_stop_the_virtual_agency(house):
    mrn = (await house.lodges(HOTEL, Guichet_Scenario="documents:FSA:2d"))["mrn"]
    await house.case(mrn, FSA="held")
    asked = next(each.data for each in (await case(house.gateway, mrn)).events if each.data.get("documents"))
    for kind, name in zip(asked["documents"], ("a.txt", "b.txt", "c.txt"), strict=False):
        document = (await send(house, name.encode(), name, "tester")).json["id"]
        query = f"document={document}&type={kind}"
        attached = await house.call("POST", f"{PATH}/{mrn}/documents?{query}", "tester", Accept="application/json")
        assert (attached.status, attached.json["agencies"]) == (200, ["FSA"])
    assert attached.json["answered"] == ["FSA"]
    listed = (await house.get(f"{PATH}/{mrn}/documents", "tester")).json["documents"]
    assert {agency for each in listed for agency in each["agencies"]} == {"FSA"}
    assert (await house.agencies(mrn))["FSA"] == "awaiting"
    await house.advance("2d")
    assert (await house.agencies(mrn))["FSA"] == "granted"
    assert (await house.get("/v1/agency/notices", "fsa")).json["notices"] == []
    assert all(partner.told == [] for partner in house.partners.values())


async def test_a_test_has_to_do_with_no_live_principal_and_no_live_agent(house):
    names, store, now = await names_of(house), house.gateway.store, house.gateway.clock()
    await office.add_identifier(store, names["trader"], IMPORTER, now)
    await office.add_identifier(store, names["tester"], BROKER, now)
    house.gateway.rolls.forget()
    try:
        refused = await house.post("/v1/mandates", terms(ConfirmationCode="each"), caller="trader")
        assert (refused.status, refused.rules) == (422, ["mandate.agent"]), "the agent is a test's"
        wanted = office.Wanted(names["trader"], names["tester"], ("import",), "2026-01-01", None, confirm=True)
        with pytest.raises(ValueError, match="trade test"):
            await office.grant(store, wanted, "asked for", "otto", 10, now, house.gateway.random)
        mrn = (await house.lodges(HOTEL))["mrn"]
        assert (await house.status(mrn))["mandate"] is None
        assert (await house.get(f"{PATH}/{mrn}", "trader")).status == 404
        assert (await house.get("/v1/principal/declarations", "trader")).json["declarations"] == []
        assert (await house.get("/v1/notifications?after=0", "trader")).json["notifications"] == []
    finally:
        await office.remove_identifier(store, names["trader"], IMPORTER, now)
        await office.remove_identifier(store, names["tester"], BROKER, now)
        house.gateway.rolls.forget()


async def test_tests_have_mandates_among_themselves(house):
    names, store, now = await names_of(house), house.gateway.store, house.gateway.clock()
    await office.add_identifier(store, names["other"], IMPORTER, now)
    house.gateway.rolls.forget()
    try:
        body = read_sample(f"{HOTEL}.json")
        assert (await house.post(PATH, body, caller="tester")).rules == ["mandate.missing"]
        assert (await house.post(PATH, body, caller="trader")).status == 202, "to a live trader it is nobody's"
    finally:
        await office.remove_identifier(store, names["other"], IMPORTER, now)
        house.gateway.rolls.forget()


async def test_the_time_to_confirm_a_test_is_that_of_its_clock(house):
    names, store, now = await names_of(house), house.gateway.store, house.gateway.clock()
    await office.add_identifier(store, names["other"], IMPORTER, now)
    wanted = office.Wanted(names["other"], names["tester"], ("import",), "2026-01-01", None, confirm=True)
    await office.grant(store, wanted, "asked for", "otto", 10, now, house.gateway.random)
    house.gateway.rolls.forget()
    try:
        mrn = (await house.lodges(HOTEL))["mrn"]
        assert (await house.status(mrn, "other"))["status"] == "awaiting-confirmation"
        await house.advance("30d")
        await end_unconfirmed(house.gateway)
        file = await case(house.gateway, mrn)
        assert (file.case.state, [each.kind for each in file.events][-2:]) == ("declined", ["unconfirmed", "declined"])
        assert file.case.updated_at > later(now, 29 * 86400)
    finally:
        await office.remove_identifier(store, names["other"], IMPORTER, now)
        house.gateway.rolls.forget()


@pytest.mark.parametrize("act", ["appeals", "queries/FSA-1/answer", "documents", "confirmation"])
async def test_a_scenario_is_refused_where_none_can_be_played(house, act):
    mrn = (await house.lodges(HOTEL, Guichet_Scenario="silent"))["mrn"]
    for caller, rule in (("tester", "header.scenario-here"), ("trader", "header.test-only")):
        reply = await house.post(f"{PATH}/{mrn}/{act}", b"{}", caller=caller, Guichet_Scenario="refused")
        assert (reply.status, reply.rules) == (400, [rule])


async def names_of(house) -> dict[str, str]:
    """The names of the house's accounts."""
    found = {}
    for caller in ("tester", "other", "trader"):
        holder = await house.gateway.accounts.authenticate(house.keys[caller])
        found[caller] = holder.account.name
    return found
