"""API objects as bytes. XML follows the generic rule of RFC 9457, appendix B, so that no type needs its own mapping.

An object becomes an element with a child element per member, an array a run of `i` elements, anything else text.
A member that is null has no element. Both formats say the same, except that XML cannot carry most control characters,
which a trader's own values may hold: they become U+FFFD there, and lone surrogates do in both.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from lxml import etree

from datamodel.facets import NOT_XML
from gateway.media import Format

API_NAMESPACE = "urn:guichet:api:1"
PROBLEM_NAMESPACE = "urn:ietf:rfc:7807"

_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Text that every encoder takes: header bytes that were not UTF-8 reach us as lone surrogates."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def to_json(value: Any, root: str = "", namespace: str = "") -> bytes:
    """JSON of an API object; the root's name and namespace have no place in it."""
    return msgspec.json.encode(value)


def to_xml(value: Any, root: str, namespace: str = API_NAMESPACE) -> bytes:
    """XML of an API object under a root element of that name."""
    names: dict[Any, str] = {None: namespace}
    element = etree.Element(f"{{{namespace}}}{root}", nsmap=names)
    _fill(element, msgspec.to_builtins(value), f"{{{namespace}}}")
    return etree.tostring(element, xml_declaration=True, encoding="UTF-8")


RENDERERS: dict[Format, Callable[[Any, str, str], bytes]] = {"xml": to_xml, "json": to_json}


def _fill(element: etree._Element, value: Any, prefix: str) -> None:
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list | tuple):
        members = [("i", item) for item in value]
    else:
        element.text = _text(value)
        return
    for name, member in members:
        if member is not None:
            _fill(etree.SubElement(element, prefix + name), member, prefix)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return NOT_XML.sub("\ufffd", str(value))
