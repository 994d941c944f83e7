"""Which positions take which code list: rows of a table, compiled once per message type into one walk.

A position is a WCO ID (`id:242`), a UN/TDED tag (`tded:3207`) or a path below the root in which `*` stands for any
number of steps, `*/Packaging/TypeCode`, and which may end in an XML attribute, `*/@currencyID`.
Of several rows that fit a value one decides: that of the country before everybody's, that of a package before that of
any, a whole path before one with `*`, that before a WCO ID, that before a tag; then the lower row.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any, Final

import msgspec

from datamodel.model import ClassType, Element, Model
from datamodel.paths import CONTENT, value_of

NONE: Final = "-"  # in place of a list: this position takes none
ANY: Final = "*"  # any number of steps

Item = tuple[int, int]  # a row's number and how many steps of its path have been taken
State = frozenset[Item]


class Position(msgspec.Struct, frozen=True):
    """Where a row applies. `steps` only for a path; `tag` only for a WCO ID or a UN/TDED tag."""

    rank: int
    steps: tuple[str, ...] = ()
    attribute: str | None = None
    wco_id: str | None = None
    tded: str | None = None


class Condition(msgspec.Struct, frozen=True):
    """What a sibling must be: one of `values`, or with none given there at all (`absent`: not there)."""

    name: str
    values: tuple[str, ...] = ()
    absent: bool = False

    def holds(self, parent: Any) -> bool:
        """Whether it holds for the class around a value."""
        found = sibling(parent, self.name)
        return found in self.values if self.values else (not found) == self.absent


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Of the value, the first `first` characters count; the value of sibling `prefix` goes before them."""

    position: Position
    text: str
    list: str
    package: str = ""
    country: str = ""
    severity: str
    effective_from: date = date.min
    effective_to: date = date.max
    prefix: str = ""
    first: int | None = None
    when: Condition | None = None
    place: str = ""

    def fits(self, key: str, country: str) -> bool:
        """Whether it is for a message type and a country."""
        return self.country in ("", country) and (not self.package or fnmatchcase(key, self.package))

    def applies(self, parent: Any, on: date) -> bool:
        """Whether it decides about a value on a day."""
        return self.effective_from <= on <= self.effective_to and (self.when is None or self.when.holds(parent))

    def code(self, parent: Any, value: str) -> str:
        """The code that a value stands for."""
        return (sibling(parent, self.prefix) if self.prefix else "") + value[: self.first]


def parse_position(text: str) -> Position:
    """A position as the table writes it. Raises ValueError that says what to write instead."""
    kind, colon, tag = text.partition(":")
    if colon and kind in ("id", "tded"):
        if not tag:
            raise ValueError(f"write the tag after {kind}:")
        return Position(rank=1, wco_id=tag) if kind == "id" else Position(rank=0, tded=tag)
    steps = text.split("/")
    attribute = steps.pop()[1:] if steps[-1].startswith("@") else None
    odd = any("@" in step or (ANY in step and step != ANY) for step in steps)
    if odd or not steps or not all(steps) or attribute == "":
        raise ValueError("write Declaration/TypeCode, or */Packaging/TypeCode, id: and a WCO ID, tded: and a tag")
    if steps[-1:] == [ANY] and attribute is None:
        raise ValueError("end the path in the name of an element or in @ and the name of an attribute")
    return Position(rank=2 if ANY in steps else 3, steps=tuple(steps), attribute=attribute)


def parse_condition(text: str) -> Condition | None:
    """`Name`: is there; `!Name`: is not; `Name=A|B`: is one of these. Raises ValueError."""
    if not text:
        return None
    name, equals, values = text.removeprefix("!").partition("=")
    if not name or (equals and (text.startswith("!") or not all(values.split("|")))):
        raise ValueError("write Name, !Name or Name=A|B with the name of a sibling element")
    return Condition(name, tuple(values.split("|")) if equals else (), text.startswith("!"))


def sibling(parent: Any, name: str) -> str:
    """The text of a child of a class; empty where it is absent or not a single text."""
    value = value_of(parent.get(name) if isinstance(parent, dict) else getattr(parent, name, None))
    return value if isinstance(value, str) else ""


class Leaf(msgspec.Struct, frozen=True):
    """A value with lists: of an element, or of its attribute of that JSON name; the deciding row comes first."""

    attribute: str | None
    bindings: tuple[Binding, ...]


