"""One code list: its codes with the days on which each is in force, and what to say about a code that is not.

A code may come, go and come back; each of its rows is one period. A country's list may extend everybody's.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date
from typing import Final

import msgspec

from datamodel.periods import Periods, Span
from datamodel.wording import either, phrase

UNKNOWN: Final = "code.unknown"
NOT_YET: Final = "code.not-yet"
ENDED: Final = "code.ended"

LONGEST: Final = 12  # characters of a code for which near ones are looked for
SUGGESTED: Final = 3


class _Anything:
    """The good codes where any is good."""

    def __contains__(self, code: object) -> bool:
        return True


ANYTHING: Final = _Anything()


class Code(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row: a code in one period; both its days are included, and None is without end.

    `parent` is a code above it, `instead` the codes that took its place, `also` other spellings that people send.
    """

    code: str
    name: str
    effective_from: date | None = None
    effective_to: date | None = None
    parent: str = ""
    instead: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    notes: str = ""

    def on(self, day: date) -> bool:
        """Whether the code is in force on a day."""
        return (self.effective_from or date.min) <= day <= (self.effective_to or date.max)


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What lists.toml says of a list; the meaning of each is told there."""

    title: str
    source: str
    country: str = ""
    extends: str = ""
    complete: bool | None = None
    since: date | None = None
    editions: dict[str, date] = {}
    note: str = ""


class CodeList:
    """A list with the codes of the list that it extends, and what it does not say of itself as that list does."""

    def __init__(self, name: str, facts: Facts, own: Iterable[Code], base: "CodeList | None" = None) -> None:
        self.name, self.facts = name, facts
        self.own = tuple(own)
        self.since: date = facts.since or (base.since if base else date.min)
        self.editions: dict[str, date] = facts.editions or (base.editions if base else {})
        inherited: bool = base.complete if base else True
        self.complete: bool = inherited if facts.complete is None else facts.complete
        mine = {each.code for each in self.own}
        above = [each for each in base.codes if each.code not in mine] if base else []
        self.codes: tuple[Code, ...] = tuple(sorted([*above, *self.own], key=_order))
        self._periods: dict[str, tuple[Code, ...]] = {}
        for each in self.codes:
            self._periods[each.code] = (*self._periods.get(each.code, ()), each)
        self._spellings = {spelling: each.code for each in self.codes for spelling in each.also}
        self._before: dict[str, list[str]] = {}
        for each in self.codes:
            for follower in each.instead:
                self._before.setdefault(follower, []).append(each.code)
        self._signs = sorted({sign for code in self._periods for sign in code})
        self.spans: tuple[Span, ...] = (
            (self.since, None),
            *((each.effective_from, each.effective_to) for each in self.codes),
        )
        self._times = Periods(self.spans)
        self._good: dict[int, Container[str | None]] = {}

    def periods(self, code: str) -> tuple[Code, ...]:
        """The rows of a code, the earliest first; none where the list never had it."""
        return self._periods.get(code, ())

    def on(self, day: date) -> list[Code]:
        """The codes in force on a day."""
        return [each for each in self.codes if each.on(day)]

    def fault(self, code: str, day: date) -> str | None:
        """The rule that a code breaks on a day; None for a good one, and for any on a day before the list begins."""
        if day < self.since:
            return None
        rows = self._periods.get(code)
        if rows is None:
            return UNKNOWN
        if any(each.on(day) for each in rows):
            return None
        return ENDED if any((each.effective_to or date.max) < day for each in rows) else NOT_YET

    def good(self, day: date) -> Container[str | None]:
        """The codes without a fault on a day, and what is absent or empty."""
        time = self._times.of(day)
        if time not in self._good:
            known = {code for code in self._periods if self.fault(code, day) is None}
            self._good[time] = ANYTHING if day < self.since else frozenset({None, "", *known})
        return self._good[time]

    def edition(self, day: date) -> str | None:
        """The edition in force on a day, where the list has editions."""
        begun = [(first, name) for name, first in self.editions.items() if first <= day]
        return max(begun)[1] if begun else None

    def says(self, code: str, day: date) -> str:
        """The title of the list, and where the code is not in force that day, when it was or will be."""
        rows = self.periods(code)
        ended = [each.effective_to for each in rows if each.effective_to and each.effective_to < day]
        begins = [each.effective_from for each in rows if each.effective_from and each.effective_from > day]
        if not ended and not begins:
            return self.facts.title
        key = "code.again" if ended and begins else "code.until" if ended else "code.from"
        return phrase(key, title=self.facts.title, last=max(ended, default=""), first=min(begins, default=""))

    def expected(self, code: str, day: date, suggest: bool = True) -> str:
        """What belongs in the place of a wrong code."""
        edition = self.edition(day)
        key = "code.edition" if edition else "code.expected"
        words = phrase(key, title=self.facts.title, edition=edition, day=day)
        near = self.near(code, day) if suggest else ()
        return phrase("code.near", expected=words, names=either(near)) if near else words

    def near(self, code: str, day: date) -> tuple[str, ...]:
        """Codes in force that a sender may have meant: for a code of another day what came after or before it, for
        one that never was another spelling, or what is one keystroke away.

        Looked up, never compared one by one, so that long lists cost no more than short ones.
        """
        plain, good = code.strip().upper(), self.good(day)
        for found in self._akin(code) if code in self._periods else self._similar(plain):
            fitting = sorted({each for each in found if each in good and each in self._periods})
            if fitting:
                return tuple(fitting[:SUGGESTED])
        return ()

    def _akin(self, code: str) -> Iterator[Iterable[str]]:
        yield [each for row in self.periods(code) for each in row.instead]
        yield self._before.get(code, ())

    def _similar(self, code: str) -> Iterator[Iterable[str]]:
        yield self._spellings.get(code, code), code.lstrip("0"), code.zfill(2)
        splits = [(code[:at], code[at:]) for at in range(len(code) + 1)] if len(code) <= LONGEST else []
        yield [left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1]
        if len(code) > 2:  # of two signs, any other two are one keystroke away
            changed = [left + sign + right[1:] for left, right in splits if right for sign in self._signs]
            more = [left + sign + right for left, right in splits for sign in self._signs]
            yield [*(left + right[1:] for left, right in splits if right), *changed, *more]


def _order(code: Code) -> tuple[str, date]:
    return code.code, code.effective_from or date.min


def spelt_twice(codes: Iterable[Code]) -> Mapping[str, str]:
    """Spellings that are a code themselves, or stand for several."""
    codes = tuple(codes)
    own = {each.code for each in codes}
    seen: dict[str, str] = {}
    bad = {}
    for each in codes:
        for spelling in each.also:
            if spelling in own or seen.setdefault(spelling, each.code) != each.code:
                bad[spelling] = each.code
    return bad
