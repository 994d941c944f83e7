"""Types of what rules talk about, and what is known about a place in a rule.

A type may be absent: the element may not be there. What is absent can be asked for (`has`) and compared for equality;
for all else the rule must make sure of it first, and the checker follows what `&&`, `||`, `!` and `?:` make sure of.
"""

from typing import Final

import msgspec

from datamodel.model import ClassType, Element
from datamodel.rule_syntax import Node, RuleError

WORDS: Final = {
    "text": "a text",
    "number": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "day": "a day",
    "null": "null",
}


VALUES: Final = {"number": "number", "boolean": "bool", "string": "text"}  # by the JSON kind of a simple type


class Kind(msgspec.Struct, frozen=True):
    """The type of an expression: a name of WORDS, `part` (a group of elements) or `list` of something.

    `absent` says that it may be null; `element` is the position of a part, or of the parts of a list.
    """

    name: str
    absent: bool = False
    of: "Kind | None" = None
    element: Element | None = None

    @property
    def numeric(self) -> bool:
        return self.name in ("number", "int")

    @property
    def words(self) -> str:
        """The type for people."""
        if self.name == "list":
            return "a list of " + (self.of.words.removeprefix("a ") if self.of else "nothing")
        if self.name == "part":
            return f"the group {self.element.json_name}" if self.element else "a group"
        return WORDS[self.name]

    def surely(self) -> "Kind":
        """The same type, not absent."""
        return msgspec.structs.replace(self, absent=False)


TEXT, NUMBER, INT, BOOL, DAY = (Kind(name) for name in ("text", "number", "int", "bool", "day"))
NULL: Final = Kind("null", absent=True)


def kind_named(name: str) -> Kind:
    """The type of a function's result, as rule_functions writes it."""
    return Kind(name.rstrip("?"), absent=name.endswith("?"))


def kind_of(element: Element, *, absent: bool) -> Kind:
    """The type of one occurrence of an element."""
    if isinstance(element.content, ClassType):
        return Kind("part", absent, element=element)
    return Kind(VALUES[element.content.type.json_kind], absent)


def always(content: ClassType, element: Element) -> bool:
    """Whether an element is there wherever its class is."""
    return element.min > 0 and not element.nillable and content.plain


class Variable(msgspec.Struct, frozen=True):
    """A name that a rule may use. `level` counts the loops around it: 0 is once for the message.

    `element` is set where the name holds a simple element as the document does, with its attributes.
    """

    kind: Kind
    level: int = 0
    element: Element | None = None


def proven(node: Node, holds: bool) -> frozenset[str]:
    """Texts of expressions that are surely there where the node is true (or, with `holds` False, where it is false)."""
    if node.kind == "not":
        return proven(node.parts[0], not holds)
    if node.kind == "call" and node.value == "has":
        return _with_groups(node.parts[0]) if holds else frozenset()
    if node.kind != "binary":
        return frozenset()
    first, second = node.parts
    if node.value in ("&&", "||"):
        both = (node.value == "&&") == holds
        one, other = proven(first, holds), proven(second, holds)
        return one | other if both else one & other
    return _compared(node.value, first, second, holds)


def _compared(sign: str, first: Node, second: Node, holds: bool) -> frozenset[str]:
    """What is there where a comparison holds, or where it does not."""
    if sign == "in" and holds and second.kind == "list" and all(_is_literal(each) for each in second.parts):
        return _with_groups(first)
    if sign not in ("==", "!="):
        return frozenset()
    equal = (sign == "==") == holds
    other = second if _is_literal(first) or first.text == "null" else first
    literal = first if other is second else second
    if literal.text == "null" and literal.kind == "constant":
        return frozenset() if equal else _with_groups(other)
    return _with_groups(other) if equal and _is_literal(literal) else frozenset()


def _is_literal(node: Node) -> bool:
    return node.kind in ("text", "number")


def _with_groups(node: Node) -> frozenset[str]:
    """The expression, the groups that it lies in, and what a day is read from."""
    found = frozenset({node.text})
    if node.kind == "call" and node.value == "day":
        return found | _with_groups(node.parts[0])
    while node.kind in ("select", "index"):
        node = node.parts[0]
        found |= {node.text}
    return found


def bad(text: str, node: Node) -> RuleError:
    """A fault of the expression at a node."""
    return RuleError(text, node.at)
