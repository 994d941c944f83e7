"""The model: one tree of elements per message, from which the XSD, the struct types and both codecs are derived.

An element holds either a simple value (with XML attributes) or a class of child elements, in a fixed order.
In WCO terms a child with a simple value is an *attribute* of its class; here that word is kept for XML attributes.
"""

from collections.abc import Iterator

import msgspec

XSI = "http://www.w3.org/2001/XMLSchema-instance"
LOCATION_HINTS = ("schemaLocation", "noNamespaceSchemaLocation")
PRIMITIVES = ("string", "token", "decimal", "anyURI", "language", "date", "dateTime")


class SimpleType(msgspec.Struct, frozen=True, kw_only=True):
    """A lexical type. `primitive` is one of PRIMITIVES, of XML Schema; lengths count characters.

    `pattern` is an XSD regular expression (XML Schema part 2, appendix F); `values` an enumeration.
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


class AttributeUse(msgspec.Struct, frozen=True):
    """An XML attribute that an element with a simple value may, or must, carry."""

    name: str
    type: SimpleType
    required: bool = False


class Simple(msgspec.Struct, frozen=True):
    """Content of an element that holds one value."""

    type: SimpleType
    attributes: tuple[AttributeUse, ...] = ()


class ClassType(msgspec.Struct, frozen=True):
    """Content of an element that holds other elements, in this order."""

    children: tuple["Element", ...]


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One position of a message. `max` None means without bound; `wco_id` and `tded` are empty where none exists.

    `json_name` is the local name, with the package's prefix where a sibling of another namespace has the same.
    `personal` values are hidden in issues.
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

    @property
    def tag(self) -> str:
        """The qualified name in Clark notation, `{namespace}name`."""
        return f"{{{self.namespace}}}{self.name}"

    @property
    def field(self) -> str:
        """The name of the struct field that holds this element."""
        return self.json_name.replace(":", "_").replace("-", "_").replace(".", "_")

    @property
    def many(self) -> bool:
        """Whether the element may repeat, which makes it an array in JSON and a tuple in a struct."""
        return self.max != 1


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One message type: its key `package/version/type`, its root element and how to tell it from others.

    `payload` is the path of the payload below the root (empty where the root is the payload itself); `when` maps
    direct children of the payload to the values they must have. `prefixes` maps a prefix to its namespace; the
    payload's own namespace has the empty prefix.
    """

    key: str
    title: str
    root: Element
    payload: str
    when: tuple[tuple[str, str], ...]
    prefixes: tuple[tuple[str, str], ...]


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


def walk(root: Element, path: str = "") -> Iterator[tuple[str, Element]]:
    """Every element of the tree with its path from the root, in document order."""
    here = f"{path}/{root.json_name}" if path else root.json_name
    yield here, root
    if isinstance(root.content, ClassType):
        for element in root.content.children:
            yield from walk(element, here)
