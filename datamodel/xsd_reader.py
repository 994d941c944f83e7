"""Anybody's XML Schema 1.0 as models: the components that `xmlschema` has read, in the words of `datamodel.model`.

Only what documents can contain is looked at, starting from the root elements. What the model cannot carry without loss
is refused here, with file and line: mixed content, values of type QName, elements of any type.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import xmlschema
from lxml import etree
from xmlschema.validators import XsdAnyElement, XsdAtomicBuiltin, XsdElement, XsdGroup

from datamodel.bundle_guard import BadBundle, Bundle
from datamodel.content import leaves, shape
from datamodel.model import AttributeUse, ClassType, Element, Group, Model, Simple, SimpleType, Wildcard

XS = "http://www.w3.org/2001/XMLSchema"
PREFIX_BOUND = (f"{{{XS}}}QName", f"{{{XS}}}NOTATION")
ANY_TYPE = f"{{{XS}}}anyType"
XML = "http://www.w3.org/XML/1998/namespace"
FACET_FIELDS = {
    "length": "length",
    "minLength": "min_length",
    "maxLength": "max_length",
    "totalDigits": "total_digits",
    "fractionDigits": "fraction_digits",
    "minExclusive": "low",
    "minInclusive": "low",
    "maxExclusive": "high",
    "maxInclusive": "high",
}


def compile_components(bundle: Bundle) -> Any:
    """The bundle as xmlschema sees it, without a network. Raises BadBundle."""
    try:
        return xmlschema.XMLSchema10(
            [str(bundle.folder / path) for path in bundle.first],
            defuse="always",
            allow="local",  # the guard has seen that no location leaves the folder
            use_fallback=False,
        )
    except (xmlschema.XMLSchemaException, OSError, ValueError, RecursionError) as error:
        several = "; these may be several schemas, choose one with --root FILE.xsd" if len(bundle.first) > 1 else ""
        reason = str(error).splitlines()[0].rstrip(":")
        raise BadBundle(f"{_place_of_error(bundle, error)}: {reason}{several}") from error


def _place_of_error(bundle: Bundle, error: BaseException) -> str:
    validator = getattr(error, "validator", None)
    source = getattr(error, "source", None) or getattr(validator, "source", None)
    url = getattr(source, "url", None) or getattr(error, "schema_url", None)
    line = getattr(getattr(error, "elem", None), "sourceline", None) or getattr(error, "sourceline", None)
    name = _relative(bundle, url) if url else str(bundle.folder)
    return f"{name}:{line}" if line else name


def _relative(bundle: Bundle, url: str) -> str:
    path = Path(unquote(urlsplit(url).path)).resolve()
    folder = bundle.folder.resolve()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


class Reader:
    """Turns components into models. One reader per bundle, so that types are shared between its messages."""

    def __init__(self, bundle: Bundle, schema: Any) -> None:
        self.bundle, self.schema = bundle, schema
        self.classes: dict[Any, ClassType] = {}
        self.simples: dict[Any, Simple] = {}
        self.declared = self._declared_prefixes()
        self.used: set[str] = set()

    def _declared_prefixes(self) -> dict[str, str]:
        """Namespace to the first prefix, other than the empty one, that any file declares for it."""
        found: dict[str, str] = {XML: "xml"}
        for schema in self.schema.maps.iter_schemas():
            for prefix, uri in schema.namespaces.items():
                if prefix and uri and not prefix.startswith("xs") and prefix not in found.values():
                    found.setdefault(uri, prefix)
        return found

    def prefix(self, namespace: str) -> str:
        """The prefix of a namespace, made up where no file declares one."""
        if namespace not in self.declared:
            taken = set(self.declared.values())
            self.declared[namespace] = next(f"n{i}" for i in range(1, 10_000) if f"n{i}" not in taken)
        return self.declared[namespace]

    def place(self, component: Any) -> str:
        """`file:line` of a component."""
        schema = getattr(component, "schema", None)
        url = getattr(schema, "url", None)
        name = _relative(self.bundle, url) if url else str(self.bundle.folder)
        elem = getattr(component, "elem", None)
        line = _line(self.bundle.folder / name, getattr(schema, "root", None), elem) if url else None
        return f"{name}:{line}" if line else name

    def models(self, package: str) -> dict[str, Model]:
        """A model for each root element, by key. Raises BadBundle."""
        made: dict[str, Model] = {}
        for root in self.bundle.roots:
            declaration = self._global(root)
            name = declaration.local_name
            key = f"{package}/{name}"
            if key in made:
                raise BadBundle(f"{self.place(declaration)}: two roots are named {name}; choose one with --root")
            namespace = declaration.target_namespace
            element = self.element(declaration, namespace, declaration.local_name)
            made[key] = self._model(key, name, element, namespace)
        return made

    def _model(self, key: str, name: str, element: Element, namespace: str) -> Model:
        types = self._types()
        spaces = {name[1:].partition("}")[0] for name in types if name.startswith("{")} | self.used
        own = self.prefix(namespace) if namespace and "" in self.used else ""
        others = sorted((self.prefix(uri), uri) for uri in spaces - {namespace, "", XML})
        prefixes = ((own, namespace), *others) if namespace else tuple(others)
        return Model(
            key=key, title=name, root=element, payload="", when=(), prefixes=prefixes, types=types, typed=False
        )

    def _global(self, root: str) -> Any:
        matches = [
            component
            for name, component in self.schema.maps.elements.items()
            if name == root or name.rpartition("}")[2] == root
        ]
        if len(matches) != 1:
            found = ", ".join(component.name for component in matches) or "none"
            raise BadBundle(f"{self.bundle.folder}: root {root} fits {found}; write it as {{namespace}}Name")
        return matches[0]

    def _types(self) -> dict[str, ClassType | Simple]:
        """The named types that `xsi:type` may put in the place of a type in use: those derived from one."""
        known: dict[str, ClassType | Simple] = {}
        todo = [each for each in self.schema.maps.types.values() if not each.name.startswith(f"{{{XS}}}")]
        grown = True
        while grown:
            grown = False
            for each in [each for each in todo if each.name not in known]:
                if self._in_use(each) or self._in_use(each.base_type):
                    known[each.name] = self.content(each)
                    grown = True
        return known

    def _in_use(self, kind: Any) -> bool:
        return kind is not None and (kind in self.classes or kind in self.simples)

    def element(self, declaration: Any, own: str, json_name: str = "") -> Element:
        """One element position; `own` is the namespace that needs no prefix."""
        namespace = declaration.target_namespace if declaration.qualified else ""
        self.used.add(namespace)
        return Element(
            name=declaration.local_name,
            namespace=namespace,
            json_name=json_name or declaration.local_name,
            content=self.content(declaration.type, declaration),
            min=declaration.min_occurs,
            max=declaration.max_occurs,
            nillable=declaration.nillable,
        )

    def content(self, kind: Any, where: Any = None) -> Simple | ClassType:
        """The content of a type. Raises BadBundle for what JSON cannot carry."""
        place = where if where is not None else kind
        if kind.name == ANY_TYPE:
            raise BadBundle(f"{self.place(place)}: {place.local_name} may hold anything (xs:anyType); give it a type")
        if kind.is_simple() or kind.has_simple_content():
            if kind not in self.simples:
                self.simples[kind] = self._simple(kind, place)
            return self.simples[kind]
        if kind.mixed:
            raise BadBundle(f"{self.place(kind)}: mixed content is not supported; text belongs into an element")
        return self.class_type(kind)

    def _simple(self, kind: Any, place: Any) -> Simple:
        value = kind.content if kind.is_complex() else kind
        attributes, opened = self._attributes(kind) if kind.is_complex() else ((), False)
        return Simple(self.simple_type(value, place), attributes, opened)

    def class_type(self, kind: Any) -> ClassType:
        """The class of a complex type; made before its children, so that it may contain itself."""
        if kind in self.classes:
            return self.classes[kind]
        made = self.classes[kind] = ClassType(name=kind.local_name or "")
        made.attributes, made.open = self._attributes(kind)
        own = kind.target_namespace
        made.group = self._group(kind.content, own) if len(kind.content) else None
        form = shape(made.group)
        names = _json_names(made.group, own, self.prefix)
        first: dict[str, Element] = {}
        for leaf in leaves(made.group) if made.group else []:
            first.setdefault(leaf.tag, leaf)
        made.children = tuple(_child(first[tag], names[tag], tag in form.many) for tag in form.order)
        made.arrays = frozenset(names[tag] for tag in form.many)
        made.sequence = form.plain
        made.plain = form.plain and not made.attributes and not made.open
        made.interleaved, made.unordered, made.wild = form.interleaved, form.unordered, form.wild
        return made

    def _group(self, group: Any, own: str) -> Group:
        items = tuple(item for particle in group for item in self._particle(particle, own))
        return Group(group.model, items, group.min_occurs, group.max_occurs)

    def _particle(self, particle: Any, own: str) -> Iterator[Group | Element | Wildcard]:
        if particle.max_occurs == 0:
            return
        if isinstance(particle, XsdGroup):
            yield self._group(particle, own)
        elif isinstance(particle, XsdAnyElement):
            yield self._wildcard(particle, own)
        elif isinstance(particle, XsdElement):
            members = self._members(particle)
            if [each.name for each in members] == [particle.name]:
                yield self.element(particle, own)
            else:
                choice = tuple(self.element(each, own) for each in members)
                yield Group("choice", choice, particle.min_occurs, particle.max_occurs)

    def _members(self, particle: Any) -> list[Any]:
        """The elements that may stand at an element position: itself, and those of its substitution group."""
        head = particle.ref or particle
        members = self.schema.maps.substitution_groups.get(head.name, ()) if particle.ref is not None else ()
        found = sorted((each for each in members if not each.abstract), key=lambda each: str(each.name))
        return found if head.abstract else [particle, *found] if found else [particle]

    def _wildcard(self, particle: Any, own: str) -> Group | Wildcard:
        """A strict wildcard is a choice of the global elements it admits; any other lets foreign elements in."""
        if particle.process_contents != "strict":
            return Wildcard(particle.min_occurs, particle.max_occurs)
        admitted = [each for name, each in self.schema.maps.elements.items() if particle.is_matching(name, own)]
        choice = tuple(self.element(each, own) for each in admitted if not each.abstract)
        return Group("choice", choice, particle.min_occurs, particle.max_occurs)

    def _attributes(self, kind: Any) -> tuple[tuple[AttributeUse, ...], bool]:
        uses = []
        for name, attribute in kind.attributes.items():
            if name is None or attribute.use == "prohibited":
                continue
            namespace = name[1:].partition("}")[0] if name.startswith("{") else ""
            prefix = self.prefix(namespace) if namespace else ""
            self.used |= {namespace} if namespace else set()
            required = attribute.use == "required"
            uses.append(AttributeUse(name, self.simple_type(attribute.type, attribute), required, prefix))
        return tuple(uses), None in kind.attributes

    def simple_type(self, kind: Any, place: Any) -> SimpleType:
        """A simple type. libxml2 judges it; what is kept here is for JSON and for people."""
        primitive = getattr(kind, "primitive_type", None)
        atomic = isinstance(primitive, XsdAtomicBuiltin) and not kind.is_list()
        if isinstance(primitive, XsdAtomicBuiltin) and primitive.name in PREFIX_BOUND:
            raise BadBundle(f"{self.place(place)}: values of type QName depend on prefixes, which JSON does not have")
        return SimpleType(
            name=str(getattr(kind, "local_name", None) or ""),
            primitive=str(getattr(primitive, "local_name", "string")) if atomic else "string",
            folds=_folds(kind),
            sealed=True,
            **_facets(kind),
        )


def _child(element: Element, json_name: str, many: bool) -> Element:
    """The position of a child as JSON sees it: one for all places where the element may stand."""
    upper = element.max if (element.max != 1) == many else (None if many else 1)
    changes = {"json_name": json_name, "max": upper}
    return Element(**{field: changes.get(field, getattr(element, field)) for field in Element.__struct_fields__})


def _json_names(group: Group | None, own: str, prefix: Any) -> dict[str, str]:
    """Tag to JSON name: the local name, with a prefix outside the own namespace where a sibling has the same."""
    found = {leaf.tag: leaf for leaf in (leaves(group) if group else [])}
    spaces: dict[str, set[str]] = {}
    for leaf in found.values():
        spaces.setdefault(leaf.name, set()).add(leaf.namespace)
    names = {}
    for tag, leaf in found.items():
        twins = len(spaces[leaf.name]) > 1 and leaf.namespace not in (own, "")
        names[tag] = f"{prefix(leaf.namespace)}:{leaf.name}" if twins else leaf.name
    return names


def _folds(kind: Any) -> Any:
    return getattr(kind, "white_space", None) or ("collapse" if kind.is_list() else "preserve")


def _facets(kind: Any) -> dict[str, Any]:
    """The facets that people read: lengths, patterns, codes, bounds, digits."""
    found: dict[str, Any] = {}
    for facet, field in FACET_FIELDS.items():
        each = kind.get_facet(f"{{{XS}}}{facet}") if hasattr(kind, "get_facet") else None
        if each is not None:
            found[field] = str(each.value) if field in ("low", "high") else each.value
    found["values"] = tuple(str(value) for value in getattr(kind, "enumeration", None) or ())
    patterns = getattr(kind, "patterns", None)
    if patterns is not None and patterns.regexps:
        found["pattern"] = "|".join(patterns.regexps)
    return found


def _line(path: Path, root: Any, wanted: Any) -> int | None:
    """The line of an element of xmlschema's tree, found in the file by counting elements."""
    if root is None or wanted is None or not path.is_file():
        return None
    number = next((index for index, node in enumerate(root.iter()) if node is wanted), None)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    nodes = etree.parse(str(path), parser).iter(etree.Element)
    return next((int(node.sourceline or 0) for index, node in enumerate(nodes) if index == number), None)
