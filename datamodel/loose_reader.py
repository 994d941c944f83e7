"""A validated XML tree of a foreign schema to its JSON document: dicts, lists, strings, numbers, booleans, None.

The mapping is that of docs/mapping.md; the model says what is a number, what repeats, whose order is kept.
"""

from decimal import Decimal
from typing import Any

from lxml import etree

from datamodel.facets import folded
from datamodel.limits import MAX_DIGITS
from datamodel.model import LOCATION_HINTS, NIL, TYPE, XSI, ClassType, Element, Model, Simple, SimpleType
from datamodel.numbers import FLOAT, LEXICAL, plain

CONTENT = "$content"
TEXT = "$text"
KEPT = {f"{{{XSI}}}{name}": f"@xsi:{name}" for name in LOCATION_HINTS}
TRUE = ("true", "1")


class LooseReader:
    """Reads documents of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.prefix_of = {uri: prefix for prefix, uri in reversed(model.prefixes)}

    def document(self, root: etree._Element) -> Any:
        """The value of the root element. Raises ValueError for a number of too many digits."""
        return self.element(root, self.model.root)

    def element(self, node: etree._Element, position: Element) -> Any:
        """The value of one known element."""
        content = position.content
        made: dict[str, Any] = {}
        asked = node.get(TYPE)
        if asked is not None:
            name = self._type_name(node, asked)
            made["@xsi:type"] = self._short(name)
            content = self.model.types.get(name, content)
        if node.get(NIL, "").strip() in TRUE:
            attributes = self.attributes(node, content)
            return {**made, **attributes, "@xsi:nil": "true"} if attributes or made else None
        made |= self.attributes(node, content)
        if isinstance(content, ClassType):
            return made | self.children(node, content)
        value = json_value(content.type, node.text or "")
        return {**made, "value": value} if made else value

    def _type_name(self, node: etree._Element, asked: str) -> str:
        prefix, _, local = asked.strip().rpartition(":")
        uri = node.nsmap.get(prefix or None)
        return f"{{{uri}}}{local}" if uri else local

    def _short(self, name: str) -> str:
        uri, _, local = name.rpartition("}")
        prefix = self.prefix_of.get(uri[1:], "")
        return f"{prefix}:{local}" if prefix else local

    def attributes(self, node: etree._Element, content: ClassType | Simple) -> dict[str, Any]:
        """The attributes under their JSON names; those that only an open content admits keep their full name."""
        if not node.attrib:
            return {}
        uses = {use.name: use for use in content.attributes}
        made = {}
        for key, text in node.attrib.items():
            name = str(key)
            if name in KEPT:
                made[KEPT[name]] = str(text)
            elif name in uses:
                made[f"@{uses[name].label}"] = json_value(uses[name].type, str(text))
            elif name not in (NIL, TYPE):
                made["@" + name] = str(text)
        return made

    def children(self, node: etree._Element, content: ClassType) -> dict[str, Any]:
        """The children by name, or in their order where the model does not tell it."""
        known = {element.tag: index for index, element in enumerate(content.children)}
        indices = [known.get(str(child.tag), -1) for child in node]
        pairs = []
        for child, index in zip(node, indices, strict=True):
            element = content.children[index] if index >= 0 else None
            name = element.json_name if element else str(child.tag)
            pairs.append((name, self.element(child, element) if element else foreign(child)))
        if content.interleaved or (content.unordered and indices != sorted(indices)):
            return {CONTENT: [{name: value} for name, value in pairs]} if pairs else {}
        made: dict[str, Any] = {}
        for name, value in pairs:
            if name in content.arrays:
                made.setdefault(name, []).append(value)
            else:
                made[name] = value
        return made


def foreign(node: etree._Element) -> Any:
    """An element that no schema describes: text alone, or an object with all there is."""
    made: dict[str, Any] = {"@" + str(name): str(text) for name, text in node.attrib.items()}
    if not len(node):
        text = node.text or ""
        return {**made, TEXT: text} if made else text
    parts: list[dict[str, Any]] = [{TEXT: node.text}] if (node.text or "").strip() else []
    for child in node:
        parts.append({str(child.tag): foreign(child)})
        if (child.tail or "").strip():
            parts.append({TEXT: child.tail})
    return {**made, CONTENT: parts}


def json_value(kind: SimpleType, text: str) -> Any:
    """The JSON value of a valid text: numbers keep their digits, `1` and `0` of a boolean stay as they are written."""
    value = folded(kind.white_space, text)
    if kind.json_kind == "boolean":
        return {"true": True, "false": False}.get(value, value)
    if kind.json_kind == "number":
        return number(kind, value)
    return value


def number(kind: SimpleType, value: str) -> Any:
    """A Decimal; text where there is none (INF, NaN, the empty element that stands for a default)."""
    if kind.primitive == "decimal" and LEXICAL.fullmatch(value):
        return plain(Decimal(value), MAX_DIGITS)
    if kind.primitive != "decimal" and FLOAT.fullmatch(value):
        return Decimal(value)
    return value
