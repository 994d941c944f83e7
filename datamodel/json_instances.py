"""JSON to instances: a tokeniser that keeps places and digits, then the model's names for the properties.

RFC 8259, with every choice on the strict side: no duplicate names, no NaN, no comments, nothing after the value.
"""

import re
from bisect import bisect_right
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from datamodel.instances import Attribute, Instance
from datamodel.issues import Refused
from datamodel.limits import Limits
from datamodel.model import LOCATION_HINTS, XSI, ClassType, Element, Simple
from datamodel.wording import issue, phrase, refused

SPACE = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
HALF_PAIR = re.compile("[\ud800-\udfff]")
WORDS = {"true": "boolean", "false": "boolean", "null": "null"}
HINTS = {f"@xsi:{name}": f"{{{XSI}}}{name}" for name in LOCATION_HINTS}


class Value:
    """A JSON value with its offset: members for an object, items for an array, text for the rest."""

    __slots__ = ("at", "items", "kind", "members", "text")

    def __init__(self, kind: str, at: int, text: str = "") -> None:
        self.kind, self.at, self.text = kind, at, text
        self.members: list[tuple[str, int, Value]] = []
        self.items: list[Value] = []


class Places:
    """Offsets to lines and columns, both from 1."""

    def __init__(self, text: str) -> None:
        self.starts = [0] + [match.end() for match in re.finditer("\n", text)]

    def of(self, offset: int) -> tuple[int, int]:
        """(line, column) of an offset."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1


class Tokeniser:
    """A recursive parser bounded by the depth ceiling. Raises Refused at the first fault of form."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text, self.limits, self.places = text, limits, Places(text)
        self.elements = 0

    def refuse(self, rule: str, at: int, **fields: Any) -> Refused:
        """The refusal of the whole document for a fault at an offset."""
        line, column = self.places.of(min(at, len(self.text)))
        return refused(issue(rule, line=line, column=column, **fields), status=400)

    def malformed(self, at: int, reason: str, **values: str) -> Refused:
        """The refusal for a fault of form, of which `reason` is the phrase."""
        return self.refuse("json.malformed", at, detail=phrase(f"json.{reason}", **values))

    def skip(self, at: int) -> int:
        """The offset of the next character that is not white space."""
        match = SPACE.match(self.text, at)
        return match.end() if match else at

    def document(self) -> Value:
        """The one value of the text."""
        value, at = self.value(self.skip(0), 1)
        if (rest := self.skip(at)) != len(self.text):
            raise self.malformed(rest, "rest")
        return value

    def value(self, at: int, depth: int) -> tuple[Value, int]:
        """The value that begins at an offset, and where it ends."""
        if depth > self.limits.max_depth:
            raise self.refuse("size.depth", at, expected=phrase("size.levels", count=self.limits.max_depth))
        lead = self.text[at : at + 1]
        if lead == "{":
            return self.object(at, depth)
        if lead == "[":
            return self.array(at, depth)
        if lead == '"':
            text, end = self.string(at)
            return Value("string", at, text), end
        for word, kind in WORDS.items():
            if self.text.startswith(word, at):
                return Value(kind, at, word), at + len(word)
        match = NUMBER.match(self.text, at)
        if not match:
            raise self.malformed(at, "value" if lead else "end")
        return Value("number", at, match[0]), match.end()

    def string(self, at: int) -> tuple[str, int]:
        """The string that begins at an offset."""
        try:
            text, end = scanstring(self.text, at + 1, True)
        except ValueError as error:
            raise self.malformed(getattr(error, "pos", at), "string") from None
        if HALF_PAIR.search(text):
            raise self.malformed(at, "surrogate")
        return text, end

    def array(self, at: int, depth: int) -> tuple[Value, int]:
        """An array."""
        found = Value("array", at)
        at = self.skip(at + 1)
        while self.text[at : at + 1] != "]":
            if found.items:
                at = self.comma(at, "]")
            self.count(at)
            item, at = self.value(at, depth + 1)
            found.items.append(item)
            at = self.skip(at)
        return found, at + 1

    def object(self, at: int, depth: int) -> tuple[Value, int]:
        """An object; a name that stands twice is refused."""
        found = Value("object", at)
        names = set()
        at = self.skip(at + 1)
        while self.text[at : at + 1] != "}":
            if found.members:
                at = self.comma(at, "}")
            start = at
            if self.text[at : at + 1] != '"':
                raise self.malformed(at, "name")
            name, at = self.string(at)
            if name in names:
                raise self.refuse("json.duplicate", start, name=name[:60])
            names.add(name)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                raise self.malformed(at, "colon")
            member, at = self.value(self.skip(at + 1), depth + 1)
            if member.kind != "array" and name != "value":
                self.count(start)
            found.members.append((name, start, member))
            at = self.skip(at)
        return found, at + 1

    def count(self, at: int) -> None:
        """Count what would be an element or an attribute in XML. Raises Refused above the ceiling."""
        self.elements += 1
        if self.elements > self.limits.max_elements:
            raise self.refuse("size.elements", at, expected=phrase("size.elements", count=self.limits.max_elements))

    def comma(self, at: int, end: str) -> int:
        """The offset after the comma between two entries."""
        if self.text[at : at + 1] != ",":
            raise self.malformed(at, "comma", end=end)
        return self.skip(at + 1)


