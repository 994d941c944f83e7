"""Ours and the floor, as functions of one message: what every group on conversion times.

The floor is the work that any gateway does which checks what it takes in: bytes to a tree by libxml2, hardened, and the
tree held to the XSD by libxml2. It is written as fast as `lxml` allows: one parser kept, which keeps its dictionary of
names, comments dropped, no check of identifiers, the compiled schema kept.
"""

from collections.abc import Callable
from typing import Literal

from lxml import etree

from datamodel.codecs import Format, read, write
from datamodel.registry import Message, Registry

FLOOR = "floor: parse + XSD"
Direction = Literal["XML to JSON", "JSON to XML"]


def floor(message: Message) -> Callable[[bytes], None]:
    """Parse and validate one body of a message type."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    schema = message.schema

    def parse_and_validate(body: bytes) -> None:
        if not schema.validate(etree.fromstring(body, parser)):
            raise ValueError("the floor refuses a sample")

    return parse_and_validate


def convert(registry: Registry, body: bytes, source: Format, target: Format) -> bytes:
    """One message into the other format, validated on the way."""
    return write(read(registry, body, source), target)
