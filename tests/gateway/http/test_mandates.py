"""Acting for another party over HTTP: mandates, and declarations that need one; `mandated` says who is who."""

from datetime import timedelta

import msgspec
import pytest
from lxml import etree

from gateway.lifecycle import ACTS
from gateway.mandates import office
from gateway.mandates.kept import TooMany
from gateway.mandates.settings import MandateSettings
from tests.gateway.acts.test_amendment import HOTEL, ROSES
from tests.gateway.attachments.papers import sent
from tests.gateway.http.conftest import read_sample
from tests.gateway.http.mandated import BROKER, IMPORTER, grant, lodge, office_open, terms, told
from tests.gateway.http.test_queries import ANSWER, ask
from tests.gateway.scripted import altered, invalidation

JSON = "application/json"
API = "{urn:guichet:api:1}"
PLACE = "/MetaData/Declaration/GoodsShipment/Importer/ID"


@pytest.fixture
async def house(tmp_path):
    async with office_open(tmp_path) as made:
        yield made


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_who_lodges_for_a_registered_party_needs_its_mandate(house, form):
    refused = await lodge(house, HOTEL.replace("json", form))
    assert (refused.status, refused.rules) == (422, ["mandate.missing"])
    [found] = refused.json["issues"]
    assert (found["json_pointer"], found["value"]) == (PLACE, IMPORTER)
    assert "Importer" in found["xpath"]
    assert found["line"] > 1 and "POST /v1/mandates" in found["remedy"] and IMPORTER in found["text"]
    assert found["legal_basis"]
    mandate = await grant(house)
    taken = await lodge(house, HOTEL.replace("json", form))
    assert taken.status == 202
    path = f"/v1/declarations/{taken.json['mrn']}"
    shown = (await house.get(path, "rival")).json
    assert shown["mandate"] == {
        "mandate": mandate["id"],
        "party": IMPORTER,
        "confirm_by": None,
        "outcome": None,
        "reason": None,
    }
    timeline = (await house.get(f"{path}/timeline", "rival")).json
    assert [each["kind"] for each in timeline["events"]][:4] == ["received", "validated", "mandate", "routed"]
    assert timeline["intact"]


async def test_ones_own_party_and_one_that_nobody_registered_need_none(house):
    assert (await lodge(house, caller="trader")).status == 202
    assert (await lodge(house, "import-cut-flowers-kenya.json")).status == 202
    assert (await lodge(house, "export-flowers-and-beef-japan.json")).status == 202


async def test_where_all_must_have_given_one_nobody_passes_without(tmp_path):
    async with office_open(tmp_path, MandateSettings(strict="required", look=0.0)) as house:
        assert (await lodge(house, "import-cut-flowers-kenya.json")).rules == ["mandate.unregistered"]
        nameless = altered(HOTEL, (f'"ID": "{IMPORTER}",', ""))
        reply = await house.post("/v1/declarations", nameless, caller="rival")
        assert "mandate.unregistered" in reply.rules
        assert (await lodge(house, caller="trader")).status == 202
        await grant(house)
        assert (await lodge(house)).status == 202


@pytest.mark.parametrize(
    ("others", "good"),
    [
        ({"DirectionCode": ["export"]}, False),
        ({"DirectionCode": ["export", "import"]}, True),
        ({"FirstDay": "tomorrow"}, False),
        ({"FirstDay": "2020-01-01", "LastDay": "today"}, True),
    ],
)
async def test_a_mandate_counts_for_its_directions_and_its_days(house, others, good):
    today = house.gateway.clock().date()
    days = {"today": today.isoformat(), "tomorrow": (today + timedelta(days=1)).isoformat()}
    await grant(house, **{name: days.get(str(value), value) for name, value in others.items()})
    assert (await lodge(house)).status == (202 if good else 422)


async def test_a_mandate_that_ended_counts_no_more(house):
    day = house.gateway.clock().date() - timedelta(days=1)
    wanted = office.Wanted("trader", "rival", ("import",), "2020-01-01", day.isoformat(), False)
    past = house.gateway.clock() - timedelta(days=9)
    await office.grant(house.gateway.store, wanted, "power of attorney", "A. Miller", 9, past, house.gateway.random)
    assert (await lodge(house)).rules == ["mandate.missing"]
    [shown] = (await house.get("/v1/mandates")).json["mandates"]
    assert (shown["standing"], shown["granted_by"], shown["reason"]) == (
        "ended",
        "operator:A. Miller",
        "power of attorney",
    )


