"""Code lists and rules as they are published: what is in force on a day, or all that ever was, each with its days."""

import re
from collections.abc import Iterable
from datetime import date

import msgspec

from datamodel.codelist import Code, CodeList
from datamodel.rule_files import Rule

PREFIX = "/v1/codelists"


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """One edition of a list, and its first day."""

    name: str
    effective_from: date


class ListFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a list. An incomplete one holds part of its source; `size` counts its codes, periods apart."""

    name: str
    title: str
    source: str
    country: str | None
    extends: str | None
    complete: bool
    since: date | None
    editions: tuple[Edition, ...]
    size: int
    note: str
    link: str


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """All code lists."""

    codelists: tuple[ListFacts, ...]


class ListedCode(msgspec.Struct, frozen=True, kw_only=True):
    """One code in one period. `instead` are the codes that took its place, `also` other spellings that people send."""

    code: str
    name: str
    effective_from: date | None
    effective_to: date | None
    parent: str | None
    instead: tuple[str, ...]
    also: tuple[str, ...]
    notes: str


class ListOnDay(msgspec.Struct, frozen=True, kw_only=True):
    """A list and its codes in force on a day; without a day, those of all days."""

    facts: ListFacts
    on: date | None
    edition: str | None
    codes: tuple[ListedCode, ...]


class Named(msgspec.Struct, frozen=True):
    """An expression that a rule gives a name."""

    name: str
    expression: str


class ListedRule(msgspec.Struct, frozen=True, kw_only=True, rename={"demand": "assert"}):
    """One rule. Where `when` holds and `assert` does not, there is an issue at `where`; expressions are CEL."""

    id: str
    severity: str
    messages: tuple[str, ...]
    country: str | None
    effective_from: date
    effective_to: date | None
    text: str
    remedy: str
    purpose: str
    legal_basis: str
    for_each: str
    let: tuple[Named, ...]
    when: str
    demand: str
    where: str
    expected: str


class RulesOnDay(msgspec.Struct, frozen=True, kw_only=True):
    """The rules in force on a day; without a day, those of all days."""

    on: date | None
    rules: tuple[ListedRule, ...]


def facts_of(known: CodeList) -> ListFacts:
    """What is said of a list."""
    facts = known.facts
    editions = sorted((first, name) for name, first in facts.editions.items())
    return ListFacts(
        name=known.name,
        title=facts.title,
        source=facts.source,
        country=facts.country or None,
        extends=facts.extends or None,
        complete=known.complete,
        since=None if facts.since == date.min else facts.since,
        editions=tuple(Edition(name=name, effective_from=first) for first, name in editions),
        size=len({code.code for code in known.codes}),
        note=facts.note,
        link=f"{PREFIX}/{known.name}",
    )


def all_lists(lists: Iterable[CodeList]) -> Lists:
    """All lists, those of everybody first."""
    facts = [facts_of(known) for known in lists]
    return Lists(codelists=tuple(sorted(facts, key=lambda each: (each.country or "", each.title))))


def on_day(known: CodeList, on: date | None) -> ListOnDay:
    """A list on a day."""
    codes = known.codes if on is None else known.on(on)
    edition = None if on is None else known.edition(on)
    return ListOnDay(facts=facts_of(known), on=on, edition=edition, codes=tuple(_listed(code) for code in codes))


def _listed(code: Code) -> ListedCode:
    return ListedCode(
        code=code.code,
        name=code.name,
        effective_from=code.effective_from,
        effective_to=code.effective_to,
        parent=code.parent or None,
        instead=code.instead,
        also=code.also,
        notes=code.notes,
    )


def listed_rule(rule: Rule) -> ListedRule:
    """A rule without the place where it is written."""
    return ListedRule(
        id=rule.id,
        severity=rule.severity,
        messages=rule.messages,
        country=rule.country or None,
        effective_from=rule.effective_from,
        effective_to=rule.effective_to,
        text=rule.text,
        remedy=rule.remedy,
        purpose=rule.purpose,
        legal_basis=rule.legal_basis,
        for_each=rule.for_each,
        let=_used(rule),
        when=rule.when,
        demand=rule.demand,
        where=rule.where,
        expected=rule.expected,
    )


def _used(rule: Rule) -> tuple[Named, ...]:
    """The named expressions that a rule uses, itself or through others; a file names some for all its rules."""
    text = " ".join((rule.when, rule.demand, rule.expected))
    found: list[Named] = []
    for name, expression in reversed(rule.let.items()):
        if re.search(rf"\b{re.escape(name)}\b", text):
            found.insert(0, Named(name, expression))
            text += f" {expression}"
    return tuple(found)


def rules_on_day(rules: Iterable[Rule], on: date | None) -> RulesOnDay:
    """Rules on a day."""
    found = (rule for rule in rules if on is None or rule.in_force(on))
    return RulesOnDay(
        on=on, rules=tuple(sorted(map(listed_rule, found), key=lambda each: (each.id, each.effective_from)))
    )
