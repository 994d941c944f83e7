"""A trader takes a declaration back over HTTP, in both formats, once, and only while it may; an agency learns of it."""

import msgspec
import pytest

from tests.gateway.http.conftest import canonical
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.scripted import invalidation

API = "{urn:guichet:api:1}"
RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"
CANCEL_XML = """<md:MetaData xmlns:md="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2">
  <Declaration xmlns="urn:wco:datamodel:WCO:DEC-DMS:2">
    <FunctionCode>13</FunctionCode>
    <FunctionalReferenceID>INV-1</FunctionalReferenceID>
    <ID>{mrn}</ID>
    <TypeCode>INV</TypeCode>
    <AdditionalInformation>
      <StatementDescription>Lodged twice by mistake</StatementDescription>
      <StatementTypeCode>AES</StatementTypeCode>
    </AdditionalInformation>
    <Amendment>
      <ChangeReasonCode>1</ChangeReasonCode>
    </Amendment>
  </Declaration>
</md:MetaData>"""


def body_of(mrn: str, form: str) -> bytes:
    return invalidation(mrn) if form == "json" else CANCEL_XML.format(mrn=mrn).encode()


async def take_back(house, mrn: str, form: str = "json", caller: str = "trader", **headers):
    path, body = f"/v1/declarations/{mrn}/invalidation", body_of(mrn, form)
    return await house.post(path, body, f"application/{form}", caller=caller, **headers)


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_an_invalidated_declaration_is_so_everywhere(house, form):
    mrn = (await house.lodge())["mrn"]
    done = await take_back(house, mrn, form, Accept="application/json")
    assert (done.status, done.json["mrn"], done.json["replayed"]) == (200, mrn, False)
    assert done.headers["X-Conversation-ID"] == done.json["conversation_id"]
    case = f"/v1/declarations/{mrn}"
    status = (await house.get(case)).json
    assert status["status"] == "invalidated"
    assert {line["status"] for line in status["agencies"]} == {"withdrawn"}
    timeline = (await house.get(f"{case}/timeline")).json
    assert timeline["intact"] and timeline["events"][-1]["kind"] == "invalidated"
    response = (await house.get(f"{case}/response", Accept="application/xml")).xml
    assert response.findtext(f"{RES}Response/{RES}FunctionCode") == "10"
    assert response.findtext(f"{RES}Response/{RES}Declaration/{RES}ID") == mrn


async def test_the_invalidation_is_kept_as_it_came_and_given_in_either_format(house):
    mrn = (await house.lodge())["mrn"]
    path, body = f"/v1/declarations/{mrn}/invalidation", body_of(mrn, "xml")
    assert (await house.get(path)).status == 404
    await take_back(house, mrn, "xml")
    kept = await house.get(path)
    assert (kept.status, kept.media, kept.body) == (200, "application/xml", body)
    as_json = await house.get(f"{path}?as=json")
    assert as_json.body == canonical(house, body, "xml") == canonical(house, body_of(mrn, "json"), "json")
    assert (await house.get(path, Accept="application/json")).status == 406
    assert (await house.get(path, "rival")).status == 404


async def test_the_same_again_in_either_format_is_acknowledged_and_another_is_a_conflict(house):
    mrn = (await house.lodge())["mrn"]
    first = (await take_back(house, mrn)).json
    for form in "json", "xml":
        again = await take_back(house, mrn, form, Accept="application/json", If_Match='"1-json"')
        assert again.status == 200
        assert again.json == {**first, "replayed": True}
        assert again.headers["X-Conversation-ID"] == first["conversation_id"]
    other = await house.post(f"/v1/declarations/{mrn}/invalidation", invalidation(mrn, "Another reason"))
    assert (other.status, other.json["type"]) == (409, "urn:guichet:problem:conflict")
    assert (other.json["mrn"], other.json["digests"][0]) == (mrn, first["digest"])


async def test_an_agency_finds_it_gone_and_a_late_decision_is_told_why(house):
    mrn = (await house.lodge())["mrn"]
    [waiting] = await house.deliveries("fsa")
    await take_back(house, mrn)
    assert await house.deliveries("fsa") == []
    late = await house.post(f"{waiting['href']}/decision", GRANTED, caller="fsa")
    assert (late.status, late.json["type"]) == (409, "urn:guichet:problem:withdrawn")
    assert mrn in late.json["detail"] and waiting["id"] in late.json["detail"]
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "invalidated"


