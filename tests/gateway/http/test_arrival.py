"""Goods that were declared before arrival: agencies decide at once, and nothing is released until they are there."""

import re

import pytest

from tests.gateway.http.conftest import canonical
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.scripted import altered, arrival, invalidation

ROSES, PARTS = "import-cut-flowers-kenya.json", "import-machine-parts-germany.json"
OTHER_REFERENCE = ("BLOOMFREIGHT-20261102-07", "BLOOMFREIGHT-20261102-08")
BEFORE = ('"TypeCode": "IMA"', '"TypeCode": "IMD"')
PLACE = {"Name": "XZALMQUAY4", "TypeCode": "A", "Address": {"TypeCode": "U", "CountryCode": "XZ"}}
AT, STAMP = "20261101063000Z", "2026-11-01T06:30:00.000Z"
RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"
XML = """<md:MetaData xmlns:md="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2">
  <Declaration xmlns="urn:wco:datamodel:WCO:DEC-DMS:2">
    <FunctionCode>13</FunctionCode>
    <FunctionalReferenceID>GPN-1</FunctionalReferenceID>
    <ID>{mrn}</ID>
    <TypeCode>GPR</TypeCode>
    <Submitter>
      <ID>XZ100200300430</ID>
    </Submitter>
  </Declaration>
</md:MetaData>"""


async def lodge(house, sample: str, *changes: tuple[str, str]) -> str:
    reply = await house.post("/v1/declarations", altered(sample, *changes))
    assert reply.status == 202, reply.body
    return reply.json["mrn"]


async def arrive(house, mrn: str, body: bytes | None = None, form: str = "json", caller: str = "trader", **headers):
    path = f"/v1/declarations/{mrn}/arrival"
    return await house.post(path, body or arrival(mrn), f"application/{form}", caller=caller, **headers)


async def stands(house, mrn: str) -> dict:
    return (await house.get(f"/v1/declarations/{mrn}")).json


async def response(house, mrn: str):
    """The function code, and the lines on arrival and supplement."""
    body = (await house.get(f"/v1/declarations/{mrn}/response", Accept="application/json")).json["MetaData"]["Response"]
    lines = body[0].get("AdditionalInformation", [])
    told = [(each["StatementTypeCode"], each["StatementCode"], each["StatementDescription"]) for each in lines]
    return body[0]["FunctionCode"], [each for each in told if each[0] in ("ARR", "SUP")]


async def history(house, mrn: str) -> list[str]:
    told = (await house.get(f"/v1/declarations/{mrn}/timeline")).json
    assert told["intact"]
    return [event["kind"] for event in told["events"]]


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_what_nobody_has_to_see_is_ready_until_it_has_arrived(house, form):
    mrn = await lodge(house, PARTS, BEFORE)
    before = await stands(house, mrn)
    assert (before["status"], before["arrival"]) == ("ready", {"awaited": True, "arrived_at": None, "location": None})
    assert await response(house, mrn) == ("02", [("ARR", "GPR", "awaited")])
    body = XML.format(mrn=mrn).encode() if form == "xml" else arrival(mrn)
    done = await arrive(house, mrn, body, form, Accept="application/json")
    assert (done.status, done.json["location"], done.json["replayed"]) == (200, "XZALMQUAY4", False)
    assert done.json["arrived_at"] == done.json["recorded_at"], "when it came, where it does not say when"
    after = await stands(house, mrn)
    arrived = {"awaited": False, "arrived_at": done.json["arrived_at"], "location": "XZALMQUAY4"}
    assert (after["status"], after["arrival"], after["version"]) == ("released", arrived, 1)
    function, [line] = await response(house, mrn)
    assert (function, line[:2]) == ("08", ("ARR", "GPR")) and "XZALMQUAY4" in line[2]
    assert (await history(house, mrn))[-3:] == ["ready", "arrival", "released"]
    told = (await house.get("/v1/notifications?after=0")).json["notifications"]
    assert [each["kind"] for each in told] == ["accepted", "ready", "arrival", "released"]
    kept = await house.get(f"/v1/declarations/{mrn}/arrival")
    assert (kept.body, kept.media) == (body, f"application/{form}")
    for wanted in "xml", "json":
        shown = await house.get(f"/v1/declarations/{mrn}/arrival?as={wanted}")
        assert canonical(house, shown.body, wanted) == canonical(house, arrival(mrn), "json")


async def decide(house, mrn: str, caller: str = "phs") -> None:
    [own] = [each for each in await house.deliveries(caller) if each["mrn"] == mrn]
    assert (await house.post(f"{own['href']}/decision", GRANTED, caller=caller)).status == 200


async def test_agencies_decide_before_arrival_and_release_follows_whichever_comes_last(house):
    first, second = await lodge(house, ROSES, BEFORE), await lodge(house, ROSES, BEFORE, OTHER_REFERENCE)
    await decide(house, first)
    assert (await stands(house, first))["status"] == "ready"
    assert (await arrive(house, first)).status == 200
    early = await arrive(house, second, arrival(second, AT))
    assert (early.json["arrived_at"], (await stands(house, second))["status"]) == (STAMP, "under-control")
    await decide(house, second)
    for mrn in first, second:
        assert (await stands(house, mrn))["status"] == "released"
    assert (await history(house, first))[-4:] == ["decision", "ready", "arrival", "released"]
    assert (await history(house, second))[-4:] == ["arrival", "under-control", "decision", "released"]


