"""Paths in expressions, as `it.Commodity.Classification`: where they lead in the model, and the text that reads it."""

from collections.abc import Callable
from difflib import get_close_matches

import msgspec

from datamodel import rule_plans as plans
from datamodel.model import ClassType, Element, SimpleType
from datamodel.rule_plans import Writing
from datamodel.rule_syntax import Node
from datamodel.rule_types import VALUES, Kind, Variable, always, bad, kind_of


class Environment(msgspec.Struct, frozen=True):
    """The names that an expression may use; `level` counts the loops that it stands in, `writing` is of its rule."""

    variables: dict[str, Variable]
    writing: Writing
    level: int = 0

    def with_variable(self, node: Node, kind: Kind, *, loop: bool) -> "Environment":
        """The environment of a macro's body. Raises RuleError for a name that is taken."""
        if node.value in self.variables:
            raise bad(f"{node.value!r} means something else already; take another name for each part", node)
        level = self.level + loop
        variable = Variable(kind, level)
        return msgspec.structs.replace(self, variables={**self.variables, node.value: variable}, level=level)


class Place(msgspec.Struct, frozen=True):
    """Where a path leads: the texts of its value, and of whether it is in the document."""

    kind: Kind
    text: str
    there: str


def is_path(node: Node) -> bool:
    """Whether a node is a variable, or something below one."""
    while node.kind in ("select", "index"):
        node = node.parts[0]
    return node.kind == "name"


def resolve(node: Node, around: Environment, facts: frozenset[str]) -> Place:
    """The place of a path. `facts` are paths that are known to be there. Raises RuleError."""
    root, steps = _unfold(node)
    variable = around.variables.get(root.value)
    if variable is None:
        raise bad(f"there is no {root.value!r} here{_near(root.value, list(around.variables))}", root)
    attribute = steps.pop() if steps and steps[-1].value.startswith("@") else None
    if not steps and attribute is None:
        return _of_variable(root, variable, around, facts)
    chain, kind = _chain(root, variable, steps, facts)
    last = chain[-1][1] if chain else variable.element or variable.kind.element
    name, writing = plans.variable(root.value), around.writing
    if kind.name == "list" and attribute is None:
        _once(node, variable, around)
        return _of_list(writing, writing.several(name, chain), chain[-1][1], kind)
    text = writing.single(name, chain)
    if attribute is not None:
        return _of_attribute(attribute, last, kind, facts, lambda label: writing.attribute(text, label))
    there = f"({text} is not None)"
    if kind.name == "part":
        return Place(kind, text, there)
    return Place(kind, writing.value(text, chain[-1][1], simple_type(chain[-1][1])), there)


def simple_type(element: Element) -> SimpleType:
    """The type of a simple element."""
    assert not isinstance(element.content, ClassType)
    return element.content.type


def _unfold(node: Node) -> tuple[Node, list[Node]]:
    steps: list[Node] = []
    while node.kind in ("select", "index"):
        steps.append(node)
        node = node.parts[0]
    if node.kind != "name":
        raise bad("only what is named can have parts; name it under let first", node)
    return node, steps[::-1]


def _near(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=3)
    return f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(sorted(names)[:12])}"


def _of_variable(root: Node, variable: Variable, around: Environment, facts: frozenset[str]) -> Place:
    kind, text = variable.kind, plans.variable(root.value)
    if kind.name == "list":
        _once(root, variable, around)
        return Place(kind, text, f"(len({text}) > 0)")
    if root.value in facts:
        kind = kind.surely()
    there = f"({text} is not None)"
    if variable.element is not None:
        text = around.writing.value(text, variable.element, simple_type(variable.element))
    return Place(kind, text, there)


def _once(node: Node, variable: Variable, around: Environment) -> None:
    """Refuse a list that a loop would go through again for each of its parts."""
    if variable.level < around.level:
        raise bad(
            f"this would go through all of {node.value} again for each part of a loop; name a list of what you need "
            "of it under let, which is made once, and ask whether a value is `in` it",
            node,
        )


def _chain(
    root: Node, variable: Variable, steps: list[Node], facts: frozenset[str]
) -> tuple[list[tuple[ClassType, Element]], Kind]:
    """The elements on the way and the type at its end."""
    chain: list[tuple[ClassType, Element]] = []
    kind = variable.kind
    for step in steps:
        if kind.name == "list":
            remedy = f"look at each with .exists(p, p.{step.value} ...), all or map"
            raise bad(f"{_last(root, chain)} may stand several times; {remedy}", step)
        content = kind.element.content if kind.name == "part" and kind.element else None
        if not isinstance(content, ClassType):
            raise bad(f"{_last(root, chain)} is {kind.words} and has no parts", step)
        element = next((each for each in content.children if each.json_name == step.value), None)
        if element is None:
            names = [each.json_name for each in content.children]
            raise bad(f"{_last(root, chain)} has no {step.value!r}{_near(step.value, names)}", step)
        chain.append((content, element))
        absent = (kind.absent or not always(content, element)) and step.text not in facts
        kind = kind_of(element, absent=absent)
        if element.many:
            kind = Kind("list", of=kind_of(element, absent=element.nillable), element=element)
    return chain, kind


def _last(root: Node, chain: list[tuple[ClassType, Element]]) -> str:
    return chain[-1][1].json_name if chain else root.value


def _of_attribute(
    step: Node, element: Element | None, kind: Kind, facts: frozenset[str], write: Callable[[str], str]
) -> Place:
    if element is None or kind.name == "list":
        raise bad(f"{step.value} needs one element that carries it", step)
    label = step.value[1:]
    use = next((use for use in element.content.attributes if use.label == label), None)
    if use is None:
        names = ["@" + each.label for each in element.content.attributes]
        raise bad(f"{element.json_name} carries no {step.value!r}{_near(step.value, names)}", step)
    absent = (kind.absent or not use.required) and step.text not in facts
    text = write(label)
    return Place(Kind(VALUES[use.type.json_kind], absent), plans.converted(text, use.type), f"({text} is not None)")


def _of_list(writing: Writing, parts: str, element: Element, kind: Kind) -> Place:
    there = f"(len({parts}) > 0)"
    if kind.of is not None and kind.of.name != "part":
        return Place(kind, writing.values(parts, element, simple_type(element)), there)
    return Place(kind, parts, there)
