"""What rules say to each other: the same rule twice, the same id for the same day, and demands that contradict.

Two rules contradict where one asks for what the other forbids, and whenever one of them applies the other does too.
This looks at the form alone, after `!`, the order of operands and the ways to write a comparison have been evened out:
it finds the opposites that people write, not all that a prover might.
"""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import combinations
from typing import Any, Final

import msgspec

from datamodel.rule_files import Fault, Written
from datamodel.rule_syntax import Node, RuleError, parse, replaced

OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "&&": "||", "||": "&&"}
TURNED: Final = {">": "<", ">=": "<="}
FREE: Final = ("==", "!=")  # operands may change places
DUAL: Final = {"all": "exists", "exists": "all"}
TRUE: Final = Node("constant", "true")


class Sense(msgspec.Struct, frozen=True):
    """What a rule says, evened out: what must hold for it to apply, and what it demands, each as parts joined by &&."""

    written: Written
    messages: frozenset[str]
    applies: frozenset[str]
    demands: tuple[Node, ...]


def set_faults(rules: list[tuple[Written, frozenset[str]]]) -> list[Fault]:
    """What is wrong between rules; each comes with the keys of the message types that it is for."""
    faults = []
    for one, other in _pairs(rules, lambda written: written.rule.id):
        if _overlap(one.rule, other.rule):
            text = f"is also at {_at(one)} and in force on the same days; end one before the other begins"
            faults.append(other.fault("id", text))
    senses = [sense for written, messages in rules if (sense := _sense(written, messages)) is not None]
    by_place: dict[tuple[str, str], list[Sense]] = {}
    for sense in senses:
        by_place.setdefault((sense.written.rule.for_each, sense.written.rule.country), []).append(sense)
    for group in by_place.values():
        for first, second in combinations(group, 2):
            faults += _between(first, second)
    return faults


def _pairs(
    rules: list[tuple[Written, frozenset[str]]], key: Callable[[Written], Any]
) -> Iterator[tuple[Written, Written]]:
    groups: dict[Any, list[Written]] = {}
    for written, _ in rules:
        groups.setdefault(key(written), []).append(written)
    for group in groups.values():
        yield from combinations(group, 2)


def _at(written: Written) -> str:
    return f"{written.rule.file}:{written.rule.line}"


def _overlap(one: Any, other: Any) -> bool:
    first, second = (rule.effective_to or date.max for rule in (one, other))
    return bool(one.effective_from <= second and other.effective_from <= first)


def _sense(written: Written, messages: frozenset[str]) -> Sense | None:
    """None where an expression cannot be read, which is reported elsewhere."""
    rule = written.rule
    try:
        names: dict[str, Node] = {}
        for name, source in rule.let.items():
            names[name] = replaced(parse(source), names)
        when = _even(replaced(parse(rule.when), names)) if rule.when else TRUE
        demand = _even(replaced(parse(rule.demand), names))
        applies = frozenset(each.text for each in _joined(when) if each != TRUE)
    except (RuleError, RecursionError):
        return None
    return Sense(written, messages, applies, tuple(_joined(demand)))


def _between(first: Sense, second: Sense) -> Iterator[Fault]:
    one, other = first.written, second.written
    together = first.applies <= second.applies or second.applies <= first.applies
    if not together or not first.messages & second.messages or not _overlap(one.rule, other.rule):
        return
    demands = [{each.text for each in sense.demands} for sense in (first, second)]
    if first.applies == second.applies and demands[0] == demands[1]:
        yield other.fault("assert", f"says the same as {one.rule.id} at {_at(one)} for the same days; keep one of them")
        return
    for mine in second.demands:
        for theirs in first.demands:
            if _exclude(mine, theirs, demands):
                text = f"contradicts {one.rule.id} at {_at(one)}, which demands {theirs.text} of the same"
                yield other.fault("assert", text)
                return


def _exclude(one: Node, other: Node, demands: list[set[str]]) -> bool:
    """Whether two demands cannot both be met. `demands` are all that the rule of `other` makes, then of `one`."""
    for demand, others in ((one, demands[0]), (other, demands[1])):
        if {each.text for each in _joined(_even(demand, False))} <= others:
            return True
    mine, theirs = _values(one), _values(other)
    return mine is not None and theirs is not None and mine[0] == theirs[0] and not mine[1] & theirs[1]


def _values(node: Node) -> tuple[str, frozenset[str]] | None:
    """The expression and the literals of which it must be one."""
    if node.kind != "binary" or node.value not in ("==", "in"):
        return None
    left, right = node.parts
    entries = right.parts if right.kind == "list" else (right,)
    if any(entry.kind not in ("text", "number") for entry in entries):
        return None
    return left.text, frozenset(entry.text for entry in entries)


def _joined(node: Node) -> list[Node]:
    """The parts that && joins."""
    if node.kind == "binary" and node.value == "&&":
        return [each for part in node.parts for each in _joined(part)]
    return [node]


def _even(node: Node, holds: bool = True) -> Node:
    """The node, or its opposite, in the one form that all ways of writing it share."""
    if node.kind == "not":
        return _even(node.parts[0], not holds)
    if node.kind == "constant" and node.value in ("true", "false"):
        return Node("constant", "true" if (node.value == "true") == holds else "false")
    if node.kind == "macro" and node.value in DUAL:
        source, name, body = node.parts
        kind = node.value if holds else DUAL[node.value]
        return Node("macro", kind, (_even(source), name, _even(body, holds)))
    if node.kind == "binary" and (holds or node.value in OPPOSITE):
        return _even_binary(node, holds)
    plain = Node(node.kind, node.value, tuple(_even(part) for part in node.parts))
    return plain if holds else Node("not", "", (plain,))


def _even_binary(node: Node, holds: bool) -> Node:
    sign = node.value if holds else OPPOSITE[node.value]
    below = holds or node.value not in ("&&", "||")
    parts = [_even(part, below) for part in node.parts]
    if sign in TURNED:
        sign, parts = TURNED[sign], parts[::-1]
    if sign in ("&&", "||"):
        parts.sort(key=lambda part: part.text)
    elif sign in FREE:
        parts.sort(key=lambda part: (part.kind in ("text", "number", "constant"), part.text))
    has = sign in FREE and parts[1].text == "null" and parts[0].kind == "select"
    if has:
        asked = Node("call", "has", (parts[0],))
        return asked if sign == "!=" else Node("not", "", (asked,))
    return Node("binary", sign, tuple(parts))
