"""One view of a message for the checker, whichever format it came in: elements with values, attributes and places.

Built only for messages that did not pass the quick way, so it may take its time. `kind` tells what a JSON value was.
"""

import msgspec


class Attribute(msgspec.Struct):
    """An XML attribute, or a JSON property that begins with `@`."""

    text: str
    line: int
    column: int


class Instance(msgspec.Struct):
    """One element as it stood in the message. `tag` is in Clark notation; an unknown JSON property has no namespace.

    `text` is the character data; `kind` is `element` for XML, else the JSON kind: object, string, number, boolean,
    null. `stray` marks a JSON value that should have been an array, or an array where none belongs.
    """

    tag: str
    label: str
    line: int
    column: int
    kind: str = "element"
    text: str = ""
    stray: str = ""
    attributes: dict[str, Attribute] = {}
    children: list["Instance"] = []
