"""A trader amends a declaration over HTTP: its versions, its reference, and what an agency sees of it."""

from hashlib import sha256

import pytest

from gateway.offload import PROCESS
from tests.gateway.acts.test_amendment import COFFEE, HOTEL, ROSES
from tests.gateway.http.conftest import canonical, read_sample
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.scripted import altered, invalidation

RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"


async def amend(house, mrn: str, body: bytes, form: str = "json", caller: str = "trader", **headers):
    path = f"/v1/declarations/{mrn}/amendments"
    return await house.post(path, body, f"application/{form}", caller=caller, **headers)


async def test_an_amended_declaration_has_versions_that_are_all_kept(house):
    taken = await house.lodge()
    path = f"/v1/declarations/{taken['mrn']}"
    done = await amend(house, taken["mrn"], altered(HOTEL, ROSES))
    assert (done.status, done.json["version"], done.json["asked"]) == (200, 2, ["PHS"])
    as_xml = read_sample("import-hotel-supplies.xml").replace(b"Coffee machines for bars", b"Coffee machines")
    third = await amend(house, taken["mrn"], as_xml, "xml", Accept="application/json")
    assert (third.json["version"], third.json["asked"]) == (3, ["PHS"])
    status = (await house.get(path)).json
    assert (status["version"], status["digest"], status["status"]) == (3, third.json["digest"], "under-control")
    assert (status["reference"], status["conversation_id"]) == ("GRANDALMAR-OPENING-01", taken["conversation_id"])
    assert (await house.get(f"{path}/message", Accept="application/xml")).body == as_xml
    assert (await house.get(f"{path}/message?version=2")).body == altered(HOTEL, ROSES)
    assert (await house.get(f"{path}/message?version=1")).body == read_sample(HOTEL)
    assert (await house.get(f"{path}/message?version=3&as=json")).body == canonical(house, as_xml, "xml")
    response = (await house.get(f"{path}/response", Accept="application/xml")).xml
    assert response.findtext(f"{RES}Response/{RES}Declaration/{RES}VersionID") == "3"


@pytest.mark.parametrize("number", ["0", "3", "-1", "two", "", "99999999999"])
async def test_a_version_that_there_is_not_is_refused(house, number):
    mrn = (await house.lodge())["mrn"]
    await amend(house, mrn, altered(HOTEL, ROSES))
    reply = await house.get(f"/v1/declarations/{mrn}/message?version={number}")
    assert (reply.status, reply.rules) == (400, ["query.version"])


async def test_an_agency_finds_the_new_request_instead_of_the_old_and_a_late_decision_is_told_why(house):
    mrn = (await house.lodge())["mrn"]
    [before] = await house.deliveries("phs")
    [other] = await house.deliveries("fsa")
    await amend(house, mrn, altered(HOTEL, ROSES))
    [after] = await house.deliveries("phs")
    assert after["id"] != before["id"] and after["mrn"] == mrn
    assert b"70 cm" in (await house.get(after["href"], "phs")).body
    assert await house.deliveries("fsa") == [other]
    late = await house.post(f"{before['href']}/decision", GRANTED, caller="phs")
    assert (late.status, late.json["type"]) == (409, "urn:guichet:problem:superseded")
    assert (await house.post(f"{after['href']}/decision", GRANTED, caller="phs")).status == 200


async def test_the_reference_stays(house):
    mrn = (await house.lodge())["mrn"]
    other = altered(HOTEL, ("GRANDALMAR-OPENING-01", "GRANDALMAR-OPENING-02"), ROSES)
    reply = await amend(house, mrn, other)
    assert (reply.status, reply.rules) == (422, ["act.other-reference"])
    [found] = reply.json["issues"]
    assert found["json_pointer"] == "/MetaData/Declaration/FunctionalReferenceID"
    assert (found["value"], found["expected"]) == ("GRANDALMAR-OPENING-02", "GRANDALMAR-OPENING-01")
    named = altered(HOTEL, ('"FunctionCode": "9",', '"FunctionCode": "9", "ID": "26XZ0000000000000Z",'))
    assert (await amend(house, mrn, named)).rules == ["act.other-declaration"]
    own = altered(HOTEL, ('"FunctionCode": "9",', f'"FunctionCode": "9", "ID": "{mrn}",'))
    assert (await amend(house, mrn, own)).json["version"] == 2


