"""All message types of all packages, by key; each is compiled once, when it is first used."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

import msgspec
from lxml import etree

from datamodel import bundles, native
from datamodel.bundle_guard import Bundle
from datamodel.derivation_file import BadDerivation, Fault, is_derived
from datamodel.derivations import Derivations, list_names
from datamodel.extensions import Positions, positions
from datamodel.model import Model, descend, walk
from datamodel.names import Vocabulary, vocabulary
from datamodel.structs import StructBuilder, number_hook
from datamodel.tables import DataTypes, MessageReader, PackageEntry, read_package
from datamodel.xml_codec import XmlReader, XmlWriter
from datamodel.xsd_writer import compile_schema, write_bundle

if TYPE_CHECKING:
    from datamodel.native.plans import Plan


class Message:
    """One message type with everything derived from its model. Thread-safe: parts are compiled under one lock."""

    def __init__(self, model: Model, structs: StructBuilder, bundle: Bundle | None = None) -> None:
        self.model = model
        self.key = model.key
        self.title = model.title
        self.structs = structs
        self.bundle = bundle
        self._lock = RLock()
        self.payload = descend(model.root, model.payload)
        self.root_tag, self.payload_tag = model.root.tag, self.payload.tag

    def __repr__(self) -> str:
        return f"Message({self.key!r})"

    def compile(self) -> None:
        """Make every derived part now rather than at the first message."""
        with self._lock:
            _ = self.schema
            if self.model.typed:
                _ = (self.depth, self.plan, self.xml_reader, self.xml_writer, self.json_decoder)

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
    def depth(self) -> int:
        """How many levels a document of a typed model can have."""
        return max(path.count("/") for path, _ in walk(self.model.root)) + 1

    @cached_property
    def schema(self) -> etree.XMLSchema:
        """libxml2's validator: of the files of a foreign bundle, else of what we print."""
        return self._compile_schema()

    @cached_property
    def _explainer(self) -> etree.XMLSchema:
        """A second validator, because the log of one is shared by all threads that use it."""
        return self._compile_schema()

    def refusals(self, root: etree._Element) -> list[Any]:
        """libxml2's log of an invalid document."""
        with self._lock:
            self._explainer.validate(root)
            log: Any = self._explainer.error_log
            return list(log)

    def _compile_schema(self) -> etree.XMLSchema:
        return bundles.schema(self.bundle) if self.bundle else compile_schema(write_bundle(self.model))

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
        if self.structs.loose:
            return msgspec.json.Decoder(around)
        return msgspec.json.Decoder(around, dec_hook=cast(Any, number_hook), float_hook=Decimal)

    def decode(self, json: bytes) -> Any:
        """The typed document. Raises what msgspec raises, and with loose types takes more than is valid."""
        return getattr(self.json_decoder.decode(json), self.model.root.field)

    @cached_property
    def plan(self) -> "Plan | None":
        """The compiled plan of a message with loose struct types."""
        return native.Plan(self.model, self.structs) if self.model.typed and self.structs.loose else None

    def quick_json(self, root: etree._Element) -> bytes | None:
        """The canonical JSON of a valid tree; None where there is no plan, or another has to judge."""
        return None if self.plan is None else native.read(self.plan, root)

    def write_xml(self, document: msgspec.Struct) -> bytes:
        """Typed document to XML. Raises ValueError for a character that XML does not allow."""
        written = None if self.plan is None else native.write(self.plan, document)
        return self.xml_writer.write(document) if written is None else written[0]


class Registry:
    """The message types by key `package/version/type`."""

    def __init__(self, messages: dict[str, Message]) -> None:
        self.messages = messages

    def vocabulary(self) -> Vocabulary:
        """The names of all models, worked out when they are first asked for."""
        return self._vocabulary

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return vocabulary(message.model for message in self.messages.values())

    @classmethod
    def load(cls, schemas: Path, accelerated: bool = native.AVAILABLE) -> "Registry":
        """Read every package under `schemas/packages`. Raises `tables.BadTable` with file and line."""
        loader = Loader(schemas / "packages")
        if faults := loader.check():
            raise BadDerivation(faults)
        structs = StructBuilder(loose=accelerated)
        messages = {key: Message(loader.model(key), structs) for key in loader.keys}
        for package, (folder, entry) in loader.packages.items():
            if entry.bundle:
                bundle = bundles.bundle_of(folder, entry.bundle)
                for key, model in bundles.models(folder, package, bundle).items():
                    messages[key] = Message(msgspec.structs.replace(model, facts=entry.facts), structs, bundle)
        return cls(messages)

    def message(self, key: str) -> Message:
        """The message type of a key, or of its last part where that is unambiguous. Raises KeyError.

        What derives from another package has no short name, so that `DEC` stays what it was.
        """
        if key in self.messages:
            return self.messages[key]
        plain = [name for name, message in self.messages.items() if not message.model.facts.base]
        short = [name for name in plain if name.rpartition("/")[2] == key]
        if len(short) == 1:
            return self.messages[short[0]]
        raise KeyError(key)


class Loader:
    """Packages in any order: a position may refer to a message of a package that is read later."""

    def __init__(self, root: Path, drafts: Sequence[Path] = ()) -> None:
        """`drafts` are folders NAME/VERSION elsewhere, read as if they stood under `root`."""
        found = [file.parent for file in sorted(root.glob("*/*/package.toml"))] + [*drafts]
        folders = list({(folder.parent.name, folder.name): folder for folder in found}.values())
        derived = [folder for folder in folders if is_derived(folder)]
        self.packages: dict[str, tuple[Path, PackageEntry]] = {
            f"{folder.parent.name}/{folder.name}": (folder, read_package(folder))
            for folder in folders
            if folder not in derived
        }
        self.derivations = Derivations(derived, list_names(root.parent / "codelists"))
        self.faults = self.derivations.check({name: set(entry.messages) for name, (_, entry) in self.packages.items()})
        self.models: dict[str, Model] = {}

    @property
    def keys(self) -> list[str]:
        """The keys of all messages of tables and of what derives from them."""
        of_tables = [f"{name}/{message}" for name, (_, entry) in self.packages.items() for message in entry.messages]
        derived = self.derivations.packages.items()
        return of_tables + [f"{name}/{message}" for name, package in derived for message in package.messages]

    def check(self) -> list[Fault]:
        """Every fault of the derived packages, that of files first. Raises BadTable for bad tables."""
        faults = list(self.faults)
        for key in self.keys:
            try:
                self.model(key)
            except BadDerivation as bad:
                faults += bad.faults
        return list(dict.fromkeys(faults))

    def model(self, key: str) -> Model:
        """The model of a key, read once. Raises BadTable."""
        if key not in self.models:
            package, _, name = key.rpartition("/")
            if package in self.derivations.packages:
                self.models[key] = self.derivations.model(key, self.model, self.positions)
            else:
                self.models[key] = self.reader(package).read(key, name)
        return self.models[key]

    def reader(self, package: str) -> MessageReader:
        """The reader of a package of tables."""
        folder, entry = self.packages[package]
        return MessageReader(folder, entry, DataTypes(folder / "datatypes.tsv"), self.model)

    def positions(self, package: str, message: str) -> Positions:
        """The maker of positions with the data types of a package of tables."""
        return positions(self.reader(package), message)
