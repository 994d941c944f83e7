"""Decimal numbers as XML Schema means them: the digits of the value count, not those of the notation.

XML Schema part 2, section 3.2.3 (decimal), 4.3.11 (totalDigits), 4.3.12 (fractionDigits).
"""

import re
from decimal import Decimal

from datamodel.model import SimpleType

FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
LEXICAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")


def plain(number: Decimal, max_digits: int) -> Decimal:
    """The same value without a positive exponent, so that it can be written in plain notation; zero has no sign.

    Raises ValueError where that would take more than `max_digits` digits: 1E+400 is a short way to ask for much work.
    """
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or max(len(digits) + max(exponent, 0), -exponent) > max_digits:
        raise ValueError("too many digits")
    if exponent <= 0:
        return number if number else number.copy_abs()
    return Decimal((sign, (*digits, *([0] * exponent)), 0))


def digit_counts(number: Decimal) -> tuple[int, int]:
    """(total digits, fraction digits) of the value, trailing zeros of the fraction left out."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    fraction = max(0, -exponent)
    size = len(digits)
    while fraction and (not size or digits[size - 1] == 0):
        size, fraction = max(0, size - 1), fraction - 1
    return max(size, fraction, 1), fraction


def within(number: Decimal, kind: SimpleType) -> bool:
    """Whether a number keeps the digit limits of a type."""
    if kind.total_digits is None and kind.fraction_digits is None:
        return True
    total, fraction = digit_counts(number)
    most, places = kind.total_digits, kind.fraction_digits
    return (most is None or total <= most) and (places is None or fraction <= places)