async def test_what_is_not_valid_or_not_there_changes_nothing(house):
    mrn = (await house.lodge())["mrn"]
    broken = altered(HOTEL, ('"GoodsItemQuantity": 11', '"GoodsItemQuantity": "eleven"'))
    assert (await amend(house, mrn, broken)).status == 422
    assert (await amend(house, mrn, altered(HOTEL, ROSES), caller="rival")).status == 404
    assert (await amend(house, "26XZ0000000000000Z", altered(HOTEL, ROSES))).status == 404
    assert (await house.get(f"/v1/declarations/{mrn}")).headers["ETag"] == '"1-json"'


async def test_a_stale_etag_is_412_and_a_repeat_is_acknowledged_all_the_same(house):
    mrn = (await house.lodge())["mrn"]
    seen = (await house.get(f"/v1/declarations/{mrn}")).headers["ETag"]
    first = await amend(house, mrn, altered(HOTEL, ROSES), If_Match=seen)
    again = await amend(house, mrn, altered(HOTEL, ROSES), If_Match=seen)
    assert (again.status, again.json["replayed"]) == (200, True)
    assert again.headers["X-Conversation-ID"] == first.headers["X-Conversation-ID"]
    stale = await amend(house, mrn, altered(HOTEL, COFFEE), If_Match=seen)
    assert (stale.status, stale.json["type"]) == (412, "urn:guichet:problem:changed")


async def test_what_is_released_cannot_be_amended(house):
    mrn = (await house.lodge("import-machine-parts-germany"))["mrn"]
    body = read_sample("import-machine-parts-germany.json").replace(b'"FunctionCode": "9"', b'"FunctionCode": "13"')
    reply = await amend(house, mrn, body)
    assert (reply.status, reply.json["type"], reply.json["state"]) == (
        409,
        "urn:guichet:problem:illegal-state",
        "released",
    )


async def test_big_messages_do_the_same_in_a_process_of_their_own(house):
    mrn = (await house.lodge())["mrn"]
    padding = b"<!--" + b"x" * (PROCESS + 1) + b"-->"
    whole = read_sample("import-hotel-supplies.xml").replace(*(text.encode() for text in ROSES)) + padding
    done = await amend(house, mrn, whole, "xml", Accept="application/json")
    assert (done.status, done.json["version"], done.json["asked"]) == (200, 2, ["PHS"])
    assert (await amend(house, mrn, altered(HOTEL, ROSES))).json["replayed"]
    path, body = f"/v1/declarations/{mrn}/invalidation", invalidation(mrn) + b" " * PROCESS
    assert (await house.post(path, body)).status == 200
    assert (await house.post(path, invalidation(mrn))).json["replayed"]


async def test_a_key_gets_the_first_answer_again_and_another_document_under_it_a_conflict(house):
    mrn = (await house.lodge())["mrn"]
    first = await amend(house, mrn, altered(HOTEL, ROSES), Idempotency_Key="a-1")
    await amend(house, mrn, altered(HOTEL, ROSES, COFFEE))
    again = await amend(house, mrn, altered(HOTEL, ROSES), Idempotency_Key="a-1")
    assert (again.status, again.json) == (200, first.json | {"replayed": True})
    assert again.headers["X-Conversation-ID"] == first.headers["X-Conversation-ID"]
    other = await amend(house, mrn, altered(HOTEL, COFFEE), Idempotency_Key="a-1")
    assert (other.status, other.json["type"], other.json["mrn"]) == (409, "urn:guichet:problem:conflict", mrn)
    digests = [sha256(altered(HOTEL, change)).hexdigest() for change in (ROSES, COFFEE)]
    assert other.json["digests"] == digests
    taking_back = await house.post(f"/v1/declarations/{mrn}/invalidation", invalidation(mrn), Idempotency_Key="a-1")
    assert taking_back.json["digests"] == [digests[0], sha256(invalidation(mrn)).hexdigest()]
    assert (await amend(house, mrn, altered(HOTEL, ROSES), Idempotency_Key="")).rules == ["header.idempotency-key"]
