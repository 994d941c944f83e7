"""A rule made ready for one message type: its paths found in the model, its expressions compiled, or all that is wrong.

`it` is the element that the rule looks at, `outer` the nearest group around it that may repeat, `index` its number from
0 among its like, `doc` the whole message, `as_of` the day; the payload goes by its name, as `declaration`.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from datamodel.findings import Finding, Step
from datamodel.model import ClassType, Element, child
from datamodel.paths import attribute_of, value_of
from datamodel.registry import Message
from datamodel.rule_compiler import Compiled, compile_expression
from datamodel.rule_files import Fault, Rule, Written
from datamodel.rule_places import Environment
from datamodel.rule_plans import Writing, occurring, variable
from datamodel.rule_syntax import RuleError
from datamodel.rule_types import BOOL, DAY, INT, TEXT, Kind, Variable, always, kind_of, proven
from datamodel.rule_walks import Instance, Look, Named, Walk, steps

Chain = tuple[tuple[ClassType, Element], ...]
WORD: Final = re.compile(r"[A-Za-z_]\w*")
INSTANCE: Final = ("it", "outer", "index")
VALUE_KINDS: Final = ("text", "number", "int", "day", "bool")


class Target(msgspec.Struct, frozen=True):
    """Where findings point, from the element that the rule looks at."""

    steps: tuple[Step, ...]
    attribute: str | None
    read: Callable[[Any], str | None]


class Bound(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A rule that is ready for the documents of one message type.

    `breaks` and `expected` take the values of `named` and give what takes an instance.
    """

    written: Written
    walk: Walk | None
    named: Named
    breaks: Callable[..., Callable[..., bool]]
    expected: Callable[..., Callable[..., Any]] | None
    target: Target

    def broken(self, look: Look) -> list[Instance]:
        """Everything in a document that breaks the rule."""
        instances = look.instances(self.walk)
        if not instances:
            return instances
        breaks = self.breaks(*look.values(self.named))
        return [each for each in instances if breaks(each[0], each[1], each[2])]

    def finding(self, instance: Instance, look: Look) -> Finding:
        """What to say of an instance that breaks the rule."""
        rule, expected = self.written.rule, None
        if self.expected:
            expected = plain(self.expected(*look.values(self.named))(*instance[:3]))
        return Finding(
            rule=rule.id,
            severity=rule.severity,
            text=rule.text,
            remedy=rule.remedy,
            legal_basis=rule.legal_basis,
            steps=steps(self.walk, instance) + self.target.steps,
            attribute=self.target.attribute,
            value=self.target.read(instance[0]),
            expected=expected,
        )


def plain(value: Any) -> str | None:
    """A value in words: numbers as their digits."""
    return None if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)


class Common:
    """What rules of one set share, so that it is made once, and worked out once for a document."""

    def __init__(self) -> None:
        self.named: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self._walks: dict[tuple[str, str], Walk] = {}

    def walk(self, base: Message, chain: Chain) -> Walk | None:
        """The walk along a chain."""
        walk, path = None, ""
        for content, element in chain:
            path += f"/{element.json_name}"
            key = (base.key, path)
            if key not in self._walks:
                self._walks[key] = Walk(walk, content, element, base.model.typed)
            walk = self._walks[key]
        return walk


def bind(written: Written, message: Message, common: Common) -> tuple[Bound | None, list[Fault]]:
    """The rule for a message type that it names, or everything that is wrong with it there."""
    binder = _Binder(written, message, message)
    bound = binder.bind(common)
    return (None if binder.faults else bound), binder.faults


def inherit(bound: Bound, message: Message, base: Message) -> Bound:
    """The rule, bound to a base, for what derives from the base: whatever that forbids is absent."""
    binder = _Binder(bound.written, message, base)
    target = binder.target(binder.chain("for_each", base.model.root, bound.written.rule.for_each) or ())
    return msgspec.structs.replace(bound, target=target or bound.target)


