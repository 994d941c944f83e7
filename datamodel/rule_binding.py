"""A rule made ready for one message type: its paths found in the model, its expressions compiled, or all that is wrong.

`it` is the element that the rule looks at, `outer` the nearest group around it that may repeat, `index` its number from
0 among its like, `doc` the whole message, `as_of` the day; the payload goes by its name, as `declaration`.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final

import msgspec

from datamodel.findings import Finding, Step
from datamodel.model import ClassType, Element, child
from datamodel.paths import attribute_of, value_of
from datamodel.registry import Message
from datamodel.rule_compiler import Compiled, compile_expression
from datamodel.rule_files import Fault, Rule, Written
from datamodel.rule_places import Environment
from datamodel.rule_plans import Plan, Scope, Work, occurring, plain, reach
from datamodel.rule_syntax import RuleError
from datamodel.rule_types import BOOL, DAY, INT, TEXT, Kind, Variable, always, kind_of, proven

Chain = tuple[tuple[ClassType, Element], ...]
Instance = tuple[tuple[Step, ...], Any, Any, int]  # steps, the element, the group around it, its index
WORD: Final = re.compile(r"[A-Za-z_]\w*")
VALUE_KINDS: Final = ("text", "number", "int", "day", "bool")


class Target(msgspec.Struct, frozen=True):
    """Where findings point, from the element that the rule looks at."""

    steps: tuple[Step, ...]
    attribute: str | None
    read: Callable[[Any], Any]


class Bound(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A rule that is ready for the documents of one message type."""

    written: Written
    chain: Chain
    named: tuple[tuple[str, Plan], ...]
    when: Plan | None
    demand: Plan
    expected: Plan | None
    target: Target
    payload: tuple[str, Callable[[Any], Any]] | None

    def findings(self, document: Any, as_of: date, work: Work) -> Iterator[Finding]:
        """Everything in a document that breaks the rule."""
        scope = Scope({"doc": document, "as_of": as_of.isoformat()}, work)
        if self.payload:
            scope.names[self.payload[0]] = self.payload[1](document)
        for name, plan in self.named:
            value = plan.run(scope)
            scope.names[name] = tuple(value) if isinstance(value, list) else value
        for steps, it, outer, index in instances(document, self.chain):
            scope.names |= {"it": it, "outer": outer, "index": index}
            if (self.when is None or self.when.run(scope)) and not self.demand.run(scope):
                yield self._finding(steps, it, scope)

    def _finding(self, steps: tuple[Step, ...], it: Any, scope: Scope) -> Finding:
        rule, expected = self.written.rule, self.expected.run(scope) if self.expected else None
        value = self.target.read(it)
        return Finding(
            rule=rule.id,
            severity=rule.severity,
            text=rule.text,
            remedy=rule.remedy,
            legal_basis=rule.legal_basis,
            steps=steps + self.target.steps,
            attribute=self.target.attribute,
            value=None if value is None else str(value),
            expected=None if expected is None else str(expected),
        )


def instances(document: Any, chain: Chain) -> Iterator[Instance]:
    """Every element at the end of a chain, in document order; the document itself where the chain is empty."""
    yield from _below(document, chain, (), None, 0)


def _below(part: Any, chain: Chain, steps: tuple[Step, ...], outer: Any, index: int) -> Iterator[Instance]:
    if not chain:
        yield steps, part, outer, index
        return
    (content, element), rest = chain[0], chain[1:]
    for number, found in occurring(part, content, element):
        within = found if rest and element.many else outer
        yield from _below(found, rest, (*steps, (element.json_name, number)), within, number or 0)


def bind(written: Written, message: Message) -> tuple[Bound | None, list[Fault]]:
    """The rule for a message type that it names, or everything that is wrong with it there."""
    binder = _Binder(written, message, message)
    bound = binder.bind()
    return (None if binder.faults else bound), binder.faults


def inherit(bound: Bound, message: Message, base: Message) -> Bound:
    """The rule, bound to a base, for what derives from the base: whatever that forbids is absent."""
    target = _Binder(bound.written, message, base).target(bound.chain)
    return msgspec.structs.replace(bound, target=target or bound.target)


