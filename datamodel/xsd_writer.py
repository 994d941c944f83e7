"""The model as XML Schema text: one file per namespace, written when asked for, never stored.

libxml2 compiles these very files, so what is published is what validates.
"""

from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from datamodel.model import PRIMITIVES, AttributeUse, ClassType, Element, Model, Simple, SimpleType

XS = "http://www.w3.org/2001/XMLSchema"


class Bundle:
    """The schema files of one message under construction."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.prefixes = {uri: prefix or "dm" for prefix, uri in reversed(model.prefixes)}
        self.elements: dict[str, dict[str, str]] = {}
        self.types: dict[str, dict[str, str]] = {}
        self.imports: dict[str, set[str]] = {}

    def file_name(self, namespace: str) -> str:
        """The file that holds a namespace; the root's is named after the message."""
        message = self.model.key.rpartition("/")[2]
        own = namespace == self.model.root.namespace
        return f"{message}.xsd" if own else f"{message}_{self.prefixes[namespace]}.xsd"

    def global_element(self, element: Element) -> None:
        """Declare an element at the top of its namespace's file."""
        declared = self.elements.setdefault(element.namespace, {})
        self.imports.setdefault(element.namespace, set())
        if element.name not in declared:
            declared[element.name] = ""
            declared[element.name] = self.element(element, element.namespace, "", top=True)

    def element(self, element: Element, inside: str, indent: str, top: bool = False) -> str:
        """The text of an element declaration, or of a reference where it belongs to another namespace."""
        upper = "unbounded" if element.max is None else element.max
        occurs = "" if top else f' minOccurs="{element.min}" maxOccurs="{upper}"'
        if element.namespace != inside:
            self.global_element(element)
            self.imports[inside].add(element.namespace)
            return f'{indent}<xs:element ref="{self.prefixes[element.namespace]}:{element.name}"{occurs}/>\n'
        if isinstance(element.content, Simple):
            name = self.simple(element.content, inside)
            return f'{indent}<xs:element name="{element.name}" type="{name}"{occurs}>{_notes(element)}</xs:element>\n'
        body = self.class_type(element.content, inside, indent + "  ")
        return f'{indent}<xs:element name="{element.name}"{occurs}>{_notes(element)}\n{body}{indent}</xs:element>\n'

    def class_type(self, content: ClassType, inside: str, indent: str) -> str:
        """The text of a class: a sequence of its children."""
        rows = "".join(self.element(each, inside, indent + "    ") for each in content.children)
        sequence = f"{indent}  <xs:sequence>\n{rows}{indent}  </xs:sequence>\n"
        return f"{indent}<xs:complexType>\n{sequence}{indent}</xs:complexType>\n"

    def simple(self, content: Simple, inside: str) -> str:
        """The name of the type of a simple content, defined in the file it is used in."""
        base = self.simple_type(content.type, inside)
        if not content.attributes:
            return base
        name = f"{content.type.name}.content"
        uses = "".join(self.attribute(use, inside) for use in content.attributes)
        self.types[inside][name] = (
            f'  <xs:complexType name="{name}"><xs:simpleContent><xs:extension base="{base}">\n'
            f"{uses}  </xs:extension></xs:simpleContent></xs:complexType>\n"
        )
        return f"{self.prefixes[inside]}:{name}"

    def attribute(self, use: AttributeUse, inside: str) -> str:
        """The text of an attribute."""
        required = "required" if use.required else "optional"
        return f'    <xs:attribute name="{use.name}" type="{self.simple_type(use.type, inside)}" use="{required}"/>\n'

    def simple_type(self, kind: SimpleType, inside: str) -> str:
        """The name of a simple type; built-in types are themselves."""
        types = self.types.setdefault(inside, {})
        if kind.name in PRIMITIVES:
            return f"xs:{kind.name}"
        types[kind.name] = (
            f'  <xs:simpleType name="{kind.name}"><xs:restriction base="xs:{kind.primitive}">'
            f"{_facets(kind)}</xs:restriction></xs:simpleType>\n"
        )
        return f"{self.prefixes[inside]}:{kind.name}"

    def text(self, namespace: str) -> bytes:
        """One file."""
        spaces = "".join(f" xmlns:{prefix}={quoteattr(uri)}" for uri, prefix in self.prefixes.items())
        imports = "".join(
            f'  <xs:import namespace={quoteattr(uri)} schemaLocation="{self.file_name(uri)}"/>\n'
            for uri in sorted(self.imports[namespace])
        )
        types = "".join(self.types.get(namespace, {}).values())
        body = imports + types + "".join(self.elements[namespace].values())
        head = f'<xs:schema xmlns:xs="{XS}"{spaces} targetNamespace={quoteattr(namespace)}'
        opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- {self.model.title} ({self.model.key}) -->\n'
        return f'{opening}{head} elementFormDefault="qualified">\n{body}</xs:schema>\n'.encode()


def _facets(kind: SimpleType) -> str:
    rows = [
        ("length", kind.length),
        ("minLength", kind.min_length),
        ("maxLength", kind.max_length),
        ("totalDigits", kind.total_digits),
        ("fractionDigits", kind.fraction_digits),
        ("pattern", kind.pattern),
        *(("enumeration", value) for value in kind.values),
    ]
    return "".join(f"<xs:{name} value={quoteattr(str(value))}/>" for name, value in rows if value is not None)


def _notes(element: Element) -> str:
    facts = (("WCO ID", element.wco_id), ("UN/TDED", element.tded), ("format", element.format))
    words = ", ".join(f"{name} {value}" for name, value in facts if value)
    return f"<xs:annotation><xs:documentation>{words}</xs:documentation></xs:annotation>" if words else ""


def write_bundle(model: Model) -> dict[str, bytes]:
    """File names and texts of a message's schema; the first is the entry, which imports the others."""
    bundle = Bundle(model)
    bundle.global_element(model.root)
    return {bundle.file_name(namespace): bundle.text(namespace) for namespace in bundle.elements}


class _InMemory(etree.Resolver):
    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__()
        self.files = files

    def resolve(self, url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]
        return self.resolve_string(self.files[url.rpartition("/")[2]], context, base_url=url)


def compile_schema(files: dict[str, bytes]) -> etree.XMLSchema:
    """libxml2's validator of a bundle, without touching a disk."""
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_InMemory(files))
    entry = next(iter(files))
    return etree.XMLSchema(etree.fromstring(files[entry], parser, base_url=f"guichet:/{entry}"))
