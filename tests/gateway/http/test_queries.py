"""A query over HTTP: an agency asks, the trader sees all of it and answers once, and the agency has the answer."""

import msgspec
import pytest
from lxml import etree

from tests.gateway.http.conftest import canonical
from tests.gateway.http.test_agencies import GRANTED

RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"
AGENCY = "{urn:guichet:agency:1}"
QUESTION = {"ReferenceID": "F/17", "Text": "Which lot is it?", "SequenceNumeric": [1], "AnswerDueDate": "2099-01-31"}
ANSWER = b'{"QueryAnswer":{"Text":"Lot 17","Document":[{"TypeCode":"N380","ID":"INV-17"}]}}'
ANSWER_XML = b"""<QueryAnswer xmlns="urn:guichet:agency:1">
  <Text>Lot 17</Text>
  <Document><TypeCode>N380</TypeCode><ID>INV-17</ID></Document>
</QueryAnswer>"""


def asking(*questions: dict) -> bytes:
    """A decision that asks."""
    return msgspec.json.encode({"Decision": {"OutcomeCode": "query", "Query": questions or (QUESTION,)}})


async def ask(house, caller: str = "fsa", *questions: dict):
    """The agency asks about the first delivery before it."""
    [waiting, *_] = await house.deliveries(caller)
    return await house.post(f"{waiting['href']}/decision", asking(*questions), caller=caller)


async def answer(house, mrn: str, query: str = "FSA-1", body: bytes = ANSWER, media="application/json", **named):
    path = f"/v1/declarations/{mrn}/queries/{query}/answer"
    return await house.post(path, body, media, Accept="application/json", **named)


async def test_a_query_is_told_whole_and_stands_in_the_status_until_it_is_answered(house):
    mrn = (await house.lodge())["mrn"]
    asked = await ask(house)
    assert (asked.status, asked.json["outcome"], asked.json["queries"]) == (200, "query", ["FSA-1"])
    told = (await house.get("/v1/notifications")).json["notifications"][-1]
    assert (told["kind"], told["agency"], told["outcome"]) == ("decision", "FSA", "query")
    href = f"/v1/declarations/{mrn}/queries/FSA-1/answer"
    question = {"id": "FSA-1", "text": "Which lot is it?", "reference": "F/17", "items": [1], "until": "2099-01-31"}
    assert told["queries"] == [{**question, "href": href}]
    status = (await house.get(f"/v1/declarations/{mrn}")).json
    assert next(line["status"] for line in status["agencies"] if line["code"] == "FSA") == "held"
    [line] = status["queries"]
    assert line == {**question, "agency": "FSA", "state": "open", "overdue": False, "answered_at": None} | {
        "asked_at": told["at"]
    }
    response = (await house.get(f"/v1/declarations/{mrn}/response", Accept="application/xml")).xml
    assert response.findtext(f"{RES}Response/{RES}FunctionCode") == "50"
    [stated] = [
        each
        for each in response.iter(f"{RES}AdditionalInformation")
        if each.findtext(f"{RES}StatementTypeCode") == "QRY"
    ]
    texts = [stated.findtext(f"{RES}{name}") for name in ("StatementCode", "StatementDescription")]
    assert (texts, "20990131" in "".join(stated.itertext())) == (["FSA-1", "Which lot is it?"], True)

    done = await answer(house, mrn)
    assert (done.status, done.json["query"], done.json["agency"], done.json["replayed"]) == (200, "FSA-1", "FSA", False)
    [line] = (await house.get(f"/v1/declarations/{mrn}")).json["queries"]
    assert (line["state"], line["answered_at"]) == ("answered", done.json["answered_at"])
    timeline = (await house.get(f"/v1/declarations/{mrn}/timeline")).json
    assert timeline["intact"] and timeline["events"][-1]["kind"] == "answer"
    assert "Lot 17" not in msgspec.json.encode(timeline).decode(), "no free text in the chain"


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_the_answer_is_kept_as_it_came_and_stands_before_the_agency(house, form):
    mrn, body = (await house.lodge())["mrn"], {"xml": ANSWER_XML, "json": ANSWER}[form]
    await ask(house)
    path = f"/v1/declarations/{mrn}/queries/FSA-1/answer"
    assert (await house.get(path)).status == 404
    assert (await answer(house, mrn, body=body, media=f"application/{form}")).status == 200
    kept = await house.get(path)
    assert (kept.status, kept.media, kept.body) == (200, f"application/{form}", body)
    assert (await house.get(f"{path}?as=json")).body == canonical(house, ANSWER_XML, "xml")

    [line] = (await house.get("/v1/agency/notices", "fsa")).json["notices"]
    assert (line["kind"], line["mrn"]) == ("answer", mrn)
    message = (await house.get(line["href"], "fsa", Accept="*/*")).json["AgencyNotice"]
    assert (message["NoticeID"], message["DeliveryID"], message["DeclarationID"]) == (line["id"], line["delivery"], mrn)
    assert message["Query"] == {"ID": "FSA-1", "ReferenceID": "F/17", "Text": "Which lot is it?"}
    assert (message["AnswerText"], message["Document"]) == ("Lot 17", [{"TypeCode": "N380", "ID": "INV-17"}])
    for _ in range(2):  # it may say so again
        taken = await house.call("POST", f"{line['href']}/acknowledgement", "fsa")
        assert (taken.status, taken.json["kind"]) == (200, "answer")
    assert (await house.get("/v1/agency/notices", "fsa")).json == {"notices": [], "next": None}
    events = (await house.get(f"/v1/declarations/{mrn}/timeline")).json["events"]
    assert [each["data"]["notice"] for each in events if each["kind"] == "told"] == [line["id"]]


