"""Code lists with effective dates and country, and the check of a document's codes as of a day.

Every list of every day is held at once; the day is an argument. A check looks codes up one by one in dictionaries and
walks only to the positions that have a list, so its work grows with the document, not with lists or packages. It walks
only through parts in which a glance has found something that is not plainly good.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

from datamodel.bindings import NONE, Binding, Compiler, Entry, Leaf, Node, parse_position
from datamodel.circumstances import country_of
from datamodel.codelist import UNKNOWN, CodeList
from datamodel.codelist_files import read_folder
from datamodel.findings import ADVICE, ERROR, Finding, Step
from datamodel.glances import Lookout
from datamodel.paths import attribute_of, value_of
from datamodel.registry import Message
from datamodel.wording import issue

MOST: Final = 10_000  # findings of one severity; what is beyond would serve nobody
EXPLAINED: Final = 100  # findings of one severity for which near codes are looked for

Trail = tuple["Trail", Step] | None  # steps from the root, the last one outermost


class Enough(Exception):
    """So many errors that looking on would serve nobody but an attacker."""


class CodeLists:
    """The lists by name, and which positions take them."""

    home: str | None = None  # the country of documents that name none

    def __init__(self, lists: Mapping[str, CodeList], bindings: Iterable[Binding]) -> None:
        self.lists = dict(lists)
        self.bindings = tuple(bindings)
        self._countries = {binding.country for binding in self.bindings}
        self._compiled: dict[tuple[str, str], tuple[Message, Node | None, Lookout | None]] = {}

    @classmethod
    def load(cls, folder: Path) -> "CodeLists":
        """Read `schemas/codelists`. Raises codelist_files.BadLists with every fault."""
        return cls(*read_folder(folder))

    def check(
        self, message: Message, document: Any, as_of: date, country: str | None = None, most: int = MOST
    ) -> list[Finding]:
        """Codes that their list does not have on a day. Without a country, the one that the document names counts.

        Of one severity at most `most` are found.
        """
        _, node, lookout = self._known(message, country or country_of(message.model, document) or self.home)
        run = _Run(self.lists, as_of, most, lookout)
        if node is not None and not run.good(node, document):
            with suppress(Enough):
                run.node(node, document, None)
        return run.findings

    def compiled(self, message: Message, country: str | None) -> Node | None:
        """The walk through documents of a message type, for a country; None where nothing is bound."""
        return self._known(message, country)[1]

    def _known(self, message: Message, country: str | None) -> tuple[Message, Node | None, Lookout | None]:
        own = country if country in self._countries else ""
        known = self._compiled.get((message.key, own or ""))
        if known is None or known[0] is not message:
            fitting = [each for each in self.bindings if each.fits(message.key, own or "")]
            fitting += self.named(message, own or "")
            root = Compiler(message.model, fitting).root()
            lookout = Lookout(root, self.lists) if root and message.model.typed else None
            known = (message, root, lookout)
            self._compiled[message.key, own or ""] = known
        return known

    def named(self, message: Message, country: str) -> list[Binding]:
        """The lists that a derived package names for positions of its own; they go over all that is said elsewhere."""
        return [
            Binding(
                position=parse_position(path),
                text=path,
                list=name,
                package=message.key,
                country=country,
                severity=ERROR,
            )
            for path, name in message.model.lists
            if name in self.lists
        ]

    def bound(self, message: Message, path: str, country: str | None = None) -> tuple[Leaf, ...]:
        """The lists of a position and of its attributes, by its path below the root."""
        node = self.compiled(message, country)
        *above, last = path.split("/")
        for name in above:
            node = next((entry.below for entry in _entries(node) if entry.element.json_name == name), None)
        return next((entry.leaves for entry in _entries(node) if entry.element.json_name == last), ())


def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if node else ()


class _Run:
    """One check of one document."""

    def __init__(self, lists: Mapping[str, CodeList], on: date, most: int, lookout: Lookout | None) -> None:
        self.lists, self.on, self.most = lists, on, most
        self.glances, self.table = (lookout.glances, lookout.table(on)) if lookout else ({}, ())
        self.findings: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def good(self, node: Node, part: Any) -> bool:
        """Whether a glance finds nothing in a class."""
        glance = self.glances.get(node)
        return glance is not None and glance(part, self.table)

    def node(self, node: Node, part: Any, trail: Trail) -> None:
        """Everything below one class."""
        for entry in node.entries:
            value = entry.get(part)
            if value is None:
                continue
            name = entry.element.json_name
            if type(value) is tuple:
                for index, each in enumerate(value):
                    self.entry(entry, part, each, (trail, (name, index)))
            else:
                self.entry(entry, part, value, (trail, (name, None)))

    def entry(self, entry: Entry, parent: Any, value: Any, trail: Trail) -> None:
        """One occurrence of a child."""
        for leaf in entry.leaves:
            self.leaf(leaf, entry, parent, value, trail)
        if entry.below is not None and value is not None and not self.good(entry.below, value):
            self.node(entry.below, value, trail)

    def leaf(self, leaf: Leaf, entry: Entry, parent: Any, value: Any, trail: Trail) -> None:
        """One value."""
        text = value_of(value) if leaf.attribute is None else attribute_of(value, leaf.attribute)
        if not isinstance(text, str) or not text.strip():
            return
        for binding in leaf.bindings:
            if binding.applies(parent, self.on):
                if binding.list != NONE:
                    self.code(binding, entry, leaf, binding.code(parent, text), (text, trail))
                return

    def code(self, binding: Binding, entry: Entry, leaf: Leaf, code: str, found: tuple[str, Trail]) -> None:
        """One code against its list."""
        known = self.lists[binding.list]
        rule = known.fault(code, self.on)
        if rule is None:
            return
        severity = ADVICE if rule == UNKNOWN and not known.complete else binding.severity
        self.counts[severity] += 1
        if self.counts[severity] > self.most:
            if severity == ERROR:
                raise Enough
            return
        text, trail = found
        explain = self.counts[severity] <= EXPLAINED and not entry.element.personal
        words = issue(
            rule,
            name=entry.element.name if leaf.attribute is None else f"@{leaf.attribute}",
            detail=known.says(code, self.on),
            expected=known.expected(code, self.on, explain),
        )
        finding = Finding(
            rule=rule,
            severity=severity,
            text=words.text,
            remedy=words.remedy,
            steps=_steps(trail),
            attribute=leaf.attribute,
            value=text,
            expected=words.expected,
        )
        self.findings.append(finding)


def _steps(trail: Trail) -> tuple[Step, ...]:
    steps = []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    return tuple(reversed(steps))
