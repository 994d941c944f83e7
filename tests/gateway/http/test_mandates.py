"""Acting for another party over HTTP: mandates, declarations that need one, and what their principal confirms.

The house's `trader` is the importer here, `rival` the broker who lodges for it, and `third` nobody to either.
"""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
from lxml import etree

from gateway.mandates import office
from gateway.mandates.kept import TooMany
from gateway.mandates.lapse import sweep
from gateway.mandates.settings import MandateSettings
from gateway.offload import PROCESS
from tests.gateway.acts.test_amendment import HOTEL, ROSES
from tests.gateway.http.conftest import housed, read_sample
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.scripted import altered, invalidation

IMPORTER, BROKER = "XZ810090008145", "XZ100200300430"
RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"
API = "{urn:guichet:api:1}"
AT_ONCE = MandateSettings(look=0.0)
PLACE = "/MetaData/Declaration/GoodsShipment/Importer/ID"


@asynccontextmanager
async def office_open(folder, mandates: MandateSettings = AT_ONCE):
    """A house in which importer and broker are registered, and nobody has given a mandate."""
    async with housed(folder, mandates=mandates) as house:
        _, house.keys["third"] = await house.gateway.accounts.register("third", "trader")
        now = house.gateway.clock()
        await office.add_identifier(house.gateway.store, "trader", IMPORTER, now)
        await office.add_identifier(house.gateway.store, "rival", BROKER.lower(), now)
        yield house


@pytest.fixture
async def house(tmp_path):
    async with office_open(tmp_path) as made:
        yield made


def terms(**others) -> bytes:
    return msgspec.json.encode({"Mandate": {"AgentID": BROKER, "DirectionCode": ["import"], **others}})


def answering(outcome: str = "confirmed", **others) -> bytes:
    return msgspec.json.encode({"Confirmation": {"OutcomeCode": outcome, **others}})


async def grant(house, **others) -> dict:
    reply = await house.post("/v1/mandates", terms(**others))
    assert reply.status == 201, reply.body
    return reply.json


async def lodge(house, sample: str = HOTEL, caller: str = "rival", **headers):
    form = sample.rpartition(".")[2]
    return await house.post(
        "/v1/declarations",
        read_sample(sample),
        f"application/{form}",
        caller=caller,
        Accept="application/json",
        **headers,
    )


async def waiting(house, caller: str = "rival") -> str:
    """The path of a case that waits for the importer."""
    await grant(house, ConfirmationCode="each")
    reply = await lodge(house, caller=caller)
    assert reply.status == 202, reply.body
    return f"/v1/declarations/{reply.json['mrn']}"


async def told(house, caller: str) -> list[str]:
    reply = await house.get("/v1/notifications?after=0", caller)
    return [each["kind"] for each in reply.json["notifications"]]


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


async def test_what_has_to_be_confirmed_is_on_record_and_asks_no_agency_before_that(house):
    path = await waiting(house)
    shown = (await house.get(path, "rival")).json
    assert (shown["status"], shown["agencies"], shown["mandate"]["outcome"]) == ("awaiting-confirmation", [], "awaited")
    assert await house.deliveries("fsa") == await house.deliveries("phs") == []
    response = (await house.get(f"{path}/response", Accept="application/xml")).xml
    assert response.findtext(f"{RES}Response/{RES}FunctionCode") == "02"
    [listed] = (await house.get("/v1/principal/declarations?status=awaiting-confirmation")).json["declarations"]
    assert listed["confirm_by"] == shown["mandate"]["confirm_by"] > shown["accepted_at"]
    notified = (await house.get("/v1/notifications")).json["notifications"]
    assert [each["kind"] for each in notified] == ["accepted", "awaiting-confirmation"]
    assert {each["case"] for each in notified} == {path}


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_what_is_confirmed_goes_to_the_agencies_once(house, form):
    path = await waiting(house)
    xml = b'<Confirmation xmlns="urn:guichet:trader:1"><OutcomeCode>confirmed</OutcomeCode></Confirmation>'
    bodies = {"json": answering(), "xml": xml}
    seen = (await house.get(path)).headers["ETag"]
    done = await house.post(
        f"{path}/confirmation", bodies[form], f"application/{form}", Accept="application/json", If_Match=seen
    )
    assert (done.status, done.json["outcome"], done.json["version"]) == (200, "confirmed", 1)
    assert {"FSA", "PHS"} <= {*done.json["asked"]}
    other = "xml" if form == "json" else "json"
    again = await house.post(
        f"{path}/confirmation", bodies[other], f"application/{other}", Accept="application/json", If_Match=seen
    )
    assert again.json == {**done.json, "asked": [], "replayed": True}
    assert len(await house.deliveries("fsa")) == 1
    shown = (await house.get(path, "rival")).json
    assert (shown["status"], shown["mandate"]["outcome"]) == ("under-control", "confirmed")
    assert "confirmation" in await told(house, "rival")
    timeline = (await house.get(f"{path}/timeline")).json
    assert timeline["intact"]
    [event] = [each for each in timeline["events"] if each["kind"] == "confirmation"]
    assert event["data"]["rules"] == house.gateway.rules and event["actor"].startswith("trader:")
    late = await house.post(f"{path}/confirmation", answering("declined", Reason="too late"))
    assert (late.status, late.json["state"], late.json["legal"]) == (409, "under-control", ["awaiting-confirmation"])


