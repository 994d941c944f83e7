"""Checked instances to typed documents: the way of JSON that was valid but not in normal form."""

from decimal import Decimal
from typing import Any

from datamodel.check import lexical
from datamodel.facets import normal
from datamodel.instances import Instance
from datamodel.limits import MAX_DIGITS
from datamodel.model import ClassType, Element, Simple, SimpleType
from datamodel.numbers import plain
from datamodel.structs import StructBuilder
from datamodel.xml_codec import HINTS


def build(element: Element, found: Instance, structs: StructBuilder) -> Any:
    """The struct, or bare value, of one element that the checker passed."""
    if isinstance(element.content, Simple):
        return _simple(element.content, found, structs)
    return _class(element, element.content, found, structs)


def _value(kind: SimpleType, text: str) -> Any:
    return plain(Decimal(text), MAX_DIGITS) if kind.primitive == "decimal" else normal(kind, text)


def _simple(content: Simple, found: Instance, structs: StructBuilder) -> Any:
    value = _value(content.type, lexical(found))
    kinds = {use.name: use.type for use in content.attributes}
    fields = {
        f"at_{name}": normal(kinds[name], attribute.text)
        for name, attribute in found.attributes.items()
        if name in kinds
    }
    attributed = structs.attributed(content)
    return attributed(value=value, **fields) if attributed and fields else value


def _class(element: Element, content: ClassType, found: Instance, structs: StructBuilder) -> Any:
    fields: dict[str, Any] = {
        HINTS[name]: attribute.text for name, attribute in found.attributes.items() if name in HINTS
    }
    by_tag: dict[str, list[Instance]] = {}
    for below in found.children:
        by_tag.setdefault(below.tag, []).append(below)
    for position in content.children:
        parts = tuple(build(position, below, structs) for below in by_tag.get(position.tag, ()))
        if parts:
            fields[position.field] = parts if position.many else parts[0]
    return structs.of_class(element.name, content)(**fields)
