"""The functions behind rules take whatever a document may hold, and reckon without rounding."""

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from datamodel import rule_functions as functions
from datamodel.rule_syntax import RuleError, parse

TEXTS = st.text(max_size=40)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**16), max_value=10**16)
SCHEMES = st.sampled_from(["luhn", "eu.vat", "imo", "iso6346", "iso7064.mod_97_10", "isin", "iban", "us.ein"])


@given(TEXTS, TEXTS, SCHEMES)
def test_no_text_makes_a_function_fail(one: str, other: str, scheme: str) -> None:
    for name in ("size", "day", "digits", "hs_form", "iso6346_ok"):
        assert functions.HELPERS[name](one) is not NotImplemented
    assert functions.stdnum_ok(scheme, one) in (True, False)
    for name in ("number_add", "number_subtract", "number_multiply", "number_same", "number_less", "number_at_most"):
        functions.HELPERS[name](one, other)
    assert functions.near(one, other, "1") in (True, False)
    functions.total([one, None, other])
    functions.rounded(one, 2)


@given(st.lists(NUMBERS, max_size=20))
def test_sums_are_exact(numbers: list[object]) -> None:
    assert Fraction(functions.total([str(number) for number in numbers])) == sum(map(Fraction, map(str, numbers)))


@given(NUMBERS, NUMBERS)
def test_operations_are_exact(one: object, other: object) -> None:
    first, second = Fraction(str(one)), Fraction(str(other))
    texts = (str(one), str(other))
    assert Fraction(functions.HELPERS["number_multiply"](*texts)) == first * second
    assert Fraction(functions.HELPERS["number_subtract"](*texts)) == first - second
    assert functions.HELPERS["number_less"](*texts) == (first < second)
    assert functions.HELPERS["number_at_most"](*texts) == (first <= second)
    assert functions.same(*texts) == (first == second)


@given(st.dates())
def test_days_are_read_in_all_notations(day: date) -> None:
    iso, plain = day.isoformat(), day.strftime("%Y%m%d").zfill(8)
    for text in (iso, plain, f"{iso}T10:00:00Z", f"{plain}101500+01", f"{plain}1015"):
        assert functions.day(text) == iso
    assert functions.days_between(iso, iso) == 0


@given(TEXTS)
def test_an_expression_is_read_or_refused(source: str) -> None:
    try:
        node = parse(source)
    except RuleError as error:
        assert 0 <= error.at <= len(source)
    else:
        assert parse(node.text).text == node.text


def test_numbers_of_mischief_are_no_numbers() -> None:
    assert functions.decimal("1e999999") is None
    assert functions.decimal("NaN") is None
    assert functions.HELPERS["number_less"]("NaN", "1") is False