class Namer:
    """Gives JSON values the names and order of the model."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def element(self, element: Element, label: str, at: int, value: Value) -> Instance:
        """One occurrence of a known element."""
        line, column = self.places.of(at)
        found = Instance(element.tag, label, line, column, kind=value.kind, text=value.text)
        if isinstance(element.content, Simple):
            self.simple(element.content, found, value)
        else:
            self.members(element.content, found, value)
        return found

    def simple(self, content: Simple, found: Instance, value: Value) -> None:
        """A value, bare or as an object with `value` and attributes."""
        if value.kind != "object":
            return
        for name, at, member in value.members:
            line, column = self.places.of(at)
            if name == "value":
                found.kind, found.text = member.kind, member.text
            else:
                self.other(found, name, member, line, column)

    def other(self, found: Instance, name: str, member: Value, line: int, column: int) -> None:
        """An attribute, or a property that the model does not have."""
        if name.startswith("@"):
            attribute = Attribute(member.text, line, column, member.kind)
            found.attributes = {**found.attributes, HINTS.get(name, name[1:]): attribute}
        else:
            for item in member.items or [member]:
                spot = self.places.of(item.at) if member.items else (line, column)
                found.add(Instance(name, name, *spot, kind=item.kind))

    def members(self, content: ClassType, found: Instance, value: Value) -> None:
        """The children of a class, in the model's order; unknown properties come last."""
        known = {element.json_name: index for index, element in enumerate(content.children)}
        ordered = sorted(value.members, key=lambda member: known.get(member[0], len(known)))
        for name, at, member in ordered:
            line, column = self.places.of(at)
            if name in known:
                for each in self.occurrences(content.children[known[name]], name, at, member):
                    found.add(each)
            elif name == "value" and member.kind == "string" and member.text.strip():
                found.text = member.text  # an object with `value` is how a text with attributes is written
            else:
                self.other(found, name, member, line, column)

    def occurrences(self, element: Element, name: str, at: int, member: Value) -> list[Instance]:
        """All occurrences under one property name."""
        if member.kind == "array" and (element.many or len(member.items) > 1):
            return [self.element(element, name, item.at, item) for item in member.items]
        found = self.element(element, name, at, member)
        if element.many or member.kind == "array":
            found.stray = "array" if element.many else "single"
        return [found]


def parse_json(text: str, root: Element, limits: Limits) -> tuple[int, Value, Places]:
    """The value under the root's name, and where it begins. Raises Refused where the text is not one such object."""
    tokeniser = Tokeniser(text, limits)
    value = tokeniser.document()
    names = [name for name, _, _ in value.members]
    if names != [root.json_name]:
        refusal = tokeniser.refuse("message.unknown", value.at, name=", ".join(names)[:60], expected=root.json_name)
        raise Refused(refusal.report)
    _, at, member = value.members[0]
    return at, member, tokeniser.places


def instances(text: str, root: Element, limits: Limits) -> Instance:
    """The root instance of a message of our own tables. Raises Refused as `parse_json`."""
    at, member, places = parse_json(text, root, limits)
    return Namer(places).element(root, root.json_name, at, member)
