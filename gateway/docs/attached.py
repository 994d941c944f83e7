"""What hangs on the positions of a message: which code lists their values are of, which rules point at them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from datamodel.bindings import Binding, Leaf
from datamodel.codelists import CodeLists
from datamodel.registry import Message
from datamodel.rule_files import Rule
from gateway.docs.tree import Row

EVERYBODY: Final = ""


class BoundList(msgspec.Struct, frozen=True):
    """A list at a position, or at an XML attribute of it; with a country, for its declarations only."""

    name: str
    attribute: str
    country: str

    @property
    def label(self) -> str:
        """The list as a row shows it."""
        return f"@{self.attribute}: {self.name}" if self.attribute else self.name


class Attached(msgspec.Struct, frozen=True):
    """Lists and ids of rules, by path from the root."""

    lists: Mapping[str, Sequence[BoundList]]
    rules: Mapping[str, Sequence[str]]


def attached(message: Message, rows: Iterable[Row], codelists: CodeLists, rules: Iterable[Rule]) -> Attached:
    """All that hangs on the rows of a message."""
    countries = _countries(message, codelists)
    found = {row.id: _lists(message, row.id.partition("/")[2], codelists, countries) for row in rows if row.id}
    pointed: dict[str, dict[str, None]] = {}  # a rule may be written twice, for different days
    for rule in rules:
        steps = [message.model.root.json_name, rule.for_each, rule.where.partition("@")[0].strip("/")]
        pointed.setdefault("/".join(filter(None, steps)), {})[rule.id] = None
    return Attached(
        {path: lists for path, lists in found.items() if lists}, {path: tuple(ids) for path, ids in pointed.items()}
    )


def _countries(message: Message, codelists: CodeLists) -> list[str]:
    """Everybody, and the countries whose declarations this message may carry: the package's own, or any."""
    own = message.model.facts.country
    known = sorted({binding.country for binding in codelists.bindings if binding.country})
    return [own] if own else [EVERYBODY, *known]


def _lists(message: Message, path: str, codelists: CodeLists, countries: Sequence[str]) -> list[BoundList]:
    """The lists of a position; a country's row that only repeats everybody's says nothing new."""
    found: dict[tuple[str, str], BoundList] = {}
    for country in countries if path else ():
        for leaf in codelists.bound(message, path, country):
            for binding in _deciding(leaf):
                own = country == countries[0] or binding.country == country
                if own and binding.list in codelists.lists:
                    label = "" if country == countries[0] else country
                    bound = BoundList(binding.list, leaf.attribute or "", label)
                    found.setdefault((bound.name, bound.attribute), bound)
    return list(found.values())


def _deciding(leaf: Leaf) -> Iterator[Binding]:
    """The rows that may decide about a value: those with conditions, and the first one without."""
    for binding in leaf.bindings:
        yield binding
        if binding.when is None and (binding.effective_from, binding.effective_to) == (date.min, date.max):
            return
