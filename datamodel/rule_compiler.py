"""Expressions of rules to plans: every path, name, function and type is checked, and every operator made exact.

What passes here cannot fail on a document: what may be absent is asked for first, numbers are reckoned as decimals, and
no loop goes through the document again within another, so that the work is in proportion to the document.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import cel

from datamodel import rule_plans as plans
from datamodel.rule_functions import FUNCTIONS, HELPERS, day, decimal
from datamodel.rule_places import Environment, is_path, resolve
from datamodel.rule_plans import Plan, Read
from datamodel.rule_signatures import call_fault, unknown
from datamodel.rule_syntax import Node, RuleError, parse, replaced
from datamodel.rule_types import BOOL, DAY, INT, NULL, NUMBER, TEXT, Kind, bad, kind_named, proven

Facts = frozenset[str]
NONE: Final[Facts] = frozenset()
NATIVE_METHODS: Final = ("startsWith", "endsWith", "contains", "matches")
SUMS: Final = {"+": "number_add", "-": "number_subtract", "*": "number_multiply"}
# The function of a comparison, and whether its operands change places.
ORDERS: Final = {
    "<": ("number_less", False),
    "<=": ("number_at_most", False),
    ">": ("number_less", True),
    ">=": ("number_at_most", True),
}


class Typed(NamedTuple):
    """An expression with its type: what the library is given to run, and for lists also how to read them.

    `given` is the condition of a filter with the name of its part: it holds for every part of the list.
    """

    kind: Kind
    text: str
    read: Read | None = None
    given: tuple[str, Node] | None = None


class Compiled(NamedTuple):
    """An expression that is ready to run, its type and its tree."""

    plan: Plan
    kind: Kind
    node: Node


def compile_expression(source: str, around: Environment, facts: Facts = NONE) -> Compiled:
    """Check an expression and make it ready. Raises RuleError."""
    node = parse(source)
    writer = Writer(around)
    typed = writer.visit(node, facts)
    try:
        cel.compile(source)
    except ValueError as error:
        raise RuleError(_library_words(error)) from None
    return Compiled(writer.plan(typed), typed.kind, node)


def _library_words(error: ValueError) -> str:
    """The last line of the library's explanation that is words."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith("|")]
    return lines[0].rpartition("ERROR: ")[2]


