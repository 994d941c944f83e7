"""What one simple type takes compared with another, facet by facet: fewer values, more, or simply others.

Derivation may only narrow, and a comparison of packages must say whom a change breaks; both ask here. The answer is on
the safe side: where it cannot be shown that a pattern takes fewer values, it takes `other` ones.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

import msgspec

from datamodel.facets import fault
from datamodel.model import SimpleType
from datamodel.tables import ALPHABETS, NOT_BLANK

Takes = Literal["fewer", "more", "other"]
ENDLESS: Final = 1 << 31

# A pattern that we can reason about: pieces such as XZ[0-9]{12}, and alternatives of them between bars.
CLASS: Final = r"\[(?P<ranges>(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_/.])+)\]"
PIECE: Final = re.compile(rf"(?:{CLASS}|(?P<one>[A-Za-z0-9_/-]|\\\.))(?P<times>\{{\d+(?:,\d*)?\}}|[?*+])?")
TIMES: Final = {"": (1, 1), "?": (0, 1), "*": (0, ENDLESS), "+": (1, ENDLESS)}
LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS: Final = frozenset("0123456789")
PATTERNS: Final = {None: "any", NOT_BLANK: "not blank", ALPHABETS["a"]: "letters", ALPHABETS["n"]: "digits"}
KNOWN: Final = {NOT_BLANK: None, ALPHABETS["a"]: LETTERS, ALPHABETS["n"]: DIGITS}  # pattern to its characters


class Change(msgspec.Struct, frozen=True):
    """One facet that differs, in words, and what the new type takes in it compared with the old."""

    facet: str
    old: str
    new: str
    takes: Takes


class Language(msgspec.Struct, frozen=True):
    """What is known of all texts that match a pattern."""

    characters: frozenset[str]
    shortest: int
    longest: int


def language(pattern: str) -> Language | None:
    """The characters and lengths of a pattern made of pieces; None for a pattern that is not."""
    if pattern in ALPHABETS.values():
        return Language(KNOWN[pattern] or frozenset(), 0, ENDLESS)
    branches = [_branch(branch) for branch in pattern.split("|")]
    if None in branches:
        return None
    known = [branch for branch in branches if branch is not None]
    characters = frozenset().union(*(each.characters for each in known))
    return Language(characters, min(each.shortest for each in known), max(each.longest for each in known))


def _branch(text: str) -> Language | None:
    characters: set[str] = set()
    shortest = longest = at = 0
    while at < len(text):
        piece = PIECE.match(text, at)
        if piece is None:
            return None
        characters |= _characters(piece)
        low, high = _times(piece["times"] or "")
        shortest, longest, at = shortest + low, min(ENDLESS, longest + high), piece.end()
    return Language(frozenset(characters), shortest, longest)


def _characters(piece: re.Match[str]) -> set[str]:
    if piece["ranges"] is None:
        return {piece["one"][-1]}
    found: set[str] = set()
    for part in re.findall(r".-.|.", piece["ranges"]):
        found.update(map(chr, range(ord(part[0]), ord(part[-1]) + 1)))
    return found


def _times(text: str) -> tuple[int, int]:
    if not text.startswith("{"):
        return TIMES[text]
    low, comma, high = text[1:-1].partition(",")
    return int(low), int(high) if high else ENDLESS if comma else int(low)


def within_pattern(new: SimpleType, old_pattern: str) -> bool:
    """Whether every value of the new type surely matches the pattern, as the new one's own pattern and lengths show."""
    known = language(new.pattern or "")
    if new.pattern is None or known is None or old_pattern not in KNOWN:
        return False
    wanted = KNOWN[old_pattern]
    if wanted is not None:
        return known.characters <= wanted
    return max(known.shortest, lengths(new)[0]) > 0


def changes(old: SimpleType, new: SimpleType) -> tuple[Change, ...]:
    """Every facet in which two types differ; none where they take the same values."""
    if old.primitive != new.primitive or old.white_space != new.white_space:
        return (Change("type", _kind(old), _kind(new), "other"),)
    if old.values or new.values:
        return tuple(_values(old, new))
    return tuple(_facets(old, new))


def _kind(kind: SimpleType) -> str:
    return kind.primitive if not kind.folds else f"{kind.primitive} ({kind.folds})"


def _values(old: SimpleType, new: SimpleType) -> Iterator[Change]:
    words = (" ".join(old.values) or "any", " ".join(new.values) or "any")
    gone = set(old.values) - set(new.values)
    fresh = set(new.values) - set(old.values)
    if not old.values:
        inside = all(fault(old, value) is None for value in new.values)
        yield Change("values", *words, "fewer" if inside else "other")
    elif not new.values:
        inside = all(fault(new, value) is None for value in old.values)
        yield Change("values", *words, "more" if inside else "other")
    elif gone or fresh:
        yield Change("values", *words, "other" if gone and fresh else "fewer" if gone else "more")


def lengths(kind: SimpleType) -> tuple[int, int]:
    """The shortest and the longest text that the length facets of a type allow."""
    if kind.length is not None:
        return kind.length, kind.length
    return kind.min_length or 0, ENDLESS if kind.max_length is None else kind.max_length


def _digits(kind: SimpleType) -> tuple[int, int]:
    return 0, ENDLESS if kind.total_digits is None else kind.total_digits


def _decimals(kind: SimpleType) -> tuple[int, int]:
    return 0, ENDLESS if kind.fraction_digits is None else kind.fraction_digits


SPANS: Final[tuple[tuple[str, Callable[[SimpleType], tuple[int, int]]], ...]] = (
    ("length", lengths),
    ("digits", _digits),
    ("decimals", _decimals),
)


def _facets(old: SimpleType, new: SimpleType) -> Iterator[Change]:
    for facet, span in SPANS:
        before, after = span(old), span(new)
        if before != after:
            yield Change(facet, _words(before), _words(after), takes_by_span(before, after))
    if old.pattern != new.pattern:
        old_words, new_words = (PATTERNS.get(each.pattern, str(each.pattern)) for each in (old, new))
        yield Change("pattern", old_words, new_words, _pattern(old, new))
    if (old.low, old.high) != (new.low, new.high):
        yield Change("range", _range(old), _range(new), _takes_by_range(old, new))


def takes_by_span(before: tuple[Any, Any], after: tuple[Any, Any]) -> Takes:
    """Fewer where the new span lies within the old, more where it lies around it."""
    if before[0] <= after[0] and after[1] <= before[1]:
        return "fewer"
    return "more" if after[0] <= before[0] and before[1] <= after[1] else "other"


def _words(span: tuple[int, int]) -> str:
    low, high = span
    if low == high:
        return f"exactly {low}"
    if high == ENDLESS:
        return f"{low} or more" if low else "any"
    return f"{low} to {high}" if low else f"up to {high}"


def _pattern(old: SimpleType, new: SimpleType) -> Takes:
    if old.pattern is None or within_pattern(new, old.pattern):
        return "fewer"
    return "more" if new.pattern is None or within_pattern(old, new.pattern) else "other"


def _takes_by_range(old: SimpleType, new: SimpleType) -> Takes:
    try:
        before = Decimal(old.low or "-Infinity"), Decimal(old.high or "Infinity")
        after = Decimal(new.low or "-Infinity"), Decimal(new.high or "Infinity")
    except InvalidOperation:  # dates, say
        return "other"
    return takes_by_span(before, after)


def _range(kind: SimpleType) -> str:
    return f"{kind.low or 'any'} to {kind.high or 'any'}"
