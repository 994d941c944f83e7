"""CEL expressions of rules as trees: what the library does not give, and without which no path or type can be checked.

The library stays the authority on what is CEL; this reads the part of it that rules use and says what is not among it.
Trees are compared by their `text`, which is canonical: positions, quotes and white space do not count.
"""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

MACROS: Final = ("all", "exists", "exists_one", "map", "filter")
MAX_LENGTH: Final = 4000
MAX_DEPTH: Final = 40

TOKEN = re.compile(
    r"""\s+
    | (?P<text>[rR]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<mark>&&|\|\||==|!=|<=|>=|[<>!+\-*/%?:.,()\[\]])""",
    re.VERBOSE | re.ASCII,
)
LEVELS: Final = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))


class RuleError(ValueError):
    """What is wrong with an expression, and at which character of it, from 0."""

    def __init__(self, text: str, at: int = 0) -> None:
        super().__init__(text)
        self.at = at


class Node(msgspec.Struct, frozen=True):
    """One operation. `kind` says which, `value` is its name or literal, `parts` are its operands.

    text, number, constant: a literal. name: a variable. select, index: `value` of parts[0]. list: parts.
    not, minus: parts[0]. binary: `value` is the sign. choice: condition, then, else.
    call: function `value` on parts, where a method's object comes first. macro: range, variable, body [, body].
    """

    kind: str
    value: str
    parts: tuple["Node", ...] = ()
    at: int = 0

    @property
    def text(self) -> str:
        """The canonical form."""
        return WRITERS[self.kind](self)


def _written(node: Node, between: str = ", ") -> str:
    return between.join(part.text for part in node.parts)


WRITERS: Final[dict[str, Callable[[Node], str]]] = {
    "text": lambda node: '"' + node.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"',
    "number": lambda node: node.value,
    "constant": lambda node: node.value,
    "name": lambda node: node.value,
    "select": lambda node: f"{node.parts[0].text}.{node.value}",
    "index": lambda node: f'{node.parts[0].text}["{node.value}"]',
    "list": lambda node: f"[{_written(node)}]",
    "not": lambda node: f"!{node.parts[0].text}",
    "minus": lambda node: f"-{node.parts[0].text}",
    "binary": lambda node: f"({_written(node, f' {node.value} ')})",
    "choice": lambda node: "({} ? {} : {})".format(*(part.text for part in node.parts)),
    "call": lambda node: f"{node.value}({_written(node)})",
    "macro": lambda node: f"{node.parts[0].text}.{node.value}({', '.join(part.text for part in node.parts[1:])})",
}


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for part in node.parts:
        yield from walk(part)


def replaced(node: Node, names: dict[str, Node]) -> Node:
    """The tree with variables replaced by trees."""
    if node.kind == "name":
        return names.get(node.value, node)
    return msgspec.structs.replace(node, parts=tuple(replaced(part, names) for part in node.parts))


def parse(source: str) -> Node:
    """The tree of an expression. Raises RuleError."""
    if len(source) > MAX_LENGTH:
        raise RuleError(f"is longer than {MAX_LENGTH} characters; split the rule, or name parts of it under let")
    parser = _Parser(source)
    node = parser.expression()
    parser.expect("")
    return node


class _Parser:
    """Recursive descent over the tokens, bounded in depth."""

    def __init__(self, source: str) -> None:
        self.tokens = list(_tokens(source))
        self.here = 0
        self.depth = 0

    @property
    def token(self) -> tuple[str, str, int]:
        return self.tokens[self.here]

    def take(self, *values: str) -> tuple[str, int] | None:
        """The next token, if it is one of these marks or words."""
        kind, value, at = self.token
        if kind != "text" and value in values:
            self.here += 1
            return value, at
        return None

    def expect(self, value: str) -> None:
        if not self.take(value):
            kind, found, at = self.token
            raise RuleError(f"{value or 'the end'} is expected here, not {found or 'the end'}", at)

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RuleError(f"is nested more than {MAX_DEPTH} deep", self.token[2])
        node = self.level(0)
        if taken := self.take("?"):
            then = self.level(0)
            self.expect(":")
            node = Node("choice", "", (node, then, self.expression()), taken[1])
        self.depth -= 1
        return node

    def level(self, rank: int) -> Node:
        """Binary operators from the loosest to the tightest."""
        if rank == len(LEVELS):
            return self.unary()
        node = self.level(rank + 1)
        while taken := self.take(*LEVELS[rank]):
            node = Node("binary", taken[0], (node, self.level(rank + 1)), taken[1])
        return node

    def unary(self) -> Node:
        marks = []
        while taken := self.take("!", "-"):
            marks.append(taken)
        node = self.member()
        for mark, at in reversed(marks):
            node = Node("not" if mark == "!" else "minus", "", (node,), at)
        return node

    def member(self) -> Node:
        node = self.primary()
        while taken := self.take(".", "["):
            node = self.select(node) if taken[0] == "." else self.index(node, taken[1])
        return node

    def select(self, node: Node) -> Node:
        kind, name, at = self.token
        if kind != "name":
            raise RuleError("a name is expected after the dot", at)
        self.here += 1
        if not self.take("("):
            return Node("select", name, (node,), at)
        arguments = self.arguments(")")
        if name not in MACROS:
            return Node("call", name, (node, *arguments), at)
        wanted = (2, 3) if name == "map" else (2,)
        if len(arguments) not in wanted or arguments[0].kind != "name":
            raise RuleError(f"{name} takes a name for each part and an expression over it: {name}(p, ...)", at)
        return Node("macro", name, (node, *arguments), at)

    def index(self, node: Node, at: int) -> Node:
        kind, _, start = self.token
        key = self.primary()
        self.expect("]")
        if kind != "text":
            raise RuleError("parts are not reached by number; use exists, all or map to look at each", start)
        return Node("index", key.value, (node,), at)

    def arguments(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.take(end):
            if found:
                self.expect(",")
            found.append(self.expression())
        return tuple(found)

    def primary(self) -> Node:
        kind, value, at = self.token
        self.here += 1
        if kind == "text":
            return Node("text", _unquoted(value, at), (), at)
        if kind == "number":
            return Node("number", value, (), at)
        if kind == "name":
            return self.named(value, at)
        if value == "(":
            node = self.expression()
            self.expect(")")
            return node
        if value == "[":
            return Node("list", "", self.arguments("]"), at)
        raise RuleError(f"a value is expected here, not {value or 'the end'}", at)

    def named(self, value: str, at: int) -> Node:
        if value in ("true", "false", "null"):
            return Node("constant", value, (), at)
        if self.take("("):
            return Node("call", value, self.arguments(")"), at)
        return Node("name", value, (), at)


def _tokens(source: str) -> Iterator[tuple[str, str, int]]:
    at = 0
    while at < len(source):
        match = TOKEN.match(source, at)
        if not match:
            raise RuleError(f"{source[at]!r} is not used in rules", at)
        if match.lastgroup:
            yield match.lastgroup, match[match.lastgroup], at
        at = match.end()
    yield "end", "", len(source)


def _unquoted(literal: str, at: int) -> str:
    """The text of a literal. CEL's escapes are those of Python, as far as rules use them."""
    if literal[0] in "rR":
        return literal[2:-1]
    if "\\" in re.sub(r"""\\[\\"'nrt]""", "", literal):
        raise RuleError('of the escapes only \\\\ \\" \\\' \\n \\r \\t are used; a pattern is written r"..."', at)
    return str(ast.literal_eval(literal))