class Entry(msgspec.Struct, frozen=True):
    """A child position with something to check in it or below it. `get` reads it: None, one value, or a tuple."""

    element: Element
    get: Callable[[Any], Any]
    leaves: tuple[Leaf, ...]
    below: "Node | None"


class Node:
    """A class with something to check in it."""

    __slots__ = ("content", "entries")

    def __init__(self, content: ClassType) -> None:
        self.content = content
        self.entries: tuple[Entry, ...] = ()


class Compiler:
    """Turns rows into nodes: one per class and state of the paths, so that a class within itself ends."""

    def __init__(self, model: Model, bindings: Iterable[Binding]) -> None:
        self.model, self.bindings = model, tuple(bindings)
        self.nodes: dict[tuple[int, State], Node] = {}

    def root(self) -> Node | None:
        """The node of the root element; None where nothing is bound in the message."""
        content = self.model.root.content
        if not isinstance(content, ClassType):
            return None
        start = ((row, 0) for row, binding in enumerate(self.bindings) if binding.position.rank > 1)
        root = self.node(content, self.closed(start))
        self.prune()
        return root if root.entries else None

    def node(self, content: ClassType, state: State) -> Node:
        """The node of a class that was reached in a state."""
        key = (id(content), state)
        if key not in self.nodes:
            node = self.nodes[key] = Node(content)
            node.entries = tuple(self.entry(content, element, state) for element in content.children)
        return self.nodes[key]

    def entry(self, content: ClassType, element: Element, state: State) -> Entry:
        """The entry of a child position."""
        after = self.step(state, element.json_name)
        inner = element.content
        below = self.node(inner, after) if isinstance(inner, ClassType) else None
        return Entry(element, _getter(self.model, content, element), tuple(self.leaves(element, after)), below)

    def step(self, state: State, name: str) -> State:
        """The state after one more step."""
        taken = set()
        for row, at in state:
            steps = self.bindings[row].position.steps
            if at < len(steps) and steps[at] == ANY:
                taken.add((row, at))
            elif at < len(steps) and steps[at] == name:
                taken.add((row, at + 1))
        return self.closed(taken)

    def closed(self, items: Iterable[Item]) -> State:
        """The items with those that a `*` of no steps adds."""
        found = set(items)
        for row, at in tuple(found):
            steps = self.bindings[row].position.steps
            some = next((each for each in range(at, len(steps)) if steps[each] != ANY), len(steps))
            found |= {(row, each) for each in range(at, some + 1)}
        return frozenset(found)

    def leaves(self, element: Element, state: State) -> Iterator[Leaf]:
        """The element's own lists, then those of its attributes."""
        arrived = {row for row, at in state if at == len(self.bindings[row].position.steps)}
        by_attribute: dict[str | None, list[Binding]] = {}
        for row, binding in enumerate(self.bindings):
            position = binding.position
            tagged = (position.wco_id or "-") == element.wco_id or (position.tded or "-") == element.tded
            if tagged or (row in arrived and position.rank > 1):
                by_attribute.setdefault(position.attribute, []).append(binding)
        if not isinstance(element.content, ClassType) and None in by_attribute:
            yield Leaf(None, _ranked(by_attribute[None]))
        for use in element.content.attributes:
            if use.label in by_attribute:
                yield Leaf(use.label, _ranked(by_attribute[use.label]))

    def prune(self) -> None:
        """Leave out everything that leads to no list."""
        useful: set[Node] = set()
        before = -1
        while len(useful) != before:
            before = len(useful)
            useful |= {node for node in self.nodes.values() if any(e.leaves or e.below in useful for e in node.entries)}
        for node in self.nodes.values():
            kept = (msgspec.structs.replace(e, below=e.below if e.below in useful else None) for e in node.entries)
            node.entries = tuple(entry for entry in kept if entry.leaves or entry.below)


def _ranked(bindings: list[Binding]) -> tuple[Binding, ...]:
    lower_first = reversed(bindings)
    ranked = sorted(
        lower_first, key=lambda each: (each.country != "", each.package != "", each.position.rank), reverse=True
    )
    return tuple(ranked)


def _getter(model: Model, content: ClassType, element: Element) -> Callable[[Any], Any]:
    if model.typed:
        return attrgetter(element.field)
    name, repeats = element.json_name, element.json_name in content.arrays

    def get(part: Any) -> Any:
        value = part.get(name) if CONTENT not in part else [each[name] for each in part[CONTENT] if name in each]
        if isinstance(value, list):
            return tuple(value) if repeats else next(iter(value), None)
        return value

    return get