class _Binder:
    """Binds one rule to one message type, in the names of its base, and collects what is wrong."""

    def __init__(self, written: Written, message: Message, base: Message) -> None:
        self.written, self.message, self.base = written, message, base
        self.root, self.typed = base.model.root, base.model.typed
        self.faults: list[Fault] = []
        self.around = Environment(
            {"doc": Variable(kind_of(self.root, absent=False)), "as_of": Variable(DAY)}, self.typed
        )

    def fault(self, key: str, text: str) -> None:
        """Note what is wrong with a key."""
        self.faults.append(self.written.fault(key, f"{text} [{self.base.key}]"))

    def bind(self) -> Bound | None:
        """The rule made ready, if nothing is wrong with its paths."""
        rule = self.written.rule
        payload = self._payload()
        named = self._named()
        chain = self._chain("for_each", self.root, rule.for_each)
        if chain is None:
            return None
        if rule.for_each:
            self._variables_of(chain)
        when = self._expression("when", rule.when, BOOL) if rule.when else None
        facts = proven(when.node, True) if when else frozenset()
        demand = self._expression("assert", rule.demand, BOOL, facts)
        expected = self._expression("expected", rule.expected, None, facts) if rule.expected else None
        target = self.target(chain)
        if demand is None or target is None:
            return None
        return Bound(
            written=self.written,
            chain=chain,
            named=named,
            when=when.plan if when else None,
            demand=demand.plan,
            expected=expected.plan if expected else None,
            target=target,
            payload=payload,
        )

    def _payload(self) -> tuple[str, Callable[[Any], Any]] | None:
        """The payload under its own name, where there is one of it."""
        chain = self._chain("messages", self.root, self.base.model.payload)
        if not chain or any(element.many for _, element in chain):
            return None
        element = chain[-1][1]
        local = element.json_name.rpartition(":")[2]
        name = local[0].lower() + local[1:]
        absent = any(not always(*step) for step in chain)
        self._add(name, Variable(kind_of(element, absent=absent)))
        return name, reach(chain, self.typed)

    def _add(self, name: str, variable: Variable, level: int = 0) -> None:
        self.around = Environment({**self.around.variables, name: variable}, self.typed, level)

    def _named(self) -> tuple[tuple[str, Plan], ...]:
        """What is evaluated once for the message."""
        named = []
        for name, source in _used(self.written.rule).items():
            if not name.isidentifier() or name in (*self.around.variables, "it", "outer", "index"):
                self.fault("let", f"{name!r} cannot be the name of a value here")
                continue
            compiled = self._compiled("let", source, frozenset(), f"{name}, ")
            if compiled is None:
                self._add(name, Variable(TEXT))  # so that its uses are not reported too
                continue
            named.append((name, compiled.plan))
            self._add(name, Variable(compiled.kind))
        return tuple(named)

    def _chain(self, key: str, element: Element, path: str) -> Chain | None:
        """The elements on a path; None, and a fault, where it leads nowhere."""
        chain = []
        for name in path.split("/") if path else ():
            found = child(element, name)
            if found is None or not isinstance(element.content, ClassType):
                self.fault(key, f"no {name!r} below {element.json_name!r} in path {path!r}")
                return None
            chain.append((element.content, found))
            element = found
        return tuple(chain)

    def _variables_of(self, chain: Chain) -> None:
        element = chain[-1][1]
        held = None if isinstance(element.content, ClassType) else element
        self._add("it", Variable(kind_of(element, absent=element.nillable), 1, held), 1)
        self._add("index", Variable(INT, 1), 1)
        if repeating := [element for _, element in chain[:-1] if element.many]:
            self._add("outer", Variable(kind_of(repeating[-1], absent=False)), 1)

    def _expression(
        self, key: str, source: str, wanted: Kind | None, facts: frozenset[str] = frozenset()
    ) -> Compiled | None:
        compiled = self._compiled(key, source, facts)
        if compiled is None:
            return None
        kind = compiled.kind
        if (wanted is not None and kind != wanted) or kind.name not in VALUE_KINDS:
            maybe = " that may be absent" if kind.absent else ""
            self.fault(key, f"must be {wanted.words if wanted else 'one value'}, and is {kind.words}{maybe}")
        return compiled

    def _compiled(self, key: str, source: str, facts: frozenset[str], label: str = "") -> Compiled | None:
        try:
            return compile_expression(source, self.around, facts)
        except RuleError as error:
            self.fault(key, f"{label}character {error.at + 1}: {error}")
            return None

    def target(self, looked_at: Chain) -> Target | None:
        """Where findings point, below the elements that the rule looks at."""
        element = looked_at[-1][1] if looked_at else self.root
        path, _, last = self.written.rule.where.rpartition("/")
        attribute = last[1:] if last.startswith("@") else None
        chain = self._chain("where", element, path if attribute else self.written.rule.where)
        if chain is None:
            return None
        end = chain[-1][1] if chain else element
        if attribute is not None and attribute not in {use.label for use in end.content.attributes}:
            self.fault("where", f"{end.json_name} carries no '@{attribute}'")
            return None
        kept = self._kept(chain)
        steps = tuple((each.json_name, 0 if each.many else None) for _, each in chain[:kept])
        return Target(steps, attribute if kept == len(chain) else None, _value_at(chain, end, attribute))

    def _kept(self, chain: Chain) -> int:
        """How far the path of findings goes in the message type itself, which may forbid what its base has."""
        element: Element | None = self.message.model.root
        for name in self.written.rule.for_each.split("/") if self.written.rule.for_each else ():
            element = child(element, name) if element else None
        for count, (_, each) in enumerate(chain):
            element = child(element, each.json_name) if element else None
            if element is None:
                return count
        return len(chain)


def _used(rule: Rule) -> dict[str, str]:
    """What is named under let and wanted by the rule, or by something named after it that is."""
    words = set(WORD.findall(f"{rule.when} {rule.demand} {rule.expected}"))
    used = {}
    for name, source in reversed(rule.let.items()):
        if name in words:
            used[name] = source
            words.update(WORD.findall(source))
    return dict(reversed(used.items()))


def _value_at(chain: Chain, end: Element, attribute: str | None) -> Callable[[Any], Any]:
    """Reads the value that a finding shows: the first at its place, if it is one."""

    def read(part: Any) -> Any:
        for content, element in chain:
            part = next((found for _, found in occurring(part, content, element)), None)
            if part is None:
                return None
        if attribute is not None:
            return _shown(attribute_of(part, attribute))
        return None if isinstance(end.content, ClassType) else _shown(value_of(part))

    return read


def _shown(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else plain(value)
