"""The simple way to run rules, to compare the quick way with: trees walked as they stand, over plain JSON.

It knows no types, models or compiled text. Numbers are reckoned as fractions; what is done with texts and truths is the
CEL library's, asked anew for each operation.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import cel

from datamodel.codecs import Parsed, write
from datamodel.findings import Step
from datamodel.rule_files import Rule
from datamodel.rule_functions import FUNCTIONS
from datamodel.rule_syntax import Node, parse

NUMBER = (int, Decimal, Fraction)
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
}
PROGRAMS = {sign: cel.compile(f"a {sign} b") for sign in ("==", "!=", "<", "<=", ">", ">=", "+", "in")}
METHODS = {name: cel.compile(f"a.{name}(b)") for name in ("startsWith", "endsWith", "contains", "matches")}

Verdict = tuple[str, tuple[Step, ...], str | None]  # rule, where it looked, what it expected


def verdicts(rules: list[Rule], message: Parsed, on: date) -> list[Verdict]:
    """What rules in force on a day find in a message of XZ."""
    document = json.loads(write(message, "json"), parse_float=Decimal, parse_int=Decimal)["MetaData"]
    found = []
    for rule in rules:
        if rule.in_force(on):
            names = {"doc": document, "declaration": document["Declaration"], "as_of": on.isoformat()}
            for name, source in rule.let.items():
                names[name] = plain(run(parse(source), names))
            found += list(_broken(rule, document, names))
    return found


def _broken(rule: Rule, document: Any, names: dict[str, Any]) -> Iterator[Verdict]:
    path = rule.for_each.split("/") if rule.for_each else []
    for steps, it, outer, index in _instances(document, path, (), None, 0):
        around = {**names, "it": it, "outer": outer, "index": index}
        if rule.when and not run(parse(rule.when), around):
            continue
        if not run(parse(rule.demand), around):
            expected = plain(run(parse(rule.expected), around)) if rule.expected else None
            yield rule.id, steps, None if expected is None else _digits(expected)


def _instances(
    part: Any, path: list[str], steps: tuple[Step, ...], outer: Any, index: int
) -> Iterator[tuple[Any, ...]]:
    if not path:
        yield steps, part, outer, index
        return
    name, *rest = path
    found = part.get(name)
    if isinstance(found, list):
        for number, each in enumerate(found):
            yield from _instances(each, rest, (*steps, (name, number)), each if rest else outer, number)
    elif found is not None:
        yield from _instances(found, rest, (*steps, (name, None)), outer, 0)


def _digits(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def plain(value: Any) -> Any:
    """A value without its XML attributes."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


def run(node: Node, names: dict[str, Any]) -> Any:
    """The value of a tree: a part of the document where it is a path, with its attributes."""
    return RUNNERS[node.kind](node, names)


def _select(node: Node, names: dict[str, Any]) -> Any:
    part = run(node.parts[0], names)
    return part.get(node.value) if isinstance(part, dict) else None


def _binary(node: Node, names: dict[str, Any]) -> Any:
    first = plain(run(node.parts[0], names))
    if node.value in ("&&", "||"):  # what is right of it may only be asked where the left side allows
        return first if first == (node.value == "||") else run(node.parts[1], names)
    second = plain(run(node.parts[1], names))
    if node.value == "in" and isinstance(first, NUMBER):
        return Fraction(first) in [Fraction(each) for each in second if each is not None]
    if isinstance(first, NUMBER) and isinstance(second, NUMBER) and not isinstance(first, bool):
        return SIGNS[node.value](first, second)
    if isinstance(first, dict | list | Decimal) or isinstance(second, dict | list | Decimal) and node.value != "in":
        return SIGNS[node.value](first, second)  # something that is there, beside null
    if node.value == "in":
        second = [plain(each) for each in second or []]
    return PROGRAMS[node.value].execute({"a": first, "b": second})


def _choice(node: Node, names: dict[str, Any]) -> Any:
    return run(node.parts[1] if run(node.parts[0], names) else node.parts[2], names)


def _call(node: Node, names: dict[str, Any]) -> Any:
    values = [plain(run(part, names)) for part in node.parts]
    if node.value == "has":
        return values[0] not in (None, [])
    if node.value in METHODS:
        return METHODS[node.value].execute({"a": values[0], "b": values[1]})
    if node.value in ("size", "sum", "unique"):
        values = [[plain(each) for each in values[0] or []] if not isinstance(values[0], str) else values[0]]
    function = FUNCTIONS[node.value].run
    assert function is not None
    return function(*values)


def _macro(node: Node, names: dict[str, Any]) -> Any:
    source, name, *bodies = node.parts
    parts = run(source, names) or []
    said = [(each, plain(run(bodies[0], {**names, name.value: each}))) for each in parts]
    if node.value == "filter":
        return [each for each, holds in said if holds]
    if node.value == "map" and len(bodies) == 2:
        return [plain(run(bodies[1], {**names, name.value: each})) for each, holds in said if holds]
    answers = [answer for _, answer in said]
    return {"map": answers, "all": all(answers), "exists": any(answers), "exists_one": answers.count(True) == 1}[
        node.value
    ]


RUNNERS: dict[str, Callable[[Node, dict[str, Any]], Any]] = {
    "text": lambda node, names: node.value,
    "number": lambda node, names: Decimal(node.value) if "." in node.value else int(node.value),
    "constant": lambda node, names: {"true": True, "false": False, "null": None}[node.value],
    "name": lambda node, names: names[node.value],
    "select": _select,
    "index": _select,
    "list": lambda node, names: [plain(run(part, names)) for part in node.parts],
    "not": lambda node, names: not run(node.parts[0], names),
    "minus": lambda node, names: -plain(run(node.parts[0], names)),
    "binary": _binary,
    "choice": _choice,
    "call": _call,
    "macro": _macro,
}