async def test_a_revoked_mandate_counts_no_more_and_a_repeat_of_what_was_lodged_by_it_is_answered_all_the_same(house):
    mandate = await grant(house)
    first = await lodge(house, Idempotency_Key="order-1")
    for _ in range(2):
        ended = await house.call("DELETE", f"/v1/mandates/{mandate['id']}", "trader")
        assert (ended.status, ended.json["standing"]) == (200, "revoked")
    again = await lodge(house, "import-hotel-supplies.xml", Idempotency_Key="order-1")
    assert (again.status, again.json["mrn"], again.json["replayed"]) == (202, first.json["mrn"], True)
    other = altered(HOTEL, ("GRANDALMAR-OPENING-01", "GRANDALMAR-OPENING-02"))
    assert (await house.post("/v1/declarations", other, caller="rival")).rules == ["mandate.missing"]
    amended = await house.post(
        f"/v1/declarations/{first.json['mrn']}/amendments", altered(HOTEL, ROSES), caller="rival"
    )
    assert (amended.status, amended.rules) == (422, ["mandate.missing"])
    [record] = [each async for each in office.mandates(house.gateway.store, "trader")]
    assert record.revoked_by == record.granted_by and record.revoked_by.startswith("trader:")


async def test_what_another_process_revokes_counts_within_the_time_that_the_settings_say(tmp_path):
    async with office_open(tmp_path, MandateSettings(look=0.05)) as house:
        mandate = await grant(house)
        assert (await lodge(house)).status == 202
        now = house.gateway.clock()
        await office.revoke(house.gateway.store, mandate["id"], "asked for it", "A. Miller", now)
        for number in range(200):  # each is another declaration; the roll is read anew long before the last
            other = altered(HOTEL, ("GRANDALMAR-OPENING-01", f"GRANDALMAR-{number}"))
            reply = await house.post("/v1/declarations", other, caller="rival")
            if reply.status == 422:
                break
        assert reply.rules == ["mandate.missing"]


async def test_mandates_are_seen_by_both_sides_and_ended_by_the_principal_alone(house):
    mandate = await grant(house, LastDay="2099-12-31")
    assert (mandate["side"], mandate["principal"], mandate["agent"]) == ("given", "trader", "rival")
    path = f"/v1/mandates/{mandate['id']}"
    assert (await house.get(path, "rival")).json["side"] == "got"
    assert (await house.get(path, "third")).status == 404
    assert (await house.call("DELETE", path, "rival")).status == 404
    assert (await house.call("DELETE", path, "third")).status == 404
    assert (await house.get(path, "auditor")).status == 200
    assert (await house.get("/v1/mandates", "third")).json["mandates"] == []
    as_xml = (await house.get(path, Accept="application/xml")).xml
    assert as_xml.findtext(f"{API}last_day") == "2099-12-31"


async def test_the_same_terms_again_are_the_same_mandate_in_either_format(house):
    first = await grant(house)
    said = f"<AgentID>{BROKER}</AgentID><DirectionCode>import</DirectionCode>"
    xml = f'<Mandate xmlns="urn:guichet:trader:1">{said}</Mandate>'
    again = await house.post("/v1/mandates", xml.encode(), "application/xml", Accept="application/json")
    assert (again.status, again.json["id"]) == (201, first["id"])
    assert again.headers["Location"] == f"/v1/mandates/{first['id']}"
    other = await grant(house, ConfirmationCode="each")
    page = (await house.get("/v1/mandates?limit=1")).json
    assert ([each["id"] for each in page["mandates"]], page["next"]) == ([first["id"]], first["id"])
    rest = (await house.get(f"/v1/mandates?after={page['next']}")).json
    assert ([each["id"] for each in rest["mandates"]], rest["next"]) == ([other["id"]], None)


@pytest.mark.parametrize(
    ("others", "rule"),
    [
        ({"AgentID": "XZ000000000000"}, "mandate.agent"),
        ({"AgentID": IMPORTER}, "mandate.self"),
        ({"LastDay": "2020-01-31"}, "mandate.days"),
        ({"DirectionCode": ["transit"]}, "value.code"),
        ({"DirectionCode": []}, "element.missing"),
        ({"FirstDay": "2026-02-30"}, "value.format"),
    ],
)
async def test_a_mandate_that_cannot_be_is_refused_with_its_place(house, others, rule):
    reply = await house.post("/v1/mandates", terms(**others))
    assert (reply.status, reply.rules) == (422, [rule])
    assert reply.json["issues"][0]["json_pointer"].startswith("/Mandate/")
    assert (await house.get("/v1/mandates")).json["mandates"] == []


