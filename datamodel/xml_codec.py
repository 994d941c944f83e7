"""XML to typed documents and back, from a plan per class that is compiled once.

The reader trusts its input: libxml2 has validated it against the same model. The writer escapes, and nothing else.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import msgspec
from lxml import etree

from datamodel.facets import NOT_XML, normal
from datamodel.limits import MAX_DIGITS
from datamodel.model import LOCATION_HINTS, XSI, ClassType, Element, Model, Simple, SimpleType
from datamodel.numbers import plain
from datamodel.structs import StructBuilder

HINTS = {f"{{{XSI}}}{name}": f"at_xsi_{name}" for name in LOCATION_HINTS}
TEXT_ESCAPES = {"\r": "&#13;"}
ATTRIBUTE_ESCAPES = {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}

Reader = Callable[[etree._Element], Any]
Writer = Callable[[Any, list[str]], None]


def _text(kind: SimpleType) -> Callable[[str | None], Any]:
    if kind.primitive == "decimal":
        return _number
    if kind.primitive == "string":
        return lambda text: text or ""
    return lambda text: _folded(kind, text or "")


def _number(text: str | None) -> Decimal:
    """The number of a validated text, digits kept. Raises ValueError for more digits than the gateway takes."""
    return plain(Decimal(text or "0"), MAX_DIGITS)


def _folded(kind: SimpleType, text: str) -> str:
    if " " not in text and "\n" not in text and "\t" not in text and "\r" not in text:
        return text
    return normal(kind, text)


class XmlReader:
    """Compiled readers, one per class and per simple content."""

    def __init__(self, structs: StructBuilder) -> None:
        self.structs = structs
        self.readers: dict[ClassType | Simple, Reader] = {}

    def of(self, element: Element) -> Reader:
        """The reader of one occurrence of an element."""
        content = element.content
        if content not in self.readers:
            simple = isinstance(content, Simple)
            self.readers[content] = self._simple(content) if simple else self._class(element.name, content)  # type: ignore[arg-type]
        return self.readers[content]

    def _simple(self, content: Simple) -> Reader:
        convert = _text(content.type)
        attributed = self.structs.attributed(content)
        if attributed is None:
            return lambda node: convert(node.text)
        folds = {use.name: (f"at_{use.name}", _text(use.type)) for use in content.attributes}

        def read(node: etree._Element) -> Any:
            value = convert(node.text)
            if not node.attrib:
                return value
            fields = {}
            for name, text in node.attrib.items():
                if name in folds:
                    field, fold = folds[str(name)]
                    fields[field] = fold(str(text))
            return attributed(value=value, **fields) if fields else value

        return read

    def _class(self, name: str, content: ClassType) -> Reader:
        struct = self.structs.of_class(name, content)
        plan = {element.tag: (element.field, self.of(element), element.many) for element in content.children}

        def read(node: etree._Element) -> Any:
            fields: dict[str, Any] = {}
            for child in node:
                field, reader, many = plan[child.tag]
                if many:
                    fields.setdefault(field, []).append(reader(child))
                else:
                    fields[field] = reader(child)
            for field, value in fields.items():
                if type(value) is list:
                    fields[field] = tuple(value)
            if node.attrib:
                fields.update((HINTS[key], value) for key, value in node.attrib.items() if key in HINTS)
            return struct(**fields)

        return read


def xml_text(value: Any, quoted: bool = False) -> str:
    """A value as XML character data, or inside double quotes. Raises ValueError where XML has no way to write it."""
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    if NOT_XML.search(text):
        raise ValueError("a character that XML does not allow")
    return escape(text, ATTRIBUTE_ESCAPES if quoted else TEXT_ESCAPES)


class XmlWriter:
    """Compiled writers. Prefixes are the package's own; the payload's namespace is the default one."""

    def __init__(self, model: Model) -> None:
        self.prefix_of = {uri: prefix for prefix, uri in reversed(model.prefixes)}
        self.writers: dict[tuple[ClassType | Simple, str], Writer] = {}
        declared = "".join(f' xmlns{prefix and ":" + prefix}="{uri}"' for prefix, uri in model.prefixes)
        self.declarations = declared
        self.root = self.of(model.root)

    def write(self, document: msgspec.Struct) -> bytes:
        """The whole document in UTF-8 with an XML declaration, all namespaces declared on the root."""
        parts: list[str] = []
        self.root(document, parts)
        head, _, rest = parts[0].partition(" ") if " " in parts[0] else parts[0].partition(">")
        close = " " if " " in parts[0] else ">"
        parts[0] = f"<?xml version='1.0' encoding='UTF-8'?>\n{head}{self.declarations}{close}{rest}"
        return "".join(parts).encode()

    def of(self, element: Element) -> Writer:
        """The writer of one occurrence of an element."""
        prefix = self.prefix_of[element.namespace]
        name = f"{prefix}:{element.name}" if prefix else element.name
        key = (element.content, name)
        if key not in self.writers:
            content = element.content
            plain = isinstance(content, Simple)
            self.writers[key] = self._simple(name, content) if plain else self._class(name, content)  # type: ignore[arg-type]
        return self.writers[key]

    def _simple(self, name: str, content: Simple) -> Writer:
        attributes = [(f"at_{use.name}", use.name) for use in content.attributes]

        def write(value: Any, out: list[str]) -> None:
            marks = ""
            if isinstance(value, msgspec.Struct):
                for field, attribute in attributes:
                    text = getattr(value, field)
                    if text is not None:
                        marks += f' {attribute}="{xml_text(text, quoted=True)}"'
                value = value.value  # type: ignore[attr-defined]
            out.append(f"<{name}{marks}>{xml_text(value)}</{name}>")

        return write

    def _class(self, name: str, content: ClassType) -> Writer:
        plan = [(element.field, self.of(element), element.many) for element in content.children]

        def write(value: Any, out: list[str]) -> None:
            out.append(f"<{name}{self._hints(value)}>")
            for field, writer, many in plan:
                part = getattr(value, field)
                if many:
                    for each in part:
                        writer(each, out)
                elif part is not None:
                    writer(part, out)
            out.append(f"</{name}>")

        return write

    def _hints(self, value: Any) -> str:
        marks = ""
        for name in LOCATION_HINTS:
            hint = getattr(value, f"at_xsi_{name}")
            if hint is not None:
                marks += f' xmlns:xsi="{XSI}" xsi:{name}="{xml_text(hint, quoted=True)}"'
        return marks.replace(f' xmlns:xsi="{XSI}"', "", max(0, marks.count("xmlns:xsi") - 1))
