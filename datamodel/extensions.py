"""Declared national extensions: positions that a derived package adds, in a namespace of its own."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from datamodel.derivation_file import Extension, Narrow
from datamodel.model import ClassType, Element, Model, Simple
from datamodel.tables import BadTable, MessageReader, Row
from datamodel.value_rules import Unfit, narrowed

NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,79}")
SPACES: Final = 'declare one under [namespaces], as xz = "urn:xz:customs:declaration", and name its prefix'

Complaint = tuple[str, str]  # what, and what to do about it


class Positions(Protocol):
    """Makes a position and all below it from rows of a table, with the data types of the package at the base."""

    def __call__(self, row: Row, below: dict[str, list[Row]], namespace: str) -> Element:
        """Raises BadTable."""


def positions(reader: MessageReader, message: str) -> Positions:
    """The maker of positions for a message of a package of tables."""
    package = reader.package
    types = package.namespaces[package.messages[message].type_namespace]

    def make(row: Row, below: dict[str, list[Row]], namespace: str) -> Element:
        return reader.element(row, below, (namespace, types))

    return make


class Extender:
    """Makes the extensions of one message. Their paths are from below the root element, as are those given here."""

    def __init__(
        self, extensions: Sequence[Extension], namespaces: Mapping[str, str], base: Model, make: Positions
    ) -> None:
        self.namespaces, self.base, self.make = namespaces, base, make
        self.below: dict[str, list[Extension]] = {}
        for each in extensions:
            self.below.setdefault(each.path.rpartition("/")[0], []).append(each)
        self.made: dict[tuple[str, str], Extension] = {}

    def complaints(self, extension: Extension, siblings: Sequence[str], part: bool) -> Iterator[Complaint]:
        """Why an extension cannot stand among those siblings; a `part` of an extension class stands after them all."""
        name = extension.path.rpartition("/")[2]
        upper = extension.max
        if name in siblings:
            yield f"there is a {name} at that place already", "give the extension another name"
        if not NAME.fullmatch(name):
            yield f"{name!r} is not a name", "write letters and digits, a letter first"
        if extension.after and part:
            yield "after: parts of an extension stand in the order of this file", "leave it out"
        elif extension.after and extension.after not in siblings:
            yield f"after: there is no {extension.after!r} at that place", f"there is {', '.join(siblings[:12])}"
        if not extension.purpose.strip():
            yield "an extension needs a purpose", "say in one line what the data is needed for"
        if upper != "*" and (isinstance(upper, str) or upper < max(1, extension.min)) or extension.min < 0:
            yield f"min {extension.min} and max {upper} do not fit", 'write whole numbers, or max = "*" for no bound'
        yield from self._space_complaints(extension)
        if not part:
            yield from self._clashes(extension)

    def _space_complaints(self, extension: Extension) -> Iterator[Complaint]:
        uri = self.namespaces.get(extension.namespace)
        if uri is None:
            yield f"the prefix {extension.namespace!r} is not declared", SPACES
        elif uri in dict(self.base.prefixes).values():
            yield f"{uri} is a namespace of the base", "extensions stand in a namespace of their own; declare one"

    def _clashes(self, extension: Extension) -> Iterator[Complaint]:
        """One name in one namespace is one element, wherever it stands, so it is defined alike."""
        name = extension.path.rpartition("/")[2]
        before = self.made.setdefault((extension.namespace, name), extension)
        same = (before.type, before.format, before.values) == (extension.type, extension.format, extension.values)
        if before is not extension and (extension.type == "class" or not same):
            yield f"{name} is defined at {before.path} already, otherwise", "give one of the two another name"

    def element(self, extension: Extension) -> Element:
        """The position of an extension with all below it. Raises Unfit."""
        rows: dict[str, list[Row]] = {}
        for parent, parts in self.below.items():
            if parent == extension.path or parent.startswith(f"{extension.path}/"):
                rows[parent] = [_row(each) for each in parts]
        if extension.type == "class" and not rows:
            raise Unfit("a class without parts holds nothing", f"add an extension {extension.path}/... for each part")
        try:
            made = self.make(_row(extension), rows, self.namespaces[extension.namespace])
        except BadTable as error:
            raise Unfit(str(error).removeprefix(": "), "see the data types in the base's datatypes.tsv") from None
        return self._finished(made, extension.path)

    def _finished(self, element: Element, path: str) -> Element:
        """What a row of a table cannot say: values with spaces in them, and that a value is personal."""
        known = {each.path: each for parts in self.below.values() for each in parts}
        said = known.get(path)
        content = element.content
        if said is None:
            return element
        if isinstance(content, ClassType) and said.type == "class":
            content.children = tuple(self._finished(each, f"{path}/{each.json_name}") for each in content.children)
        elif isinstance(content, Simple) and said.values:
            content = Simple(narrowed(content.type, Narrow(values=said.values)), content.attributes, content.open)
        return msgspec.structs.replace(element, content=content, personal=element.personal or said.personal)


def _row(extension: Extension) -> Row:
    return {
        "path": extension.path,
        "wco_id": "",
        "tded": extension.tded,
        "type": extension.type,
        "format": extension.format,
        "min": str(extension.min),
        "max": str(extension.max),
        "usage": "",
        "values": "",
        "line": "",
    }
