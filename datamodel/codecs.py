"""Bytes to typed documents and back: the one door through which a message enters.

Each format has a quick way that accepts and a careful way that explains. XML is accepted by libxml2; JSON by msgspec,
whose types accept only normal forms, so that whatever it refuses goes to the checker, which has the last word.
"""

from contextlib import suppress
from typing import Any, Literal

import msgspec
from lxml import etree

from datamodel import foreign, json_instances, xml_instances
from datamodel.build import build
from datamodel.check import check
from datamodel.issues import Refused, Report
from datamodel.limits import Limits
from datamodel.model import Element, descend
from datamodel.registry import Message, Registry
from datamodel.wording import issue, refused
from datamodel.xml_guard import BOM, check_text, parse

Format = Literal["xml", "json"]
PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])
ENCODER = msgspec.json.Encoder(decimal_format="number")


class Parsed(msgspec.Struct, frozen=True):
    """A valid message: its type, the typed document (the struct of its root), the format it came in."""

    message: Message
    document: Any
    format: Format = "json"


def read(
    registry: Registry, body: bytes, form: Format, message: str | None = None, limits: Limits | None = None
) -> Parsed:
    """Guard, parse, recognise and validate a message. Raises Refused with all its issues."""
    limits = limits or Limits()
    candidates = list(registry.messages.values()) if message is None else [named(registry, message)]
    if form == "xml":
        return _read_xml(candidates, body, limits)
    return _read_json(candidates, body, limits)


def write(parsed: Parsed, form: Format) -> bytes:
    """The document in canonical form: model order, no insignificant white space, UTF-8."""
    model = parsed.message.model
    if form == "xml" and model.typed:
        return parsed.message.xml_writer.write(parsed.document)
    json = ENCODER.encode({model.root.json_name: parsed.document})
    return json if form == "json" else foreign.write_xml(model, json)


def named(registry: Registry, key: str) -> Message:
    """The message type that a sender named. Raises Refused."""
    try:
        return registry.message(key)
    except KeyError:
        raise refused(issue("message.no-such-type", value=key[:60], expected=", ".join(registry.messages))) from None


def _read_xml(candidates: list[Message], body: bytes, limits: Limits) -> Parsed:
    root = parse(body, limits)
    message = _recognise_xml(candidates, root)
    if not message.model.typed:
        return Parsed(message, foreign.read_xml(message, root, body, limits), "xml")
    if message.schema.validate(root):
        with suppress(ValueError):  # a number longer than the ceiling; the checker says where
            return Parsed(message, message.xml_reader(root), "xml")
    report = check(message.model, xml_instances.instances(body), limits)
    raise Refused(report if report.total else _schema_report(message.refusals(root), limits))


def _schema_report(log: list[Any], limits: Limits) -> Report:
    """libxml2's own words, for a fault that the checker does not know."""
    found = [issue("schema.other", line=entry.line, detail=entry.message) for entry in log]
    return Report(tuple(found[: limits.max_issues]), len(found))


def _recognise_xml(candidates: list[Message], root: etree._Element) -> Message:
    fitting = [each for each in candidates if each.model.root.tag == root.tag]
    if not fitting:
        raise _unknown(f"{etree.QName(root).localname} of namespace {etree.QName(root).namespace}", candidates)
    below = {child.tag for child in root}
    held = [each for each in fitting if not each.model.payload or payload_of(each).tag in below]
    if not held:
        names = ", ".join(sorted({etree.QName(child).localname for child in root}))
        raise _unknown(f"{etree.QName(root).localname} with {names or 'nothing in it'}", candidates)
    values: dict[str, str] = {}
    payload = root.find(payload_of(held[0]).tag) if held[0].model.payload else root
    for child in payload if payload is not None else ():
        values.setdefault(etree.QName(child).localname, (child.text or "").strip())
    return _pick(held, values)


def payload_of(message: Message) -> Element:
    """The element of a message's payload."""
    return descend(message.model.root, message.model.payload)


def _pick(held: list[Message], values: dict[str, str]) -> Message:
    """Of messages with the same root and payload, the one whose conditions hold; one without conditions comes last."""
    exact = [each for each in held if each.model.when and all(values.get(k) == v for k, v in each.model.when)]
    left = exact or [each for each in held if not each.model.when] or held
    if len(left) > 1:
        raise refused(issue("message.ambiguous", expected=", ".join(each.key for each in left)))
    return left[0]


def _unknown(name: str, candidates: list[Message]) -> Refused:
    roots = sorted({_shape(each) for each in candidates})
    return refused(issue("message.unknown", name=name[:120], expected=", ".join(roots)))


def _shape(message: Message) -> str:
    root = message.model.root
    return f"{root.json_name}/{message.model.payload}" if message.model.payload else root.json_name


def _read_json(candidates: list[Message], body: bytes, limits: Limits) -> Parsed:
    check_text(body, limits)
    body = body.removeprefix(BOM)
    message = _recognise_json(candidates, body, limits)
    if not message.model.typed:
        return Parsed(message, foreign.read_json(message, body.decode(), limits), "json")
    document = _quick_json(message, body)
    if document is not None:
        return Parsed(message, document, "json")
    found = json_instances.instances(body.decode(), message.model.root, limits)
    report = check(message.model, found, limits)
    if report.total:
        raise Refused(report)
    return Parsed(message, build(message.model.root, found, message.structs), "json")


def _quick_json(message: Message, body: bytes) -> Any:
    """The typed document, or None where the careful way must decide.

    msgspec keeps the last of two equal names in silence. Every name and string has its quotes, so a document that
    lost one is written back with fewer of them; escapes, which could hide that, go the careful way at once, and so
    does U+FFFE with its neighbours, which XML cannot hold.
    """
    if b"\\" in body or b"\xef\xbf" in body:
        return None
    try:
        around = message.json_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    if ENCODER.encode(around).count(b'"') != body.count(b'"'):
        return None
    return getattr(around, message.model.root.field)


def _recognise_json(candidates: list[Message], body: bytes, limits: Limits) -> Message:
    outer = _properties(body)
    if outer is None:
        json_instances.Tokeniser(body.decode(), limits).document()  # says what is wrong with the form
        raise _unknown("something other than an object", candidates)
    fitting = [each for each in candidates if each.model.root.json_name in outer]
    if not fitting:
        raise _unknown(", ".join(outer) or "an empty object", candidates)
    inner = _properties(outer[fitting[0].model.root.json_name]) or {}
    held = [each for each in fitting if not each.model.payload or each.model.payload in inner]
    if not held:
        raise _unknown(f"{fitting[0].model.root.json_name} with {', '.join(inner) or 'nothing in it'}", candidates)
    if len(held) == 1:
        return held[0]
    return _pick(held, _plain_values(inner.get(held[0].model.payload, b""), held))


def _plain_values(raw: bytes | msgspec.Raw, held: list[Message]) -> dict[str, str]:
    """The values that the messages' conditions look at, bare or as an object with `value`."""
    properties = _properties(raw) or {}
    values = {}
    for name in {key for each in held for key, _ in each.model.when} & properties.keys():
        value = msgspec.json.decode(properties[name])
        value = value.get("value") if isinstance(value, dict) else value
        if isinstance(value, str):
            values[name] = value.strip()
    return values


def _properties(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return PROPERTIES.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