class Writer:
    """Writes the program of one expression and collects what it reads."""

    def __init__(self, around: Environment) -> None:
        self.around = around
        self.inputs: dict[str, tuple[str, Read]] = {}
        self.helpers: dict[str, Callable[..., Any]] = {}
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

    def plan(self, typed: Typed) -> Plan:
        """What runs the expression."""
        if not typed.text:
            raise RuleError(f"{typed.kind.words} is not a value; name one of its elements")
        named = dict(self.inputs.values())
        if typed.text in named:
            return Plan(((typed.text, named[typed.text]),), {}, None)
        return Plan(tuple(self.inputs.values()), self.helpers, cel.compile(typed.text))

    def input(self, key: str, read: Read) -> str:
        """The name under which the program sees what is read."""
        return self.inputs.setdefault(key, (f"v{len(self.inputs)}", read))[0]

    def helper(self, name: str, *arguments: str) -> str:
        """The text of a call of one of our functions, under a name of its own: the library's `size` counts bytes."""
        self.helpers[f"own_{name}"] = HELPERS[name]
        return f"own_{name}({', '.join(arguments)})"

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
            return Typed(TEXT, node.text)
        return Typed(NUMBER, f'"{node.value}"') if "." in node.value else Typed(INT, node.value)

    def constant(self, node: Node, _: Facts) -> Typed:
        return Typed(NULL if node.value == "null" else BOOL, node.value)

    def path(self, node: Node, facts: Facts) -> Typed:
        place = resolve(node, self.around, facts)
        kind = place.kind
        if kind.name == "part" or (kind.name == "list" and kind.of and kind.of.name == "part"):
            return Typed(kind, "", place.read)
        assert place.read is not None
        return Typed(kind, self.input(node.text, place.read), place.read)

    def there(self, node: Node, facts: Facts) -> str:
        """The name of the input that says whether a path is in the document."""
        return self.input(f"has {node.text}", resolve(node, self.around, facts).there)

    def list_of(self, node: Node, facts: Facts) -> Typed:
        if not node.parts:
            raise bad("an empty list has nothing to compare with", node)
        items = [self.sure(part, facts, "text", "number", "int", "day") for part in node.parts]
        kinds = {item.kind.name.replace("int", "number") for item in items}
        if len(kinds) > 1:
            raise bad("the entries of a list must be of one type; codes are texts, in quotes", node)
        text = f"[{', '.join(item.text for item in items)}]"
        plan = None if any(not _literal(part) for part in node.parts) else Plan((), {}, cel.compile(text))
        return Typed(Kind("list", of=items[0].kind), text, plan.run if plan else None)

    def negation(self, node: Node, facts: Facts) -> Typed:
        return Typed(BOOL, f"!({self.sure(node.parts[0], facts, 'bool').text})")

    def minus(self, node: Node, facts: Facts) -> Typed:
        below = self.sure(node.parts[0], facts, "number", "int")
        return Typed(NUMBER, self.helper("number_subtract", "0", below.text))

    def binary(self, node: Node, facts: Facts) -> Typed:
        if node.value in ("&&", "||"):
            first = self.sure(node.parts[0], facts, "bool")
            later = facts | proven(node.parts[0], node.value == "&&")
            return Typed(BOOL, f"({first.text} {node.value} {self.sure(node.parts[1], later, 'bool').text})")
        if node.value in ("==", "!="):
            return self.equality(node, facts)
        if node.value in ORDERS:
            return self.order(node, facts)
        return self.member(node, facts) if node.value == "in" else self.sum(node, facts)

    def equality(self, node: Node, facts: Facts) -> Typed:
        first, second = (self.visit(part, facts) for part in node.parts)
        yes, no = ("", "!") if node.value == "==" else ("!", "")
        for one, other, place in ((first, second, node.parts[1]), (second, first, node.parts[0])):
            if one.kind is NULL and not other.text and is_path(place):
                return Typed(BOOL, f"{no}{self.there(place, facts)}")
        self._comparable(node, first, second)
        if first.kind.numeric and second.kind.numeric:
            return Typed(BOOL, yes + self.helper("number_same", first.text, second.text))
        return Typed(BOOL, f"({first.text} {node.value} {second.text})")

    def order(self, node: Node, facts: Facts) -> Typed:
        names = ("number", "int", "text", "day")
        first, second = (self.sure(part, facts, *names) for part in node.parts)
        self._comparable(node, first, second)
        if not first.kind.numeric:
            return Typed(BOOL, f"({first.text} {node.value} {second.text})")
        name, turned = ORDERS[node.value]
        texts = (second.text, first.text) if turned else (first.text, second.text)
        return Typed(BOOL, self.helper(name, *texts))

    def _comparable(self, node: Node, first: Typed, second: Typed) -> None:
        one, other = first.kind, second.kind
        alike = one.name == other.name or (one.numeric and other.numeric) or NULL in (one, other)
        if not alike or "list" in (one.name, other.name) or "part" in (one.name, other.name):
            hint = "; codes are texts, in quotes" if {one.name, other.name} & {"text"} else ""
            raise bad(f"{one.words} cannot be compared with {other.words}{hint}", node)

    def member(self, node: Node, facts: Facts) -> Typed:
        value, right = self.visit(node.parts[0], facts), node.parts[1]
        named = self.around.variables.get(right.value) if right.kind == "name" else None
        among = Typed(named.kind, "") if named else self.visit(right, facts)
        inside = among.kind.of
        if inside is None or not (inside.name == value.kind.name or (inside.numeric and value.kind.numeric)):
            raise bad(f"{value.kind.words} cannot be in {among.kind.words}", node)
        if named:
            plan = self.body(node.parts[0], self.around, facts).plan
            alike = decimal if inside.numeric else plans.itself
            return Typed(BOOL, self.input(node.text, plans.member(plan, right.value, alike)))
        if inside.numeric:
            return Typed(BOOL, self.helper("number_among", value.text, among.text))
        return Typed(BOOL, f"({value.text} in {among.text})")

    def sum(self, node: Node, facts: Facts) -> Typed:
        if node.value not in SUMS:
            raise bad("what is divided has no exact result; multiply the other side instead", node)
        names = ("number", "int", "text") if node.value == "+" else ("number", "int")
        first, second = (self.sure(part, facts, *names) for part in node.parts)
        self._comparable(node, first, second)
        if first.kind == TEXT:
            return Typed(TEXT, f"({first.text} + {second.text})")
        return Typed(NUMBER, self.helper(SUMS[node.value], first.text, second.text))

    def choice(self, node: Node, facts: Facts) -> Typed:
        condition = self.sure(node.parts[0], facts, "bool")
        then = self.visit(node.parts[1], facts | proven(node.parts[0], True))
        other = self.visit(node.parts[2], facts | proven(node.parts[0], False))
        self._comparable(node, then, other)
        kind = NUMBER if then.kind.numeric else other.kind if then.kind is NULL else then.kind
        absent = then.kind.absent or other.kind.absent
        return Typed(Kind(kind.name, absent), f"({condition.text} ? {then.text} : {other.text})")

    def call(self, node: Node, facts: Facts) -> Typed:
        if node.value == "has":
            return self.has(node, facts)
        if node.value not in FUNCTIONS:
            raise unknown(node)
        if node.value == "day" and len(node.parts) == 1 and node.parts[0].kind == "text":
            return self.fixed_day(node)
        lists = Writer(self.around)  # a list that is only counted need not enter the program
        typed = [(lists if node.value == "size" else self).visit(part, facts) for part in node.parts]
        if fault := call_fault(node, [each.kind for each in typed]):
            raise fault
        for part, each, takes in zip(node.parts, typed, FUNCTIONS[node.value].takes, strict=True):
            if each.kind.absent and not takes.endswith("?"):
                self.sure(part, facts)
        gives = kind_named(FUNCTIONS[node.value].gives)
        inside = typed[0].kind.of
        if node.value == "size":
            return self.size(node, facts, typed[0])
        if node.value in NATIVE_METHODS:
            return Typed(gives, f"{typed[0].text}.{node.value}({typed[1].text})")
        name = "numbers_unique" if node.value == "unique" and inside and inside.numeric else node.value
        return Typed(gives, self.helper(name, *(each.text for each in typed)))

    def size(self, node: Node, facts: Facts, counted: Typed) -> Typed:
        if counted.read and counted.kind.of:
            return Typed(INT, self.input(node.text, plans.count(counted.read)))
        return Typed(INT, self.helper("size", self.visit(node.parts[0], facts).text))

    def has(self, node: Node, facts: Facts) -> Typed:
        if len(node.parts) != 1 or node.parts[0].kind != "select" or not is_path(node.parts[0]):
            raise bad('has takes a path, as has(it.Origin); an attribute is asked for with it.X["@name"] != null', node)
        return Typed(BOOL, self.there(node.parts[0], facts))

    def fixed_day(self, node: Node) -> Typed:
        value = day(node.parts[0].value)
        if value is None:
            raise bad(f"there is no day {node.parts[0].value!r}; write it as 2026-01-31", node)
        return Typed(DAY, f'"{value}"')

    def macro(self, node: Node, facts: Facts) -> Typed:
        source, name, *bodies = node.parts
        ranged = Writer(self.around).visit(source, facts)  # its list is read here and does not enter the program
        if ranged.kind.name != "list" or ranged.kind.of is None:
            raise bad(f"{node.value} goes through a list, and this is {ranged.kind.words}", node)
        if ranged.read is None:
            raise bad("name this list under let first", source)
        inner = self.around.with_variable(name, ranged.kind.of, loop=source.kind != "list")
        known = facts
        if ranged.given:
            known |= proven(replaced(ranged.given[1], {ranged.given[0]: name}), True)
        read, given = ranged.read, ranged.given
        if node.value in ("all", "exists", "exists_one"):
            body = self.body(bodies[0], inner, known, "bool")
            return Typed(BOOL, self.input(node.text, plans.macro(node.value, read, name.value, body.plan)))
        if node.value == "filter" or len(bodies) == 2:
            body = self.body(bodies[0], inner, known, "bool")
            read, given = plans.macro("filter", read, name.value, body.plan), (name.value, bodies[0])
            known |= proven(bodies[0], True)
        if node.value == "map":
            return self.mapped(node, inner, known, read)
        return self.listed(node, Kind("list", of=ranged.kind.of, element=ranged.kind.element), read, given)

    def mapped(self, node: Node, inner: Environment, known: Facts, read: Read) -> Typed:
        body = self.body(node.parts[-1], inner, known)
        if body.kind.name in ("list", "part", "null", "bool"):
            raise bad(f"map makes a list of texts, numbers or days, not of {body.kind.words}", node.parts[-1])
        made = plans.macro("map", read, node.parts[1].value, body.plan)
        return self.listed(node, Kind("list", of=body.kind), made, None)

    def listed(self, node: Node, kind: Kind, read: Read, given: tuple[str, Node] | None) -> Typed:
        if kind.of and kind.of.name == "part":
            return Typed(kind, "", read, given)
        return Typed(kind, self.input(node.text, read), read, given)

    def body(self, node: Node, inner: Environment, facts: Facts, *names: str) -> Compiled:
        writer = Writer(inner)
        typed = writer.sure(node, facts, *names) if names else writer.visit(node, facts)
        return Compiled(writer.plan(typed), typed.kind, node)


def _literal(node: Node) -> bool:
    return node.kind in ("text", "number") or (node.kind == "call" and node.value == "day")


def _said(node: Node) -> str:
    return node.text if len(node.text) <= 60 else "this"


def _guard(node: Node) -> str:
    return f"has({node.text})" if node.kind == "select" else f"{_said(node)} != null"
