"""The functions that rules may call, with their types, and the exact arithmetic behind the operators.

CEL turns decimals into binary doubles, in which 0.1 + 0.2 is not 0.3 and sums of amounts do not come out. So every
operation on numbers is one of the functions below, which reckons in decimals without rounding. Functions never raise,
because a rule that fails on a document would be nobody's fault: what cannot be read is absent, and the type `day?` says
so to whoever uses the result.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from typing import Any, Final

import msgspec
from pydantic_core import SchemaError, SchemaValidator, core_schema

Number = str | int | Decimal

EXACT: Final = Context(prec=4000)  # more digits than any two numbers of MAX_SIZE multiply to
MAX_SIZE: Final = 400  # power of ten; those of an XML double end at 324
MAX_PLACES: Final = 12
SCHEME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,2}")
IDENTIFIER = re.compile(r"[\x20-\x7e]{1,70}")  # what python-stdnum is asked about; the longest identifier is an..70
CONTAINER = re.compile(r"[A-Z]{3}[UJZ][0-9]{7}")
HS_CODE = re.compile(r"(?!00|77|98|99)[0-9]{6}([0-9]{2}){0,2}")
DAY = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})(?=\D|$|\d{4})", re.ASCII)


def decimal(value: Number | None) -> Decimal | None:
    """The number itself; None for what is none, not finite, or of a size that only a mischief-maker writes."""
    if type(value) is not Decimal:
        try:
            value = Decimal(value)  # type: ignore[arg-type]
        except (InvalidOperation, ValueError, TypeError):
            return None
    return value if value.is_finite() and -MAX_SIZE <= value.adjusted() <= MAX_SIZE else None


def _both(first: Number | None, second: Number | None) -> tuple[Decimal, Decimal] | None:
    one, other = decimal(first), decimal(second)
    return None if one is None or other is None else (one, other)


def _reckoning(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Number, Number], Decimal | None]:
    def reckon(first: Number, second: Number) -> Decimal | None:
        pair = _both(first, second)
        return None if pair is None else operation(*pair)

    return reckon


def _comparison(test: Callable[[Decimal, Decimal], bool]) -> Callable[[Number, Number], bool]:
    def compare(first: Number, second: Number) -> bool:
        pair = _both(first, second)
        return pair is not None and test(*pair)

    return compare


def same(first: Number | None, second: Number | None) -> bool:
    """Whether two numbers are equal whatever their scale; an absent one equals only an absent one."""
    return decimal(first) == decimal(second)


def among(value: Number | None, numbers: Iterable[Number | None]) -> bool:
    """Whether a number is one of some."""
    return any(same(value, each) for each in numbers)


def total(numbers: Iterable[Number | None]) -> Decimal:
    """The exact sum; absent ones add nothing."""
    result = Decimal(0)
    for each in numbers:
        result = EXACT.add(result, decimal(each) or Decimal(0))
    return result


def near(first: Number, second: Number, tolerance: Number) -> bool:
    """Whether two numbers differ by no more than the tolerance."""
    pair, bound = _both(first, second), decimal(tolerance)
    return pair is not None and bound is not None and EXACT.subtract(*pair).copy_abs() <= bound


def rounded(value: Number, places: int) -> Decimal | None:
    """The number to so many decimal places, halves away from zero."""
    number = decimal(value)
    if number is None:
        return None
    step = Decimal(1).scaleb(-min(max(places, 0), MAX_PLACES))
    return number.quantize(step, ROUND_HALF_UP, EXACT)


def day(text: str | None) -> str | None:
    """The day at the beginning of a date or time, as YYYY-MM-DD; absent where the calendar has no such day.

    Reads formats 102, 203 and 304 (20261019, 20261019101500Z) and those of RFC 3339 (2026-10-19T10:15:00Z).
    """
    match = DAY.match(text or "")
    if not match:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4])).isoformat()
    except ValueError:
        return None


def days_between(first: str, second: str) -> int:
    """Days from the first day to the second; negative where the second is earlier."""
    return (date.fromisoformat(second) - date.fromisoformat(first)).days


def digits(text: str) -> bool:
    """Whether the text is digits 0 to 9, at least one of them."""
    return text.isascii() and text.isdigit()


def left(text: str, count: int) -> str:
    """The first characters of a text."""
    return text[: max(count, 0)]


def unique(values: Iterable[Any]) -> bool:
    """Whether no value stands twice; absent ones do not count."""
    present = [each for each in values if each is not None]
    return len(set(present)) == len(present)


def unique_numbers(values: Iterable[Number | None]) -> bool:
    """Whether no number stands twice, whatever its scale."""
    return unique(decimal(each) for each in values)


def hs_form(text: str) -> bool:
    """Whether the text has the form of a code of the Harmonised System: 6, 8 or 10 digits of a chapter that exists."""
    return HS_CODE.fullmatch(text) is not None


def iso6346_ok(text: str) -> bool:
    """Whether the text is a container number of ISO 6346 with the right check digit."""
    return CONTAINER.fullmatch(text) is not None and stdnum_ok("iso6346", text)


def stdnum_ok(scheme: str, text: str) -> bool:
    """Whether python-stdnum finds the number valid in its scheme, such as `luhn`, `eu.vat` or `iso6346`."""
    check = scheme_check(scheme)
    if check is None or not IDENTIFIER.fullmatch(text):
        return False
    try:
        return check(text)
    except (ValueError, LookupError):  # some schemes stumble over characters that they do not expect
        return False


def pattern(source: str) -> Callable[[str], bool]:
    """Whether a pattern is found in a text, by Rust's regular expressions, as in the library. Raises ValueError."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=source)).isinstance_python
    except SchemaError as error:
        found = re.search(r"error: .*", str(error))
        raise ValueError(found[0] if found else str(error).splitlines()[-1].strip()) from None