async def test_a_principal_has_so_many_mandates_and_no_more(tmp_path):
    async with office_open(tmp_path, MandateSettings(most=1, look=0.0)) as house:
        mandate = await grant(house)
        assert (await house.post("/v1/mandates", terms(LastDay="2099-01-01"))).rules == ["mandate.many"]
        wanted = office.Wanted("trader", "third", ("export",), "2026-01-01", None, False)
        with pytest.raises(TooMany, match="1 mandates"):
            now, random = house.gateway.clock(), house.gateway.random
            await office.grant(house.gateway.store, wanted, "why", "who", 1, now, random)
        await house.call("DELETE", f"/v1/mandates/{mandate['id']}", "trader")
        await grant(house, LastDay="2099-01-01")


async def test_the_principal_reads_what_was_lodged_for_it_and_changes_nothing(house):
    await grant(house)
    mrn = (await lodge(house)).json["mrn"]
    path = f"/v1/declarations/{mrn}"
    for what in ("", "/message", "/response", "/timeline"):
        theirs, own = [await house.get(path + what, who, Accept="*/*") for who in ("trader", "rival")]
        assert (theirs.status, theirs.body) == (200, own.body)
        assert (await house.get(path + what, "third")).status == 404
    assert (await house.post(f"{path}/amendments", altered(HOTEL, ROSES))).status == 404
    assert (await house.post(f"{path}/invalidation", invalidation(mrn))).status == 404
    [listed] = (await house.get("/v1/principal/declarations")).json["declarations"]
    assert (listed["mrn"], listed["agent"], listed["status"], listed["href"]) == (mrn, "rival", "under-control", path)
    assert (await house.get("/v1/principal/declarations", "rival")).json["declarations"] == []
    assert (await house.get("/v1/principal/declarations?status=awaiting-confirmation")).json["declarations"] == []
    assert (await house.get("/v1/principal/declarations?status=lost")).status == 400
    assert await told(house, "trader") == await told(house, "rival") == ["accepted"]


@pytest.mark.parametrize(("language", "words"), [("fr", "aucun mandat en vigueur"), ("es", "ningún mandato vigente")])
async def test_what_is_missing_is_said_in_the_callers_language(house, language, words):
    reply = await lodge(house, Accept_Language=language)
    assert words in reply.json["issues"][0]["text"]


async def test_a_problem_in_xml_names_the_place_too(house):
    reply = await house.post(
        "/v1/declarations", read_sample("import-hotel-supplies.xml"), "application/xml", caller="rival"
    )
    issue = etree.fromstring(reply.body).find("{urn:ietf:rfc:7807}issues/{urn:ietf:rfc:7807}i")
    assert issue.findtext("{urn:ietf:rfc:7807}rule") == "mandate.missing"
    assert "Importer" in issue.findtext("{urn:ietf:rfc:7807}xpath")


async def test_a_principal_reads_all_that_was_said_of_its_declaration_and_says_nothing_itself(house):
    await grant(house)
    mrn = (await lodge(house)).json["mrn"]
    path, document = f"/v1/declarations/{mrn}", await sent(house, caller="rival")
    await ask(house)
    [waiting] = await house.deliveries("phs")
    refusal = b'{"Decision": {"OutcomeCode": "refused", "Finding": [{"Code": "PEST-07", "Description": "Thrips"}]}}'
    assert (await house.post(f"{waiting['href']}/decision", refusal, caller="phs")).status == 200
    appeal = msgspec.json.encode({"Appeal": {"DeliveryID": waiting["id"], "Grounds": "There were none."}})
    attaching, own = f"documents?document={document}&type=N853", await sent(house, caller="trader")
    for act, body in (("appeals", appeal), ("queries/FSA-1/answer", ANSWER), (attaching, None)):
        for caller in ("trader", "third"):
            taken = act.replace(document, own)
            assert (await house.call("POST", f"{path}/{taken}", caller, body, Content_Type=JSON)).status == 404
        done = await house.call("POST", f"{path}/{act}", "rival", body, Content_Type=JSON)
        assert done.status == 200, done.body
        event = (await house.get(f"{path}/timeline", "rival")).json["events"]
        assert {each["actor"].count("/") for each in event if each["kind"] in ACTS} == {1}, "who acts is a user"
    for seen in ("appeals", "appeals/1", "appeals/1/record", "queries/FSA-1/answer", "documents", "timeline"):
        answers = {
            caller: (await house.get(f"{path}/{seen}", caller)).status for caller in ("trader", "rival", "third")
        }
        assert answers == {"trader": 200, "rival": 200, "third": 404}, seen
    assert (await house.get(f"/v1/documents/{document}/content", "trader")).status == 404
