"""The packages of an installation as a list: which message types there are, of which country, from when to when."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from datamodel.model import Facts
from datamodel.registry import Message, Registry

PREFIX = "/v1/packages"


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message type is published: to read, as XML Schema, as JSON Schema."""

    html: str
    xsd: str
    json_schema: str


class MessageType(msgspec.Struct, frozen=True, kw_only=True):
    """One message type; `base` is the key of the one that it derives from."""

    type: str
    key: str
    title: str
    root: str
    namespace: str
    base: str | None
    links: Links


class PackageVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a package. No country means anybody's, no first or last day that there is none."""

    version: str
    title: str
    country: str | None
    effective_from: date | None
    effective_to: date | None
    messages: tuple[MessageType, ...]


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package with all its versions, oldest first; its title is the newest's."""

    name: str
    title: str
    versions: tuple[PackageVersion, ...]


class Packages(msgspec.Struct, frozen=True, kw_only=True):
    """All packages."""

    packages: tuple[Package, ...]


class Titled(msgspec.Struct, frozen=True):
    """The part of a package.toml that names the package."""

    title: str = ""


def catalogue(registry: Registry, schemas: Path) -> Packages:
    """The packages of a registry; their titles are read from the folder that the registry was read from."""
    versions: dict[str, dict[str, list[Message]]] = {}
    for key, message in registry.messages.items():
        name, version, _ = key.split("/")
        versions.setdefault(name, {}).setdefault(version, []).append(message)
    return Packages(
        packages=tuple(_package(name, versions[name], schemas / "packages" / name) for name in sorted(versions))
    )


def _package(name: str, versions: dict[str, list[Message]], folder: Path) -> Package:
    made = [_version(version, messages, folder / version) for version, messages in versions.items()]
    made.sort(key=lambda each: (each.effective_from or date.min, _natural(each.version)))
    return Package(name=name, title=made[-1].title, versions=tuple(made))


def _natural(version: str) -> list[tuple[int, str]]:
    """A sort key in which 3.10 comes after 3.6."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in version.split(".")]


def _version(version: str, messages: Iterable[Message], folder: Path) -> PackageVersion:
    made = tuple(sorted((_message(each) for each in messages), key=lambda each: each.type))
    facts = next((each.model.facts for each in messages), Facts())
    return PackageVersion(
        version=version,
        title=_title(folder) or made[0].key.rpartition("/")[0],
        country=facts.country or None,
        effective_from=facts.effective_from,
        effective_to=facts.effective_to,
        messages=made,
    )


def _title(folder: Path) -> str:
    return msgspec.toml.decode((folder / "package.toml").read_bytes(), type=Titled).title


def _message(message: Message) -> MessageType:
    model, place = message.model, f"{PREFIX}/{message.key}"
    return MessageType(
        type=message.key.rpartition("/")[2],
        key=message.key,
        title=message.title,
        root=model.root.name,
        namespace=model.root.namespace,
        base=model.facts.base or None,
        links=Links(html=f"{place}.html", xsd=f"{place}.xsd", json_schema=f"{place}.schema.json"),
    )
