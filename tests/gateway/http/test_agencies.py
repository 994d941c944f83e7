"""What an agency can do over HTTP: its inbox page by page, each delivery in its own format, and its decision, once."""

import pytest

GRANTED = b'{"Decision":{"OutcomeCode":"granted","LPCO":[{"TypeCode":"N853","ID":"XZ-FS-1"}]}}'
GRANTED_XML = (
    b'<Decision xmlns="urn:guichet:agency:1"><OutcomeCode>granted</OutcomeCode>'
    b"<LPCO><TypeCode>N853</TypeCode><ID>XZ-FS-1</ID></LPCO></Decision>"
)
REFUSED = b'{"Decision":{"OutcomeCode":"refused","Reason":"No certificate"}}'
API = "{urn:guichet:api:1}"
INBOX = "/v1/agency/deliveries"


async def test_the_inbox_holds_what_waits_and_where_to_read_it(house):
    mrn = (await house.lodge())["mrn"]
    page = (await house.get(INBOX, "phs")).json
    assert page["next"] is None
    [waiting] = page["deliveries"]
    assert waiting["mrn"] == mrn
    assert waiting["items"] == [3, 4]
    assert waiting["requirements"] == ["PHS-002", "PHS-003", "PHS-004"]
    assert waiting["href"] == f"{INBOX}/{waiting['id']}"
    as_xml = (await house.get(INBOX, "phs", Accept="application/xml")).xml
    assert as_xml.findtext(f"{API}deliveries/{API}i/{API}id") == waiting["id"]
    assert as_xml.find(f"{API}next") is None


async def test_the_inbox_is_read_page_by_page_without_gap_or_repeat(house):
    samples = ("import-hotel-supplies", "import-cut-flowers-kenya", "import-orchids-thailand", "import-relief-goods")
    for sample in samples:
        await house.lodge(sample)
    seen, after = [], ""
    while after is not None:
        page = (await house.get(f"{INBOX}?limit=2{after and '&after=' + after}", "phs")).json
        seen += [waiting["mrn"] for waiting in page["deliveries"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == len(samples)
    assert seen == [waiting["mrn"] for waiting in await house.deliveries("phs")]


async def test_a_full_last_page_is_known_to_be_the_last(house):
    await house.lodge("import-cut-flowers-kenya")
    assert (await house.get(f"{INBOX}?limit=1", "phs")).json["next"] is None


@pytest.mark.parametrize("limit", ["0", "501", "-1", "ten", "", "1e2", "9999999999999999999999", "%FF", "\u0661"])
async def test_a_limit_out_of_range_is_refused(house, limit):
    reply = await house.get(f"{INBOX}?limit={limit}", "phs")
    assert (reply.status, reply.rules) == (400, ["query.limit"])


@pytest.mark.parametrize(("caller", "form"), [("fsa", "json"), ("phs", "xml")])
async def test_a_delivery_comes_in_the_agencys_own_format_and_is_a_valid_message(house, caller, form):
    await house.lodge()
    [waiting] = await house.deliveries(caller)
    reply = await house.get(waiting["href"], caller)
    assert (reply.status, reply.media) == (200, f"application/{form}")
    checked = await house.post("/v1/validations", reply.body, reply.media, caller=caller, Accept="application/json")
    assert checked.json["message"] == "guichet/1/PermitRequest"
    other = {"json": "application/xml", "xml": "application/json"}[form]
    assert (await house.get(waiting["href"], caller, Accept=other)).status == 406
    assert (await house.get(waiting["href"], caller, Accept="text/*, application/*;q=0.1")).status == 200


@pytest.mark.parametrize(("body", "form"), [(GRANTED, "json"), (GRANTED_XML, "xml")])
async def test_a_decision_is_taken_once_and_seen_by_the_trader(house, body, form):
    mrn = (await house.lodge("import-chilled-beef-argentina"))["mrn"]
    [waiting] = await house.deliveries("fsa")
    path = f"{waiting['href']}/decision"
    first = await house.post(path, body, f"application/{form}", caller="fsa", Accept="application/json")
    assert first.status == 200
    decided = {"mrn": mrn, "delivery_id": waiting["id"], "outcome": "granted", "queries": [], "replayed": False}
    assert first.json == decided
    again = await house.post(path, GRANTED, caller="fsa")
    assert (again.status, again.json["replayed"]) == (200, True)
    again_xml = await house.post(path, GRANTED_XML, "application/xml", caller="fsa")
    assert again_xml.xml.tag == f"{API}decision"
    assert again_xml.xml.findtext(f"{API}replayed") == "true"
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "released"
    assert await house.deliveries("fsa") == []
    response = (await house.get(f"/v1/declarations/{mrn}/response")).json["MetaData"]["Response"][0]
    assert response["FunctionCode"] == "08"


async def test_another_final_decision_is_a_conflict(house):
    await house.lodge("import-chilled-beef-argentina")
    [waiting] = await house.deliveries("fsa")
    path = f"{waiting['href']}/decision"
    await house.post(path, GRANTED, caller="fsa")
    other = await house.post(path, REFUSED, caller="fsa")
    assert other.status == 409
    assert other.json["type"] == "urn:guichet:problem:decided"
    assert "granted" in other.json["detail"]


async def test_a_hold_may_be_followed_by_a_final_decision(house):
    mrn = (await house.lodge("import-chilled-beef-argentina"))["mrn"]
    [waiting] = await house.deliveries("fsa")
    held = b'{"Decision":{"OutcomeCode":"held","Reason":"Inspection"}}'
    assert (await house.post(f"{waiting['href']}/decision", held, caller="fsa")).status == 200
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "held"
    assert (await house.post(f"{waiting['href']}/decision", REFUSED, caller="fsa")).status == 200
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "refused"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'{"Decision":{"OutcomeCode":"perhaps"}}', "value.code"),
        (b'{"Decision":{}}', "element.missing"),
        (b'{"Decision":{"OutcomeCode":"granted","DeliveryID":"another"}}', "decision.delivery-mismatch"),
    ],
)
async def test_a_decision_that_cannot_be_used_is_refused_and_changes_nothing(house, body, rule):
    mrn = (await house.lodge("import-chilled-beef-argentina"))["mrn"]
    [waiting] = await house.deliveries("fsa")
    reply = await house.post(f"{waiting['href']}/decision", body, caller="fsa")
    assert (reply.status, reply.rules) == (422, [rule])
    assert (await house.get(f"/v1/declarations/{mrn}")).json["status"] == "accepted"
