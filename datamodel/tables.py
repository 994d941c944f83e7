"""Reads our own packages: a folder with `package.toml`, `datatypes.tsv` and a table of positions per message.

The tables are what an administration reads and edits, so every refusal names file, line and remedy.
"""

import csv
import re
from collections.abc import Callable
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from datamodel.bundles import BundleEntry
from datamodel.model import (
    PRIMITIVES,
    AttributeUse,
    ClassType,
    Element,
    Facts,
    Model,
    Simple,
    SimpleType,
    descend,
    plain_class,
)

POSITION_COLUMNS = ("path", "wco_id", "tded", "type", "format", "min", "max", "usage", "values")
CLASS = "class"  # a data type that is one, as a date is
TYPE_COLUMNS = ("name", "primitive", "blank", "min_length", "max_length", "pattern", "values", "attributes")
FORMAT = re.compile(r"(an|a|n)(?:(\.\.)?(\d+)(?:,(\d+))?)?")
NOT_BLANK = r".*[^\s].*"
ALPHABETS = {"a": "([a-zA-Z])*", "n": "([0-9])*"}

Row = dict[str, str]
Resolve = Callable[[str], Model]


class MessageEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[messages.X]` table of package.toml."""

    title: str
    table: str
    namespace: str
    type_namespace: str
    envelope: str | None = None
    envelope_namespace: str | None = None
    max: str = "1"
    when: dict[str, str] = {}


class PackageEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """package.toml. `personal` lists patterns of paths (`*` for any part) whose values are personal.

    The country is empty where the package is anybody's; its first and last day may be left open.
    """

    title: str
    namespaces: dict[str, str] = {}
    personal: list[str] = []
    messages: dict[str, MessageEntry] = {}
    bundle: BundleEntry | None = None
    country: str = ""
    effective_from: date | None = None
    effective_to: date | None = None

    @property
    def facts(self) -> Facts:
        """What the package says of itself to its messages."""
        return Facts(country=self.country, effective_from=self.effective_from, effective_to=self.effective_to)


class BadTable(ValueError):
    """A package table says something impossible; the text begins with `file:line`."""


def read_package(folder: Path) -> PackageEntry:
    """Read package.toml of a package folder. Raises BadTable."""
    file = folder / "package.toml"
    try:
        return msgspec.toml.decode(file.read_bytes(), type=PackageEntry)
    except (OSError, msgspec.DecodeError) as error:
        raise BadTable(f"{file}: {error}") from error


def read_rows(file: Path, columns: tuple[str, ...]) -> list[Row]:
    """Rows of a tab-separated table, each with its line number under `line`. Raises BadTable."""
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = tuple(next(reader, ()))
        if header != columns:
            raise BadTable(f"{file}:1: columns must be {', '.join(columns)}")
        rows = []
        for number, cells in enumerate(reader, 2):
            if len(cells) != len(columns):
                raise BadTable(f"{file}:{number}: {len(cells)} cells where {len(columns)} are needed")
            rows.append(dict(zip(columns, cells, strict=True)) | {"line": f"{file}:{number}"})
    return rows


class DataTypes:
    """The data types of one package, narrowed per position by its WCO format."""

    def __init__(self, file: Path) -> None:
        rows = read_rows(file, TYPE_COLUMNS)
        for row in rows:
            if row["primitive"] not in (*PRIMITIVES, CLASS):
                known = ", ".join((*PRIMITIVES, CLASS))
                raise BadTable(f"{row['line']}: {row['primitive']!r} is no primitive of a data type; there is {known}")
        self.rows = {row["name"]: row for row in rows}
        self._uses: dict[str, tuple[AttributeUse, ...]] = {}

    def row(self, name: str, line: str) -> Row:
        """The row of a data type. Raises BadTable."""
        if name not in self.rows:
            raise BadTable(f"{line}: unknown type {name!r}; datatypes.tsv has {', '.join(self.rows)}")
        return self.rows[name]

    def simple(self, name: str, line: str, form: str = "", values: str = "") -> SimpleType:
        """A simple type: a primitive, or a row of the table narrowed by a format and a list of values."""
        if name in PRIMITIVES:
            return SimpleType(name=name, primitive=name)
        row = self.row(name, line)
        listed = tuple((values or row["values"]).split())
        parts = (name, form.replace("..", "-").replace(",", "."), "-".join(listed))
        label = ".".join(part for part in parts if part)
        own = {
            "min_length": _count(row["min_length"]),
            "max_length": _count(row["max_length"]),
            "pattern": row["pattern"] or None,
        }
        narrowed = facets(form, row["primitive"], row["blank"] == "no", line)
        merged = own | {key: value for key, value in narrowed.items() if value is not None}
        return msgspec.convert({"name": label, "primitive": row["primitive"], "values": listed, **merged}, SimpleType)

    def attributes(self, name: str, line: str) -> tuple[AttributeUse, ...]:
        """The XML attributes of a data type; a name that ends in `!` is required."""
        if name not in self._uses:
            pairs = [entry.partition(":")[::2] for entry in self.row(name, line)["attributes"].split()]
            self._uses[name] = tuple(
                AttributeUse(attribute.removesuffix("!"), self.simple(kind, line), attribute.endswith("!"))
                for attribute, kind in pairs
            )
        return self._uses[name]


def _count(cell: str) -> int | None:
    return int(cell) if cell else None


def facets(form: str, primitive: str, filled: bool, line: str = "") -> dict[str, int | str | None]:
    """The facets that a WCO format means: `an..35`, `a2`, `n..5` for text, `n..16,3` for numbers.

    `filled` says that text may not be blank. A number whose format is alphanumeric is not narrowed.
    """
    match = FORMAT.fullmatch(form)
    if form and not match:
        raise BadTable(f"{line}: format {form!r} is not of the form an..35, a2, n..16,3")
    kind, upto, size, fraction = match.groups("") if match else ("an", "", "", "")
    if primitive == "decimal":
        numeric = kind == "n" and size
        return {"total_digits": int(size), "fraction_digits": int(fraction or 0)} if numeric else {}
    pattern = ALPHABETS.get(kind) or (NOT_BLANK if filled else None)
    return {"length": None if upto else _count(size), "max_length": _count(size) if upto else None, "pattern": pattern}


class MessageReader:
    """Builds the model of one message of one package from its tables."""

    def __init__(self, folder: Path, package: PackageEntry, types: DataTypes, resolve: Resolve) -> None:
        self.folder, self.package, self.types, self.resolve = folder, package, types, resolve

    def read(self, key: str, name: str) -> Model:
        """The model of message `name`. Raises BadTable."""
        entry = self.package.messages[name]
        payload = self.tree(entry.table, entry.namespace, entry.type_namespace)
        payload = msgspec.structs.replace(payload, max=None if entry.max == "*" else int(entry.max))
        root, path = payload, ""
        if entry.envelope:
            around = self.tree(entry.envelope, entry.envelope_namespace or "", entry.type_namespace, name)
            children = around.content.children if isinstance(around.content, ClassType) else ()
            root = msgspec.structs.replace(around, content=plain_class((*children, payload)))
            path = payload.json_name
        own = self.package.namespaces[entry.namespace]
        prefixes = (("", own), *(pair for pair in self.package.namespaces.items() if pair[1] != own))
        return Model(
            key=key,
            title=entry.title,
            root=root,
            payload=path,
            when=tuple(entry.when.items()),
            prefixes=prefixes,
            facts=self.package.facts,
        )

    def tree(self, table: str, prefix: str, type_prefix: str, only: str | None = None) -> Element:
        """The tree of a table; with `only`, without the rows whose usage names other messages alone."""
        rows = read_rows(self.folder / table, POSITION_COLUMNS)
        if only:
            rows = [row for row in rows if not row["usage"] or only in row["usage"].split()]
        below: dict[str, list[Row]] = {}
        known = set()
        for row in rows:
            parent = row["path"].rpartition("/")[0]
            if row["path"] in known or (parent and parent not in known):
                raise BadTable(f"{row['line']}: {row['path']} stands twice, or before its class {parent}")
            known.add(row["path"])
            below.setdefault(parent, []).append(row)
        if len(below.get("", ())) != 1:
            raise BadTable(f"{self.folder / table}:2: a table needs exactly one root, a path without a slash")
        space = (self.namespace(prefix, below[""][0]), self.namespace(type_prefix, below[""][0]))
        return self.element(below[""][0], below, space)

    def namespace(self, prefix: str, row: Row) -> str:
        """The namespace of a declared prefix. Raises BadTable."""
        if prefix not in self.package.namespaces:
            raise BadTable(f"{row['line']}: prefix {prefix!r} is not declared in package.toml")
        return self.package.namespaces[prefix]

    def element(self, row: Row, below: dict[str, list[Row]], space: tuple[str, str]) -> Element:
        """One position and all below it."""
        content: Simple | ClassType
        if row["type"] == "ref":
            return self.reference(row)
        if row["type"] == "class":
            content = plain_class(tuple(self.element(each, below, space) for each in below.get(row["path"], ())))
        elif self.types.row(row["type"], row["line"])["primitive"] == CLASS:
            content = self.wrapped(row, space[1])
        else:
            value = self.types.simple(row["type"], row["line"], row["format"], row["values"])
            content = Simple(value, self.types.attributes(row["type"], row["line"]))
        return self.position(row, row["path"].rpartition("/")[2], space[0], content)

    def wrapped(self, row: Row, namespace: str) -> ClassType:
        """The class of a data type such as DateTime, whose value stands in one child element."""
        name, _, kind = self.types.row(row["type"], row["line"])["attributes"].partition(":")
        value = self.types.simple(kind, row["line"], row["format"])
        inner = Simple(value, self.types.attributes(kind, row["line"]))
        return plain_class((Element(name=name, namespace=namespace, json_name=name, content=inner),))

    def reference(self, row: Row) -> Element:
        """A position filled by the payload of another message, in that message's namespace."""
        name = row["path"].rpartition("/")[2]
        model = self.resolve(row["values"])
        target = descend(model.root, model.payload)
        return self.position(row, name, target.namespace, target.content)

    def position(self, row: Row, json_name: str, namespace: str, content: Simple | ClassType) -> Element:
        """The element of a row."""
        try:
            upper = None if row["max"] == "*" else int(row["max"])
            lower = int(row["min"])
        except ValueError:
            raise BadTable(f"{row['line']}: min and max must be whole numbers, or * for max without bound") from None
        return Element(
            name=json_name.rpartition(":")[2],
            namespace=namespace,
            json_name=json_name,
            content=content,
            min=lower,
            max=upper,
            wco_id=row["wco_id"],
            tded=row["tded"],
            format=row["format"],
            usage=tuple(row["usage"].split()),
            personal=any(fnmatchcase(row["path"], pattern) for pattern in self.package.personal),
        )
