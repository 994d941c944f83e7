"""Sets of rules at work: exact numbers, absent parts, loops, dates, where findings point, and what it costs."""

import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from datamodel import rules
from datamodel.codecs import write
from datamodel.findings import Finding
from datamodel.registry import Registry
from datamodel.rules import RuleBook
from datamodel.semantics import Semantics
from tests.datamodel import derived
from tests.datamodel.rule_material import DAY, HEAD, RULES, as_xml, broken, changed, found, parsed, sample, written
from tests.datamodel.xz_rule_cases import GONE, ITEM

Judge = Callable[..., list[Finding]]
ITEMS = "Declaration/GoodsShipment/GovernmentAgencyGoodsItem"


@pytest.fixture
def judge(registry: Registry, tmp_path: Path) -> Judge:
    """What one rule says of the hotel's supplies, after changes."""

    def run(rule: str, changes: dict[str, Any] | None = None, on: date = DAY) -> list[Finding]:
        book = RuleBook.load(written(tmp_path, rule), registry)
        message = parsed(registry, changed(sample("import-hotel-supplies"), changes or {}, GONE))
        return found(book, message, on)

    return run


SURE = "when = 'has(declaration.TypeCode) && has(declaration.InvoiceAmount) && has(declaration.GoodsItemQuantity)'\n"
ALL = "declaration.GoodsShipment.GovernmentAgencyGoodsItem"


@pytest.mark.parametrize(
    "expression",
    [
        "declaration.InvoiceAmount == 44667.30",
        "declaration.InvoiceAmount == 44667.3 && declaration.InvoiceAmount != 44667.31",
        "declaration.InvoiceAmount + 0.1 + 0.2 == 44667.6",
        "declaration.InvoiceAmount * 3 - 1 == 134000.9",
        "-declaration.InvoiceAmount < 0 && declaration.InvoiceAmount > 44667.299999999999999999999999",
        "declaration.GoodsItemQuantity in [10, 11.0] && !(declaration.GoodsItemQuantity in [12])",
        "round(declaration.InvoiceAmount, 0) == 44667 && round(0.5, 0) == 1 && round(-2.5, 0) == -3",
        "near(0.1 + 0.2, 0.3, 0) && !near(1, 2, 0.999)",
        f"sum({ALL}.map(i, i.SequenceNumeric)) == 66",
    ],
)
def test_numbers_are_exact(expression: str, judge: Judge) -> None:
    assert judge(f"{SURE}assert = '{expression}'") == []


def test_amounts_that_doubles_confuse_are_told_apart(judge: Judge) -> None:
    amount, other = "9999999999999.999", "9999999999999.998"
    assert float(amount) == float(other)
    change = {"InvoiceAmount": {"@currencyID": "EUR", "value": Decimal(amount)}}
    assert judge(f"{SURE}assert = 'declaration.InvoiceAmount == {amount}'", change) == []
    assert len(judge(f"{SURE}assert = 'declaration.InvoiceAmount == {other}'", change)) == 1


@pytest.mark.parametrize(
    "expression",
    [
        'size("Åse") == 3 && left("Åse", 1) == "Å" && size(declaration.CurrencyExchange) == 1',
        "declaration.CurrencyExchange.exists(c, has(c.RateNumeric)) && !has(declaration.GoodsShipment.Warehouse.ID)",
        'declaration.GoodsShipment.Warehouse.ID == null && declaration.GoodsShipment.Warehouse.ID != "X"',
        f"size({ALL}.filter(i, has(i.Destination))) == 0",
        f"{ALL}.filter(i, has(i.CustomsValueAmount)).all(j, j.CustomsValueAmount > 0)",
        f"size({ALL}.map(i, i.SequenceNumeric > 9, i.SequenceNumeric)) == 2",
        '["A", "B"].exists_one(c, c == "B")',
        '["A"].all(c, declaration.CurrencyExchange.exists(x, c != x.CurrencyTypeCode))',
        'day("2026-02-01") > day("20260131235959Z") && days_between(day("2026-01-01"), as_of) == 323',
        'day("x" + "20260101") == null && day("20260230" + "") == null && day("20260101" + "1") == null',
        'unique(["a", "b"]) && !unique(["a", "a"]) && !unique([1, 1.0]) && unique([1, 1.1])',
        'digits("0123") && !digits("") && !digits("1.5") && !digits("\u0663")',
        'hs_form("060311") && hs_form("0603110000") && !hs_form("06031") && !hs_form("770000") && !hs_form("980000")',
        'iso6346_ok("CSQU3054383") && !iso6346_ok("CSQU3054384")',
        '!iso6346_ok("csqu3054383") && !iso6346_ok("CSQA3054383") && !iso6346_ok("ÉSQU3054383")',
        'stdnum_ok("eu.vat", "DE136695976") && !stdnum_ok("eu.vat", "DE136695975") && !stdnum_ok("imo", "é")',
        'declaration.TypeCode.startsWith("IM") && declaration.TypeCode.endsWith("A") && contains("IMA", "MA")',
        'has(declaration.TypeCode) ? declaration.TypeCode.matches(r"^[A-Z]{3}$") : false',
        r'''"a\"b" == 'a"b' && r"\d" == "\\d" && "tab\t" != "tab"''',
    ],
)
def test_functions_and_operators(expression: str, judge: Judge) -> None:
    assert judge(f"{SURE}assert = '''{expression}'''", {"TypeCode": "IMA"}) == []


