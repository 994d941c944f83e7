"""The OpenAPI 3.1 description, made from the route table and the types of the API objects: it cannot lag behind.

Messages of the data model are described by the schemas that the gateway publishes of them (`message_schemas`), its own
calls as webhooks. XML of API objects follows one rule (`render`), which the schemas state for every array they hold.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.access.rights import SCOPES
from gateway.access.rights import right as right_to
from gateway.http import endings, message_schemas, negotiate, render, tokens, webhooks
from gateway.http.problems import KINDS, Problem, title
from gateway.http.routes import CONVERSATION, IF_NONE_MATCH, KEY_EXPIRES, TEST, Parameter, Route
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
_LANGUAGE = Parameter(
    name="Accept-Language",
    where="header",
    text="The languages that the caller reads, with weights; texts for people come in the best that there is.",
    schema={"type": "string", "examples": ["fr-CA, fr;q=0.9, en;q=0.5"]},
)
_KEY_EXPIRES = "The last day of the caller's key, UTC; only where it is at most 30 days off."
_TEST = "yes, where the caller is an account for trade test."
_SPOKEN = {"description": "The language of the texts for people.", "schema": {"type": "string"}}
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "oauth2": {
        "type": "oauth2",
        "description": "An API key is a client: its id is the client_id, the key itself the client_secret.",
        "flows": {"clientCredentials": {"tokenUrl": tokens.TOKEN, "scopes": SCOPES}},
    },
    "certificate": {"type": "mutualTLS", "description": "A client certificate that the operator has entered."},
}
_TAKEN = (
    "As application/xml, text/xml or application/json, or under another name that ends in +xml or +json; "
    "UTF-8, without content coding."
)
_STANDING = {
    "RateLimit-Policy": "Where the account has a limit: q requests at once, and as many again in w seconds.",
    "RateLimit": "Where the account has a limit: r requests are left, and in t seconds all are there again.",
}
# What RFC 9110 asks to be said with a status, and what it tells.
_PROBLEM_HEADERS = {
    401: {"WWW-Authenticate": 'How to show a key: Bearer, with error="invalid_token" where the key is not known.'},
    403: {"WWW-Authenticate": "Bearer with insufficient_scope and the scope that the key lacks, where that is why."},
    405: {"Allow": "The methods that this address takes."},
    416: {"Content-Range": "How many bytes there are."},
    415: {"Accept": "The media types that are taken.", "Accept-Encoding": "The content codings that are taken."},
    429: {"Retry-After": "Seconds after which to try again.", **_STANDING},
    503: {"Retry-After": "Seconds after which to try again."},
}


def document(routes: Sequence[Route]) -> bytes:
    """The description as JSON."""
    named = [(route.returns, route.form, *route.errors.values()) for route in routes]
    types = list(dict.fromkeys([Problem, *(each for row in named for each in row if each)]))
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
        "webhooks": webhooks.webhooks(_operation(_decide(routes), references)),
        "components": {
            "schemas": components | message_schemas.COMPONENTS,
            "securitySchemes": _SECURITY | webhooks.SECURITY,
            "headers": {CONVERSATION: {"description": _CONVERSATION.text, "schema": _CONVERSATION.schema}},
            "responses": {str(status): _problem(status, references[Problem]) for status in _problem_statuses()},
        },
    }
    return msgspec.json.encode(described)


def _decide(routes: Sequence[Route]) -> Route:
    """The route that takes a decision: what an agency calls back."""
    return next(route for route in routes if route.name == "decide")


def problem_statuses(route: Route) -> list[int]:
    """The errors that a route may answer with: its own, and those that its other columns imply."""
    implied = {
        (400, 408, 413, 415, 417, 503): bool(route.takes or route.carries),
        (400,): route.method != "GET",  # at least for a scenario that cannot be played there
        (416,): route.files,
        (401, 403, 429): bool(route.roles),
        (405, 406, 500): True,
    }
    every = {*route.problems, *(status for some, given in implied.items() if given for status in some)}
    return sorted(every - set(route.errors))


def statuses(route: Route) -> list[int]:
    """All that a route may answer with."""
    given = (206, 304) if route.files else (304,) if route.fresh else ()
    return [route.status, *given, *route.errors, *problem_statuses(route)]


def _operation(route: Route, references: Mapping[type, dict[str, Any]]) -> dict[str, Any]:
    good = {"description": route.says, "headers": _headers(route), "content": _answer(route, references)}
    same: dict[str, Any] = {}
    if route.fresh or route.files:
        same = {"304": {"description": "It is what the caller has.", "headers": _headers(route)}}
    if route.files:
        part = {"Content-Range": {"description": "Which bytes of how many.", "schema": {"type": "string"}}}
        same["206"] = {**good, "description": "The part that Range asks for.", "headers": _headers(route) | part}
    parameters = (*route.parameters, *((IF_NONE_MATCH,) if "304" in same else ()), _CONVERSATION, _LANGUAGE)
    own = {str(status): _error(status, references[kind]) for status, kind in route.errors.items()}
    bad = {str(status): {"$ref": f"#/components/responses/{status}"} for status in problem_statuses(route)}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [_parameter(parameter) for parameter in parameters],
        "responses": {str(route.status): good, **same, **own, **bad},
        "security": [],
    }
    if right := right_to(route.name):
        operation["security"] = [{name: [right.scope] if name == "oauth2" else []} for name in _SECURITY]
        operation["description"] = f"For the role {' or '.join(right.reach)}. The scope is {right.scope}."
    if route.form:
        content = {tokens.FORM: {"schema": references[route.form]}}
        operation["requestBody"] = {"required": True, "description": route.takes, "content": content}
    elif route.takes:
        content = message_schemas.content(("xml", "json"), route.reads)
        told = f"{route.takes} {_TAKEN}"
        if route.feeds:
            told, content = route.takes, {media: {"schema": {"type": "string"}} for media in route.feeds}
        operation["requestBody"] = {"required": True, "description": told, "content": content}
    if route.carries:
        content = {"application/octet-stream": {"schema": {}}}
        operation["requestBody"] = {"required": True, "description": route.carries, "content": content}
    return operation


def _answer(route: Route, references: Mapping[type, dict[str, Any]]) -> dict[str, Any]:
    """A good answer's content: a file, an API object, or a message."""
    if route.media:
        schema = references.get(route.returns) if route.returns else None
        return {media: {"schema": schema or _file(media)} for media in route.media}
    if route.returns:
        return _content(route.gives, references[route.returns], route.root)
    return message_schemas.content(route.gives, route.sends)


