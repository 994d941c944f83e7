"""Seeded damage to a valid document: one small change each, of the kinds that real messages suffer."""

import copy
import random
from collections.abc import Callable, Iterator

from lxml import etree

LONG = "x" * 600
BAD_TEXTS = ("", "  ", "\n", LONG, "12", "ABC", "a b", "  ab ", "é", "2023", "20230526205509+01", "0", "1", "true")
BAD_NUMBERS = (
    "1,5",
    "abc",
    "",
    " 7 ",
    "1e3",
    "0.0000001",
    "123456789012345678",
    "+5",
    "-1",
    "1.",
    ".5",
    "5.000",
    "NaN",
)
ATTRIBUTES = ("listID", "schemeID", "currencyID", "unitCode", "formatCode", "languageID", "bogus", "listURI")
ATTRIBUTE_VALUES = (
    "GBP",
    "gbp",
    "KGM",
    "304",
    "102",
    "999",
    "en",
    "not a language",
    "",
    "http://x.example/a",
    "TOOLONG",
)


def elements(root: etree._Element) -> list[etree._Element]:
    return [node for node in root.iter() if isinstance(node.tag, str)]


def dropped(root: etree._Element, rng: random.Random) -> bool:
    node = rng.choice(elements(root)[1:])
    node.getparent().remove(node)
    return True


def doubled(root: etree._Element, rng: random.Random) -> bool:
    node = rng.choice(elements(root)[1:])
    node.addnext(copy.deepcopy(node))
    return True


def moved(root: etree._Element, rng: random.Random) -> bool:
    node = rng.choice(elements(root)[1:])
    target = rng.choice([other for other in elements(root) if other is not node and node not in other.iterancestors()])
    target.insert(rng.randint(0, len(target)), node)
    return True


def renamed(root: etree._Element, rng: random.Random) -> bool:
    nodes = elements(root)[1:]
    node = rng.choice(nodes)
    space = etree.QName(node).namespace
    other = etree.QName(rng.choice(nodes))
    node.tag = rng.choice(
        [
            f"{{{space}}}{other.localname}",
            f"{{{space}}}Bogus",
            f"{{urn:bogus}}{etree.QName(node).localname}",
            other.text,
        ]
    )
    return True


def retexted(root: etree._Element, rng: random.Random) -> bool:
    node = rng.choice([node for node in elements(root) if not len(node)])
    number = (node.text or "").replace(".", "").isdigit()
    node.text = rng.choice(BAD_NUMBERS if number and rng.random() < 0.7 else BAD_TEXTS)
    return True


def attribute_added(root: etree._Element, rng: random.Random) -> bool:
    rng.choice(elements(root)).set(rng.choice(ATTRIBUTES), rng.choice(ATTRIBUTE_VALUES))
    return True


def attribute_removed(root: etree._Element, rng: random.Random) -> bool:
    holders = [node for node in elements(root) if node.attrib]
    if not holders:
        return False
    node = rng.choice(holders)
    del node.attrib[rng.choice(list(node.attrib))]
    return True


def text_added(root: etree._Element, rng: random.Random) -> bool:
    node = rng.choice([node for node in elements(root) if len(node)])
    node[0].tail = "stray"
    return True


def nested(root: etree._Element, rng: random.Random) -> bool:
    node = rng.choice([node for node in elements(root) if not len(node)])
    etree.SubElement(node, node.tag)
    return True


KINDS: tuple[Callable[[etree._Element, random.Random], bool], ...] = (
    dropped,
    doubled,
    moved,
    renamed,
    retexted,
    retexted,
    retexted,
    attribute_added,
    attribute_removed,
    text_added,
    nested,
)
NOT_IN_JSON = {"moved", "text_added"}  # JSON has no order and no text beside elements


def mutants(body: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(kind, document) for `count` mutations of a document."""
    rng = random.Random(seed)
    parser = etree.XMLParser(remove_comments=True, remove_pis=True)
    source = etree.fromstring(body, parser)
    made = 0
    while made < count:
        root = copy.deepcopy(source)
        kind = rng.choice(KINDS)
        if kind(root, rng):
            made += 1
            yield kind.__name__, etree.tostring(root)
