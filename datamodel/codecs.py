"""Bytes to typed documents and back: the one door through which a message enters.

Each format has a quick way that accepts and a careful way that explains. The quick way is `native`, one pass in C that
judges and writes the other format; where it is not there, XML is accepted by libxml2, and JSON by msgspec with types
that accept only normal forms. What the quick way does not take goes on to libxml2 and to the checker, which have the
last word.
"""

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from datamodel import foreign, json_instances, native, xml_instances
from datamodel.build import build
from datamodel.check import check
from datamodel.issues import Refused, Report
from datamodel.limits import Limits
from datamodel.model import XSI
from datamodel.names import guarded
from datamodel.recognition import recognise_json, recognise_xml, unknown
from datamodel.registry import Message, Registry
from datamodel.schema_faults import words
from datamodel.versions import Days, versions
from datamodel.wording import issue, phrase, refused
from datamodel.xml_guard import BOM, check_depth, check_text, parse

Format = Literal["xml", "json"]
NO_DAY = Days()
ANY_DAY = Days(stated=False)
NO_FORMS: Final[Mapping[Format, bytes]] = MappingProxyType({})
ASKS_FOR_TYPE = f"boolean(//@*[local-name()='type' and namespace-uri()='{XSI}'])"  # our types have no names
ENCODER = msgspec.json.Encoder(decimal_format="number")


class Parsed:
    """A valid message: its type, the typed document (the struct of its root), the format it came in.

    Reading may have made the canonical `forms` on its way; a document that was not needed for that is made of the JSON
    when it is first asked for.
    """

    __slots__ = ("_document", "format", "forms", "message")

    def __init__(
        self,
        message: Message,
        document: Any = None,
        format: Format = "json",  # noqa: A002  the field's name
        forms: Mapping[Format, bytes] = NO_FORMS,
    ) -> None:
        self.message, self.format, self.forms = message, format, forms
        self._document = document

    @property
    def document(self) -> Any:
        """The typed document."""
        if self._document is None:
            self._document = self.message.decode(self.forms["json"])
        return self._document


def read(
    registry: Registry,
    body: bytes,
    form: Format,
    message: str | None = None,
    limits: Limits | None = None,
    *,
    days: Days = NO_DAY,
) -> Parsed:
    """Guard, parse, recognise and validate a message. Raises Refused with all its issues.

    `message` is a key, or a key without its version; `days` say which version holds where a key does not.
    """
    limits = limits or Limits()
    candidates = list(registry.messages.values()) if message is None else named(registry, message)
    if message is not None and len(candidates) == 1:
        days = ANY_DAY  # whoever names a version means it, so that the next one can be tried
    if form == "xml":
        return guarded(lambda: _read_xml(candidates, body, limits, days), body, registry.vocabulary)
    return _read_json(candidates, body, limits, days)


def write(parsed: Parsed, form: Format) -> bytes:
    """The document in canonical form: model order, no insignificant white space, UTF-8."""
    if form in parsed.forms:
        return parsed.forms[form]
    model = parsed.message.model
    if form == "xml" and model.typed:
        return parsed.message.write_xml(parsed.document)
    json = ENCODER.encode({model.root.json_name: parsed.document})
    return json if form == "json" else foreign.write_xml(model, json)


def named(registry: Registry, key: str) -> list[Message]:
    """The message type that a sender named, or all versions of it where the key has none. Raises Refused."""
    name, _, kind = key.partition("/")
    try:
        return [registry.message(key)]
    except KeyError:
        found = versions(registry.messages.values(), name, kind)
    if not found:
        raise refused(issue("message.no-such-type", value=key[:60], expected=", ".join(registry.messages)))
    return found


def _read_xml(candidates: list[Message], body: bytes, limits: Limits, days: Days) -> Parsed:
    root = parse(body, limits)
    try:
        message = recognise_xml(candidates, root, days)
        json = message.quick_json(root) if message.depth <= limits.max_depth else None
    except Refused:
        check_depth(root, limits)
        raise
    if json is not None:
        return Parsed(message, format="xml", forms={"json": json})
    check_depth(root, limits)
    if not message.model.typed:
        return Parsed(message, foreign.read_xml(message, root, body, limits), "xml")
    if message.schema.validate(root) and not (b":type" in body and root.xpath(ASKS_FOR_TYPE)):
        with suppress(ValueError):  # a number longer than the ceiling; the checker says where
            return Parsed(message, message.xml_reader(root), "xml")
    report = check(message.model, xml_instances.instances(body), limits)
    raise Refused(report if report.total else _schema_report(message.refusals(root), limits))


def _schema_report(log: list[Any], limits: Limits) -> Report:
    """libxml2's own words, for a fault that the checker does not know."""
    found = [issue("schema.other", line=entry.line, detail=words(entry.message)) for entry in log]
    return Report(tuple(found[: limits.max_issues]), len(found))


def _read_json(candidates: list[Message], body: bytes, limits: Limits, days: Days) -> Parsed:
    check_text(body, limits)
    body = body.removeprefix(BOM)
    message = recognise_json(candidates, body, days)
    if message is None:
        json_instances.Tokeniser(body.decode(), limits).document()  # says what is wrong with the form
        raise unknown(phrase("message.no-object"), candidates)
    if not message.model.typed:
        return Parsed(message, foreign.read_json(message, body.decode(), limits), "json")
    if (quick := _quick_json(message, body, limits)) is not None:
        return quick
    found = json_instances.instances(body.decode(), message.model.root, limits)
    report = check(message.model, found, limits)
    if report.total:
        raise Refused(report)
    return Parsed(message, build(message.model.root, found, message.structs), "json")


def _quick_json(message: Message, body: bytes, limits: Limits) -> Parsed | None:
    """The typed document, or None where the careful way must decide.

    msgspec keeps the last of two equal names in silence. So a document is written again, and one that lost something
    on the way shows by what it then has less of. One so big that its elements must be counted is left alone.
    """
    if len(body) > limits.max_elements and body.count(b",") + body.count(b"{") + body.count(b"[") > limits.max_elements:
        return None
    try:
        document = message.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError, ArithmeticError):
        return None
    if message.plan is not None:
        written = native.write(message.plan, document, strict=True)
        if written is None or written[1:] != native.scan(body):
            return None
        return Parsed(message, document, "json", {"xml": written[0]})
    return Parsed(message, document, "json") if _wrote_all(document, body) else None


def _wrote_all(document: Any, body: bytes) -> bool:
    """Whether nothing of the body was lost: every name and string has its quotes.

    Escapes could hide a lost one, so they go the careful way, and so do U+FFFE and its neighbours, which XML cannot
    hold.
    """
    if b"\\" in body or b"\xef\xbf" in body:
        return False
    return ENCODER.encode(document).count(b'"') + 2 == body.count(b'"')