def _error(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    """An error that is the protocol's own object."""
    told = {401: _PROBLEM_HEADERS[401]}.get(status, {})
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in told.items()}
    common = {CONVERSATION: {"$ref": f"#/components/headers/{CONVERSATION}"}}
    content = {"application/json": {"schema": schema}}
    return {"description": "The protocol's own error.", "headers": {**common, **headers}, "content": content}


def _file(media: str) -> dict[str, Any]:
    return {"type": "object" if media.endswith("json") else "string", "description": "The file."}


def _headers(route: Route) -> dict[str, Any]:
    """The headers of an answer: those of all answers, those that let it be kept, and the route's own."""
    kept = {"ETag": "Of these bytes.", "Cache-Control": "How long they may be kept."} if route.fresh else {}
    issues = "issues" in getattr(route.returns, "__struct_fields__", ())
    told = {"Content-Language": _SPOKEN} if issues else {}
    warned = {KEY_EXPIRES: _KEY_EXPIRES, TEST: _TEST, **_STANDING} if route.roles else {}
    own = {**kept, **warned, **(endings.DESCRIBED if issues else {}), **route.headers}
    return {
        CONVERSATION: {"$ref": f"#/components/headers/{CONVERSATION}"},
        **{name: {"description": text, "schema": {"type": "string"}} for name, text in own.items()},
        **told,
    }


def _content(forms: Sequence[Format], schema: dict[str, Any], root: str) -> dict[str, Any]:
    """A schema under each media type of the formats. The XML of an object has a root element of its own name."""
    xml = {**schema, "xml": {"name": root, "namespace": render.API_NAMESPACE}}
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
    kinds = [f"{title(slug)} (urn:guichet:problem:{slug})." for slug, kind in KINDS.items() if kind.status == status]
    xml = {**schema, "xml": {"name": "problem", "namespace": render.PROBLEM_NAMESPACE}}
    own = {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in _PROBLEM_HEADERS.get(status, {}).items()
    }
    return {
        "description": " ".join(kinds),
        "headers": {
            CONVERSATION: {"$ref": f"#/components/headers/{CONVERSATION}"},
            "Content-Language": _SPOKEN,
            **own,
        },
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
