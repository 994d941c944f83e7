"""What a trader can do over HTTP, good and bad, in both formats."""

from datetime import date
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from lxml import etree

from tests.gateway.http.conftest import canonical, read_sample
from tests.gateway.ledger import by_hand

FLOWERS = "import-cut-flowers-kenya"
API = "{urn:guichet:api:1}"
RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_a_lodged_declaration_is_taken_and_named(house, form):
    reply = await house.post(
        "/v1/declarations", read_sample(f"{FLOWERS}.{form}"), f"application/{form}", Accept="application/json"
    )
    assert reply.status == 202
    taken = reply.json
    assert reply.headers["Location"] == f"/v1/declarations/{taken['mrn']}"
    assert reply.headers["X-Conversation-ID"] == taken["conversation_id"] == str(UUID(taken["conversation_id"]))
    assert len(taken["digest"]) == 64
    assert taken["replayed"] is False
    assert (await house.get(reply.headers["Location"])).json["mrn"] == taken["mrn"]


async def test_without_a_wish_the_answer_is_in_the_format_of_the_body(house):
    as_xml = await house.post("/v1/declarations", read_sample(f"{FLOWERS}.xml"), "text/xml")
    as_json = await house.post("/v1/declarations", read_sample("import-chilled-beef-argentina.json"))
    assert as_xml.media == "application/xml"
    assert as_xml.xml.tag == f"{API}acceptance"
    assert len(as_xml.xml.findtext(f"{API}mrn")) == 18
    assert as_xml.xml.findtext(f"{API}replayed") == "false"
    assert as_json.media == "application/json"


@pytest.mark.parametrize("media", ["application/vnd.example.2+json", "application/json; charset=UTF-8"])
async def test_other_names_of_a_format_are_taken(house, media):
    reply = await house.post("/v1/declarations", read_sample(f"{FLOWERS}.json"), media)
    assert reply.status == 202
    kept = await house.get(reply.headers["Location"] + "/message")
    assert kept.headers["Content-Type"] == media.lower()


async def test_the_same_again_is_answered_the_same_under_the_first_conversation(house):
    body, again = read_sample(f"{FLOWERS}.xml"), read_sample(f"{FLOWERS}.json")
    first = await house.post("/v1/declarations", body, "application/xml", Idempotency_Key="k1", Accept="*/json, */*")
    second = await house.post("/v1/declarations", again, Idempotency_Key="k1", X_Conversation_ID=str(uuid4()))
    assert second.status == 202
    assert second.json["replayed"] is True
    assert second.json["mrn"] == first.xml.findtext(f"{API}mrn")
    assert second.headers["X-Conversation-ID"] == first.headers["X-Conversation-ID"]
    assert second.headers["Location"] == first.headers["Location"]


async def test_another_document_under_the_same_key_is_a_conflict_that_names_both(house):
    body, other = read_sample(f"{FLOWERS}.json"), read_sample("import-chilled-beef-argentina.json")
    first = await house.post("/v1/declarations", body, Idempotency_Key="k1")
    second = await house.post("/v1/declarations", other, Idempotency_Key="k1")
    assert second.status == 409
    assert second.json["type"] == "urn:guichet:problem:conflict"
    assert second.json["mrn"] == first.json["mrn"]
    assert second.json["digests"] == [sha256(body).hexdigest(), sha256(other).hexdigest()]
    assert second.json["digests"][0] == first.json["digest"]
    assert "SHA-256 of the bytes" in second.json["detail"]
    as_xml = await house.post("/v1/declarations", other, Idempotency_Key="k1", Accept="application/xml")
    assert [digest.text for digest in as_xml.xml.iterfind("{*}digests/{*}i")] == second.json["digests"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "caf\u00e9"])
async def test_a_key_that_cannot_be_one_is_refused(house, key):
    reply = await house.post("/v1/declarations", read_sample(f"{FLOWERS}.json"), Idempotency_Key=key)
    assert (reply.status, reply.rules) == (400, ["header.idempotency-key"])


