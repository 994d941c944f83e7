"""One view of a message for the checker, whichever format it came in: elements with values, attributes and places.

Built only for messages that did not pass the quick way. Still it is kept lean: whoever sends a million wrong elements
must not get a gigabyte for them. `kind` tells what a JSON value was.
"""

from typing import NamedTuple


class Attribute(NamedTuple):
    """An XML attribute, or a JSON property that begins with `@`."""

    text: str
    line: int
    column: int
    kind: str = "string"


Sought = dict[str, "Sought"]  # the tags that are sought below an element, in Clark notation
NO_ATTRIBUTES: dict[str, Attribute] = {}


class Instance:
    """One element as it stood in the message. `tag` is in Clark notation; an unknown JSON property has no namespace.

    `text` is the character data; `kind` is `element` for XML, else the JSON kind: object, string, number, boolean,
    null, absent. `tail` is text after it, which only foreign elements have. `stray` marks a JSON value that should
    have been an array, or an array where none belongs.
    """

    __slots__ = ("attributes", "children", "column", "kind", "label", "line", "stray", "tag", "tail", "text")

    def __init__(self, tag: str, label: str, line: int, column: int, kind: str = "element", text: str = "") -> None:
        self.tag, self.label, self.line, self.column = tag, label, line, column
        self.kind, self.text, self.tail, self.stray = kind, text, "", ""
        self.attributes = NO_ATTRIBUTES
        self.children: list[Instance] | tuple[()] = ()

    def add(self, below: "Instance") -> None:
        """Take a child."""
        if isinstance(self.children, tuple):
            self.children = [below]
        else:
            self.children.append(below)
