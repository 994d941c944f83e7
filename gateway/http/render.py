"""API objects as bytes. XML follows the generic rule of RFC 9457, appendix B, so that no type needs its own mapping.

An object becomes an element with a child element per member, an array a run of `i` elements, anything else text.
A member that is null has no element. Both formats say the same, except that XML cannot carry most control characters,
which a trader's own values may hold: they become U+FFFD there, and lone surrogates do in both.
"""

import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from datamodel.facets import NOT_XML
from gateway.media import Format

API_NAMESPACE = "urn:guichet:api:1"
PROBLEM_NAMESPACE = "urn:ietf:rfc:7807"

_RETURN = {"\r": "&#13;"}  # a carriage return as it is would be read as a line feed
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Text that every encoder takes: header bytes that were not UTF-8 reach us as lone surrogates."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def to_json(value: Any, root: str = "", namespace: str = "") -> bytes:
    """JSON of an API object; the root's name and namespace have no place in it."""
    return msgspec.json.encode(value)


def to_xml(value: Any, root: str, namespace: str = API_NAMESPACE) -> bytes:
    """XML of an API object under a root element of that name."""
    parts = [opening(root, namespace)]
    _fill(parts, msgspec.to_builtins(value))
    parts.append(f"</{root}>")
    return "".join(parts).encode()


def opening(root: str, namespace: str = API_NAMESPACE) -> str:
    """How an XML document begins whose root element has that name."""
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<{root} xmlns=\"{namespace}\">"


def to_element(value: Any, name: str) -> bytes:
    """XML of an API object as an element within a document that was opened."""
    parts: list[str] = []
    _fill(parts, {name: msgspec.to_builtins(value)})
    return "".join(parts).encode()


RENDERERS: dict[Format, Callable[[Any, str, str], bytes]] = {"xml": to_xml, "json": to_json}


def _fill(parts: list[str], value: Any) -> None:
    """What stands inside of an element. Names of members are our own, and names of XML."""
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list | tuple):
        members = [("i", item) for item in value]
    else:
        parts.append(escape(_text(value), _RETURN))
        return
    for name, member in members:
        if member is not None:
            parts.append(f"<{name}>")
            _fill(parts, member)
            parts.append(f"</{name}>")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return NOT_XML.sub("\ufffd", str(value))
