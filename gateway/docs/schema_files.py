"""The XML Schema files of a message as they are published: the entry as `{type}.xsd`, all files below `{type}/`.

Relative locations must lead to the right file from wherever a schema is read, over HTTP and from a folder. So the entry
beside the folder points into it; where another file of the bundle points back at the entry, there would be two of it,
and the published entry only includes the one in the folder.
"""

from pathlib import Path
from posixpath import join, normpath
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

from lxml import etree

from datamodel.bundle_guard import Bundle
from datamodel.registry import Message
from datamodel.xsd_writer import write_bundle

XS = "http://www.w3.org/2001/XMLSchema"
LINKS = tuple(f"{{{XS}}}{name}" for name in ("import", "include", "redefine"))


def files(message: Message) -> dict[str, bytes]:
    """All files of a message's schema by path, the entry first."""
    if message.bundle is None:
        return write_bundle(message.model)
    return _of_bundle(message.bundle, message.model.root.namespace, message.model.root.name)


def entry(message: Message) -> bytes:
    """The entry as it stands beside the folder of the others."""
    found = files(message)
    first = next(iter(found))
    if len(found) == 1:
        return found[first]
    kind = message.key.rpartition("/")[2]
    if any(first in _targets(path, text) for path, text in found.items()):
        return _stub(_parse(found[first]).get("targetNamespace", ""), f"{kind}/{first}")
    return _moved(first, found[first], kind)


def _of_bundle(bundle: Bundle, namespace: str, root: str) -> dict[str, bytes]:
    """The first file of a bundle from which the root element is found, and all that it leads to."""
    for first in bundle.first:
        reached = _reached(bundle, first)
        if any(bundle.files[path].namespace == namespace and root in bundle.files[path].elements for path in reached):
            return {path.as_posix(): bundle.files[path].text for path in reached}
    return {path.as_posix(): file.text for path, file in bundle.files.items()}


def _reached(bundle: Bundle, first: Path) -> list[Path]:
    found = [first]
    for path in found:
        found += [link.target for link in bundle.files[path].links if link.target not in found]
    return list(dict.fromkeys(found))


def _targets(path: str, text: bytes) -> set[str]:
    """The files that a file names, as paths from the top of the folder."""
    return {unquote(_target(path, node)) for node in _parse(text).iter(*LINKS) if node.get("schemaLocation")}


def _parse(text: bytes) -> etree._Element:
    return etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))


def _target(path: str, node: etree._Element) -> str:
    return normpath(join(path.rpartition("/")[0], node.get("schemaLocation", "")))


def _moved(path: str, text: bytes, folder: str) -> bytes:
    """A file that stands beside `folder`, in which it stood under `path`."""
    root = _parse(text)
    for node in root.iter(*LINKS):
        if node.get("schemaLocation"):
            node.set("schemaLocation", f"{folder}/{_target(path, node)}")
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def _stub(namespace: str, location: str) -> bytes:
    target = f" targetNamespace={quoteattr(namespace)}" if namespace else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<xs:schema xmlns:xs="{XS}"{target}>\n  <xs:include schemaLocation={quoteattr(location)}/>\n</xs:schema>\n'
    ).encode()