def test_a_finding_points_at_its_place_and_says_what_was_expected(judge: Judge) -> None:
    rule = f"""
for_each = "{ITEMS}"
assert = "it.SequenceNumeric == index + 1"
where = "SequenceNumeric"
expected = "index + 1"
"""
    (finding,) = judge(rule, {"GoodsShipment/GovernmentAgencyGoodsItem/4/SequenceNumeric": 7})
    assert finding.steps == (
        ("Declaration", None),
        ("GoodsShipment", None),
        ("GovernmentAgencyGoodsItem", 4),
        ("SequenceNumeric", None),
    )
    assert (finding.rule, finding.severity, finding.value, finding.expected) == ("T01", "error", "7", "5")
    assert (finding.text, finding.remedy, finding.legal_basis) == (
        "It is wrong.",
        "Put it right.",
        "Test Act 2026, s. 1",
    )


def test_a_finding_about_an_attribute_names_it(judge: Judge) -> None:
    rule = """
assert = 'declaration.InvoiceAmount["@currencyID"] == "XZD"'
where = "Declaration/InvoiceAmount/@currencyID"
"""
    (finding,) = judge(rule)
    assert (finding.attribute, finding.value) == ("currencyID", "EUR")


def test_an_inner_part_knows_the_part_around_it(judge: Judge) -> None:
    rule = f"""
for_each = "{ITEMS}/Packaging"
assert = 'outer.SequenceNumeric != 3 && index == 0'
"""
    assert [finding.steps[2] for finding in judge(rule)] == [("GovernmentAgencyGoodsItem", 2)]


def test_what_is_named_under_let_is_shared_by_all_parts(judge: Judge) -> None:
    rule = f"""
for_each = "{ITEMS}"
let.total = "sum({ALL}.map(i, i.Commodity.GoodsMeasure.GrossMassMeasure))"
let.half = "total * 0.5"
let.numbers = "{ALL}.map(i, i.SequenceNumeric)"
when = "has(it.Commodity.GoodsMeasure.GrossMassMeasure)"
assert = "it.Commodity.GoodsMeasure.GrossMassMeasure < half && it.SequenceNumeric in numbers"
expected = "half"
"""
    assert judge(rule) == []
    (finding,) = judge(rule, {f"{ITEM}/Commodity/GoodsMeasure/GrossMassMeasure/value": 9000})
    assert finding.expected == "5805.75"


def test_rules_count_from_their_first_to_their_last_day(judge: Judge) -> None:
    rule = 'assert = "false"\neffective_from = 2026-03-01\neffective_to = 2026-03-31'
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    assert [len(judge(rule, on=day)) for day in days] == [0, 1, 1, 0]


def test_two_versions_of_a_rule_follow_each_other(registry: Registry) -> None:
    book = RuleBook.load(RULES, registry)
    off_by_half = changed(sample("import-hotel-supplies"), {"InvoiceAmount/value": Decimal("44667.80")}, GONE)
    message = parsed(registry, off_by_half)
    assert broken(book, message, date(2026, 6, 30)) == set()
    assert broken(book, message, date(2026, 7, 1)) == {"XZ-TOT04"}


def test_rules_without_a_country_are_for_everybody(registry: Registry, tmp_path: Path) -> None:
    document = sample("import-hotel-supplies")
    document["MetaData"]["ResponsibleCountryCode"] = "GB"
    message = parsed(registry, document)
    for head, count in ((HEAD, 0), (HEAD.replace('country = "XZ"\n', ""), 1)):
        book = RuleBook.load(written(tmp_path, 'assert = "false"', head=head), registry)
        assert len(found(book, message)) == count


