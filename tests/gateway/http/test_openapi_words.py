"""The description names what may come: words of closed lists, messages by their schemas, headers, calls to agencies."""

from pathlib import Path

import pytest

from adapters import http as channel
from adapters.port import Outgoing
from gateway import lifecycle
from gateway.http.problems import KINDS
from tests.gateway.http.test_openapi import DESCRIPTION, OPERATIONS, references, resolve

API_PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
SCHEMAS = DESCRIPTION["components"]["schemas"]
PERMIT_REQUEST = DESCRIPTION["webhooks"]["permitRequest"]["post"]


@pytest.mark.parametrize(
    ("kind", "member", "words"),
    [
        ("CaseStatus", "status", lifecycle.CASE_STATES),
        ("AgencyStatus", "status", lifecycle.DELIVERY_STATES),
        ("Waiting", "state", lifecycle.UNDECIDED),
        ("Collected", "outcome", tuple(lifecycle.OUTCOME_EVENTS)),
        ("Event", "kind", tuple(lifecycle.EVENT_KINDS)),
        ("Notification", "kind", lifecycle.TOLD),
        ("Notification", "state", ("pending", "acknowledged")),
        ("Problem", "type", tuple(f"urn:guichet:problem:{slug}" for slug in KINDS)),
    ],
)
def test_words_of_a_closed_list_are_listed(kind, member, words):
    assert SCHEMAS[kind]["properties"][member]["enum"] == list(words)


def test_the_page_explains_every_word():
    page = API_PAGE.read_text(encoding="utf-8")
    words = {*lifecycle.CASE_STATES, *lifecycle.DELIVERY_STATES, *lifecycle.EVENT_KINDS, *lifecycle.OUTCOME_EVENTS}
    assert [word for word in sorted(words | set(KINDS)) if f"`{word}`" not in page] == []


async def test_every_history_uses_the_listed_kinds(gateway_history):
    assert gateway_history <= set(lifecycle.EVENT_KINDS)


@pytest.fixture
async def gateway_history(house) -> set[str]:
    """The kinds of event that samples bring about."""
    kinds = set()
    for sample in "import-hotel-supplies", "import-machine-parts-germany":
        mrn = (await house.lodge(sample))["mrn"]
        for caller in "fsa", "phs":
            for waiting in await house.deliveries(caller):
                await house.post(f"{waiting['href']}/decision", b'{"Decision":{"OutcomeCode":"held"}}', caller=caller)
        kinds |= {event["kind"] for event in (await house.get(f"/v1/declarations/{mrn}/timeline")).json["events"]}
    return kinds


def schema_of(content: dict, media: str) -> dict:
    return content[media]["schema"]


async def test_messages_have_their_schemas_which_are_published(house):
    decision = OPERATIONS["POST", "/v1/agency/deliveries/{id}/decision"]["requestBody"]["content"]
    assert schema_of(decision, "application/json") == {"$ref": "/v1/packages/guichet/1/Decision.schema.json"}
    response = OPERATIONS["GET", "/v1/declarations/{mrn}/response"]["responses"]["200"]["content"]
    assert schema_of(response, "text/xml")["externalDocs"]["url"] == "/v1/packages/wco-dms/3.6/RES.xsd"
    published = {found for found in references(DESCRIPTION) if not found.startswith("#")}
    assert len(published) >= 4
    for address in published:
        assert (await house.get(address, None)).status == 200, address


def test_what_may_be_of_any_type_says_where_the_types_are():
    for path in "/v1/validations", "/v1/conversions":
        content = OPERATIONS["POST", path]["requestBody"]["content"]
        for media in "application/json", "application/xml":
            assert "/v1/packages" in resolve(schema_of(content, media)["$ref"])["description"]


def test_other_spellings_of_a_format_are_described():
    for operation in OPERATIONS.values():
        if "application/json" in operation.get("requestBody", {}).get("content", ()):
            told = operation["requestBody"]["description"]
            assert "+xml" in told and "+json" in told
    kept = OPERATIONS["GET", "/v1/declarations/{mrn}/message"]["responses"]["200"]["description"]
    assert "+xml" in kept and "+json" in kept


@pytest.mark.parametrize(("status", "header"), [("401", "WWW-Authenticate"), ("405", "Allow"), ("503", "Retry-After")])
def test_headers_of_errors_are_described(status, header):
    assert DESCRIPTION["components"]["responses"][status]["headers"][header]["description"]


async def test_those_headers_are_sent(house):
    assert "WWW-Authenticate" in (await house.get("/v1/declarations/x", None)).headers
    assert "Allow" in (await house.call("DELETE", "/healthz")).headers


def test_the_call_to_an_agency_is_described_as_it_is_made():
    outgoing = Outgoing("D-1", "FSA", "application/json", b"{}", "2026-01-31T08:00:00.000Z", "http://gateway.example")
    sent = channel.HttpAdapter("http://agency.example", token="t")._headers(outgoing)
    described = {parameter["name"] for parameter in PERMIT_REQUEST["parameters"] if parameter["required"]}
    assert described == set(sent) - {"Authorization", "Content-Type", "Accept"}, "OpenAPI has other places for those"
    assert PERMIT_REQUEST["security"] == [{"agencyToken": []}, {}]
    assert set(PERMIT_REQUEST["requestBody"]["content"]) == {"application/json", "application/xml"}
    answers = PERMIT_REQUEST["responses"]
    yes = {str(status) for status in channel.DECIDED | channel.TAKEN}
    later = {str(status) for status in channel.LATER | channel.NOT_LET_IN}
    assert set(answers) == yes | later | {"3XX", "4XX", "5XX"}
    assert all("again" in answers[status]["description"] for status in later | {"3XX", "5XX"})
    assert "content" in answers["200"] and "content" not in answers["202"]


def test_the_callback_is_described():
    [(address, item)] = PERMIT_REQUEST["callbacks"]["decision"].items()
    assert address == "{$request.header.Guichet-Callback}"
    decide = OPERATIONS["POST", "/v1/agency/deliveries/{id}/decision"]
    assert item["post"]["requestBody"] == decide["requestBody"]
    assert item["post"]["responses"] == decide["responses"]
    assert {parameter["in"] for parameter in item["post"]["parameters"]} == {"header"}
