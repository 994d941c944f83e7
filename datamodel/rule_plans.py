"""Checked expressions as Python functions, and how they read documents.

The compiler writes each expression as Python text and Python compiles it, once. What the text holds is ours alone:
variables with a prefix, literals by `repr`, and names that are bound here to functions; no word of a rule gets in as it
stands. A value is read when it is asked for, so what stands behind `&&` costs nothing where the left side fails.
The library is not asked to run rules: it copies whatever it is given, and compiles a pattern anew for each text.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Final

from datamodel.model import ClassType, Element, SimpleType
from datamodel.paths import attribute_field, attribute_of, occurrences, value_of
from datamodel.rule_functions import HELPERS, decimal
from datamodel.rule_syntax import RuleError
from datamodel.structs import bare

Chain = Sequence[tuple[ClassType, Element]]
TOO_DEEP: Final = "has too many parts within parts; split the rule, or name parts of it under let"


class Listed(tuple[Any, ...]):
    """A list that was named under let; as sets, made when a rule first asks whether a value is in it."""

    @cached_property
    def members(self) -> frozenset[Any]:
        """Its values that are there."""
        return frozenset(self) - {None}

    @cached_property
    def numbers(self) -> frozenset[Any]:
        """Its numbers, of which those of one value are one whatever their scale."""
        return frozenset(map(decimal, self)) - {None}


class Writing:
    """Writes the texts of one rule's expressions, and knows the functions that they call by name."""

    def __init__(self, typed: bool) -> None:
        self.typed = typed
        self._named: dict[str, Any] = dict(BASE)

    def bind(self, value: Any) -> str:
        """A name for a value of ours."""
        name = f"c{len(self._named)}"
        self._named[name] = value
        return name

    def function(self, text: str, *parameters: Iterable[str]) -> Callable[..., Any]:
        """The function of a text. With several groups of variables, each gives the function of those that follow.

        Raises RuleError.
        """
        heads = "".join(f"lambda {', '.join(map(variable, names))}: " for names in parameters)
        try:
            made: Callable[..., Any] = eval(heads + text, self._named)
        except (SyntaxError, RecursionError, MemoryError):  # of a text that is well-formed: Python's limits
            raise RuleError(TOO_DEEP) from None
        return made

    def single(self, part: str, chain: Chain) -> str:
        """The one element at the end of a chain, as the document holds it, or None. None has no elements."""
        for content, element in chain:
            part = f"getattr({part}, {element.field!r}, None)" if self.typed else self._first(part, content, element)
        return part

    def _first(self, part: str, content: ClassType, element: Element) -> str:
        return f"{self.bind(lambda part: next(iter(occurring(part, content, element)), None))}({part})"

    def several(self, part: str, chain: Chain) -> str:
        """All occurrences of the element at the end of a chain, which may repeat."""
        above, (content, element) = self.single(part, chain[:-1]), chain[-1]
        if self.typed:
            return f"getattr({above}, {element.field!r}, ())"
        return f"{self.bind(lambda part: occurring(part, content, element))}({above})"

    def value(self, part: str, element: Element, kind: SimpleType) -> str:
        """The value of a simple element of a type."""
        if element.content.attributes or not self.typed:
            part = f"{'bare' if self.typed else 'value_of'}({part})"
        return converted(part, kind)

    def attribute(self, part: str, label: str) -> str:
        """An XML attribute as the document holds it, or None."""
        return (
            f"getattr({part}, {attribute_field(label)!r}, None)" if self.typed else f"attribute_of({part}, {label!r})"
        )

    def values(self, parts: str, element: Element, kind: SimpleType) -> str:
        """The values of simple elements of a type."""
        value = self.value("part", element, kind)
        return parts if value == "part" else f"tuple({value} for part in {parts})"


def variable(name: str) -> str:
    """A variable of a rule in the text, where it can be no word of Python."""
    return f"n_{name}"


def converted(value: str, kind: SimpleType) -> str:
    """A value as rules take it."""
    return f"truth({value})" if kind.json_kind == "boolean" else value


def truth(value: Any) -> bool | None:
    """A boolean, of which a document may keep that it was written as 1 or 0."""
    return None if value is None else value in (True, "1", "true")


def occurring(part: Any, content: ClassType, element: Element) -> tuple[Any, ...]:
    """Every occurrence of an element in a part that may be absent.

    The model may be the base of the document's own, which forbids the element: then there is none.
    """
    if part is None or not (isinstance(part, dict) or hasattr(part, element.field)):
        return ()
    return tuple(each for _, each in occurrences(part, content, element))


def outcome(kind: str, source: str, name: str, body: str) -> str:
    """The text of a macro over a list."""
    return OUTCOMES[kind].format(source=source, name=variable(name), body=body)


OUTCOMES: Final = {
    "all": "all({body} for {name} in {source})",
    "exists": "any({body} for {name} in {source})",
    "exists_one": "(len([1 for {name} in {source} if {body}]) == 1)",
    "map": "tuple({body} for {name} in {source})",
    "filter": "tuple({name} for {name} in {source} if {body})",
}

# All that texts may call, besides what is bound for one rule.
BASE: Final[dict[str, Any]] = {
    "__builtins__": {},
    "Listed": Listed,
    **{each.__name__: each for each in (all, any, getattr, len, tuple, attribute_of, bare, decimal, truth, value_of)},
    **{f"own_{name}": run for name, run in HELPERS.items()},
}
