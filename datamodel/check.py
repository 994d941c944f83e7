"""Finds every fault of a message at once, in the same words and order for XML and JSON.

The quick ways (libxml2 for XML, msgspec for JSON) say only that something is wrong; this walk says what and where.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from itertools import accumulate

from datamodel.facets import XML_SPACE, describe, fault
from datamodel.instances import Attribute, Instance
from datamodel.issues import Issue, PointerStep, Report
from datamodel.limits import MAX_DIGITS, Limits
from datamodel.model import LOCATION_HINTS, NIL, TYPE, XSI, ClassType, Element, Model, Simple, SimpleType
from datamodel.numbers import plain
from datamodel.wording import either, issue, listed, phrase

HINT_TAGS = {f"{{{XSI}}}{name}" for name in LOCATION_HINTS}
HIDDEN = "(personal)"
NAMES_TOLD = 12
XML_NAME = re.compile(r"@?(?:[\w.-]+:)?[^\W\d][\w.-]*")
LONGEST_NAME = 60  # of an unknown element, as far as it is looked at or shown


class Place:
    """Where an element stands, in the three notations. Sequences count from 1."""

    __slots__ = ("element", "instance", "pointer", "wco", "xpath")

    def __init__(self, element: Element, instance: Instance, parent: "Place | None", number: int) -> None:
        self.element, self.instance = element, instance
        step = f"[{number}]" if element.many or number > 1 else ""
        self.xpath: str = f"{parent.xpath if parent else ''}/{element.json_name}{step}"
        index = f"/{number - 1}" if element.many or number > 1 else ""
        self.pointer: str = f"{parent.pointer if parent else ''}/{element.json_name}{index}"
        self.wco: tuple[PointerStep, ...] = parent.wco if parent else ()
        if element.wco_id and isinstance(element.content, ClassType):
            self.wco = (*self.wco, PointerStep(element.wco_id, number))

    def tagged(self) -> tuple[PointerStep, ...]:
        """The WCO pointer with the tag of an attribute on its last section."""
        if isinstance(self.element.content, ClassType) or not self.wco or not self.element.wco_id:
            return self.wco
        last = self.wco[-1]
        return (*self.wco[:-1], PointerStep(last.section, last.sequence, self.element.wco_id))


class Enough(Exception):
    """So many issues that counting on would serve nobody but an attacker."""


class Checker:
    """One walk over one message.

    Of a foreign schema it judges what libxml2 cannot see (kinds of JSON values) and what it can say better (names it
    does not know); `flagged` and `places` then tell what is left for libxml2 to say, and where.
    """

    def __init__(self, model: Model, limits: Limits) -> None:
        self.model, self.limits = model, limits
        self.found: list[tuple[Instance, Issue]] = []  # with the element that each is about
        self.total = 0
        self.flagged: set[tuple[Instance, str]] = set()  # with the step below, where an issue is about one
        self.places: dict[Instance, Place] = {}

    def report(self) -> Report:
        """What was found."""
        return Report(tuple(each for _, each in self.found), self.total)

    @property
    def full(self) -> bool:
        """Whether further issues are only counted."""
        return len(self.found) >= self.limits.max_issues

    def add(  # noqa: PLR0913  one place where an issue is put together, with all that it may say
        self,
        rule: str,
        place: Place,
        *,
        name: str = "",
        below: str = "",
        at: Instance | Attribute | None = None,
        value: str | None = None,
        expected: str | None = None,
        detail: str = "",
    ) -> None:
        """Count an issue, and keep it while there is room. `below` is a step under the place, `at` its own place."""
        self.total += 1
        if self.total >= self.limits.max_counted:
            raise Enough
        if self.full:
            return
        self.visit(place)
        spot = at or place.instance
        self.flagged |= {(place.instance, below if below.startswith("@") else "")}
        if isinstance(at, Instance):
            self.flagged |= {(at, "")}
        found = issue(
            rule,
            name=name or place.element.name,
            xpath=f"{place.xpath}/{xpath_step(below)}" if below else place.xpath,
            json_pointer=f"{place.pointer}/{pointer_step(below)}" if below else place.pointer,
            wco_pointer=place.tagged(),
            wco_id=place.element.wco_id or None,
            line=spot.line,
            column=spot.column,
            value=self.shown(place.element, value),
            expected=expected,
            detail=detail,
        )
        self.found.append((place.instance, found))

    def visit(self, place: Place) -> None:
        """Remember where an element of a foreign schema is; the first time counts, for the order of the walk."""
        if not self.model.typed:
            self.places.setdefault(place.instance, place)

    def shown(self, element: Element, value: str | None) -> str | None:
        """The value as an issue may show it: cut, and hidden where it is personal."""
        if value is None:
            return None
        if element.personal:
            return HIDDEN
        printable = "".join(sign if sign.isprintable() else "\ufffd" for sign in value[: self.limits.max_value_shown])
        return printable + ("…" if len(value) > self.limits.max_value_shown else "")

    def element(self, place: Place) -> None:
        """Check one element and all below it."""
        content, found = self.content(place), place.instance
        self.visit(place)
        if found.stray:
            expected = phrase(f"kind.{found.stray}")
            self.add("json.kind", place, detail=_kind_words(found.kind), expected=expected)
            if found.kind == "array":
                return
        if isinstance(content, Simple):
            self.simple(place, content)
        else:
            self.class_type(place, content)

    def content(self, place: Place) -> Simple | ClassType:
        """The content of an element, or of the type that its `xsi:type` asks for."""
        asked = place.instance.attributes.get(TYPE)
        local = asked.text.rpartition(":")[2] if asked else ""
        named = (kind for name, kind in self.model.types.items() if name.rpartition("}")[2] == local)
        return next(named, place.element.content)

    def simple(self, place: Place, content: Simple) -> None:
        """A value, its kind in JSON, its attributes."""
        found = place.instance
        for below in _grouped(found.children):
            label = f"{place.element.name}/{below.label}"
            self.add(
                "element.children", place, below=below.label, at=below, name=label, expected=describe(content.type)
            )
        self.attributes(place, content)
        if found.children and not found.text.strip(XML_SPACE):
            return
        if not _kind_fits(content.type, found, place.element.nillable):
            expected, detail = phrase(f"kind.{content.type.json_kind}"), _kind_words(found.kind)
            self.add("json.kind", place, value=written(found), detail=detail, expected=expected)
            return
        if fault_found := fault(content.type, lexical(found)):
            rule, expected = fault_found
            self.add(rule, place, value=found.text, expected=expected)

    def attributes(self, place: Place, content: Simple | ClassType) -> None:
        """The XML attributes of an element against those it may carry."""
        allowed = {use.name: use for use in content.attributes}
        words = _takes([use.label for use in content.attributes])
        ranks = {name: rank for rank, name in enumerate(allowed)}
        given = place.instance.attributes.items()
        for name, attribute in sorted(given, key=lambda pair: ranks.get(pair[0], len(ranks))):
            if name in HINT_TAGS or (name in (NIL, TYPE) and not self.model.typed):
                continue
            label = "@" + (allowed[name].label if name in allowed else _local(name))
            if name not in allowed:
                if not content.open:
                    self.add("attribute.unknown", place, below=label, name=label, at=attribute, expected=words)
            elif attribute.kind != "string":
                kind, detail = allowed[name].type.json_kind, _kind_words(attribute.kind)
                expected = phrase(f"kind.{kind}")
                self.add("json.kind", place, below=label, name=label, at=attribute, detail=detail, expected=expected)
            elif fault_found := fault(allowed[name].type, attribute.text):
                rule, expected = fault_found
                self.add(rule, place, below=label, name=label, at=attribute, value=attribute.text, expected=expected)
        for name, use in allowed.items():
            if use.required and name not in place.instance.attributes:
                label = f"@{use.label}"
                self.add("attribute.missing", place, below=label, name=label, expected=describe(use.type))

    def class_type(self, place: Place, content: ClassType) -> None:
        """The children of a class: known, in order, not too many, none missing."""
        found = place.instance
        text, empty = found.text.strip(XML_SPACE), found.kind == "string" and not found.text
        fits = text if found.kind == "string" else found.kind in ("element", "object")
        if not (fits or empty or (found.kind == "null" and place.element.nillable)):
            detail = _kind_words(found.kind)
            self.add("json.kind", place, value=written(found), detail=detail, expected=phrase("kind.object"))
            return
        if text:
            self.add("element.text", place, value=text)
        self.attributes(place, content)
        self.children(place, content)

    def children(self, place: Place, content: ClassType) -> None:
        """Walk the children in the model's order, what is unknown behind, then say which are missing."""
        below, most = place.instance.children, len(content.children)
        ranks = _ranks(content, below)
        furthest = list(accumulate((rank if rank < most else 0 for rank in ranks), max))
        counts: Counter[int] = Counter()
        for at in sorted(range(len(ranks)), key=ranks.__getitem__):
            rank, found = ranks[at], below[at]
            if rank >= most:
                if not (content.wild and found.tag.startswith("{")):
                    self.unknown(place, content, found)
                continue
            counts[rank] += 1
            ahead = content.children[furthest[at]] if found.kind == "element" and rank < furthest[at] else None
            self.child(Place(content.children[rank], found, place, counts[rank]), content, counts[rank], ahead)
        for rank, element in enumerate(content.children if content.sequence else ()):
            if counts[rank] < element.min and NIL not in place.instance.attributes:
                self.missing(place, element, counts[rank])

    def child(self, place: Place, content: ClassType, count: int, ahead: Element | None) -> None:
        """One known child; `ahead` stands before it and should not."""
        most = place.element.max if content.sequence else None if place.element.json_name in content.arrays else 1
        if content.sequence and ahead is not None:
            self.add("element.order", place, expected=phrase("place.before", name=ahead.name))
        if most is not None and count == most + 1:
            self.add("element.repeated", place, expected=phrase("place.most", count=most))
        self.element(place)

    def unknown(self, place: Place, content: ClassType, below: Instance) -> None:
        """An element or property that the class does not have."""
        words = "" if self.full else _instead(content, below.label)
        self.add("element.unknown", place, below=below.label, at=below, name=below.label[:LONGEST_NAME], expected=words)

    def missing(self, place: Place, element: Element, count: int) -> None:
        """A mandatory part that is not there."""
        absent = Instance(element.tag, element.name, place.instance.line, place.instance.column)
        spot = Place(element, absent, place, count + 1)
        content = element.content
        expected = describe(content.type) if isinstance(content, Simple) else phrase("type.parts")
        self.add("element.missing", spot, expected=expected)