@cache
def scheme_check(scheme: str) -> Callable[[str], bool] | None:
    """The check of a scheme of python-stdnum; None for a name that it does not have."""
    if not SCHEME.fullmatch(scheme):
        return None
    try:
        found = getattr(import_module(f"stdnum.{scheme}"), "is_valid", None)
    except ImportError:
        return None
    return found if callable(found) else None


class Function(msgspec.Struct, frozen=True):
    """`takes` and `gives` are types as rules know them, a `?` after one that may be absent.

    `run` is None for what the library brings along. In `many`, any marks a type that is whatever is given.
    """

    takes: tuple[str, ...]
    gives: str
    run: Callable[..., Any] | None = None


# What a rule may call. docs/rules.md has the same table in words; a test compares the two.
FUNCTIONS: Final = {
    "size": Function(("text or list",), "int", len),
    "sum": Function(("list of number?",), "number", total),
    "near": Function(("number", "number", "number"), "bool", near),
    "round": Function(("number", "int"), "number", rounded),
    "day": Function(("text?",), "day?", day),
    "days_between": Function(("day", "day"), "int", days_between),
    "digits": Function(("text",), "bool", digits),
    "left": Function(("text", "int"), "text", left),
    "unique": Function(("list",), "bool", unique),
    "hs_form": Function(("text",), "bool", hs_form),
    "iso6346_ok": Function(("text",), "bool", iso6346_ok),
    "stdnum_ok": Function(("scheme", "text"), "bool", stdnum_ok),
    "startsWith": Function(("text", "text"), "bool"),
    "endsWith": Function(("text", "text"), "bool"),
    "contains": Function(("text", "text"), "bool"),
    "matches": Function(("text", "pattern"), "bool"),
}

# What programs call: our own functions, and what the operators on numbers become. Rules cannot name the latter.
HELPERS: Final[dict[str, Callable[..., Any]]] = {
    **{name: function.run for name, function in FUNCTIONS.items() if function.run},
    "number_add": _reckoning(EXACT.add),
    "number_subtract": _reckoning(EXACT.subtract),
    "number_multiply": _reckoning(EXACT.multiply),
    "number_same": same,
    "number_less": _comparison(lambda first, second: first < second),
    "number_at_most": _comparison(lambda first, second: first <= second),
    "number_among": among,
    "numbers_unique": unique_numbers,
}