@pytest.mark.parametrize("key", ["!", "~" * 255])
async def test_the_longest_and_the_shortest_key_are_taken(house, key):
    reply = await house.post("/v1/declarations", read_sample(f"{FLOWERS}.json"), Idempotency_Key=key)
    assert reply.status == 202


async def test_all_that_is_wrong_is_told_at_once(house):
    broken = read_sample(f"{FLOWERS}.json").replace(b'"TypeCode"', b'"TypoCode"', 1)
    broken = broken.replace(b'"GoodsItemQuantity": 3', b'"GoodsItemQuantity": "three"', 1)
    for path in ("/v1/declarations", "/v1/validations"):
        reply = await house.post(path, broken)
        assert reply.status == 422
        assert reply.json["issues_total"] == len(reply.json["issues"]) > 1
        assert reply.json["blame"] == "sender"
        assert all(issue["json_pointer"] for issue in reply.json["issues"])


async def test_only_declarations_are_lodged(house):
    decision = b'{"Decision":{"OutcomeCode":"granted"}}'
    reply = await house.post("/v1/declarations", decision)
    assert (reply.status, reply.rules) == (422, ["message.not-lodged-here"])


async def test_the_header_may_name_the_message_type(house):
    body = read_sample(f"{FLOWERS}.json")
    good = await house.post("/v1/validations", body, Guichet_Message="wco-dms/3.6/DEC")
    assert (good.status, good.json["message"]) == (200, "wco-dms/3.6/DEC")
    other = await house.post("/v1/validations", body, Guichet_Message="wco-dms/3.6/RES")
    assert other.status == 422
    for path in ("/v1/validations", "/v1/conversions", "/v1/declarations"):
        unknown = await house.post(path, body, Guichet_Message="wco-dms/9/DEC\u00ff")
        assert (unknown.status, unknown.rules) == (422, ["message.no-such-type"])


async def test_the_status_has_a_line_for_each_agency(house):
    mrn = (await house.lodge())["mrn"]
    as_json = (await house.get(f"/v1/declarations/{mrn}")).json
    assert [line["code"] for line in as_json["agencies"]] == ["FSA", "MED", "PHS", "TEX", "WLD"]
    as_xml = (await house.get(f"/v1/declarations/{mrn}", Accept="application/xml")).xml
    assert as_xml.tag == f"{API}status"
    assert as_xml.findtext(f"{API}status") == as_json["status"] == "under-control"
    assert [line.text for line in as_xml.iterfind(f"{API}agencies/{API}i/{API}code")] == [
        line["code"] for line in as_json["agencies"]
    ]


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_the_message_comes_back_byte_for_byte_and_in_the_other_format(house, form):
    body, other = read_sample(f"{FLOWERS}.{form}"), {"xml": "json", "json": "xml"}[form]
    path = (await house.post("/v1/declarations", body, f"application/{form}")).headers["Location"] + "/message"
    for query in ("", f"?as={form}"):
        kept = await house.get(path + query)
        assert (kept.status, kept.media, kept.body) == (200, f"application/{form}", body)
    converted = await house.get(f"{path}?as={other}")
    assert converted.media == f"application/{other}"
    assert canonical(house, converted.body, other) == canonical(house, body, form)


async def test_what_was_lodged_as_xml_is_given_as_json_from_what_was_stored_then(house):
    reply = await house.post("/v1/declarations", read_sample(f"{FLOWERS}.xml"), "application/xml")
    path = reply.headers["Location"] + "/message"
    stored = (await house.get(f"{path}?as=json")).body
    with by_hand(house.gateway.settings.database_path) as connection:
        connection.execute("UPDATE message SET body = CAST('what no reader takes any more' AS BLOB)")
    again = await house.get(f"{path}?as=json")
    assert (again.status, again.media, again.body) == (200, "application/json", stored)


async def test_a_caller_who_does_not_accept_the_kept_format_is_told_how_to_get_its_own(house):
    mrn = (await house.lodge())["mrn"]
    refused = await house.get(f"/v1/declarations/{mrn}/message", Accept="application/xml")
    assert refused.status == 406
    assert "?as=xml" in refused.xml.findtext("{*}detail")
    assert (await house.get(f"/v1/declarations/{mrn}/message?as=xml", Accept="application/json")).media.endswith("xml")
    unknown = await house.get(f"/v1/declarations/{mrn}/message?as=pdf%FF")
    assert (unknown.status, unknown.rules) == (400, ["query.as"])