def _ranks(content: ClassType, below: Sequence[Instance]) -> list[int]:
    """The positions of children in the model; those of unknown ones come behind, together where their names are one.

    Numbers and no more, because there may be a million of them.
    """
    known = {element.tag: rank for rank, element in enumerate(content.children)}
    strange: dict[str, int] = {}
    return [
        known[each.tag] if each.tag in known else strange.setdefault(each.label, len(content.children) + len(strange))
        for each in below
    ]


def _grouped(below: Sequence[Instance]) -> list[Instance]:
    """Instances of one name together, as JSON has them."""
    first: dict[str, int] = {}
    return sorted(below, key=lambda each: first.setdefault(each.label, len(first)))


def _instead(content: ClassType, label: str) -> str:
    """What a class has that a sender may have meant."""
    names = [element.name for element in content.children]
    if label in names:
        return phrase("place.namespace", name=label, namespace=content.children[names.index(label)].namespace)
    near = get_close_matches(label[:LONGEST_NAME], names, n=3)
    if near:
        return phrase("place.near", names=either(near))
    return _takes(names)


def _takes(names: list[str]) -> str:
    return phrase("place.these", names=listed(names, NAMES_TOLD)) if names else phrase("place.nothing")


def _local(name: str) -> str:
    """The name of an attribute as JSON writes it, where the model does not know it."""
    return name.replace(f"{{{XSI}}}", "xsi:").rpartition("}")[2]


