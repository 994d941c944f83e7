"""Which format a body is in, and which one the caller wants back. Pure: header text in, a media type or None out.

Content negotiation is RFC 9110, section 12: the most specific range decides the quality of a media type. Of equal
qualities the type that the caller named beats the one that only a wildcard covers; then the route's preference counts.
Callers send the same few headers again and again, so the last answers are remembered.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from datamodel.wording import ENGLISH
from gateway.media import MEDIA_TYPES, Format

# The spellings of a format that a caller may ask for, the usual one first.
SPELLINGS: Final[dict[Format, tuple[str, ...]]] = {
    "xml": (MEDIA_TYPES["xml"], "text/xml"),
    "json": (MEDIA_TYPES["json"],),
}
PROBLEMS: Final[dict[Format, str]] = {"xml": "application/problem+xml", "json": "application/problem+json"}
REMEMBERED: Final = 256  # of the answers to one question
OTHER: Final[dict[Format, Format]] = {"xml": "json", "json": "xml"}

_TOKEN = r"[!#$%&'*+.^_`|~0-9a-z-]+"
_ESSENCE = re.compile(f"{_TOKEN}/{_TOKEN}")


class MediaType(msgspec.Struct, frozen=True):
    """A media type as a Content-Type header names it: `essence` is type/subtype in lower case."""

    essence: str
    charset: str | None = None

    def __str__(self) -> str:
        return self.essence if self.charset is None else f"{self.essence}; charset={self.charset}"


class _Range(msgspec.Struct, frozen=True):
    """One element of an Accept header."""

    major: str
    minor: str
    quality: float

    def specificity(self, major: str, minor: str) -> int:
        """How closely this range names a media type: 3 exactly, 2 by its type, 1 as anything, 0 not at all."""
        if (self.major, self.minor) == (major, minor):
            return 3
        if self.minor != "*":
            return 0
        return {major: 2, "*": 1}.get(self.major, 0)


@lru_cache(REMEMBERED)
def media_type(header: str) -> MediaType:
    """What a Content-Type header says; the essence is empty where it is missing or malformed."""
    essence, *parameters = header.split(";")
    essence = essence.strip().lower()
    charset = _parameter(parameters, "charset")
    return MediaType(essence if _ESSENCE.fullmatch(essence) else "", charset and charset.strip('"').lower())


@lru_cache(REMEMBERED)
def offers(preferred: Format, gives: Sequence[Format]) -> tuple[str, ...]:
    """The media types of an answer in one of the formats `gives`, the preferred format's first."""
    ordered = sorted(gives, key=lambda form: form != preferred)
    return tuple(spelling for form in ordered for spelling in SPELLINGS[form])


@lru_cache(REMEMBERED)
def choose(accept: str, offered: Sequence[str]) -> str | None:
    """The best of the media types offered, the first of equals; None where the caller accepts none of them."""
    ranges = _ranges(accept)
    if not ranges:
        return offered[0]
    best, best_rank = None, (0.0, 0)
    for offer in offered:
        rank = _rank(offer, ranges)
        if rank[0] > 0 and rank > best_rank:
            best, best_rank = offer, rank
    return best


@lru_cache(REMEMBERED)
def problem_format(accept: str, preferred: Format) -> Format:
    """The format for an answer that must be given even to a caller who accepts neither: then the preferred one."""
    ordered = (preferred, OTHER[preferred])
    spellings = {spelling: form for form in ordered for spelling in (PROBLEMS[form], *SPELLINGS[form])}
    chosen = choose(accept, tuple(spellings))
    return spellings[chosen] if chosen else preferred


@lru_cache(REMEMBERED)
def language(accept: str, known: Sequence[str], otherwise: str = ENGLISH) -> str:
    """The best of the languages that are known, by lookup (RFC 4647, section 3.4): who asks for fr-CA may get fr."""
    names = {name.lower(): name for name in (otherwise, *known)}
    wanted = []
    for element in accept.split(","):
        tag, *parameters = element.split(";")
        quality = quality_of(parameters)
        wanted.append((quality or 0.0, tag.strip().lower()))
    refused = {tag for quality, tag in wanted if not quality}
    for quality, tag in sorted(wanted, key=lambda pair: -pair[0]):
        steps = tag.split("-")
        fitting = [*names] if tag == "*" else ["-".join(steps[:end]) for end in range(len(steps), 0, -1)]
        found = next((each for each in fitting if quality and each in names and each not in refused), None)
        if found:
            return names[found]
    return otherwise


def _rank(offer: str, ranges: Sequence[_Range]) -> tuple[float, int]:
    major, _, minor = offer.partition("/")
    closest = max(ranges, key=lambda item: item.specificity(major, minor))
    specificity = closest.specificity(major, minor)
    return (closest.quality, specificity) if specificity else (0.0, 0)


def _ranges(accept: str) -> list[_Range]:
    """The well-formed elements of an Accept header; a broken one is passed over, as if it were not there."""
    found = []
    for element in accept.split(","):
        essence, *parameters = element.split(";")
        major, slash, minor = essence.strip().lower().partition("/")
        quality = quality_of(parameters)
        if slash and major and minor and quality is not None:
            found.append(_Range(major, minor, quality))
    return found


def quality_of(parameters: Sequence[str]) -> float | None:
    """The weight that a q parameter states; None where it states none that RFC 9110 knows."""
    text = _parameter(parameters, "q")
    if text is None:
        return 1.0
    return float(text) if re.fullmatch(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", text) else None


def _parameter(parameters: Sequence[str], wanted: str) -> str | None:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == wanted:
            return value.strip()
    return None
