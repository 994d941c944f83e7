"""A simple type narrowed by a rule of a derived package: a shorter format, a pattern, fewer codes.

What comes out takes fewer values than what went in, or the rule is refused with the facet that would grow.
"""

from hashlib import sha256
from typing import Final

import msgspec

from datamodel.derivation_file import Narrow
from datamodel.facets import describe, normal
from datamodel.facets import fault as value_fault
from datamodel.model import SimpleType
from datamodel.narrowing import changes, language, lengths
from datamodel.tables import ALPHABETS, FORMAT, NOT_BLANK

TEXTS: Final = ("string", "token")
PIECES: Final = "write it in pieces, as XZ[0-9]{12}, with | between alternatives"


class Unfit(ValueError):
    """A rule that cannot be applied to a type: why, and what to do about it."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.text, self.remedy = text, remedy


def narrowed(kind: SimpleType, rule: Narrow) -> SimpleType:
    """The type with the rule's format, pattern, length and values. Raises Unfit."""
    if kind.sealed:
        raise Unfit(f"{kind.name} is judged by its own schema alone", "leave it as it is")
    new = kind
    if rule.format is not None:
        new = _formatted(new, rule.format)
    if rule.pattern is not None:
        new = _patterned(new, rule.pattern)
    if rule.min_length is not None:
        new = _lengthened(new, rule.min_length)
    new = _listed(new, rule.values)
    for change in changes(kind, new):
        if change.takes != "fewer":
            verb = "take more" if change.takes == "more" else "take values that the base may not"
            text = f"{change.facet} {change.old} in the base, {change.new} here: that would {verb}"
            raise Unfit(text, f"stay within the base: {describe(kind)}")
    return _named(new, rule.format) if new != kind else kind


def _formatted(kind: SimpleType, form: str) -> SimpleType:
    match = FORMAT.fullmatch(form)
    if not match:
        raise Unfit(f"{form!r} is not a format", "write an..35, a2, n..5 or n..16,3")
    letters, upto, size, decimals = match.groups("")
    if kind.primitive == "decimal":
        if letters != "n" or not size:
            raise Unfit(f"{form!r} is a format of text, and this is a number", "write n..16,3: digits, then decimals")
        return msgspec.structs.replace(kind, total_digits=int(size), fraction_digits=int(decimals or 0))
    if kind.primitive not in TEXTS:
        raise Unfit(f"a value of type {kind.primitive} has no format", "leave the format out")
    if decimals:
        raise Unfit(f"{form!r} is a format of a number, and this is text", "leave the decimals out")
    new = _spelt(kind, letters)
    if not size:
        return new
    if upto:
        return msgspec.structs.replace(new, length=None, max_length=int(size))
    return msgspec.structs.replace(new, length=int(size), min_length=None, max_length=None)


def _spelt(kind: SimpleType, letters: str) -> SimpleType:
    """The type over the alphabet of a format: `a`, `n` or `an`."""
    known = language(kind.pattern or "") if kind.pattern else None
    if letters == "an":
        if kind.pattern in ALPHABETS.values():
            raise Unfit("the base takes letters only, or digits only, and an takes both", "keep the base's a or n")
        return kind
    alphabet = ALPHABETS[letters]
    if known and kind.pattern not in ALPHABETS.values():
        wanted = language(alphabet)
        if wanted and known.characters <= wanted.characters:
            return kind
    return _filled(kind, msgspec.structs.replace(kind, pattern=alphabet))


def _filled(kind: SimpleType, new: SimpleType) -> SimpleType:
    """A pattern that took no blank text is replaced by one that could take none at all: then a length guards."""
    known = language(new.pattern or "")
    if kind.pattern != NOT_BLANK or kind.length is not None or not known or known.shortest:
        return new
    return msgspec.structs.replace(new, min_length=max(1, kind.min_length or 0))


def _patterned(kind: SimpleType, pattern: str) -> SimpleType:
    known = language(pattern)
    if kind.primitive not in TEXTS:
        raise Unfit(f"a value of type {kind.primitive} has no pattern", "leave the pattern out")
    if known is None:
        raise Unfit(f"{pattern!r} is beyond what can be compared with the base", PIECES)
    new = _filled(kind, msgspec.structs.replace(kind, pattern=pattern))
    low, high = lengths(new)
    if known.longest < low or known.shortest > high:
        raise Unfit(f"no text of {low} to {high} characters matches {pattern!r}", f"fit it to {describe(kind)}")
    return new


def _lengthened(kind: SimpleType, shortest: int) -> SimpleType:
    low, high = lengths(kind)
    if kind.primitive not in TEXTS:
        raise Unfit(f"a value of type {kind.primitive} has no length", "leave min_length out")
    if shortest < low or shortest > high:
        raise Unfit(f"min_length {shortest} is not within {low} to {high}", f"stay within {describe(kind)}")
    return kind if kind.length is not None else msgspec.structs.replace(kind, min_length=shortest)


def _listed(kind: SimpleType, values: tuple[str, ...] | None) -> SimpleType:
    """The type with the values of a rule, or with those of its own that its format still takes."""
    if values is None and not kind.values:
        return kind
    if kind.primitive not in TEXTS:
        raise Unfit(f"a value of type {kind.primitive} is of no code list", "leave the values out")
    if values is None:
        bare = msgspec.structs.replace(kind, values=())
        values = tuple(value for value in kind.values if value_fault(bare, value) is None)
    if not values:
        raise Unfit("no value is left", "forbid the position instead")
    unfit = [value for value in values if value_fault(kind, value) or normal(kind, value) != value]
    if unfit:
        raise Unfit(f"{', '.join(map(repr, unfit))}: not taken here", f"the position takes {describe(kind)}")
    if len(set(values)) < len(values):
        raise Unfit("a value stands twice", "name each value once")
    return msgspec.structs.replace(kind, values=values)


def _named(kind: SimpleType, form: str | None) -> SimpleType:
    """A name of its own for what differs from the type of the base: the same for the same facets."""
    facts = msgspec.json.encode(msgspec.structs.replace(kind, name=""))
    parts = (kind.name.partition(".")[0], (form or "").replace("..", "-").replace(",", "."), sha256(facts).hexdigest())
    name = ".".join(part for part in (*parts[:2], parts[2][:8]) if part)
    return msgspec.structs.replace(kind, name=name)