def written(found: Instance) -> str | None:
    """The value that stood there; None for what has none."""
    return found.text if found.kind in ("element", "string") else found.text or None


def lexical(found: Instance) -> str:
    """The lexical form of a value; a JSON number in plain notation, whatever its own."""
    if found.kind != "number" or not ("e" in found.text or "E" in found.text):
        return found.text
    try:
        return format(plain(Decimal(found.text), MAX_DIGITS), "f")
    except (ValueError, InvalidOperation):
        return "9" * (MAX_DIGITS + 3)  # as many digits as no type takes


UNTYPED = re.compile(r"|[+-]?INF|NaN|[01]")  # what stands as a string where a number or boolean has no JSON form


def _kind_fits(kind: SimpleType, found: Instance, nillable: bool) -> bool:
    """Whether a JSON value is of the kind that its type takes; XML has but one kind."""
    if found.kind in ("element", kind.json_kind) or (found.kind == "null" and nillable):
        return True
    return kind.sealed and found.kind == "string" and UNTYPED.fullmatch(found.text) is not None


def _kind_words(kind: str) -> str:
    return phrase(f"found.{kind}")


def pointer_step(step: str) -> str:
    """A name as a step of a JSON Pointer (RFC 6901, section 3)."""
    return step.replace("~", "~0").replace("/", "~1")


def xpath_step(step: str) -> str:
    """A name as a step of an XPath; what is no XML name is named as text."""
    return step if XML_NAME.fullmatch(step) else f"*[name()={json.dumps(step)}]"


def walk_message(model: Model, found: Instance, limits: Limits) -> Checker:
    """A checker that has walked a message whose root is the model's root."""
    checker = Checker(model, limits)
    with suppress(Enough):
        checker.element(Place(model.root, found, None, 1))
    return checker


def check(model: Model, found: Instance, limits: Limits) -> Report:
    """All issues of a message of our own tables."""
    return walk_message(model, found, limits).report()