async def test_what_is_released_cannot_be_taken_back_and_the_problem_says_what_could(house):
    mrn = (await house.lodge("import-machine-parts-germany"))["mrn"]
    late = await take_back(house, mrn)
    assert (late.status, late.json["type"]) == (409, "urn:guichet:problem:illegal-state")
    assert (late.json["mrn"], late.json["state"]) == (mrn, "released")
    assert late.json["legal"] == ["accepted", "under-control", "held", "ready", "awaiting-confirmation"]
    assert (
        "released" in late.json["detail"]
        and "accepted, under-control, held, ready or awaiting-confirmation" in late.json["detail"]
    )
    as_xml = (await take_back(house, mrn, "xml")).xml
    assert [each.text for each in as_xml.iterfind("{*}legal/{*}i")] == late.json["legal"]
    in_french = await take_back(house, mrn, Accept_Language="fr")
    assert in_french.json["title"] == "L\u2019\u00e9tat du dossier ne le permet pas"
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "released"


@pytest.mark.parametrize("mrn", [None, "26XZ0000000000000Z", "x"])
async def test_a_case_of_another_account_is_as_one_that_never_was(house, mrn):
    mrn = mrn or (await house.lodge())["mrn"]
    reply = await take_back(house, mrn, caller="rival")
    assert (reply.status, reply.json["type"]) == (404, "urn:guichet:problem:unknown")


async def test_the_message_must_name_the_declaration_that_it_is_sent_for(house):
    mrn, other = [(await house.lodge(sample))["mrn"] for sample in ("import-hotel-supplies", "import-relief-goods")]
    reply = await house.post(f"/v1/declarations/{mrn}/invalidation", body_of(other, "json"))
    assert (reply.status, reply.rules) == (422, ["act.other-declaration"])
    [found] = reply.json["issues"]
    assert (found["json_pointer"], found["value"], found["expected"]) == ("/MetaData/Declaration/ID", other, mrn)
    as_xml = body_of(other, "xml")
    reply = await house.post(
        f"/v1/declarations/{mrn}/invalidation", as_xml, "application/xml", Accept="application/json"
    )
    assert CANCEL_XML.split("\n")[reply.json["issues"][0]["line"] - 1].strip() == "<ID>{mrn}</ID>"
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "under-control"


async def test_only_an_invalidation_invalidates_and_all_that_is_wrong_with_one_is_told(house):
    mrn = (await house.lodge())["mrn"]
    path = f"/v1/declarations/{mrn}/invalidation"
    reply = await house.post(path, b'{"Decision":{"OutcomeCode":"granted"}}')
    assert (reply.status, reply.rules) == (422, ["message.not-invalidating"])
    document = msgspec.json.decode(invalidation(mrn))
    del document["MetaData"]["Declaration"]["Amendment"]
    document["MetaData"]["Declaration"]["FunctionCode"] = "9"
    reply = await house.post(path, msgspec.json.encode(document))
    assert (reply.status, reply.json["issues_total"]) == (422, 2)
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "under-control"


# The version of a case


async def test_the_status_has_the_version_for_an_etag_in_each_format(house):
    mrn = (await house.lodge("import-cut-flowers-kenya"))["mrn"]
    path = f"/v1/declarations/{mrn}"
    as_json = await house.get(path)
    as_xml = await house.get(path, Accept="application/xml")
    assert (as_json.headers["ETag"], as_xml.headers["ETag"]) == ('"1-json"', '"1-xml"')
    [waiting] = await house.deliveries("phs")
    await house.post(f"{waiting['href']}/decision", b'{"Decision":{"OutcomeCode":"held"}}', caller="phs")
    assert (await house.get(path)).headers["ETag"] == '"2-json"'


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_a_case_that_has_changed_since_it_was_seen_is_left_alone(house, form):
    mrn = (await house.lodge())["mrn"]
    path, accept = f"/v1/declarations/{mrn}", f"application/{form}"
    seen = (await house.get(path, Accept=accept)).headers["ETag"]
    [waiting] = await house.deliveries("fsa")
    await house.post(f"{waiting['href']}/decision", GRANTED, caller="fsa")
    stale = await take_back(house, mrn, If_Match=seen)
    assert (stale.status, stale.json["type"], stale.json["mrn"]) == (412, "urn:guichet:problem:changed", mrn)
    assert (await house.get(path)).json["status"] == "under-control"
    fresh = (await house.get(path, Accept=accept)).headers["ETag"]
    assert (await take_back(house, mrn, If_Match=fresh)).status == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("*", 200),
        (' "9-json" , "1-xml"', 200),
        ('"9-json"', 412),
        ('W/"1-json"', 412),
        ("1-json", 412),
        ('"1"', 412),
        ("\u00ff", 412),
    ],
)
async def test_conditions_are_compared_strongly(house, condition, status):
    mrn = (await house.lodge())["mrn"]
    assert (await take_back(house, mrn, If_Match=condition)).status == status


async def test_without_a_condition_it_is_taken(house):
    mrn = (await house.lodge())["mrn"]
    [waiting] = await house.deliveries("fsa")
    await house.post(f"{waiting['href']}/decision", GRANTED, caller="fsa")
    assert (await take_back(house, mrn)).status == 200