async def test_what_is_declined_is_over_and_its_sender_reads_why(house):
    path = await waiting(house)
    silent = await house.post(f"{path}/confirmation", answering("declined"))
    assert (silent.rules, silent.json["issues"][0]["json_pointer"]) == (["confirmation.reason"], "/Confirmation/Reason")
    done = await house.post(f"{path}/confirmation", answering("declined", Reason="Not our goods"))
    assert (done.status, done.json["outcome"]) == (200, "declined")
    shown = (await house.get(path, "rival")).json
    assert (shown["status"], shown["mandate"]["reason"]) == ("declined", "Not our goods")
    response = (await house.get(f"{path}/response", "rival", Accept="application/xml")).xml.find(f"{RES}Response")
    assert response.findtext(f"{RES}FunctionCode") == "10"
    assert response.findtext(f"{RES}AdditionalInformation/{RES}StatementDescription") == "Not our goods"
    [*_, said, over] = (await house.get("/v1/notifications?after=0", "rival")).json["notifications"]
    assert (said["kind"], said["reason"], over["kind"]) == ("confirmation", "Not our goods", "declined")
    amended = await house.post(f"{path}/amendments", altered(HOTEL, ROSES), caller="rival")
    assert (amended.status, amended.json["state"]) == (409, "declined")
    assert (await house.post(f"{path}/confirmation", answering())).status == 409


async def test_only_the_principal_confirms_and_others_learn_nothing(house):
    path = await waiting(house)
    for caller in "rival", "third":
        assert (await house.post(f"{path}/confirmation", answering(), caller=caller)).status == 404
    unknown = await house.post("/v1/declarations/26XZ0000000000000Z/confirmation", answering())
    assert unknown.status == 404
    assert (await house.get(path)).json["status"] == "awaiting-confirmation"


async def test_an_amended_filing_is_confirmed_anew_and_what_was_seen_is_what_is_confirmed(house):
    path = await waiting(house)
    seen = (await house.get(path)).headers["ETag"]
    amended = await house.post(f"{path}/amendments", altered(HOTEL, ROSES), caller="rival")
    assert (amended.status, amended.json["version"], amended.json["asked"]) == (200, 2, [])
    assert (await told(house, "trader"))[-2:] == ["amendment", "awaiting-confirmation"]
    stale = await house.post(f"{path}/confirmation", answering(), If_Match=seen)
    assert (stale.status, stale.json["type"]) == (412, "urn:guichet:problem:changed")
    done = await house.post(f"{path}/confirmation", answering())
    assert (done.json["version"], done.json["digest"]) == (2, amended.json["digest"])
    [delivery] = await house.deliveries("phs")
    assert b"70 cm" in (await house.get(delivery["href"], "phs")).body