async def test_the_same_answer_is_acknowledged_and_another_is_a_conflict(house):
    mrn = (await house.lodge())["mrn"]
    await ask(house)
    first = (await answer(house, mrn)).json
    for body, form in (ANSWER, "json"), (ANSWER_XML, "xml"):
        again = await answer(house, mrn, body=body, media=f"application/{form}", If_Match='"1-json"')
        assert (again.status, again.json) == (200, {**first, "replayed": True})
        assert again.headers["X-Conversation-ID"] == first["conversation_id"]
    other = await answer(house, mrn, body=b'{"QueryAnswer":{"Text":"Lot 18"}}')
    assert (other.status, other.json["type"]) == (409, "urn:guichet:problem:conflict")
    assert other.json["digests"][0] == first["digest"]
    assert len((await house.get("/v1/agency/notices", "fsa")).json["notices"]) == 1


async def test_an_answer_is_for_a_case_as_it_was_seen(house):
    mrn = (await house.lodge())["mrn"]
    seen = (await house.get(f"/v1/declarations/{mrn}")).headers["ETag"]
    await ask(house)
    assert (await answer(house, mrn, If_Match=seen)).status == 412
    fresh = (await house.get(f"/v1/declarations/{mrn}")).headers["ETag"]
    assert (await answer(house, mrn, If_Match=fresh)).status == 200


@pytest.mark.parametrize("query", ["FSA-2", "PHS-1", "x", "%00"])
async def test_a_query_that_is_not_there_or_anothers_is_unknown(house, query):
    mrn = (await house.lodge())["mrn"]
    await ask(house)
    assert (await answer(house, mrn, query)).status == 404
    assert (await answer(house, mrn, caller="rival")).status == 404


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (GRANTED, ["message.not-answering"]),
        (b'{"QueryAnswer":{}}', ["element.missing"]),
        (b'{"QueryAnswer":{"Text":""}}', ["value.length"]),
    ],
)
async def test_what_is_no_answer_changes_nothing(house, body, rules):
    mrn = (await house.lodge())["mrn"]
    await ask(house)
    reply = await answer(house, mrn, body=body)
    assert (reply.status, reply.rules) == (422, rules)
    [line] = (await house.get(f"/v1/declarations/{mrn}")).json["queries"]
    assert line["state"] == "open"


async def test_a_decision_closes_the_queries_of_its_delivery_and_no_others(house):
    mrn = (await house.lodge())["mrn"]
    assert (await ask(house, "fsa", {"Text": "One?"}, {"Text": "Two?"})).json["queries"] == ["FSA-1", "FSA-2"]
    await ask(house, "phs", {"Text": "Three?"})
    assert (await answer(house, mrn)).status == 200
    [waiting] = await house.deliveries("fsa")
    await house.post(f"{waiting['href']}/decision", GRANTED, caller="fsa")
    queries = (await house.get(f"/v1/declarations/{mrn}")).json["queries"]
    assert [(each["id"], each["state"]) for each in queries] == [
        ("FSA-1", "answered"),
        ("FSA-2", "closed"),
        ("PHS-1", "open"),
    ]
    late = await answer(house, mrn, "FSA-2")
    assert (late.status, late.json["type"]) == (409, "urn:guichet:problem:query-closed")
    assert "FSA-2" in late.json["detail"] and "granted" in late.json["detail"]
    in_french = await answer(house, mrn, "FSA-2", Accept_Language="fr")
    assert in_french.json["title"] == "La question n\u2019attend plus de r\u00e9ponse"
    assert (await answer(house, mrn, "PHS-1")).status == 200