async def test_the_response_comes_in_either_format_and_is_a_valid_message(house):
    path = f"/v1/declarations/{(await house.lodge())['mrn']}/response"
    as_json, as_xml = await house.get(path), await house.get(path, Accept="text/xml")
    assert as_json.media == "application/json"
    assert as_json.json["MetaData"]["Response"][0]["FunctionCode"] == "05"
    assert as_xml.media == "text/xml"
    assert as_xml.xml.findtext(f"{RES}Response/{RES}FunctionCode") == "05"
    for reply in (as_json, as_xml):
        checked = await house.post("/v1/validations", reply.body, reply.media, Accept="application/json")
        assert checked.json["message"] == "wco-dms/3.6/RES"


async def test_the_timeline_tells_every_step_in_order(house):
    path = f"/v1/declarations/{(await house.lodge())['mrn']}/timeline"
    as_json = (await house.get(path)).json
    kinds = [event["kind"] for event in as_json["events"]]
    assert kinds[:4] == ["received", "validated", "routed", "accepted"]
    assert [event["seq"] for event in as_json["events"]] == list(range(1, len(kinds) + 1))
    as_xml = (await house.get(path, Accept="application/xml")).xml
    assert [kind.text for kind in as_xml.iterfind(f"{API}events/{API}i/{API}kind")] == kinds


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
async def test_a_dry_run_says_valid_and_leaves_nothing_behind(house, form, accept):
    reply = await house.post("/v1/validations", read_sample(f"{FLOWERS}.{form}"), f"application/{form}", Accept=accept)
    assert reply.status == 200
    if accept == "application/json":
        said = reply.json
        assert date.fromisoformat(said.pop("as_of"))
        assert said == {"valid": True, "message": "wco-dms/3.6/DEC", "issues": [], "issues_total": 0}
    else:
        assert reply.xml.findtext(f"{API}valid") == "true"
    lodged = await house.post(
        "/v1/declarations", read_sample(f"{FLOWERS}.{form}"), f"application/{form}", Accept="application/json"
    )
    assert lodged.json["replayed"] is False


async def test_a_conversion_gives_the_other_format_unless_asked_for_the_same(house):
    xml, json = read_sample("import-hotel-supplies.xml"), read_sample("import-hotel-supplies.json")
    to_json = await house.post("/v1/conversions", xml, "application/xml")
    to_xml = await house.post("/v1/conversions", json)
    assert (to_json.media, to_xml.media) == ("application/json", "application/xml")
    assert to_json.body == canonical(house, json, "json")
    assert etree.tostring(to_xml.xml, method="c14n") == etree.tostring(
        etree.fromstring((await house.post("/v1/conversions", to_json.body)).body), method="c14n"
    )
    same = await house.post("/v1/conversions", json, Accept="application/json")
    assert same.body == to_json.body


async def test_a_big_message_is_converted_like_a_small_one(house):
    """Above 64 KiB the work moves to a thread; the answer must not show it."""
    body = read_sample("import-supermarket-thirty-items.xml")
    assert len(body) > 64 * 1024
    there = await house.post("/v1/conversions", body, "application/xml")
    assert there.status == 200
    assert (await house.post("/v1/validations", body, "application/xml", Accept="application/json")).json["valid"]
    assert (await house.post("/v1/validations", body[:-20], "application/xml")).status == 400
    lodged = await house.post("/v1/declarations", body, "application/xml")
    back = await house.get(lodged.headers["Location"] + "/message?as=json")
    assert back.body == there.body


async def test_head_is_answered_as_get_is_without_the_body(house):
    path = f"/v1/declarations/{(await house.lodge())['mrn']}"
    got, head = await house.get(path), await house.call("HEAD", path, "trader")
    assert head.status == 200
    assert head.body == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert (await house.call("HEAD", "/v1/declarations/26XZ00000000000000", "trader")).status == 404
