"""Compiled expressions at work: what each reads from the document, and the program that the library runs on it.

The library copies whatever it is given, and its map and filter take time that grows with the square of the list. So a
document never enters it: a plan reads the few values that its expression names, in time proportional to what it reads,
and the macros run their body once for each part. What one set of values gave is remembered for the rest of the check.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import cel
import msgspec

from datamodel.model import ClassType, Element, SimpleType
from datamodel.paths import attribute_of, occurrences, value_of

MAX_KNOWN: Final = 4096  # results of one plan that are remembered; a document of a million parts must not fill memory


class Work:
    """What one check of one document has evaluated so far; `known` results are by plan and by values."""

    __slots__ = ("evaluations", "known", "reused")

    def __init__(self) -> None:
        self.evaluations = self.reused = 0
        self.known: dict[int, dict[tuple[Any, ...], Any]] = {}


class Scope:
    """Values of the variables at one point of an evaluation of one rule.

    `members` are the lists named under let as sets, by name, made when one is first asked for a value.
    """

    __slots__ = ("members", "names", "work")

    def __init__(self, names: Mapping[str, Any], work: Work, members: dict[str, frozenset[Any]] | None = None) -> None:
        self.names, self.work = dict(names), work
        self.members = {} if members is None else members

    def inner(self) -> "Scope":
        """A scope of its own that knows the same names."""
        return Scope(self.names, self.work, self.members)


Read = Callable[[Scope], Any]


class Plan(msgspec.Struct, frozen=True, eq=False):
    """An expression that is ready to run. Without a program it is the value that its one input reads."""

    inputs: tuple[tuple[str, Read], ...]
    helpers: dict[str, Callable[..., Any]]
    program: cel.Program | None

    def run(self, scope: Scope) -> Any:
        """The value: text, number as its digits or int, bool, None, or a list of these."""
        values = tuple(read(scope) for _, read in self.inputs)
        if self.program is None:
            return values[0]
        work = scope.work
        known = work.known.setdefault(id(self), {})
        if values in known:
            work.reused += 1
            return known[values]
        work.evaluations += 1
        names = {name: value for (name, _), value in zip(self.inputs, values, strict=True)}
        result = self.program.execute({**names, **self.helpers})
        if len(known) < MAX_KNOWN:
            known[values] = result
        return result


def plain(value: Any) -> Any:
    """A text or number as the library takes it: numbers as their digits."""
    return value if value is None or isinstance(value, str) else format(value, "f")


def truth(value: Any) -> bool | None:
    """A boolean, of which a document may keep that it was written as 1 or 0."""
    return None if value is None else value in (True, "1", "true")


def converter(kind: SimpleType) -> Callable[[Any], Any]:
    """How values of a type are taken."""
    return truth if kind.json_kind == "boolean" else plain


def itself(value: Any) -> Any:
    """The value, for lists in which only equal values are alike."""
    return value


def variable(name: str) -> Read:
    """Reads a variable that holds a value already."""
    return lambda scope: scope.names[name]


Chain = Sequence[tuple[ClassType, Element]]


def reach(chain: Chain, typed: bool) -> Callable[[Any], Any]:
    """A function from a part to the one element at the end of the chain, as the document holds it, or None."""
    steps = [_field(element.field) if typed else _first(content, element) for content, element in chain]

    def follow(part: Any) -> Any:
        for step in steps:
            if part is None:
                return None
            part = step(part)
        return part

    return follow


def _field(name: str) -> Callable[[Any], Any]:
    return lambda part: getattr(part, name, None)


def _first(content: ClassType, element: Element) -> Callable[[Any], Any]:
    return lambda part: next((each for _, each in occurring(part, content, element)), None)


def occurring(part: Any, content: ClassType, element: Element) -> Iterable[tuple[int | None, Any]]:
    """Every occurrence of an element, with its index where it may repeat.

    The model may be the base of the document's own, which forbids the element: then there is none.
    """
    known = isinstance(part, dict) or hasattr(part, element.field)
    return occurrences(part, content, element) if known else ()


def one(name: str, chain: Chain, typed: bool, attribute: str | None, kind: SimpleType) -> Read:
    """Reads a simple element, or an attribute of it, of a type."""
    follow, convert = reach(chain, typed), converter(kind)
    if attribute is not None:
        return lambda scope: convert(attribute_of(follow(scope.names[name]), attribute))
    return lambda scope: convert(value_of(follow(scope.names[name])))


def present(name: str, chain: Chain, typed: bool, attribute: str | None) -> Read:
    """Reads whether an element or attribute is there."""
    follow = reach(chain, typed)
    if attribute is not None:
        return lambda scope: attribute_of(follow(scope.names[name]), attribute) is not None
    return lambda scope: follow(scope.names[name]) is not None


def parts(name: str, chain: Chain, typed: bool) -> Read:
    """Reads all occurrences of an element that may repeat, as the document holds them."""
    follow = reach(chain[:-1], typed)
    content, element = chain[-1]

    def read(scope: Scope) -> Sequence[Any]:
        part = follow(scope.names[name])
        return () if part is None else tuple(each for _, each in occurring(part, content, element))

    return read


def values(name: str, chain: Chain, typed: bool, kind: SimpleType) -> Read:
    """Reads the values of all occurrences of a simple element of a type."""
    read, convert = parts(name, chain, typed), converter(kind)
    return lambda scope: tuple(convert(value_of(each)) for each in read(scope))


def count(read: Read) -> Read:
    """Reads how many there are."""
    return lambda scope: len(read(scope))


def filled(read: Read) -> Read:
    """Reads whether there is any."""
    return lambda scope: len(read(scope)) > 0


def member(value: Plan, name: str, alike: Callable[[Any], Any]) -> Read:
    """Reads whether a value is in a list that was named under let, in one step however long the list is.

    `alike` makes equal what rules hold for equal.
    """

    def read(scope: Scope) -> bool:
        if name not in scope.members:
            scope.members[name] = frozenset(map(alike, scope.names[name])) - {None}
        return alike(value.run(scope)) in scope.members[name]

    return read


def _each(source: Read, name: str, body: Plan) -> Callable[[Scope], Iterable[tuple[Any, Any]]]:
    """Every part of the range with what the body says of it."""

    def run(scope: Scope) -> Iterable[tuple[Any, Any]]:
        inner = scope.inner()
        for part in source(scope):
            inner.names[name] = part
            yield part, body.run(inner)

    return run


def macro(kind: str, source: Read, name: str, body: Plan) -> Read:
    """Reads a macro over a range. `map` and `filter` give tuples, the others bools."""
    each = _each(source, name, body)
    return lambda scope: OUTCOMES[kind](each(scope))


OUTCOMES: Final[dict[str, Callable[[Iterable[tuple[Any, Any]]], Any]]] = {
    "all": lambda found: all(holds for _, holds in found),
    "exists": lambda found: any(holds for _, holds in found),
    "exists_one": lambda found: sum(bool(holds) for _, holds in found) == 1,
    "map": lambda found: tuple(made for _, made in found),
    "filter": lambda found: tuple(part for part, holds in found if holds),
}
