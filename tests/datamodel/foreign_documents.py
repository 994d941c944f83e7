"""Random XML documents of foreign schemas, made from the model: mostly valid, now and then a little wrong."""

import random
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from datamodel.model import XSI, ClassType, Element, Group, Model, Simple, SimpleType, Wildcard

WORDS = ("", "a", "red", "green", " x  y ", "AB123", "ZZ999", "éß", "<&>", "line\nbreak", "long enough", "1 2  3")
NUMBERS = (
    "0",
    "7",
    "-3",
    "+12",
    "007",
    "1.50",
    "99.99",
    "100",
    "255",
    "256",
    "1e3",
    "0.000",
    "12345678901234567890",
    "5",
)
FLOATS = ("1.5", "1E3", "-0.0", "INF", "NaN", "2e-5")
TIMES = {
    "date": ("2026-11-21", "2026-02-30", "2024-02-29Z"),
    "dateTime": ("2026-11-21T08:00:00Z", "2026-11-21", "2026-01-31T23:59:59.5+01:00"),
    "duration": ("P1D", "PT5M", "1 day"),
    "base64Binary": ("AAEC", "AA==", "A"),
    "boolean": ("true", "false", "1", "0", "yes"),
}
WRONG = {"date": TIMES["date"][1:2], "dateTime": TIMES["dateTime"][1:2], "duration": TIMES["duration"][2:]}
WRONG |= {"base64Binary": TIMES["base64Binary"][2:], "boolean": TIMES["boolean"][4:], "decimal": ("1e3",)}
RISK = 0.02  # of a wrong turn at each step, so that most small documents are valid and many are not


class Maker:
    """Makes documents of one model."""

    def __init__(self, model: Model, rng: random.Random) -> None:
        self.model, self.rng = model, rng

    def document(self) -> etree._Element:
        """One document."""
        spaces: Any = {f"p{index}": uri for index, (_, uri) in enumerate(self.model.prefixes)} | {"xsi": XSI}
        root = etree.Element(self.model.root.tag, nsmap=spaces)
        self.fill(root, self.model.root, 0)
        return root

    def fill(self, node: etree._Element, element: Element, depth: int) -> None:
        content = element.content
        if element.nillable and self.rng.random() < 0.3:
            node.set(f"{{{XSI}}}nil", self.rng.choice(("true", "1")))
            self.attributes(node, content)
            return
        derived = [name for name, kind in self.model.types.items() if self.fits(kind, content)]
        if derived and self.rng.random() < 0.2:
            name = self.rng.choice(derived)
            prefix = next((p for p, uri in node.nsmap.items() if uri == name[1:].partition("}")[0] and p), "")
            node.set(f"{{{XSI}}}type", f"{prefix}:{name.rpartition('}')[2]}")
            content = self.model.types[name]
        self.attributes(node, content)
        if isinstance(content, Simple):
            node.text = self.value(content.type) or None  # an empty text node is not what a parser makes
        elif content.group:
            self.group(node, content.group, depth)

    def fits(self, kind: Any, content: Any) -> bool:
        """Types that might be derived from the one declared; libxml2 knows better."""
        return type(kind) is type(content) and kind is not content and self.rng.random() < 0.1

    def attributes(self, node: etree._Element, content: Simple | ClassType) -> None:
        for use in content.attributes:
            if self.rng.random() < (1 - RISK if use.required else 0.4):
                node.set(use.name, self.value(use.type))
        if content.open and self.rng.random() < 0.3:
            node.set("{urn:elsewhere}extra", self.rng.choice(WORDS))
        if self.rng.random() < RISK:
            node.set("bogus", "1")

    def group(self, node: etree._Element, group: Group, depth: int) -> None:
        for _ in range(self.times(group.min, group.max, depth)):
            items = list(group.items)
            if group.kind == "choice":
                items = [self.rng.choice(items)] if items else []
            elif group.kind == "all":
                self.rng.shuffle(items)
            for item in items:
                self.item(node, item, depth)

    def item(self, node: etree._Element, item: Any, depth: int) -> None:
        if isinstance(item, Group):
            self.group(node, item, depth)
            return
        for _ in range(self.times(item.min, item.max, depth)):
            if isinstance(item, Wildcard):
                self.foreign(node, depth)
            else:
                self.fill(etree.SubElement(node, item.tag), item, depth + 1)

    def times(self, low: int, high: int | None, depth: int) -> int:
        if self.rng.random() < RISK:
            return self.rng.choice((0, 1, (high or 1) + 1))
        top = low + 2 if high is None else min(high, low + 2)
        return low if depth > 4 else self.rng.randint(low, top)

    def foreign(self, node: etree._Element, depth: int) -> None:
        found = etree.SubElement(node, self.rng.choice(("{urn:elsewhere}a", "{urn:elsewhere}b", "{urn:third}c")))
        found.text = self.rng.choice(WORDS) or None
        if depth < 3 and self.rng.random() < 0.4:
            found.set("k", "v")
            self.foreign(found, depth + 1)

    def value(self, kind: SimpleType) -> str:
        """Something that may fit the type."""
        options = kind.values or TIMES.get(kind.primitive, WORDS + NUMBERS[:3])
        if kind.json_kind == "number":
            options = NUMBERS if kind.primitive == "decimal" else NUMBERS + FLOATS
        likely = [text for text in options if self.likely(kind, text)]
        return self.rng.choice(likely if likely and self.rng.random() > RISK else options)

    def likely(self, kind: SimpleType, text: str) -> bool:
        """Whether a text has a fair chance to fit; bounds and patterns are looked at, no more."""
        if kind.pattern and "\\c" not in kind.pattern and not re.fullmatch(kind.pattern, text):
            return False
        if text in WRONG.get(kind.primitive, ()):
            return False
        try:
            number = Decimal(text)
        except InvalidOperation:
            return kind.low is None and kind.high is None
        low, high = Decimal(kind.low or "-Infinity"), Decimal(kind.high or "Infinity")
        return number.is_nan() or low <= number <= high
