"""Two parties to one declaration over HTTP: what a broker lodges waits for its importer; `mandated` says who is who."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from gateway.mandates.lapse import end_unconfirmed
from gateway.offload import PROCESS
from tests.gateway.acts.test_amendment import HOTEL, ROSES
from tests.gateway.http.conftest import read_sample
from tests.gateway.http.mandated import IMPORTER, answering, grant, office_open, told, waiting
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.scripted import altered, decision, invalidation

RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"


@pytest.fixture
async def house(tmp_path):
    async with office_open(tmp_path) as made:
        yield made


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
    await end_unconfirmed(replace(house.gateway, clock=lambda: now + timedelta(days=4)))
    assert (await house.get(first)).json["status"] == "awaiting-confirmation"
    object.__setattr__(house.gateway, "clock", lambda: now + timedelta(days=6))
    late = await house.post(f"{first}/confirmation", answering())
    assert (late.status, late.json["state"]) == (409, "declined"), "the time counts, and not the next look"
    await end_unconfirmed(house.gateway)
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


@pytest.mark.parametrize("ending", ["confirmed", "declined", "unconfirmed"])
async def test_agencies_are_told_when_what_they_have_counts_no_more(house, ending):
    path = await waiting(house)
    await house.post(f"{path}/confirmation", answering())
    for caller in "phs", "fsa":
        [waits] = await house.deliveries(caller)
        held = decision("held", Reason="We look at it")
        assert (await house.post(f"{waits['href']}/decision", held, caller=caller)).status == 200
    [roses] = await house.deliveries("phs")
    await house.post(f"{path}/amendments", altered(HOTEL, ROSES), caller="rival")
    assert (await house.get("/v1/agency/notices", "phs")).json["notices"] == [], "what was asked stays asked meanwhile"
    if ending == "unconfirmed":
        now = house.gateway.clock()
        await end_unconfirmed(replace(house.gateway, clock=lambda: now + timedelta(days=30)))
    else:
        done = await house.post(f"{path}/confirmation", answering(ending, Reason="Seen"))
        assert done.status == 200, done.body
    [notice] = (await house.get("/v1/agency/notices", "phs")).json["notices"]
    assert (notice["delivery"], notice["kind"]) == (roses["id"], "amended" if ending == "confirmed" else "invalidated")
    beef = [each["kind"] for each in (await house.get("/v1/agency/notices", "fsa")).json["notices"]]
    assert beef == ([] if ending == "confirmed" else ["invalidated"])


async def test_an_appeal_may_be_ruled_on_while_the_case_waits_and_lapses_with_it(house):
    path = await waiting(house)
    await house.post(f"{path}/confirmation", answering())
    [roses] = await house.deliveries("phs")
    refusal = decision("refused", Finding=[{"Code": "PEST-07", "Description": "Thrips"}])
    assert (await house.post(f"{roses['href']}/decision", refusal, caller="phs")).status == 200
    appeal = msgspec.json.encode({"Appeal": {"DeliveryID": roses["id"], "Grounds": "There were none."}})
    assert (await house.post(f"{path}/appeals", appeal, caller="rival")).status == 200
    await house.post(f"{path}/amendments", altered(HOTEL, ROSES), caller="rival")
    [waits] = (await house.get("/v1/agency/appeals", "phs")).json["appeals"]
    assert (await house.get(f"{path}/appeals/1")).json["status"] == "lodged"
    assert (await house.post(f"{path}/confirmation", answering("declined", Reason="Not ours"))).status == 200
    assert (await house.get("/v1/agency/appeals", "phs")).json["appeals"] == []
    assert (await house.get(f"{path}/appeals/1")).json["status"] == "lapsed"
    ruling = b'{"Ruling": {"OutcomeCode": "upheld", "Reason": "A second look"}}'
    assert (await house.post(waits["ruling"], ruling, caller="phs")).status == 409
