"""XML to JSON by the letter of the mapping, for documents that need not be valid: what a sender's own tool would do."""

import json
from typing import Any

from lxml import etree

from datamodel.model import XSI, ClassType, Element
from datamodel.numbers import LEXICAL


class Number(str):
    """Digits to be written bare."""


def naive(node: etree._Element, element: Element | None) -> Any:
    """The JSON value of one element; raises LookupError where JSON cannot say what the XML says."""
    below = element.content.children if element is not None and isinstance(element.content, ClassType) else ()
    by_tag = {child.tag: child for child in below}
    made: dict[str, Any] = {f"@{name}": text for name, text in attributes(node)}
    if not len(node) and not below:
        value = scalar(node.text or "", element)
        return {**made, "value": value} if made else value
    if not len(node) and (node.text or "").strip():
        return {**made, "value": node.text} if made else node.text
    if (node.text or "").strip():
        raise LookupError("text and elements together")
    seen: dict[str, str] = {}
    for child in node:
        known = by_tag.get(child.tag)
        name = known.json_name if known else etree.QName(child).localname
        if seen.setdefault(name, child.tag) != child.tag:
            raise LookupError("two namespaces, one name")
        if known is None and any(each.name == name for each in below):
            raise LookupError("known name in a foreign namespace")
        value = naive(child, known)
        if known is not None and known.many:
            made.setdefault(name, []).append(value)
        elif name in made:
            made[name] = [*made[name], value] if isinstance(made[name], list) else [made[name], value]
        else:
            made[name] = value
    return made


def attributes(node: etree._Element) -> list[tuple[str, str]]:
    """Names and texts of the XML attributes, the schema hints with their usual prefix."""
    return [(name.replace(f"{{{XSI}}}", "xsi:"), text) for name, text in node.attrib.items()]


def scalar(text: str, element: Element | None) -> Any:
    """A number where the model says number and the text is one in any notation; else a string."""
    if element is not None and not isinstance(element.content, ClassType):
        folded = text.strip(" \t\r\n")
        if element.content.type.primitive == "decimal" and LEXICAL.fullmatch(folded):
            return Number(plain_json(folded))
    return text


def plain_json(text: str) -> str:
    """An XSD decimal in JSON's notation: no plus sign, no leading zeros, digits on both sides of the point."""
    sign = "-" if text.startswith("-") else ""
    whole, point, fraction = text.lstrip("+-").partition(".")
    return sign + (whole.lstrip("0") or "0") + (f".{fraction or 0}" if point else "")


def document(root: etree._Element, model_root: Element) -> bytes:
    """The whole message."""
    return dump({model_root.json_name: naive(root, model_root)}).encode()


def dump(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{dump(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