def test_no_folder_no_rules(registry: Registry, tmp_path: Path) -> None:
    assert RuleBook.load(tmp_path / "nowhere", registry).rules == ()


def test_a_rule_for_a_base_holds_for_what_derives_from_it(registry: Registry) -> None:
    book = RuleBook.load(RULES, registry)
    keys = [key for key, message in registry.messages.items() if message.model.facts.base == "wco-dms/3.6/DEC"]
    assert keys
    for key in keys:
        assert book.of_message(key) == book.of_message("wco-dms/3.6/DEC")


def test_what_a_derived_package_forbids_is_absent_for_the_rules_of_its_base(tmp_path: Path) -> None:
    package = derived.HEAD + 'forbid = ["CurrencyExchange", "Agent/ID"]\n'
    registry = Registry.load(derived.installation(tmp_path, xx_2026=package))
    book = RuleBook.load(RULES, registry)
    document = changed(derived.sample(), {"CurrencyExchange": GONE, "Agent/ID": GONE, "GoodsItemQuantity": 4}, GONE)
    message = parsed(registry, document, "xx/2026/DEC")
    places = {finding.rule: finding.steps for finding in found(book, message)}
    assert places == {
        "XZ-TOT01": (("Declaration", None), ("GoodsItemQuantity", None)),
        "XZ-PTY04": (("Declaration", None), ("Agent", None)),
        "XZ-VAL03": (("Declaration", None),),
    }
    report = Semantics([book]).examine(message, write(message, "json"), DAY)
    assert sorted(issue.rule for issue in report.issues) == sorted(places)


def test_the_same_faults_in_xml_and_json_become_the_same_issues(registry: Registry) -> None:
    document = changed(
        sample("import-hotel-supplies"),
        {"GoodsItemQuantity": 12, f"{ITEM}/SequenceNumeric": 2, "Declarant/ID": "XZ1", "CurrencyExchange": GONE},
        GONE,
    )
    checks = Semantics([RuleBook.load(RULES, registry)])
    one = parsed(registry, document)
    other = as_xml(registry, one)
    issues = [
        [(each.rule, each.severity, each.xpath, each.json_pointer, each.value, each.expected) for each in report.issues]
        for report in (
            checks.examine(one, write(one, "json"), DAY),
            checks.examine(other, write(other, "xml"), DAY),
        )
    ]
    assert issues[0] == issues[1]
    assert [each[0] for each in issues[0]] == ["XZ-TOT01", "XZ-VAL03", "XZ-PTY01", "XZ-PTY08", "XZ-GDS01"]


def many_items(count: int) -> dict[str, Any]:
    document = sample("import-hotel-supplies")
    items = document["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"]
    made = [
        {
            **items[at % len(items)],
            "SequenceNumeric": at + 1,
            "AdditionalDocument": [{"ID": f"D{at}", "TypeCode": "380"}],
        }
        for at in range(count)
    ]
    document["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"] = made
    return document


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        '"EUR" in lambda',
        'declaration.CurrencyExchange.exists(None, None.CurrencyTypeCode == "EUR")',
        """size("'+__import__('os')+'\\\\\\"{0}") == 24""",
    ],
)
def test_words_of_python_mean_nothing_in_rules(said: str, holds: bool, judge: Judge) -> None:
    named = "let.lambda = 'declaration.CurrencyExchange.map(p, p.CurrencyTypeCode)'\n"
    assert bool(judge(f'{named}assert = """{"!" * (not holds)}({said})"""')) != holds


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, and generators gone on with, while something is worked out."""
    count = 0

    def counted(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_the_work_grows_with_the_document_and_not_with_its_square(registry: Registry) -> None:
    book = RuleBook.load(RULES, registry)
    runs = []
    for count in (100, 200, 400, 800):
        message = parsed(registry, many_items(count))
        book.check(message.message, message.document, DAY)  # what is made once is made
        runs.append(calls(lambda message=message: book.check(message.message, message.document, DAY)))
    steps = [later - earlier for earlier, later in zip(runs, runs[1:], strict=False)]
    assert steps[1] == pytest.approx(2 * steps[0], rel=0.05)
    assert steps[2] == pytest.approx(4 * steps[0], rel=0.05)


def test_no_number_of_warnings_hides_an_error(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_FINDINGS", 5)
    noisy = f'severity = "warning"\nfor_each = "{ITEMS}"\nassert = "false"'
    book = RuleBook.load(written(tmp_path, noisy, 'assert = "1 == 2"'), registry)
    counts = [finding.severity for finding in found(book, parsed(registry, sample("import-hotel-supplies")))]
    assert counts == ["error"] + ["warning"] * 5
