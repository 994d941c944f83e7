"""The National Information Package report: what a package uses of the data model, and how far it conforms to its base.

It is made from the models alone, so that it tells what is in force and not what somebody wrote down; of the package's
own file it takes the purpose and the legal basis of each extension.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from datamodel.codelists import CodeLists
from datamodel.derivation_file import FILE, Extension, is_derived, read_derived
from datamodel.diff import VALUE_CLASS, Difference, compare, occurs, what
from datamodel.model import ClassType, Element, Facts, Model, Simple
from datamodel.registry import Message, Registry

USED, NARROWED, EXTENSION, FORBIDDEN = "as in the base", "narrowed", "extension", "forbidden"
STATUSES: Final = (USED, NARROWED, EXTENSION, FORBIDDEN)
XML_ATTRIBUTE: Final = "XML attribute"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """One class or attribute of a message. `path` is below the root element; a forbidden one is the base's."""

    path: str
    what: str
    name: str
    wco_id: str
    tded: str
    format: str
    occurs: str
    values: tuple[str, ...]
    lists: tuple[str, ...]
    status: str
    changes: tuple[str, ...] = ()
    purpose: str = ""
    legal_basis: str = ""


class Use(msgspec.Struct, frozen=True):
    """A class or attribute of the data model, and at how many positions it stands."""

    name: str
    wco_id: str
    tded: str
    positions: int


class MessageReport(msgspec.Struct, frozen=True, kw_only=True):
    """One message type. `counts` are of attributes by status, of those that have one; empty without a base."""

    key: str
    title: str
    base: str
    positions: tuple[Position, ...]
    classes: tuple[Use, ...]
    attributes: tuple[Use, ...]
    counts: dict[str, int]

    def having(self, status: str, kind: str = "") -> tuple[Position, ...]:
        """The positions of a status, of one kind or of all."""
        return tuple(each for each in self.positions if each.status == status and kind in ("", each.what))

    @property
    def coded(self) -> tuple[Position, ...]:
        """The attributes whose codes are listed, in the message type itself or in a code list."""
        return tuple(each for each in self.positions if (each.values or each.lists) and each.status != FORBIDDEN)

    @property
    def wco_ids(self) -> tuple[str, ...]:
        """The WCO IDs in use."""
        return tuple(sorted({each.wco_id for each in self.positions if each.wco_id and each.status != FORBIDDEN}))

    @property
    def forbidden(self) -> tuple[Position, ...]:
        """What the rules forbid, without what falls with it."""
        gone = {each.path for each in self.having(FORBIDDEN)}
        return tuple(each for each in self.having(FORBIDDEN) if each.path.rpartition("/")[0] not in gone)

    @property
    def extensions(self) -> tuple[Position, ...]:
        """What the rules add, without the parts of an added class."""
        added = {each.path for each in self.having(EXTENSION)}
        return tuple(each for each in self.having(EXTENSION) if each.path.rpartition("/")[0] not in added)


class PackageReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole package, `name` as `package/version`."""

    name: str
    title: str
    facts: Facts
    messages: tuple[MessageReport, ...]


def report(registry: Registry, name: str, folder: Path, codelists: CodeLists | None = None) -> PackageReport:
    """The report of a package whose files are in `folder`. Raises KeyError for a package that there is not."""
    messages = [each for key, each in registry.messages.items() if key.rpartition("/")[0] == name]
    if not messages:
        raise KeyError(name)
    title = tomllib.loads((folder / FILE).read_text(encoding="utf-8")).get("title", name)
    rules = read_derived(folder).messages if is_derived(folder) else {}
    parts = []
    for message in messages:
        base = registry.messages.get(message.model.facts.base)
        said = rules[message.key.rpartition("/")[2]].extend if base else ()
        parts.append(_MessageReporter(message, base.model if base else None, said, codelists).report())
    return PackageReport(name=name, title=title, facts=messages[0].model.facts, messages=tuple(parts))


class _MessageReporter:
    """Gathers one message type."""

    def __init__(
        self, message: Message, base: Model | None, said: tuple[Extension, ...], codelists: CodeLists | None
    ) -> None:
        self.message, self.model, self.base, self.codelists = message, message.model, base, codelists
        self.said = {self.full(each.path): each for each in said}
        self.changes: dict[str, list[Difference]] = {}
        for each in compare(base, self.model) if base else ():
            self.changes.setdefault(_owner(each), []).append(each)

    def full(self, path: str) -> str:
        """A path of the package's file as one below the root element."""
        if path.startswith("/") or not self.model.payload:
            return path.lstrip("/")
        return f"{self.model.payload}/{path}"

    def report(self) -> MessageReport:
        """Everything of the message."""
        own = list(self.positions(self.model.root, "", USED if self.base else ""))
        gone = list(self.gone()) if self.base else []
        places = (*own, *gone)
        counted = Counter(each.status for each in places if each.what == "attribute")
        return MessageReport(
            key=self.message.key,
            title=self.message.title,
            base=self.model.facts.base,
            positions=places,
            classes=_uses(own, "class"),
            attributes=_uses(own, "attribute"),
            counts={status: counted[status] for status in STATUSES} if self.base else {},
        )

    def positions(self, element: Element, path: str, status: str, above: tuple[int, ...] = ()) -> Iterator[Position]:
        """A position and all below it; a class within itself is not entered."""
        status = self.status(path, status)
        yield self.position(element, path, status)
        content = element.content
        if isinstance(content, Simple) or what(element) == "attribute" or id(content) in above:
            return
        for each in content.children:
            inner = f"{path}/{each.json_name}" if path else each.json_name
            yield from self.positions(each, inner, NARROWED_BELOW.get(status, status), (*above, id(content)))

    def status(self, path: str, inherited: str) -> str:
        """What became of a position of the base."""
        kinds = {each.kind for each in self.changes.get(path, ())}
        if inherited != USED or not kinds - {"described"}:
            return inherited
        return EXTENSION if "added" in kinds else NARROWED

    def gone(self) -> Iterator[Position]:
        """Positions of the base that are forbidden, each with all below it."""
        for path, changes in self.changes.items():
            if self.base and any(each.kind == "removed" and each.what != XML_ATTRIBUTE for each in changes):
                element = self.base.root
                for name in path.split("/"):
                    assert isinstance(element.content, ClassType)
                    element = next(each for each in element.content.children if each.json_name == name)
                yield from self.positions(element, path, FORBIDDEN)

    def position(self, element: Element, path: str, status: str) -> Position:
        """One position in words."""
        value = _value(element)
        said = self.said.get(path)
        return Position(
            path=path,
            what=what(element),
            name=element.name,
            wco_id=element.wco_id,
            tded=element.tded,
            format=element.format,
            occurs=occurs(element),
            values=value.type.values if value else (),
            lists=() if status == FORBIDDEN else self.lists(path),
            status=status,
            changes=tuple(_words(each) for each in self.changes.get(path, ())) if status == NARROWED else (),
            purpose=said.purpose if said else "",
            legal_basis=said.legal_basis if said else "",
        )

    def lists(self, path: str) -> tuple[str, ...]:
        """The code lists of a position, the deciding one first."""
        if self.codelists is None or not path:
            return ()
        leaves = self.codelists.bound(self.message, path, self.model.facts.country)
        bindings = [each for leaf in leaves if leaf.attribute is None for each in leaf.bindings]
        country = self.model.facts.country
        own = [each.list for each in bindings if each.country == country] or [each.list for each in bindings]
        return tuple(dict.fromkeys(own))


NARROWED_BELOW: Final = {NARROWED: USED}  # of a narrowed class only what is narrowed itself is narrowed


def _owner(difference: Difference) -> str:
    """The class or attribute that a difference is of: an XML attribute's element, a date rather than its value."""
    path = difference.path
    if difference.what == XML_ATTRIBUTE:
        path = path.rpartition("/")[0]
    return path.removesuffix(f"/{VALUE_CLASS}")


def _value(element: Element) -> Simple | None:
    """What holds the value of an attribute."""
    content = element.content
    if isinstance(content, ClassType) and what(element) == "attribute":
        content = content.children[0].content
    return content if isinstance(content, Simple) else None


def _words(difference: Difference) -> str:
    """A difference in one line."""
    change = f"{difference.old}, now {difference.new}" if difference.old and difference.new else ""
    marked = f"@{difference.path.rpartition('@')[2]} " if difference.what == XML_ATTRIBUTE else ""
    return f"{marked}{difference.kind}: {change}" if change else f"{marked}{difference.kind}"


def _uses(positions: list[Position], kind: str) -> tuple[Use, ...]:
    """The classes or attributes of the data model that stand at some positions, by name."""
    counted = Counter((each.name, each.wco_id, each.tded) for each in positions if each.what == kind)
    return tuple(Use(*facts, positions=count) for facts, count in sorted(counted.items()))
