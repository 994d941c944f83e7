"""All message types of all packages, by key; each is compiled once, when it is first used."""

from decimal import Decimal
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any, cast

import msgspec
from lxml import etree

from datamodel.model import Model, descend
from datamodel.structs import StructBuilder, number_hook
from datamodel.tables import DataTypes, MessageReader, PackageEntry, read_package
from datamodel.xml_codec import XmlReader, XmlWriter
from datamodel.xsd_writer import compile_schema, write_bundle


class Message:
    """One message type with everything derived from its model. Thread-safe: parts are compiled under one lock."""

    def __init__(self, model: Model, structs: StructBuilder) -> None:
        self.model = model
        self.key = model.key
        self.title = model.title
        self.structs = structs
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"Message({self.key!r})"

    def compile(self) -> None:
        """Make every derived part now rather than at the first message."""
        with self._lock:
            _ = (self.schema, self.xml_reader, self.xml_writer, self.json_decoder)

    @cached_property
    def root_struct(self) -> type[msgspec.Struct]:
        """The struct type of the root element."""
        return self.struct("")

    def struct(self, path: str) -> type[msgspec.Struct]:
        """The struct type of the class at a path of JSON names below the root. Raises ValueError."""
        element = descend(self.model.root, path)
        kind: type[msgspec.Struct] = self.structs.type_of(element)
        return kind

    @cached_property
    def schema(self) -> etree.XMLSchema:
        """libxml2's validator."""
        return compile_schema(write_bundle(self.model))

    @cached_property
    def xml_reader(self) -> Any:
        """Root element of a validated tree to the typed document."""
        return XmlReader(self.structs).of(self.model.root)

    @cached_property
    def xml_writer(self) -> XmlWriter:
        """Typed document to XML."""
        return XmlWriter(self.model)

    @cached_property
    def json_decoder(self) -> msgspec.json.Decoder[Any]:
        """JSON to the typed document under the one property that names the root."""
        field = self.model.root.field
        around = msgspec.defstruct(
            "Document",
            [(field, self.root_struct)],
            rename={field: self.model.root.json_name},
            forbid_unknown_fields=True,
            frozen=True,
        )
        return msgspec.json.Decoder(around, dec_hook=cast(Any, number_hook), float_hook=Decimal)


class Registry:
    """The message types by key `package/version/type`."""

    def __init__(self, messages: dict[str, Message]) -> None:
        self.messages = messages

    @classmethod
    def load(cls, schemas: Path) -> "Registry":
        """Read every package under `schemas/packages`. Raises `tables.BadTable` with file and line."""
        loader = _Loader(schemas / "packages")
        structs = StructBuilder()
        return cls({key: Message(loader.model(key), structs) for key in loader.keys})

    def message(self, key: str) -> Message:
        """The message type of a key, or of its last part where that is unambiguous. Raises KeyError."""
        if key in self.messages:
            return self.messages[key]
        short = [name for name in self.messages if name.rpartition("/")[2] == key]
        if len(short) == 1:
            return self.messages[short[0]]
        raise KeyError(key)


class _Loader:
    """Packages in any order: a position may refer to a message of a package that is read later."""

    def __init__(self, root: Path) -> None:
        self.packages: dict[str, tuple[Path, PackageEntry]] = {}
        for file in sorted(root.glob("*/*/package.toml")):
            name = f"{file.parent.parent.name}/{file.parent.name}"
            self.packages[name] = (file.parent, read_package(file.parent))
        self.keys = [f"{name}/{message}" for name, (_, entry) in self.packages.items() for message in entry.messages]
        self.models: dict[str, Model] = {}

    def model(self, key: str) -> Model:
        """The model of a key, read once."""
        if key not in self.models:
            package, _, name = key.rpartition("/")
            folder, entry = self.packages[package]
            types = DataTypes(folder / "datatypes.tsv")
            self.models[key] = MessageReader(folder, entry, types, self.model).read(key, name)
        return self.models[key]