class _Binder:
    """Binds one rule to one message type, in the names of its base, and collects what is wrong."""

    def __init__(self, written: Written, message: Message, base: Message) -> None:
        self.written, self.message, self.base = written, message, base
        self.root = base.model.root
        self.faults: list[Fault] = []
        self.around = Environment(
            {"doc": Variable(kind_of(self.root, absent=False)), "as_of": Variable(DAY)}, Writing(base.model.typed)
        )

    def fault(self, key: str, text: str) -> None:
        """Note what is wrong with a key."""
        self.faults.append(self.written.fault(key, f"{text} [{self.base.key}]"))

    def bind(self, common: Common) -> Bound | None:
        """The rule made ready, if nothing is wrong with its paths."""
        rule = self.written.rule
        named = (*self._payload(common), *self._named(common))
        outer = tuple(self.around.variables)
        chain = self.chain("for_each", self.root, rule.for_each)
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
        applies = f"{when.text} and " if when else ""
        return Bound(
            written=self.written,
            walk=common.walk(self.base, chain),
            named=named,
            breaks=self._function("assert", f"{applies}not {demand.text}", outer, INSTANCE),
            expected=self._function("expected", expected.text, outer, INSTANCE) if expected else None,
            target=target,
        )

    def _payload(self, common: Common) -> Named:
        """The payload under its own name, where there is one of it."""
        chain = self.chain("messages", self.root, self.base.model.payload)
        if not chain or any(element.many for _, element in chain):
            return ()
        element = chain[-1][1]
        local = element.json_name.rpartition(":")[2]
        name = local[0].lower() + local[1:]
        text, before = self.around.writing.single(variable("doc"), chain), tuple(self.around.variables)
        self._add(name, Variable(kind_of(element, absent=any(not always(*step) for step in chain))))
        return (self._shared(common, (self.base.key,), text, before),)

    def _shared(self, common: Common, key: tuple[Any, ...], text: str, before: tuple[str, ...]) -> Callable[..., Any]:
        """The function of a text, which other rules of the same key use too."""
        if key not in common.named:
            common.named[key] = self._function("let", text, before)
        return common.named[key]

    def _function(self, key: str, text: str, *parameters: tuple[str, ...]) -> Callable[..., Any]:
        try:
            return self.around.writing.function(text, *parameters)
        except RuleError as error:
            self.fault(key, str(error))
            return lambda *_: None  # a rule with faults never runs

    def _add(self, name: str, variable: Variable, level: int = 0) -> None:
        self.around = Environment({**self.around.variables, name: variable}, self.around.writing, level)

    def _named(self, common: Common) -> Named:
        """What is worked out once for the message."""
        named: list[Callable[..., Any]] = []
        key: tuple[Any, ...] = (self.base.key,)
        for name, source in _used(self.written.rule).items():
            before = tuple(self.around.variables)
            if not name.isidentifier() or name in (*before, *INSTANCE):
                self.fault("let", f"{name!r} cannot be the name of a value here")
                continue
            compiled = self._compiled("let", source, frozenset(), f"{name}, ")
            if compiled is None:
                self._add(name, Variable(TEXT))  # so that its uses are not reported too
                continue
            key = (*key, name, source)
            text = f"Listed({compiled.text})" if compiled.kind.of else compiled.text
            named.append(self._shared(common, key, text, before))
            self._add(name, Variable(compiled.kind))
        return tuple(named)

    def chain(self, key: str, element: Element, path: str) -> Chain | None:
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
        chain = self.chain("where", element, path if attribute else self.written.rule.where)
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


def _value_at(chain: Chain, end: Element, attribute: str | None) -> Callable[[Any], str | None]:
    """Reads the value that a finding shows: the first at its place, if it is one."""

    def read(part: Any) -> str | None:
        for content, element in chain:
            part = next(iter(occurring(part, content, element)), None)
            if part is None:
                return None
        if attribute is not None:
            return _shown(attribute_of(part, attribute))
        return None if isinstance(end.content, ClassType) else _shown(value_of(part))

    return read


def _shown(value: Any) -> str | None:
    return ("true" if value else "false") if isinstance(value, bool) else plain(value)
