"""Expressions of rules to Python: every path, name, function and type is checked, and every operator made exact.

What passes here cannot fail on a document: what may be absent is asked for first, numbers are reckoned as decimals, and
no loop goes through the document again within another, so that the work is in proportion to the document.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple

import cel

from datamodel import rule_plans as plans
from datamodel.rule_functions import FUNCTIONS, day, pattern
from datamodel.rule_places import Environment, is_path, resolve
from datamodel.rule_signatures import call_fault, unknown
from datamodel.rule_syntax import Node, RuleError, parse, replaced
from datamodel.rule_types import BOOL, DAY, INT, NULL, NUMBER, TEXT, Kind, bad, kind_named, proven

Facts = frozenset[str]
NONE: Final[Facts] = frozenset()
METHODS: Final = {  # functions on a text that Python has
    "startsWith": "{}.startswith({})",
    "endsWith": "{}.endswith({})",
    "contains": "({1} in {0})",
}
CONSTANTS: Final = {"true": "True", "false": "False", "null": "None"}
JOINS: Final = {"&&": " and ", "||": " or "}
SUMS: Final = {"+": "number_add", "-": "number_subtract", "*": "number_multiply"}
# The function of a comparison, and whether its operands change places.
ORDERS: Final = {
    "<": ("number_less", False),
    "<=": ("number_at_most", False),
    ">": ("number_less", True),
    ">=": ("number_at_most", True),
}


class Typed(NamedTuple):
    """An expression with its type and its Python text.

    `given` is the condition of a filter with the name of its part: it holds for every part of the list.
    """

    kind: Kind
    text: str
    given: tuple[str, Node] | None = None


class Compiled(NamedTuple):
    """An expression whose text gives one value or a list of values, its type and its tree."""

    text: str
    kind: Kind
    node: Node


def compile_expression(source: str, around: Environment, facts: Facts = NONE) -> Compiled:
    """Check an expression and write its text. Raises RuleError.

    The library has the last word on what is CEL.
    """
    try:
        compiled = Writer(around).value(parse(source), facts)
        cel.compile(source)
    except RecursionError:
        raise RuleError(plans.TOO_DEEP) from None
    except RuleError:
        raise
    except ValueError as error:
        raise RuleError(_library_words(error)) from None
    return compiled


def _library_words(error: ValueError) -> str:
    """The last line of the library's explanation that is words."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("|")]
    return lines[0].rpartition("ERROR: ")[2]


