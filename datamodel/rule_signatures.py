"""Whether a call gives a function what it takes, and in words what it takes where it does not."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from datamodel.rule_functions import FUNCTIONS, pattern, scheme_check
from datamodel.rule_syntax import MACROS, Node, RuleError
from datamodel.rule_types import Kind, bad

# By what FUNCTIONS says that a function takes: the test of a type, and its words.
TAKES: Final[dict[str, tuple[Callable[[Kind], bool], str]]] = {
    "text": (lambda kind: kind.name == "text", "a text"),
    "scheme": (lambda kind: kind.name == "text", 'the name of a scheme in quotes, as "luhn"'),
    "pattern": (lambda kind: kind.name == "text", 'a pattern, as r"^[A-Z]{2}$"'),
    "number": (lambda kind: kind.numeric, "a number"),
    "int": (lambda kind: kind.name == "int", "a whole number"),
    "day": (lambda kind: kind.name == "day", "a day, as day(it.IssueDateTime.DateTimeString)"),
    "list": (lambda kind: kind.of is not None and kind.of.name != "part", "a list of values"),
    "list of number": (lambda kind: kind.of is not None and kind.of.numeric, "a list of numbers"),
    "text or list": (lambda kind: kind.name in ("text", "list"), "a text or a list"),
}


def unknown(node: Node) -> RuleError:
    """The fault of calling what there is not."""
    if node.value in MACROS:
        return bad(f"{node.value} goes through a list: list.{node.value}(p, ...)", node)
    close = get_close_matches(node.value, FUNCTIONS, n=2)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(sorted(FUNCTIONS))}"
    return bad(f"there is no function {node.value!r}; {hint}", node)


def call_fault(node: Node, kinds: list[Kind]) -> RuleError | None:
    """What is wrong with a call of one of FUNCTIONS on these types, if anything is."""
    takes = [name.rstrip("?") for name in FUNCTIONS[node.value].takes]
    words = " and ".join(TAKES[name][1] for name in takes)
    if len(takes) != len(kinds):
        return bad(f"{node.value} takes {words}", node)
    for name, kind, part in zip(takes, kinds, node.parts, strict=True):
        if not TAKES[name][0](kind):
            return bad(f"{node.value} takes {words}; this is {kind.words}", part)
        if fault := _literal_fault(name, part):
            return fault
    return None


def _literal_fault(name: str, part: Node) -> RuleError | None:
    """Schemes and patterns must stand in the rule itself, so that they can be tried when it is loaded."""
    if name not in ("scheme", "pattern"):
        return None
    if part.kind != "text":
        return bad(f"{TAKES[name][1]} must be written here itself", part)
    if name == "scheme":
        missing = scheme_check(part.value) is None
        return bad(f"python-stdnum has no scheme {part.value!r}", part) if missing else None
    try:
        pattern(part.value)
    except ValueError as error:
        return bad(f"the pattern cannot be read: {error}", part)
    return None