async def test_goods_arrive_once_and_a_repeat_is_acknowledged_in_either_format(house):
    mrn = await lodge(house, PARTS, BEFORE)
    seen = (await house.get(f"/v1/declarations/{mrn}")).headers["ETag"]
    first = await arrive(house, mrn, If_Match=seen)
    for body, form in (arrival(mrn), "json"), (XML.format(mrn=mrn).encode(), "xml"):
        again = await arrive(house, mrn, body, form, Accept="application/json", If_Match=seen)
        assert (again.status, again.json) == (200, {**first.json, "replayed": True})
        assert again.headers["X-Conversation-ID"] == first.headers["X-Conversation-ID"]
    other = await arrive(house, mrn, arrival(mrn, AT))
    assert (other.status, other.json["type"]) == (409, "urn:guichet:problem:conflict")
    assert (await history(house, mrn)).count("arrival") == 1


@pytest.mark.parametrize(
    ("fields", "rule", "place"),
    [
        ({"at": "20991231235959Z"}, "arrival.time", "IssueDateTime/DateTimeString"),
        ({"at": "20260230120000Z"}, "arrival.time", "IssueDateTime/DateTimeString"),
        (
            {"place": PLACE | {"Name": "XZALMQUAY5"}},
            "arrival.other-place",
            "GoodsShipment/Consignment/GoodsLocation/Name",
        ),
        ({"mrn": "26XZ0000000000000Z"}, "act.other-declaration", "ID"),
    ],
)
async def test_what_does_not_fit_the_declaration_is_refused_and_says_where(house, fields, rule, place):
    mrn = await lodge(house, PARTS, BEFORE)
    reply = await arrive(house, mrn, arrival(**({"mrn": mrn} | fields)))
    assert (reply.status, reply.rules) == (422, [rule])
    assert reply.json["issues"][0]["json_pointer"] == f"/MetaData/Declaration/{place}"
    assert (await stands(house, mrn))["status"] == "ready"
    good = arrival(mrn, "20261101083000+02", PLACE)
    assert (await arrive(house, mrn, good)).json["arrived_at"] == STAMP


async def test_who_declares_no_place_at_all_has_to_name_it_on_arrival(house):
    declared = re.search(r'"GoodsLocation": {.*?"XZ"\s*}\s*},', altered(PARTS).decode(), re.DOTALL)
    mrn = await lodge(house, PARTS, BEFORE, (declared[0], ""))
    reply = await arrive(house, mrn)
    assert (reply.status, reply.rules) == (422, ["arrival.no-place"])
    assert (await arrive(house, mrn, arrival(mrn, place=PLACE))).json["location"] == "XZALMQUAY4"


async def test_only_what_was_declared_before_arrival_arrives_and_only_its_owner_says_so(house):
    there, coming = await lodge(house, ROSES), await lodge(house, PARTS, BEFORE)
    reply = await arrive(house, there)
    assert (reply.status, reply.rules) == (422, ["arrival.not-awaited"])
    assert "arrival" not in await stands(house, there) or (await stands(house, there))["arrival"] is None
    assert (await arrive(house, coming, caller="rival")).status == 404
    assert (await house.get(f"/v1/declarations/{coming}/arrival")).status == 404
    wrong = await house.post(f"/v1/declarations/{coming}/arrival", altered(PARTS, BEFORE))
    assert (wrong.status, wrong.rules) == (422, ["message.not-arriving"])
    assert (await arrive(house, coming, If_Match='"7-json"')).json["type"] == "urn:guichet:problem:changed"
    assert (await house.post("/v1/declarations", arrival(coming))).rules == ["message.not-lodged-here"]


async def test_until_it_arrives_it_can_be_amended_and_taken_back_and_a_new_type_does_not_replace_the_arrival(house):
    mrn = await lodge(house, PARTS, BEFORE)
    amended = await house.post(f"/v1/declarations/{mrn}/amendments", altered(PARTS))
    assert (amended.json["version"], (await stands(house, mrn))["status"]) == (2, "ready")
    back = await house.post(f"/v1/declarations/{mrn}/invalidation", invalidation(mrn))
    assert (back.status, (await stands(house, mrn))["status"]) == (200, "invalidated")
    late = await arrive(house, mrn)
    assert (late.status, late.json["legal"]) == (409, ["accepted", "under-control", "held", "ready"])


async def test_amended_to_before_arrival_it_waits_and_both_versions_are_kept_beside_the_arrival(house):
    mrn = await lodge(house, ROSES)
    assert (await house.post(f"/v1/declarations/{mrn}/amendments", altered(ROSES, BEFORE))).json["version"] == 2
    assert (await arrive(house, mrn)).status == 200
    third = altered(ROSES, BEFORE, ('"RoutingCountryCode": "ET"', '"RoutingCountryCode": "AE"'))
    assert (await house.post(f"/v1/declarations/{mrn}/amendments", third)).json["version"] == 3
    for number, body in enumerate((altered(ROSES), altered(ROSES, BEFORE), third), 1):
        assert (await house.get(f"/v1/declarations/{mrn}/message?version={number}")).body == body
    await decide(house, mrn)
    assert (await stands(house, mrn))["status"] == "released"
