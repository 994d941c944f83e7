"""Which message type a document is of, before it is validated: by root, payload, conditions and day.

Both notations give the same answer: an XML document by its names, a JSON document by its properties.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

import msgspec
from lxml import etree

from datamodel import native
from datamodel.check import pointer_step, xpath_step
from datamodel.issues import Refused
from datamodel.model import Element
from datamodel.registry import Message
from datamodel.versions import ACCEPTANCE, Days, choose, dated
from datamodel.wording import issue, listed, phrase, refused

SHAPES_TOLD = 12
LONGEST = 300
PROPERTIES = msgspec.json.Decoder(dict[str, msgspec.Raw])

Properties = dict[str, msgspec.Raw]


def recognise_xml(candidates: Sequence[Message], root: etree._Element, days: Days) -> Message:
    """The message type of a parsed document. Raises Refused where none fits, or several do."""
    fitting = [each for each in candidates if each.root_tag == root.tag]
    if not fitting:
        raise _unknown_xml([root], candidates)
    below = {child.tag for child in root}
    held = [each for each in fitting if not each.model.payload or each.payload_tag in below]
    if not held:
        envelope = {element.tag for element in _envelope(fitting)}
        strange = [child for child in root.iterchildren(etree.Element) if child.tag not in envelope]
        raise _unknown_xml([root, *strange[:1]], fitting)
    if only := _only(held):
        return only
    payload = root.find(held[0].payload_tag) if held[0].model.payload else root
    wanted = _wanted(held)
    around = {f"/{name}": value for name, value in _texts(root, wanted).items()}
    return choose(held, around | _texts(root if payload is None else payload, wanted), days)


def _only(held: Sequence[Message]) -> Message | None:
    """The message type that holds without a look into the document, if there is one."""
    return held[0] if len(held) == 1 and not dated(held[0]) else None


def _wanted(held: Sequence[Message]) -> set[str]:
    """The local names of the values that choose between messages."""
    return {ACCEPTANCE, *(name.removeprefix("/") for each in held for name, _ in each.model.when)}


def _envelope(messages: Sequence[Message]) -> list[Element]:
    """The elements directly below the roots of messages."""
    return [element for each in messages for element in getattr(each.model.root.content, "children", ())]


def _texts(parent: etree._Element, wanted: Collection[str]) -> dict[str, str]:
    """The values of an element's direct children by local name; the day of acceptance stands one level deeper."""
    values: dict[str, str] = {}
    for child in _children(parent, wanted):
        name = etree.QName(child).localname
        text = next(child.iterchildren(etree.Element), child).text if name == ACCEPTANCE else child.text
        values.setdefault(name, (text or "").strip())
    return values


def _children(parent: etree._Element, names: Collection[str]) -> list[etree._Element]:
    """The children of these local names."""
    if native.AVAILABLE:
        return native.children(parent, names)
    return [child for child in parent.iterchildren(etree.Element) if child.tag.rpartition("}")[2] in names]


def recognise_json(candidates: Sequence[Message], body: bytes, days: Days) -> Message | None:
    """The message type of a document; None where the bytes are no JSON object. Raises Refused."""
    outer = properties(body)
    if outer is None:
        return None
    fitting = [each for each in candidates if each.model.root.json_name in outer]
    if not fitting:
        raise unknown(", ".join(outer) or phrase("message.no-property"), candidates, tuple(outer)[:1])
    root = fitting[0].model.root.json_name
    inner = properties(outer[root]) or {}
    held = [each for each in fitting if not each.model.payload or each.model.payload in inner]
    if not held:
        envelope = {element.json_name for element in _envelope(fitting)}
        strange = [name for name in inner if name not in envelope and not name.startswith("@")]
        key = "message.within" if inner else "message.empty"
        raise unknown(phrase(key, name=root, below=", ".join(inner)), candidates, (root, *strange[:1]))
    if only := _only(held):
        return only
    payload = held[0].model.payload
    within = properties(inner.get(payload, msgspec.Raw(b"{}"))) or {} if payload else inner
    wanted = {name for each in held for name, _ in each.model.when}
    around = {name: inner[name[1:]] for name in wanted if name.startswith("/") and name[1:] in inner}
    beside = {name: within[name] for name in (*wanted, ACCEPTANCE) if name in within}
    return choose(held, {name: _text(value) for name, value in (around | beside).items()}, days)


def _text(raw: msgspec.Raw) -> str:
    """A value, bare or as an object with `value`, at most one class deep. What is no text meets no condition."""
    value = None
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        value = msgspec.json.decode(raw)
    for _ in range(2):
        if isinstance(value, dict):
            value = value.get("value", next(iter(value.values()), ""))
    return value.strip() if isinstance(value, str) else ""


def properties(raw: bytes | msgspec.Raw) -> Properties | None:
    """The properties of a JSON object, unread; None for anything else."""
    try:
        return PROPERTIES.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def unknown(name: str, candidates: Sequence[Message], steps: Sequence[str] = (), line: int = 1) -> Refused:
    """The refusal of what is no message that we know; `steps` lead to the first thing that is strange."""
    shapes = sorted({_shape(each) for each in candidates})
    found = issue(
        "message.unknown",
        name=name[:LONGEST],
        expected=listed(shapes, SHAPES_TOLD),
        xpath="/" + "/".join(xpath_step(step[:LONGEST]) for step in steps),
        json_pointer="".join(f"/{pointer_step(step[:LONGEST])}" for step in steps),
        line=line,
        column=1,
    )
    return refused(found)


def _unknown_xml(steps: Sequence[etree._Element], candidates: Sequence[Message]) -> Refused:
    """The refusal of an XML document whose root, or payload, is strange; with namespaces, for they may be the fault."""
    first, *below = [_clark(step) for step in steps]
    within = phrase("message.within" if below else "message.strange", name=first, below="".join(below))
    path = [etree.QName(step).localname for step in steps]
    line = steps[-1].sourceline
    name = within if steps[0].tag in {each.root_tag for each in candidates} else first
    return unknown(name, candidates, path, line if isinstance(line, int) else 1)


def _clark(node: etree._Element) -> str:
    name = etree.QName(node)
    key = "name.namespace" if name.namespace else "name.bare"
    return phrase(key, name=name.localname, namespace=name.namespace)


def _shape(message: Message) -> str:
    """Root and payload of a message with their namespaces."""
    parts = [message.model.root] if not message.model.payload else [message.model.root, message.payload]
    return "/".join(part.tag for part in parts)