async def test_the_same_question_is_put_once_and_another_beside_it(house):
    mrn = (await house.lodge())["mrn"]
    for question, ids, replayed in (
        (QUESTION, ["FSA-1"], False),
        ({"Text": "And the date?"}, ["FSA-2"], False),
        (QUESTION, ["FSA-1"], True),
        ({**QUESTION, "ReferenceID": "F/18"}, ["FSA-3"], False),
    ):
        asked = (await ask(house, "fsa", question)).json
        assert (asked["queries"], asked["replayed"]) == (ids, replayed)
    assert len((await house.get(f"/v1/declarations/{mrn}")).json["queries"]) == 3


@pytest.mark.parametrize(
    ("decision", "rule", "place"),
    [
        ({"OutcomeCode": "query"}, "decision.query-missing", "/Decision/Query"),
        ({"OutcomeCode": "held", "Query": [QUESTION]}, "decision.query-misplaced", "/Decision/Query"),
        (
            {"OutcomeCode": "query", "Query": [{"Text": "?", "SequenceNumeric": [99]}]},
            "decision.item-unknown",
            "/Decision/Query/0/SequenceNumeric/0",
        ),
    ],
)
async def test_a_query_that_cannot_be_put_is_refused(house, decision, rule, place):
    await house.lodge()
    [waiting] = await house.deliveries("fsa")
    reply = await house.post(f"{waiting['href']}/decision", msgspec.json.encode({"Decision": decision}), caller="fsa")
    assert (reply.status, reply.rules, reply.json["issues"][0]["json_pointer"]) == (422, [rule], place)


async def test_a_query_past_its_day_is_overdue_until_it_is_answered(house):
    mrn = (await house.lodge())["mrn"]
    await ask(house, "fsa", {"Text": "Well?", "AnswerDueDate": "2020-01-31"})
    [line] = (await house.get(f"/v1/declarations/{mrn}")).json["queries"]
    assert (line["state"], line["overdue"]) == ("open", True)
    await answer(house, mrn)
    [line] = (await house.get(f"/v1/declarations/{mrn}")).json["queries"]
    assert (line["state"], line["overdue"]) == ("answered", False)


async def test_the_response_says_whose_turn_it_is(house):
    mrn = (await house.lodge("import-cut-flowers-kenya"))["mrn"]

    async def code() -> str:
        response = (await house.get(f"/v1/declarations/{mrn}/response", Accept="application/xml")).xml
        return response.findtext(f"{RES}Response/{RES}FunctionCode")

    await ask(house, "phs", {"Text": "Well?"})
    assert await code() == "50"
    await answer(house, mrn, "PHS-1")
    assert await code() == "51"
    [waiting] = await house.deliveries("phs")
    await house.post(f"{waiting['href']}/decision", GRANTED, caller="phs")
    assert await code() == "08"


async def test_notices_come_a_page_at_a_time(house):
    for sample in "import-hotel-supplies", "import-chilled-beef-argentina":
        mrn = (await house.lodge(sample))["mrn"]
        [*_, last] = await house.deliveries("fsa")
        await house.post(f"{last['href']}/decision", asking(), caller="fsa")
        await answer(house, mrn)
    first = (await house.get("/v1/agency/notices?limit=1", "fsa")).json
    second = (await house.get(f"/v1/agency/notices?limit=1&after={first['next']}", "fsa", Accept="application/xml")).xml
    ids = [first["notices"][0]["id"], second.findtext(".//{*}notices/{*}i/{*}id")]
    assert len(set(ids)) == 2 and second.find("{*}next") is None
    assert (await house.get("/v1/agency/notices?limit=0", "fsa")).status == 400
    assert etree.QName(second).localname == "notices"
