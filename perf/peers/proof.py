"""Whether a peer kept what a message says: every text and attribute of the XML stands in the output, as often as there.

Names and shapes differ from peer to peer and are its own business. Numbers count as equal when their values are.
"""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def lost(message: bytes, output: bytes) -> list[str]:
    """The values of an XML message that an output, XML or JSON, does not have."""
    found = of_xml(output) if output.lstrip().startswith(b"<") else of_json(json.loads(output, parse_float=Decimal))
    return sorted((Counter(of_xml(message)) - Counter(found)).elements())


def of_xml(body: bytes) -> Iterator[str]:
    """Texts of leaves, and attributes but for the places of schemas."""
    parser = etree.XMLParser(remove_comments=True, resolve_entities=False, huge_tree=True)
    for element in etree.fromstring(body, parser).iter():
        if not len(element) and element.text:
            yield plain(element.text)
        yield from (plain(value) for name, value in element.attrib.items() if not name.startswith(XSI))


def of_json(value: Any) -> Iterator[str]:
    """All values below, without the names."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from of_json(each)
    elif value is not None:
        yield plain(str(value))


def plain(text: str) -> str:
    """A value as it counts: white space folded, numbers without what does not change them."""
    folded = " ".join(text.split())
    try:
        return str(Decimal(folded).normalize())
    except InvalidOperation:
        return folded
