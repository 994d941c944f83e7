"""Regular expressions of XML Schema (part 2, appendix F) as those of JSON Schema (ECMA-262 with the `u` flag).

The two look alike and differ: here a pattern matches the whole value, `.` is anything but a line end, `^` and `$` are
ordinary, digits are those of all scripts, and classes can be subtracted from one another. What comes out is kept plain,
so that engines with less than ECMA-262 understand it where the pattern allows. What we cannot carry over is None:
a schema without a pattern accepts too much, one with a wrong pattern refuses what is right.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache

Ranges = tuple[tuple[int, int], ...]

NAME_START: Ranges = (  # XML 1.0, fifth edition, production 4
    *((ord(sign), ord(sign)) for sign in ":_"),
    *((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2FF), (0x370, 0x37D), (0x37F, 0x1FFF)),
    *((0x200C, 0x200D), (0x2070, 0x218F), (0x2C00, 0x2FEF), (0x3001, 0xD7FF), (0xF900, 0xFDCF), (0xFDF0, 0xFFFD)),
    (0x10000, 0xEFFFF),
)
NAME: Ranges = (*NAME_START, (0x2D, 0x2E), (0x30, 0x39), (0xB7, 0xB7), (0x300, 0x36F), (0x203F, 0x2040))
SPACE: Ranges = ((0x20, 0x20), (0x9, 0xA), (0xD, 0xD))
BLOCKS: dict[str, Ranges] = {  # of Unicode, those that schemas for business documents name
    "BasicLatin": ((0x9, 0xA), (0xD, 0xD), (0x20, 0x7F)),
    "Latin-1Supplement": ((0x80, 0xFF),),
    "LatinExtended-A": ((0x100, 0x17F),),
    "LatinExtended-B": ((0x180, 0x24F),),
    "Greek": ((0x370, 0x3FF),),
    "Cyrillic": ((0x400, 0x4FF),),
    "Hebrew": ((0x590, 0x5FF),),
    "Arabic": ((0x600, 0x6FF),),
    "LatinExtendedAdditional": ((0x1E00, 0x1EFF),),
    "GeneralPunctuation": ((0x2000, 0x206F),),
    "CurrencySymbols": ((0x20A0, 0x20CF),),
}
CLASSES = {"s": SPACE, "i": NAME_START, "c": NAME}
SPELLED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
SYNTAX = frozenset(r"^$\.*+?()[]{}|")
OUTSIDE = {".": r"[^\n\r]", "(": "(?:", **{sign: f"\\{sign}" for sign in "^$]}"}}
WORD = {"w": r"\p{L}\p{M}\p{N}\p{S}", "W": r"\p{P}\p{Z}\p{C}"}
CATEGORY = re.compile(r"\{(Is)?([A-Za-z0-9-]+)\}")
NAMES = re.compile(r"\\[ic]")  # the wider set of two editions, so what it leaves out may still belong to it
COUNT = re.compile(r"\{\d+(,\d*)?\}")


class _Unknown(Exception):
    """Something that has no counterpart."""


def ecma(pattern: str) -> str | None:
    """The pattern with its anchors, or None where there is no counterpart."""
    try:
        return f"^(?:{_Translation(pattern).text()})$"
    except (_Unknown, IndexError):
        return None


class _Translation:
    """One pattern, read once from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def text(self) -> str:
        """All of it, outside of classes."""
        return "".join(self.pieces())

    def take(self) -> str:
        """The next character. Raises IndexError at the end."""
        self.at += 1
        return self.pattern[self.at - 1]

    def pieces(self) -> Iterator[str]:
        """The parts in turn."""
        while self.at < len(self.pattern):
            sign = self.take()
            if sign == "\\":
                escaped = self.escape()
                yield escaped if len(escaped) <= 2 else f"[{escaped}]"
            elif sign == "[":
                yield self.character_class()
            elif sign == "{":
                yield self.count()
            else:
                yield OUTSIDE.get(sign, sign)

    def count(self) -> str:
        """A quantity in braces."""
        found = COUNT.match(self.pattern, self.at - 1)
        if not found:
            raise _Unknown
        self.at = found.end()
        return found[0]

    def escape(self, inside: bool = False) -> str:
        """What follows a backslash; where that is more than one character, as it may stand within a class."""
        sign = self.take()
        if sign in "nrt":
            return f"\\{sign}"
        if sign in WORD:
            return WORD[sign]
        if sign in "pP":
            return self.category(sign)
        if sign in "dDsSic":
            ranges = digits() if sign in "dD" else CLASSES[sign.lower()]
            return spell(ranges if sign.islower() else others(ranges))
        if sign.isalnum():
            raise _Unknown
        return literal(sign, inside)

    def category(self, sign: str) -> str:
        """A general category, or a block of Unicode as its ranges."""
        found = CATEGORY.match(self.pattern, self.at)
        if not found:
            raise _Unknown
        self.at = found.end()
        if not found[1]:
            return f"\\{sign}{found[0]}"
        if found[2] not in BLOCKS:
            raise _Unknown
        return spell(BLOCKS[found[2]] if sign == "p" else others(BLOCKS[found[2]]))

    def character_class(self) -> str:
        """A class in brackets; one that is subtracted becomes a look ahead."""
        head = "^" if self.pattern[self.at] == "^" else ""
        self.at += len(head)
        excluded = self.at if head else len(self.pattern)
        items: list[str] = []
        while (sign := self.take()) != "]":
            if sign == "-" and self.pattern[self.at] == "[":
                return self.without(f"[{head}{''.join(items)}]")
            items.append(self.item(sign, items))
        if not items or NAMES.search(self.pattern, excluded, self.at):
            raise _Unknown
        return f"[{head}{''.join(items)}]"

    def without(self, whole: str) -> str:
        """A class less another one, which comes next."""
        start = self.at = self.at + 1
        less = self.character_class()
        if self.take() != "]" or NAMES.search(self.pattern, start, self.at):
            raise _Unknown
        return f"(?:(?!{less}){whole})"

    def item(self, sign: str, items: list[str]) -> str:
        """One part of a class, which begins with `sign`: a range where a hyphen follows a character, and another it."""
        if sign == "-" and self.pattern[self.at] != "]" and items and len(items[-1]) <= 2:
            return f"{items.pop()}-{self.character(self.take())}"
        return self.character(sign)

    def character(self, sign: str) -> str:
        """One character of a class, escaped or not."""
        return self.escape(True) if sign == "\\" else literal(sign, True)


def literal(sign: str, inside: bool = False) -> str:
    """A character that stands for itself."""
    if sign in SPELLED:
        return SPELLED[sign]
    return f"\\{sign}" if sign in SYNTAX or (inside and sign == "-") else sign


def spell(ranges: Ranges) -> str:
    """Ranges as the inside of a class."""
    parts = [(literal(chr(low), True), literal(chr(high), True)) for low, high in sorted(ranges)]
    return "".join(low if low == high else f"{low}-{high}" for low, high in parts)


def others(ranges: Ranges) -> Ranges:
    """Every character from the tabulator on that the ranges do not hold; surrogates are no characters."""
    found, start = [], 0x9
    for low, high in sorted((*ranges, (0xD800, 0xDFFF))):
        if start < low:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, sys.maxunicode)) if start <= sys.maxunicode else tuple(found)


@cache
def digits() -> Ranges:
    """Decimal digits of all scripts: they come in runs of ten."""
    return joined(point for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)) == "Nd")


def joined(points: Iterator[int]) -> Ranges:
    """Ascending code points as ranges."""
    found: list[tuple[int, int]] = []
    for point in points:
        if found and found[-1][1] == point - 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return tuple(found)
