"""The model: one tree of elements per message, from which the schemas, the struct types and both codecs are derived.

An element holds either a simple value (with XML attributes) or a class of child elements.
In WCO terms a child with a simple value is an *attribute* of its class; here that word is kept for XML attributes.
Our own tables make *plain* classes: a fixed sequence of different elements. Classes of other people's schemas may be
anything that XML Schema 1.0 allows; their group says what, and they may contain themselves.
"""

from collections.abc import Iterator
from datetime import date
from typing import Literal

import msgspec

XSI = "http://www.w3.org/2001/XMLSchema-instance"
NIL, TYPE = f"{{{XSI}}}nil", f"{{{XSI}}}type"
LOCATION_HINTS = ("schemaLocation", "noNamespaceSchemaLocation")
PRIMITIVES = ("string", "token", "decimal", "anyURI", "language", "date", "dateTime")
NUMBERS = ("decimal", "float", "double")


class SimpleType(msgspec.Struct, frozen=True, kw_only=True):
    """A lexical type. `primitive` is one of PRIMITIVES or another of XML Schema's; lengths count characters.

    `pattern` is an XSD regular expression (XML Schema part 2, appendix F); `values` an enumeration.
    `folds` says whether white space is preserved, replaced or collapsed (section 4.3.6).
    A `sealed` type is judged by libxml2 alone; its facets here are for people to read.
    """

    name: str
    primitive: str
    length: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    total_digits: int | None = None
    fraction_digits: int | None = None
    low: str | None = None
    high: str | None = None
    folds: Literal["", "preserve", "replace", "collapse"] = ""
    sealed: bool = False

    @property
    def white_space(self) -> str:
        """How white space is folded: text keeps it, everything else collapses it, unless the type says otherwise."""
        return self.folds or ("preserve" if self.primitive == "string" else "collapse")

    @property
    def json_kind(self) -> str:
        """The JSON kind of a value: number, boolean or string."""
        return "number" if self.primitive in NUMBERS else "boolean" if self.primitive == "boolean" else "string"


class AttributeUse(msgspec.Struct, frozen=True):
    """An XML attribute that an element may, or must, carry. `label` is its JSON name without the `@`."""

    name: str
    type: SimpleType
    required: bool = False
    prefix: str = ""

    @property
    def label(self) -> str:
        """The local name, with a prefix where the attribute has a namespace."""
        local = self.name.rpartition("}")[2]
        return f"{self.prefix}:{local}" if self.prefix else local


class Simple(msgspec.Struct, frozen=True):
    """Content of an element that holds one value. `open` says that further XML attributes are taken."""

    type: SimpleType
    attributes: tuple[AttributeUse, ...] = ()
    open: bool = False


class Wildcard(msgspec.Struct, frozen=True):
    """A place for elements that the schema does not describe (`xs:any`, lax or skip)."""

    min: int = 1
    max: int | None = 1


class Group(msgspec.Struct, frozen=True):
    """A content model: `kind` is sequence, choice or all; items may be groups again."""

    kind: str
    items: tuple["Group | Element | Wildcard", ...]
    min: int = 1
    max: int | None = 1


class ClassType(msgspec.Struct, eq=False, kw_only=True):
    """Content of an element that holds other elements. Compared by identity, because it may contain itself.

    `children` are its different elements in canonical order. `sequence` is set where each has one place in one
    sequence, `plain` where there is nothing else to it. `interleaved` classes keep the order of their elements in
    JSON; `arrays` are the JSON names of elements that may stand more than once. `open` says that further XML
    attributes are taken, `wild` that foreign elements are. `unordered` classes (`xs:all`) take their elements in any
    order.
    """

    name: str = ""
    group: Group | None = None
    children: tuple["Element", ...] = ()
    arrays: frozenset[str] = frozenset()
    attributes: tuple[AttributeUse, ...] = ()
    open: bool = False
    wild: bool = False
    plain: bool = True
    interleaved: bool = False
    unordered: bool = False
    sequence: bool = True


def plain_class(children: tuple["Element", ...]) -> ClassType:
    """A class that is a sequence of different elements."""
    arrays = frozenset(element.json_name for element in children if element.many)
    return ClassType(group=Group("sequence", children), children=children, arrays=arrays)


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One position of a message. `max` None means without bound; `wco_id` and `tded` are empty where none exists.

    `json_name` is the local name, with the package's prefix where a sibling of another namespace has the same.
    `personal` values are hidden in issues; `nillable` elements may be `xsi:nil`, which is null in JSON.
    `listed` elements are arrays in JSON even where they stand once at most, because they may repeat in the base.
    """

    name: str
    namespace: str
    json_name: str
    content: Simple | ClassType
    min: int = 1
    max: int | None = 1
    wco_id: str = ""
    tded: str = ""
    format: str = ""
    usage: tuple[str, ...] = ()
    personal: bool = False
    nillable: bool = False
    listed: bool = False

    @property
    def tag(self) -> str:
        """The qualified name in Clark notation, `{namespace}name`; the bare name where there is no namespace."""
        return f"{{{self.namespace}}}{self.name}" if self.namespace else self.name

    @property
    def field(self) -> str:
        """The name of the struct field that holds this element."""
        return self.json_name.replace(":", "_").replace("-", "_").replace(".", "_")

    @property
    def many(self) -> bool:
        """Whether the element may repeat, which makes it an array in JSON and a tuple in a struct."""
        return self.listed or self.max != 1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a package says of itself: its country (empty: anybody's), first and last day, and its base.

    `base` is the key of the message that this one derives from; empty where it derives from none.
    """

    country: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    base: str = ""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One message type: its key `package/version/type`, its root element and how to tell it from others.

    `payload` is the path of the payload below the root (empty where the root is the payload itself); `when` maps
    direct children of the payload to the values they must have. `prefixes` maps a prefix to its namespace; the
    payload's own namespace has the empty prefix. `types` are the named types that `xsi:type` may ask for.
    A `typed` model, of our own tables, has struct types; documents of others are made of dicts and lists.
    `lists` are the code lists that a derived package names for its positions, by path below the root.
    """

    key: str
    title: str
    root: Element
    payload: str
    when: tuple[tuple[str, str], ...]
    prefixes: tuple[tuple[str, str], ...]
    types: dict[str, ClassType | Simple] = {}
    typed: bool = True
    facts: Facts = Facts()
    lists: tuple[tuple[str, str], ...] = ()


def child(parent: Element, json_name: str) -> Element | None:
    """The child position of that JSON name, if the parent is a class and has one."""
    if isinstance(parent.content, Simple):
        return None
    return next((element for element in parent.content.children if element.json_name == json_name), None)


def descend(root: Element, path: str) -> Element:
    """The element at a slash-separated path of JSON names below `root`. Raises ValueError that names the bad step."""
    element = root
    for step in path.split("/") if path else ():
        found = child(element, step)
        if found is None:
            raise ValueError(f"no {step!r} below {element.json_name!r} in path {path!r}")
        element = found
    return element


def walk(root: Element, path: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Element]]:
    """Every element with its path from the root, in document order; a class within itself is not entered."""
    here = f"{path}/{root.json_name}" if path else root.json_name
    yield here, root
    if isinstance(root.content, ClassType) and id(root.content) not in above:
        for element in root.content.children:
            yield from walk(element, here, (*above, id(root.content)))
