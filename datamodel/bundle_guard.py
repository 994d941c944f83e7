"""Somebody's folder of XML Schema files, before any library reads it: what is in it, and that it stays within itself.

A schema can name other files and addresses, declare entities, or simply be huge. All of that is turned away here, with
the place, so that everything after may read the files without fear.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
LINKS = (f"{XS}import", f"{XS}include", f"{XS}redefine")
OTHER_VERSION = (f"{XS}override", f"{XS}assert", f"{XS}assertion", f"{XS}alternative", f"{XS}openContent")
MAX_BYTES = 16 * 1024 * 1024
MAX_FILES = 2_000


class BadBundle(ValueError):
    """A bundle cannot become a package; the text begins with the place, `file:line`."""


class Link(NamedTuple):
    """One include, import or redefine that names a file of the bundle."""

    line: int
    target: Path


class SchemaFile(NamedTuple):
    """One file: its path below the folder, target namespace, global elements and the files it names.

    `fault` says why it cannot be read; it counts only where the file is needed.
    """

    path: Path
    text: bytes
    namespace: str = ""
    elements: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    fault: str = ""


class Bundle(NamedTuple):
    """What has passed: the files to begin with, the root elements, and all files that those need.

    `digest` covers the names and bytes of these files and the choice of roots.
    """

    folder: Path
    first: tuple[Path, ...]
    roots: tuple[str, ...]
    files: dict[Path, SchemaFile]
    digest: str


def inspect(folder: Path, roots: tuple[str, ...] = ()) -> Bundle:
    """Choose and read the files of a bundle. Raises BadBundle at the first thing that does not belong in a schema.

    `roots` are files (`x.xsd`), elements (`Name` or `{namespace}Name`), or both. Elements alone are looked for in all
    files; without roots, every file that no other file names is read, and each of its global elements is a root.
    """
    files = _read_all(folder)
    first = _first(folder, files, roots)
    needed = _needed(files, first)
    wanted = [root for root in roots if not root.endswith(".xsd")]
    own = [f"{{{files[path].namespace}}}{name}" for path in first for name in files[path].elements]
    chosen = tuple(wanted or own)
    if not chosen:
        raise BadBundle(f"{first[0]}: declares no element that could be the root of a message")
    digest = hashlib.sha256(repr((first, chosen)).encode())
    for path in sorted(needed):
        digest.update(f"{path}\0{len(files[path].text)}\0".encode() + files[path].text)
    return Bundle(folder, tuple(first), chosen, {path: files[path] for path in needed}, digest.hexdigest())


def _read_all(folder: Path) -> dict[Path, SchemaFile]:
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*.xsd"))
    if not paths:
        raise BadBundle(f"{folder}: there is no .xsd file; name the folder that holds the schema")
    if len(paths) > MAX_FILES:
        raise BadBundle(f"{folder}: more than {MAX_FILES} files; name the folder of one schema")
    room, files = MAX_BYTES, {}
    for path in paths:
        if not (folder / path).resolve().is_relative_to(folder.resolve()) or not (folder / path).is_file():
            raise BadBundle(f"{path}: leads out of the folder; put the file itself there")
        room -= (folder / path).stat().st_size
        if room < 0:
            raise BadBundle(f"{path}: the bundle is larger than {MAX_BYTES // 2**20} MiB; leave out what is not needed")
        files[path] = _read(path, (folder / path).read_bytes())
    return files


def _read(path: Path, text: bytes) -> SchemaFile:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        return SchemaFile(path, text, fault=f"{path}:{error.position[0]}: not well-formed: {error.msg}")
    if getattr(root.getroottree().docinfo, "doctype", ""):
        fault = f"{path}:1: a document type declaration; remove the DOCTYPE and the entities that it declares"
        return SchemaFile(path, text, fault=fault)
    if root.tag != f"{XS}schema":
        return SchemaFile(path, text, fault=f"{path}:{root.sourceline}: not an XML Schema but {root.tag}")
    for node in root.iter(*OTHER_VERSION):
        name = etree.QName(node).localname
        fault = f"{path}:{node.sourceline}: {name} belongs to XML Schema 1.1; only 1.0 is read"
        return SchemaFile(path, text, fault=fault)
    elements = tuple(str(node.get("name")) for node in root.findall(f"{XS}element"))
    try:
        links = tuple(_link(path, node) for node in root.iter(*LINKS) if node.get("schemaLocation") is not None)
    except BadBundle as error:
        return SchemaFile(path, text, fault=str(error))
    return SchemaFile(path, text, root.get("targetNamespace", ""), elements, links)


def _link(path: Path, node: etree._Element) -> Link:
    """The file that a schemaLocation names, which must lie in the folder."""
    location = node.get("schemaLocation", "")
    place = f"{path}:{node.sourceline}: schemaLocation {location!r}"
    parts = urlsplit(location)
    if parts.scheme or parts.netloc:
        raise BadBundle(f"{place} is remote; put the file into the folder and name it there")
    if parts.path.startswith("/") or "\\" in location or "\0" in location:
        raise BadBundle(f"{place} is not relative; name a file of the folder")
    steps: list[str] = list(path.parent.parts)
    for step in unquote(parts.path).split("/"):
        if step == ".." and not steps:
            raise BadBundle(f"{place} leads out of the folder; put the file into it")
        if step == "..":
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return Link(_line(node), Path(*steps))


def _line(node: etree._Element) -> int:
    line = node.sourceline
    return line if isinstance(line, int) else 0


def _first(folder: Path, files: dict[Path, SchemaFile], roots: tuple[str, ...]) -> list[Path]:
    """The files to begin with. Raises BadBundle for a root that is not there, or that two files declare."""
    first = [Path(root) for root in roots if root.endswith(".xsd")]
    for path in first:
        if path not in files:
            raise BadBundle(f"{path}: not in the bundle; there is {', '.join(map(str, files))}")
    for root in () if first else roots:
        namespace, _, name = root.rpartition("}")
        found = [
            path for path, file in files.items() if name in file.elements and namespace in ("", "{" + file.namespace)
        ]
        if len(found) != 1:
            known = ", ".join(map(str, found)) or "no file"
            raise BadBundle(f"{folder}: {root} is declared in {known}; choose with --root FILE.xsd --root {root}")
        first += [path for path in found if path not in first]
    if not first:
        linked = {link.target for file in files.values() for link in file.links}
        first = [path for path in files if path not in linked] or list(files)
    _refuse_twins(files, first)
    return first


def _needed(files: dict[Path, SchemaFile], first: list[Path]) -> set[Path]:
    """The files to begin with and all that they name. Raises BadBundle for a fault in one of them."""
    needed: set[Path] = set()
    todo = list(first)
    while todo:
        path = todo.pop()
        if path in needed:
            continue
        needed.add(path)
        if files[path].fault:
            raise BadBundle(files[path].fault)
        for link in files[path].links:
            if link.target not in files:
                raise BadBundle(f"{path}:{link.line}: {link.target} is not in the bundle; add the file")
            todo.append(link.target)
    return needed


def _refuse_twins(files: dict[Path, SchemaFile], first: list[Path]) -> None:
    """Two files to begin with must not declare the same element: which of them was meant?"""
    seen: dict[tuple[str, str], Path] = {}
    for path in first:
        for name in files[path].elements:
            twin = seen.setdefault((files[path].namespace, name), path)
            if twin != path:
                raise BadBundle(f"{path}: declares {name}, and so does {twin}; choose with --root {path}")
