"""The description says what the gateway does: every registered route is in it, and every answer seen is described."""

import re
from collections.abc import Iterator

import msgspec
import pytest
from aiohttp import web
from lxml import etree

from gateway import bootstrap
from gateway.http import openapi
from gateway.http.app import ROUTES, create
from gateway.settings import Settings
from tests.gateway.http.conftest import read_sample
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.scripted import altered, invalidation

CASE = "/v1/declarations/{mrn}"
DESCRIPTION = msgspec.json.decode(openapi.document(ROUTES))
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
}


def registered(tmp_path) -> set[tuple[str, str]]:
    """Method and path of all routes of the application, as aiohttp has them."""
    application = create(bootstrap.build(Settings(database=f"sqlite:///{tmp_path / 'x.db'}"), adapters={}))
    return {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if isinstance(route, web.ResourceRoute)
    }


def references(part) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolve(reference: str):
    found = DESCRIPTION
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


async def test_what_is_registered_is_described_and_the_other_way_round(tmp_path):
    routes = registered(tmp_path)
    assert {(method, path) for method, path in routes if method != "HEAD"} == set(OPERATIONS)
    assert {path for method, path in routes if method == "HEAD"} == {path for m, path in OPERATIONS if m == "GET"}


def test_every_reference_leads_somewhere():
    found = {reference for reference in references(DESCRIPTION) if reference.startswith("#")}
    assert found
    for reference in found:
        assert resolve(reference)


def test_operations_are_named_once():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_path_parameters_are_those_of_the_path(method, path):
    described = [p["name"] for p in OPERATIONS[method, path]["parameters"] if p["in"] == "path"]
    assert described == re.findall(r"\{(\w+)\}", path)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_tells_its_errors_and_who_may_call(method, path):
    operation = OPERATIONS[method, path]
    statuses = set(operation["responses"])
    assert {"405", "406", "500"} <= statuses
    assert ({"401", "403"} <= statuses) == bool(operation["security"])
    assert ({"400", "408", "413", "415"} <= statuses) == ("requestBody" in operation)
    assert ("404" in statuses) == ("{" in path or path.startswith("/v1/scans"))  # which are named by a token
    for status, answer in operation["responses"].items():
        told = resolve(answer["$ref"]) if "$ref" in answer else answer
        assert "X-Conversation-ID" in told["headers"]
        assert ("content" in told) == (status != "304")


def check(value, schema: dict, where: str = "") -> None:
    """A value against the part of JSON Schema that the description uses; what is not described is a fault."""
    if "$ref" in schema:
        schema = {**resolve(schema["$ref"]), **{name: part for name, part in schema.items() if name != "$ref"}}
    if "anyOf" in schema:
        fitting = {type(None): "null", dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
        [schema] = [one for one in schema["anyOf"] if one.get("type", "object") == fitting[type(value)]]
        check(value, schema, where)
    elif schema.get("type") == "object" and "properties" in schema:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"]), where
        for name, member in value.items():
            check(member, schema["properties"][name], f"{where}/{name}")
    elif schema.get("type") == "array":
        for member in value:
            check(member, schema["items"], f"{where}/i")
    elif "enum" in schema:
        assert value in schema["enum"], where
    else:
        kinds = {"string": str, "integer": int, "boolean": bool, "null": type(None), "object": dict}
        assert isinstance(value, kinds[schema["type"]]), where


async def test_what_is_answered_is_what_is_described(house):
    """Every route of API objects once, and each answer against its schema, in JSON and by the rule in XML."""
    taken = await house.lodge("import-chilled-beef-argentina")
    [waiting] = await house.deliveries("fsa")
    case = f"/v1/declarations/{taken['mrn']}"
    body = read_sample("import-cut-flowers-kenya.json")
    again, amended = (
        (await house.lodge())["mrn"],
        altered("import-hotel-supplies.json", ("Roses, fresh cut, 60 cm", "Roses")),
    )
    calls = [
        ("POST", "/v1/declarations", "/v1/declarations", "trader", body),
        ("GET", "/v1/declarations/{mrn}", case, "trader", None),
        ("GET", "/v1/declarations/{mrn}/timeline", f"{case}/timeline", "trader", None),
        ("POST", "/v1/validations", "/v1/validations", "trader", body),
        ("GET", "/v1/agency/deliveries", "/v1/agency/deliveries", "fsa", None),
        ("POST", "/v1/agency/deliveries/{id}/decision", f"{waiting['href']}/decision", "fsa", GRANTED),
        ("GET", "/v1/notifications", "/v1/notifications", "trader", None),
        ("POST", "/v1/notifications/acknowledgements", "/v1/notifications/acknowledgements?through=1", "trader", None),
        ("GET", "/healthz", "/healthz", None, None),
        ("GET", "/readyz", "/readyz", None, None),
        ("GET", "/v1/declarations/{mrn}", case, "trader", None),
        ("POST", f"{CASE}/amendments", f"/v1/declarations/{again}/amendments", "trader", amended),
        ("POST", f"{CASE}/invalidation", f"/v1/declarations/{again}/invalidation", "trader", invalidation(again)),
        ("GET", CASE, f"/v1/declarations/{again}", "trader", None),
        ("GET", f"{CASE}/timeline", f"/v1/declarations/{again}/timeline", "trader", None),
        ("GET", "/v1/response-codes", "/v1/response-codes", None, None),
        ("GET", "/v1/packages", "/v1/packages", None, None),
        ("GET", "/v1/codelists", "/v1/codelists", None, None),
        ("GET", "/v1/codelists/{list}", "/v1/codelists/hs-headings?on=any", None, None),
        ("GET", "/v1/rules", "/v1/rules?on=any", None, None),
        ("GET", "/v1/requirements", "/v1/requirements?on=any", None, None),
    ]
    for method, template, path, caller, data in calls:
        headers = {"Content_Type": "application/json"} if data else {}
        for form in ("json", "xml"):
            reply = await house.call(method, path, caller, data, Accept=f"application/{form}", **headers)
            answer = OPERATIONS[method, template]["responses"][str(reply.status)]
            schema = answer["content"][reply.media]["schema"]
            if form == "json":
                check(reply.json, schema, template)
            else:
                described = etree.QName(schema["xml"]["namespace"], schema["xml"]["name"])
                assert reply.xml.tag == described


async def test_what_is_refused_is_what_is_described(house):
    for caller, data, status in ((None, b"{}", 401), ("trader", b"{}", 422), ("trader", b"", 400)):
        reply = await house.call("POST", "/v1/validations", caller, data, Content_Type="application/json")
        assert reply.status == status
        answer = resolve(OPERATIONS["POST", "/v1/validations"]["responses"][str(status)]["$ref"])
        check(reply.json, answer["content"]["application/problem+json"]["schema"])


async def test_the_description_is_served(house):
    reply = await house.get("/openapi.json", None)
    assert reply.json == DESCRIPTION
    assert reply.json["openapi"] == "3.1.0"