class Writer:
    """Writes the text of one expression."""

    def __init__(self, around: Environment) -> None:
        self.around = around
        self.visitors: dict[str, Callable[[Node, Facts], Typed]] = {
            "text": self.literal,
            "number": self.literal,
            "constant": self.constant,
            "name": self.path,
            "select": self.path,
            "index": self.path,
            "list": self.list_of,
            "not": self.negation,
            "minus": self.minus,
            "binary": self.binary,
            "choice": self.choice,
            "call": self.call,
            "macro": self.macro,
        }

    def visit(self, node: Node, facts: Facts) -> Typed:
        """The typed form of a node, where these facts are known."""
        typed = self.visitors[node.kind](node, facts)
        if typed.kind.absent and node.text in facts:
            return typed._replace(kind=typed.kind.surely())
        return typed

    def value(self, node: Node, facts: Facts, *names: str) -> Compiled:
        """A node that is a value or a list of values; with names, one that is there and of one of these types."""
        typed = self.sure(node, facts, *names) if names else self.visit(node, facts)
        if _grouped(typed.kind):
            raise RuleError(f"{typed.kind.words} is not a value; name one of its elements")
        return Compiled(typed.text, typed.kind, node)

    def sure(self, node: Node, facts: Facts, *names: str) -> Typed:
        """A node that must be there and of one of these types."""
        typed = self.visit(node, facts)
        if names and typed.kind.name not in names:
            raise bad(f"{kind_named(names[0]).words} is expected here, not {typed.kind.words}", node)
        if typed.kind.absent:
            raise bad(f"{_said(node)} may be absent; make sure of it first: {_guard(node)} && ...", node)
        return typed

    def literal(self, node: Node, _: Facts) -> Typed:
        if node.kind == "text":
            return Typed(TEXT, repr(node.value))
        if "." in node.value:
            return Typed(NUMBER, self.around.writing.bind(Decimal(node.value)))
        return Typed(INT, str(int(node.value)))

    def constant(self, node: Node, _: Facts) -> Typed:
        return Typed(NULL if node.value == "null" else BOOL, CONSTANTS[node.value])

    def path(self, node: Node, facts: Facts) -> Typed:
        place = resolve(node, self.around, facts)
        return Typed(place.kind, place.text)

    def there(self, node: Node, facts: Facts) -> str:
        """The text of whether a path is in the document."""
        return resolve(node, self.around, facts).there

    def list_of(self, node: Node, facts: Facts) -> Typed:
        if not node.parts:
            raise bad("an empty list has nothing to compare with", node)
        items = [self.sure(part, facts, "text", "number", "int", "day") for part in node.parts]
        kinds = {item.kind.name.replace("int", "number") for item in items}
        if len(kinds) > 1:
            raise bad("the entries of a list must be of one type; codes are texts, in quotes", node)
        return Typed(Kind("list", of=items[0].kind), f"({', '.join(item.text for item in items)},)")

    def negation(self, node: Node, facts: Facts) -> Typed:
        return Typed(BOOL, f"(not {self.sure(node.parts[0], facts, 'bool').text})")

    def minus(self, node: Node, facts: Facts) -> Typed:
        below = self.sure(node.parts[0], facts, "number", "int")
        return Typed(NUMBER, _helper("number_subtract", "0", below.text))

    def binary(self, node: Node, facts: Facts) -> Typed:
        if node.value in ("&&", "||"):
            return self.joined(node, facts)
        if node.value in ("==", "!="):
            return self.equality(node, facts)
        if node.value in ORDERS:
            return self.order(node, facts)
        return self.member(node, facts) if node.value == "in" else self.sum(node, facts)

    def joined(self, node: Node, facts: Facts) -> Typed:
        """What `&&` or `||` joins, side by side, so that long chains are not deep."""
        sign, parts = node.value, []
        while node.kind == "binary" and node.value == sign:
            parts.append(node.parts[1])
            node = node.parts[0]
        texts = []
        for part in (node, *reversed(parts)):
            texts.append(self.sure(part, facts, "bool").text)
            facts |= proven(part, sign == "&&")
        return Typed(BOOL, f"({JOINS[sign].join(texts)})")

    def equality(self, node: Node, facts: Facts) -> Typed:
        first, second = (self.visit(part, facts) for part in node.parts)
        yes, no = ("{}", "(not {})") if node.value == "==" else ("(not {})", "{}")
        for one, other, place in ((first, second, node.parts[1]), (second, first, node.parts[0])):
            if one.kind is NULL and _grouped(other.kind) and is_path(place):
                return Typed(BOOL, no.format(self.there(place, facts)))
        self._comparable(node, first, second)
        if first.kind.numeric and second.kind.numeric:
            return Typed(BOOL, yes.format(_helper("number_same", first.text, second.text)))
        return Typed(BOOL, f"({first.text} {node.value} {second.text})")

    def order(self, node: Node, facts: Facts) -> Typed:
        names = ("number", "int", "text", "day")
        first, second = (self.sure(part, facts, *names) for part in node.parts)
        self._comparable(node, first, second)
        if not first.kind.numeric:
            return Typed(BOOL, f"({first.text} {node.value} {second.text})")
        name, turned = ORDERS[node.value]
        texts = (second.text, first.text) if turned else (first.text, second.text)
        return Typed(BOOL, _helper(name, *texts))

    def _comparable(self, node: Node, first: Typed, second: Typed) -> None:
        one, other = first.kind, second.kind
        alike = one.name == other.name or (one.numeric and other.numeric) or NULL in (one, other)
        if not alike or "list" in (one.name, other.name) or "part" in (one.name, other.name):
            hint = "; codes are texts, in quotes" if {one.name, other.name} & {"text"} else ""
            raise bad(f"{one.words} cannot be compared with {other.words}{hint}", node)

    def member(self, node: Node, facts: Facts) -> Typed:
        value, right = self.visit(node.parts[0], facts), node.parts[1]
        named = self.around.variables.get(right.value) if right.kind == "name" else None
        listed = Typed(named.kind, "") if named else self.visit(right, facts)
        inside = listed.kind.of
        if inside is None or not (inside.name == value.kind.name or (inside.numeric and value.kind.numeric)):
            raise bad(f"{value.kind.words} cannot be in {listed.kind.words}", node)
        if named:
            among = plans.variable(right.value)
            if inside.numeric:
                return Typed(BOOL, f"(decimal({value.text}) in {among}.numbers)")
            return Typed(BOOL, f"({value.text} in {among}.members)")
        if inside.numeric:
            return Typed(BOOL, _helper("number_among", value.text, listed.text))
        return Typed(BOOL, f"({value.text} in {listed.text})")

    def sum(self, node: Node, facts: Facts) -> Typed:
        if node.value not in SUMS:
            raise bad("what is divided has no exact result; multiply the other side instead", node)
        names = ("number", "int", "text") if node.value == "+" else ("number", "int")
        first, second = (self.sure(part, facts, *names) for part in node.parts)
        self._comparable(node, first, second)
        if first.kind == TEXT:
            return Typed(TEXT, f"({first.text} + {second.text})")
        return Typed(NUMBER, _helper(SUMS[node.value], first.text, second.text))

    def choice(self, node: Node, facts: Facts) -> Typed:
        condition = self.sure(node.parts[0], facts, "bool")
        then = self.visit(node.parts[1], facts | proven(node.parts[0], True))
        other = self.visit(node.parts[2], facts | proven(node.parts[0], False))
        self._comparable(node, then, other)
        kind = NUMBER if then.kind.numeric else other.kind if then.kind is NULL else then.kind
        absent = then.kind.absent or other.kind.absent
        return Typed(Kind(kind.name, absent), f"({then.text} if {condition.text} else {other.text})")

    def call(self, node: Node, facts: Facts) -> Typed:
        if node.value == "has":
            return self.has(node, facts)
        if node.value not in FUNCTIONS:
            raise unknown(node)
        if node.value == "day" and len(node.parts) == 1 and node.parts[0].kind == "text":
            return self.fixed_day(node)
        typed = [self.visit(part, facts) for part in node.parts]
        if fault := call_fault(node, [each.kind for each in typed]):
            raise fault
        for part, each, takes in zip(node.parts, typed, FUNCTIONS[node.value].takes, strict=True):
            if each.kind.absent and not takes.endswith("?"):
                self.sure(part, facts)
        gives = kind_named(FUNCTIONS[node.value].gives)
        inside = typed[0].kind.of
        texts = [each.text for each in typed]
        if node.value == "matches":
            return Typed(gives, f"{self.around.writing.bind(pattern(node.parts[1].value))}({texts[0]})")
        if node.value in METHODS:
            return Typed(gives, METHODS[node.value].format(*texts))
        name = "numbers_unique" if node.value == "unique" and inside and inside.numeric else node.value
        return Typed(gives, _helper(name, *texts))

    def has(self, node: Node, facts: Facts) -> Typed:
        if len(node.parts) != 1 or node.parts[0].kind != "select" or not is_path(node.parts[0]):
            raise bad('has takes a path, as has(it.Origin); an attribute is asked for with it.X["@name"] != null', node)
        return Typed(BOOL, self.there(node.parts[0], facts))

    def fixed_day(self, node: Node) -> Typed:
        value = day(node.parts[0].value)
        if value is None:
            raise bad(f"there is no day {node.parts[0].value!r}; write it as 2026-01-31", node)
        return Typed(DAY, repr(value))

    def macro(self, node: Node, facts: Facts) -> Typed:
        source, name, *bodies = node.parts
        ranged = self.visit(source, facts)
        if ranged.kind.name != "list" or ranged.kind.of is None:
            raise bad(f"{node.value} goes through a list, and this is {ranged.kind.words}", node)
        if source.kind == "list" and not all(map(_literal, source.parts)):
            raise bad("name this list under let first", source)
        inner = self.around.with_variable(name, ranged.kind.of, loop=source.kind != "list")
        known = facts
        if ranged.given:
            known |= proven(replaced(ranged.given[1], {ranged.given[0]: name}), True)
        if node.value in ("all", "exists", "exists_one"):
            body = Writer(inner).value(bodies[0], known, "bool")
            return Typed(BOOL, plans.outcome(node.value, ranged.text, name.value, body.text))
        if node.value == "filter" or len(bodies) == 2:
            body = Writer(inner).value(bodies[0], known, "bool")
            text = plans.outcome("filter", ranged.text, name.value, body.text)
            ranged = Typed(Kind("list", of=ranged.kind.of, element=ranged.kind.element), text, (name.value, bodies[0]))
            known |= proven(bodies[0], True)
        return self.mapped(node, inner, known, ranged.text) if node.value == "map" else ranged

    def mapped(self, node: Node, inner: Environment, known: Facts, source: str) -> Typed:
        body = Writer(inner).value(node.parts[-1], known)
        if body.kind.name in ("list", "part", "null", "bool"):
            raise bad(f"map makes a list of texts, numbers or days, not of {body.kind.words}", node.parts[-1])
        return Typed(Kind("list", of=body.kind), plans.outcome("map", source, node.parts[1].value, body.text))


def _helper(name: str, *arguments: str) -> str:
    """The text of a call of one of our functions."""
    return f"own_{name}({', '.join(arguments)})"


def _grouped(kind: Kind) -> bool:
    """Whether it is a group of elements, or a list of such."""
    return kind.name == "part" or (kind.of is not None and kind.of.name == "part")


def _literal(node: Node) -> bool:
    return node.kind in ("text", "number") or (node.kind == "call" and node.value == "day")


def _said(node: Node) -> str:
    return node.text if len(node.text) <= 60 else "this"


def _guard(node: Node) -> str:
    return f"has({node.text})" if node.kind == "select" else f"{_said(node)} != null"
