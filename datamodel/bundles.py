"""Somebody's XSD bundle as a package: added whole or not at all, read once, kept compiled under its digest.

A package folder holds `package.toml` and the schema files under `xsd/`, exactly those that the roots need. What was
read of them is kept beside them in `compiled/`; with another digest, or without the file, it is read again.
"""

import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import msgspec
from lxml import etree

from datamodel import model_store
from datamodel.bundle_guard import BadBundle, Bundle, inspect
from datamodel.model import Model

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
XS = "http://www.w3.org/2001/XMLSchema"
FILES, COMPILED = "xsd", "compiled"


class BundleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[bundle]` of package.toml: the files to begin with and the root elements, as given to `package add`."""

    roots: list[str]


def bundle_of(folder: Path, entry: BundleEntry) -> Bundle:
    """The bundle of a package folder. Raises BadBundle."""
    return inspect(folder / FILES, tuple(entry.roots))


def models(folder: Path, package: str, bundle: Bundle) -> dict[str, Model]:
    """The models of a package by key, from the compiled store where there is one. Raises BadBundle."""
    store = folder / COMPILED / f"{bundle.digest}.models"
    with suppress(OSError, ValueError):
        return model_store.decode(store.read_bytes())
    made = _read(bundle, package)
    with suppress(OSError):  # a folder that cannot be written to costs time at each start, nothing else
        store.parent.mkdir(exist_ok=True)
        _write(store, model_store.encode(made))
    return made


def _read(bundle: Bundle, package: str) -> dict[str, Model]:
    """The models from the schemas themselves, which takes a library that is slow to import and a while to read."""
    from datamodel.xsd_reader import Reader, compile_components  # noqa: PLC0415  not needed where a store is found

    return Reader(bundle, compile_components(bundle)).models(package)


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all, also when two processes start at once."""
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as draft:
        draft.write(data)
    Path(draft.name).replace(file)


def schema(bundle: Bundle) -> etree.XMLSchema:
    """libxml2's validator of the files as they are. Raises BadBundle where libxml2 cannot compile them."""
    by_namespace: dict[str, list[Path]] = {}
    for path in bundle.first:
        by_namespace.setdefault(bundle.files[path].namespace, []).append(path)
    sources = {f"guichet-{number}.xsd": each for number, each in enumerate(by_namespace.items())}
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_Sources({name: _include(bundle.folder, *each) for name, each in sources.items()}))
    rows = "".join(
        f"<xs:import{_named('namespace', namespace)} schemaLocation={quoteattr(name)}/>"
        for name, (namespace, _) in sources.items()
    )
    text = f'<xs:schema xmlns:xs="{XS}" targetNamespace="urn:guichet:all">{rows}</xs:schema>'
    try:
        return etree.XMLSchema(etree.fromstring(text, parser, base_url="guichet:/all.xsd"))
    except etree.XMLSchemaParseError as error:
        entry = error.error_log.filter_from_errors()
        place = f"{Path(entry[0].filename).name}:{entry[0].line}" if entry else str(bundle.folder)
        raise BadBundle(f"{place}: libxml2 cannot compile it: {entry[0].message if entry else error}") from None


def _named(attribute: str, value: str) -> str:
    return f" {attribute}={quoteattr(value)}" if value else ""


def _include(folder: Path, namespace: str, paths: list[Path]) -> bytes:
    """A schema of one namespace that includes the files to begin with."""
    rows = "".join(f"<xs:include schemaLocation={quoteattr(quote(str((folder / path).resolve())))}/>" for path in paths)
    return f'<xs:schema xmlns:xs="{XS}"{_named("targetNamespace", namespace)}>{rows}</xs:schema>'.encode()


class _Sources(etree.Resolver):
    def __init__(self, texts: dict[str, bytes]) -> None:
        super().__init__()
        self.texts = texts

    def resolve(self, url: str, public_id: str, context: object) -> object:  # type: ignore[override]
        name = url.rpartition("/")[2]
        return self.resolve_string(self.texts[name], context, base_url=url) if name in self.texts else None


def add(packages: Path, name: str, version: str, source: Path, roots: tuple[str, ...] = ()) -> list[str]:
    """Make a package of a folder of schemas; the keys of its messages. Raises BadBundle, with nothing left behind."""
    for word in (name, version):
        if not NAME.fullmatch(word):
            raise BadBundle(f"{word!r}: use lower-case letters, digits, dots, hyphens and underscores")
    target = packages / name / version
    if target.exists():
        raise BadBundle(f"{name}/{version}: there is such a package; give it another version")
    bundle = inspect(source, roots)
    with tempfile.TemporaryDirectory(dir=packages, prefix=".adding-") as draft:
        folder = Path(draft) / "draft" / "package"  # too deep for a start that looks for packages just now
        for path, file in bundle.files.items():
            (folder / FILES / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / FILES / path).write_bytes(file.text)
        entry = BundleEntry(list(roots) or [*map(str, bundle.first)])
        copied = inspect(folder / FILES, tuple(entry.roots))
        keys = list(models(folder, f"{name}/{version}", copied))
        schema(copied)
        (folder / "package.toml").write_text(_toml(name, version, entry), encoding="utf-8")
        target.parent.mkdir(exist_ok=True)
        shutil.move(folder, target)
    return keys


def _toml(name: str, version: str, entry: BundleEntry) -> str:
    roots = ", ".join(msgspec.json.encode(root).decode() for root in entry.roots)
    return f'title = "{name} {version}"\n\n[bundle]\nroots = [{roots}]\n'
