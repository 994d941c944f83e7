"""The interface for people to read: the OpenAPI description as a list of calls and of the objects in them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.access.rights import right

MOST_WORDS: Final = 8  # of an enumeration that are written out
_PLAIN: Final = "application/json"
_XML: Final = "application/xml"
_FORM: Final = "application/x-www-form-urlencoded"


class Named(msgspec.Struct, frozen=True):
    """A name with what there is to say of it; `href` leads to more."""

    name: str
    words: str
    text: str = ""
    href: str = ""
    needed: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call: who may make it, what goes in, what comes out, and a line of curl that makes it."""

    id: str
    method: str
    path: str
    summary: str
    roles: tuple[str, ...]
    scope: str
    parameters: tuple[Named, ...]
    body: str
    takes: tuple[Named, ...]
    answers: tuple[Named, ...]
    curl: str


class Group(msgspec.Struct, frozen=True):
    """Calls whose addresses begin alike."""

    name: str
    operations: tuple[Operation, ...]


class Thing(msgspec.Struct, frozen=True):
    """An object of the interface, with its members."""

    name: str
    text: str
    members: tuple[Named, ...]


class Interface(msgspec.Struct, frozen=True):
    """All calls, and all objects in them."""

    text: str
    groups: tuple[Group, ...]
    things: tuple[Thing, ...]


def interface(description: bytes) -> Interface:
    """What an OpenAPI document (3.1, JSON) says."""
    document = msgspec.json.decode(description)
    groups: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            groups.setdefault(_group(path), []).append(_operation(method.upper(), path, told, document))
    things = (_thing(name, schema) for name, schema in document["components"]["schemas"].items())
    return Interface(
        document["info"]["description"],
        tuple(Group(name, tuple(some)) for name, some in groups.items()),
        tuple(things),
    )


def _group(path: str) -> str:
    steps = path.strip("/").split("/")
    return steps[1].partition(".")[0] if steps[0] == "v1" and len(steps) > 1 else "the gateway"


def _operation(method: str, path: str, told: Mapping[str, Any], document: Mapping[str, Any]) -> Operation:
    allowed, body = right(told["operationId"]), told.get("requestBody")
    return Operation(
        id=told["operationId"],
        method=method,
        path=path,
        summary=told["summary"],
        roles=tuple(allowed.reach) if allowed else (),
        scope=allowed.scope if allowed else "",
        parameters=tuple(_parameter(each) for each in told["parameters"]),
        body=body["description"] if body else "",
        takes=tuple(_messages(body["content"])) if body else (),
        answers=tuple(_answer(status, each, document) for status, each in told["responses"].items()),
        curl=_curl(method, path, bool(allowed), body["content"] if body else {}),
    )


def _parameter(told: Mapping[str, Any]) -> Named:
    name = told["name"] if told["in"] == "header" else {"path": "{%s}", "query": "?%s="}[told["in"]] % told["name"]
    return Named(name, _words(told["schema"]), told["description"], needed=told["required"])


def _messages(content: Mapping[str, Any]) -> Iterator[Named]:
    """The message types that a body may be, each with the page that describes it."""
    for each in content.get(_PLAIN, {}).get("schema", {}).get("anyOf", ()):
        place = each.get("$ref", "")
        if place.endswith(".schema.json"):
            key = place.removeprefix("/v1/packages/").removesuffix(".schema.json")
            yield Named(key, "", href=f"packages/{key}.html")


def _answer(status: str, told: Mapping[str, Any], document: Mapping[str, Any]) -> Named:
    if "$ref" in told:
        told = document["components"]["responses"][told["$ref"].rpartition("/")[2]]
    content = told.get("content", {})
    schema: dict[str, Any] = next((content[media]["schema"] for media in content if media.endswith("json")), {})
    name = schema.get("$ref", "").rpartition("/")[2]
    known = name if name in document["components"]["schemas"] else ""
    media = ", ".join(content) if not known else ""
    return Named(status, known or media, told["description"], f"#{known}" if known else "")


def _curl(method: str, path: str, keyed: bool, body: Mapping[str, Any]) -> str:
    place = re.sub(r"\{(\w+)\}", lambda step: f"${step[1].upper()}", path)
    parts = ["curl -sS" if method == ("POST" if body else "GET") else f"curl -sS -X {method}"]
    parts += ['-H "Authorization: Bearer $KEY"'] if keyed else []
    if _PLAIN in body:
        parts += ['-H "Content-Type: application/xml"', "--data-binary @message.xml"]
    elif _FORM in body:
        parts += ['-u "$CLIENT:$KEY"', "-d grant_type=client_credentials"]
    elif body:
        parts += [f'-H "Content-Type: {next(iter(body))}"', "--data-binary @messages"]
    return " ".join([*parts, f'"$URL{place}"'])


def _thing(name: str, schema: Mapping[str, Any]) -> Thing:
    needed = schema.get("required", ())
    members = [
        Named(member, _words(of), of.get("description", ""), _link(of), member in needed)
        for member, of in schema.get("properties", {}).items()
    ]
    return Thing(name, schema.get("description", ""), tuple(members))


def _link(schema: Mapping[str, Any]) -> str:
    """Where the object is described that a schema names, or whose array or choice it is."""
    inner = [schema, schema.get("items", {}), *schema.get("anyOf", ())]
    names = [each["$ref"].rpartition("/")[2] for each in inner if isinstance(each, dict) and "$ref" in each]
    return f"#{names[0]}" if names else ""


def _words(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_words(each) for each in schema["anyOf"])
    if "enum" in schema:
        shown = ", ".join(map(str, schema["enum"][:MOST_WORDS]))
        return f"one of {shown}" + (", ..." if len(schema["enum"]) > MOST_WORDS else "")
    if schema.get("type") == "array":
        return f"any number of {_words(schema['items'])}" if isinstance(schema.get("items"), dict) else "any number"
    kind = schema.get("format") or schema.get("type", "anything")
    low, high = (schema.get(name) for name in ("minimum", "maximum"))
    span = f" from {low}" * (low is not None) + f" to {high}" * (high is not None)
    return f"{kind}{span}"
