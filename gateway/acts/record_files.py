"""A frozen record as a file: read back from what the gateway gave out, as JSON or as XML."""

from collections.abc import Mapping
from typing import Any, Final, get_origin

import msgspec
from lxml import etree

from gateway.acts.record import Record

_DECODER: Final = msgspec.json.Decoder(Record)
_LISTS: Final = frozenset(
    field.name
    for kind in (Record, *(each.type for each in msgspec.structs.fields(Record)))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    for field in msgspec.structs.fields(kind)
    if get_origin(field.type) is tuple
)


def read_record(content: bytes) -> Record:
    """The record that a file holds. Raises ValueError, with the place where it is none."""
    try:
        if content.lstrip()[:1] == b"<":
            return msgspec.convert(_members(_parsed(content)), Record, strict=False)
        return _DECODER.decode(content)
    except (msgspec.DecodeError, etree.XMLSyntaxError) as error:
        raise ValueError(f"this is no record of an appeal: {error}") from None


def _parsed(content: bytes) -> etree._Element:
    """Raises ValueError for a document that declares anything of its own: nobody's record does."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    root = etree.fromstring(content, parser)
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("this is no record of an appeal: it has a document type declaration")
    return root


def _members(element: etree._Element) -> Any:
    """What an element says: a list where the record has one, an object, or text."""
    if _name(element) in _LISTS:
        return [_members(each) for each in element]
    members: Mapping[str, Any] = {_name(each): _members(each) for each in element}
    return members or element.text or ""


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