async def test_a_confirmed_filing_that_is_amended_waits_again_and_keeps_what_was_decided(house):
    path = await waiting(house)
    await house.post(f"{path}/confirmation", answering())
    [beef], [roses] = await house.deliveries("fsa"), await house.deliveries("phs")
    amended = await house.post(f"{path}/amendments", altered(HOTEL, ROSES), caller="rival")
    assert (amended.status, (await house.get(path)).json["status"]) == (200, "awaiting-confirmation")
    assert (await house.post(f"{beef['href']}/decision", GRANTED, caller="fsa")).status == 200
    assert (await house.get(path)).json["status"] == "awaiting-confirmation"
    done = await house.post(f"{path}/confirmation", answering())
    assert (done.json["version"], done.json["asked"], done.json["replayed"]) == (2, ["PHS"], False)
    [after] = await house.deliveries("phs")
    assert after["id"] != roses["id"] and await house.deliveries("fsa") == []
    assert (await house.get(path)).json["status"] == "under-control"


async def test_a_filing_that_waits_is_taken_back_by_its_sender(house):
    path = await waiting(house)
    mrn = path.rpartition("/")[2]
    assert (await house.post(f"{path}/invalidation", invalidation(mrn), caller="rival")).status == 200
    shown = (await house.get(path)).json
    assert (shown["status"], shown["mandate"]["outcome"]) == ("invalidated", None)
    assert (await house.post(f"{path}/confirmation", answering())).json["state"] == "invalidated"


async def test_the_race_of_confirming_and_amending_ends_with_what_one_of_them_says(house):
    """Whichever comes first: agencies are asked for a version that was confirmed after it was lodged, or for none."""
    path = await waiting(house)
    seen = (await house.get(path)).headers["ETag"]
    confirmed, amended = await asyncio.gather(
        house.post(f"{path}/confirmation", answering(), If_Match=seen),
        house.post(f"{path}/amendments", altered(HOTEL, ROSES), caller="rival"),
    )
    assert amended.status == 200 and confirmed.status in (200, 412)
    shown = (await house.get(path)).json
    assert (shown["version"], shown["status"]) == (2, "awaiting-confirmation")
    asked = await house.deliveries("phs")
    assert len(asked) == (confirmed.status == 200)
    for each in asked:
        assert b"70 cm" not in (await house.get(each["href"], "phs")).body
    assert (await house.get(f"{path}/timeline")).json["intact"]


async def test_a_filing_is_for_one_party_to_its_end(house):
    path = await waiting(house)
    other = altered(HOTEL, (IMPORTER, "XZ730020260008"), ROSES)
    reply = await house.post(f"{path}/amendments", other, caller="rival")
    assert (reply.status, reply.rules) == (422, ["mandate.other-party"])
    assert (await house.get(path)).json["version"] == 1


async def test_the_time_to_confirm_ends(house, monkeypatch):
    first = await waiting(house)
    other = altered(HOTEL, ("GRANDALMAR-OPENING-01", "GRANDALMAR-OPENING-02"))
    second = f"/v1/declarations/{(await house.post('/v1/declarations', other, caller='rival')).json['mrn']}"
    now = house.gateway.clock()
    await sweep(house.gateway.store, lambda: now + timedelta(days=4))
    assert (await house.get(first)).json["status"] == "awaiting-confirmation"
    object.__setattr__(house.gateway, "clock", lambda: now + timedelta(days=6))
    late = await house.post(f"{first}/confirmation", answering())
    assert (late.status, late.json["state"]) == (409, "declined"), "the time counts, and not the next look"
    await sweep(house.gateway.store, house.gateway.clock)
    for path in first, second:
        shown = (await house.get(path, "rival")).json
        assert (shown["status"], shown["mandate"]["outcome"]) == ("declined", "unconfirmed")
    assert (await told(house, "rival"))[-2:] == ["declined", "declined"]


async def test_big_declarations_are_held_to_it_in_a_process_of_their_own(house):
    padding = b"<!--" + b"x" * (PROCESS + 1) + b"-->"
    whole = read_sample("import-hotel-supplies.xml") + padding
    refused = await house.post("/v1/declarations", whole, "application/xml", caller="rival", Accept="application/json")
    assert refused.rules == ["mandate.missing"]
    await grant(house, ConfirmationCode="each")
    taken = await house.post("/v1/declarations", whole, "application/xml", caller="rival", Accept="application/json")
    path = f"/v1/declarations/{taken.json['mrn']}"
    assert (await house.get(path)).json["status"] == "awaiting-confirmation"
    assert (await house.post(f"{path}/confirmation", answering() + b" " * PROCESS)).status == 200
    assert len(await house.deliveries("fsa")) == 1


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
