"""The OpenAPI 3.1 description, made from the route table and the types of the API objects: it cannot lag behind.

Messages of the data model are described by name only: their schemas are the packages' own. XML of API objects follows
one rule (`render`), which the schemas state for every array that they hold.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.http import negotiate, render
from gateway.http.problems import KINDS, Problem
from gateway.http.routes import CONVERSATION, Parameter, Route
from gateway.media import Format

VERSION = "1"
ABOUT = """\
Lodge a declaration once, as XML or JSON; every agency concerned gets its part; one answer comes back.

Every answer carries X-Conversation-ID. Every error is a problem document (RFC 9457) as JSON or XML, by Accept.
XML of objects: a member is an element, an item of an array an element `i`, null is no element;
namespace urn:guichet:api:1, for problems urn:ietf:rfc:7807.
HEAD is answered as GET is, without the body."""

_CONVERSATION = Parameter(
    name=CONVERSATION,
    where="header",
    text="The id of this exchange: the caller's where it brings a UUID, else a new one.",
    schema={"type": "string", "format": "uuid"},
)
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_MESSAGE = {"description": "A message of the data model, as its package describes it."}


def document(routes: Sequence[Route]) -> bytes:
    """The description as JSON."""
    types = list(dict.fromkeys([Problem, *(route.returns for route in routes if route.returns)]))
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    references = dict(zip(types, schemas, strict=True))
    for schema in components.values():
        _mark_arrays(schema)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, references)
    described = {
        "openapi": "3.1.0",
        "info": {"title": "Guichet", "version": VERSION, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": _SECURITY,
            "headers": {CONVERSATION: {"description": _CONVERSATION.text, "schema": _CONVERSATION.schema}},
            "responses": {str(status): _problem(status, references[Problem]) for status in _problem_statuses()},
        },
    }
    return msgspec.json.encode(described)


def problem_statuses(route: Route) -> list[int]:
    """The errors that a route may answer with: its own, and those that its other columns imply."""
    implied = {
        (400, 408, 413, 415, 417): bool(route.takes),
        (401, 403): bool(route.roles),
        (405, 406, 500): True,
    }
    return sorted({*route.problems, *(status for some, given in implied.items() if given for status in some)})


def _operation(route: Route, references: Mapping[type, dict[str, Any]]) -> dict[str, Any]:
    schema = references[route.returns] if route.returns else _MESSAGE
    good = {
        "description": route.says,
        "headers": {
            CONVERSATION: {"$ref": f"#/components/headers/{CONVERSATION}"},
            **{name: {"description": text, "schema": {"type": "string"}} for name, text in route.headers.items()},
        },
        "content": _content(route.gives, schema, route.root),
    }
    bad = {str(status): {"$ref": f"#/components/responses/{status}"} for status in problem_statuses(route)}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [_parameter(parameter) for parameter in (*route.parameters, _CONVERSATION)],
        "responses": {str(route.status): good, **bad},
        "security": [{name: []} for name in _SECURITY] if route.roles else [],
    }
    if route.roles:
        operation["description"] = f"For the role {' or '.join(route.roles)}."
    if route.takes:
        content = _content(("xml", "json"), _MESSAGE, "")
        operation["requestBody"] = {"required": True, "description": route.takes, "content": content}
    return operation


def _content(forms: Sequence[Format], schema: dict[str, Any], root: str) -> dict[str, Any]:
    """A schema under each media type of the formats. The XML of an object has a root element of its own name."""
    xml = {**schema, "xml": {"name": root, "namespace": render.API_NAMESPACE}} if root else schema
    schemas = {"xml": xml, "json": schema}
    return {media: {"schema": schemas[form]} for form in forms for media in negotiate.SPELLINGS[form]}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.text,
        "required": parameter.where == "path",
        "schema": parameter.schema,
    }


def _problem_statuses() -> list[int]:
    return sorted({kind.status for kind in KINDS.values()})


def _problem(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    """The answer of a status: its kinds of problem differ in `type` only."""
    kinds = [f"{kind.title} (urn:guichet:problem:{slug})." for slug, kind in KINDS.items() if kind.status == status]
    xml = {**schema, "xml": {"name": "problem", "namespace": render.PROBLEM_NAMESPACE}}
    return {
        "description": " ".join(kinds),
        "headers": {CONVERSATION: {"$ref": f"#/components/headers/{CONVERSATION}"}},
        "content": {
            negotiate.PROBLEMS["json"]: {"schema": schema},
            negotiate.PROBLEMS["xml"]: {"schema": xml},
        },
    }


def _mark_arrays(schema: Any) -> None:
    """States in every array's schema how XML writes it: an element of the member's name around elements `i`."""
    if isinstance(schema, dict):
        if schema.get("type") == "array":
            schema["xml"] = {"wrapped": True}
            if isinstance(schema.get("items"), dict):
                schema["items"] = {**schema["items"], "xml": {"name": "i"}}
        for inner in schema.values():
            _mark_arrays(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _mark_arrays(inner)
