"""The rules of XZ: each has a document that meets it and one that breaks it, in XML as in JSON."""

from datetime import date
from pathlib import Path

import pytest

from datamodel.codecs import read
from datamodel.registry import Registry
from datamodel.rules import RuleBook
from tests.datamodel.rule_material import RULES, SCHEMAS, as_xml, broken, changed, found, parsed, sample
from tests.datamodel.xz_rule_cases import CASES, GONE, Case

SAMPLES = sorted((SCHEMAS / "samples").glob("*.json")) + sorted((SCHEMAS / "samples").glob("*.xml"))


@pytest.fixture(scope="module")
def book(registry: Registry) -> RuleBook:
    return RuleBook.load(RULES, registry)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_rule_tells_a_good_document_from_a_bad_one(case: Case, book: RuleBook, registry: Registry) -> None:
    document = changed(sample(case.sample), case.good, GONE)
    assert case.rule not in broken(book, parsed(registry, document))
    bad = parsed(registry, changed(document, case.bad, GONE))
    assert case.rule in broken(book, bad)
    assert found(book, as_xml(registry, bad)) == found(book, bad)


def test_every_rule_has_its_case(book: RuleBook) -> None:
    assert {rule.id for rule in book.rules} == {case.rule for case in CASES}
    assert len(CASES) >= 40


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.name)
@pytest.mark.parametrize("on", [date(2026, 1, 1), date(2026, 11, 20), date(2031, 5, 1)], ids=str)
def test_the_samples_break_no_rule(file: Path, on: date, book: RuleBook, registry: Registry) -> None:
    message = read(registry, file.read_bytes(), file.suffix[1:])  # type: ignore[arg-type]
    assert found(book, message, on) == []


def test_rules_of_a_country_do_not_touch_declarations_of_another(book: RuleBook, registry: Registry) -> None:
    document = changed(sample("import-hotel-supplies"), {"GoodsItemQuantity": 12}, GONE)
    assert broken(book, parsed(registry, document)) == {"XZ-TOT01"}
    document["MetaData"]["ResponsibleCountryCode"] = "GB"
    assert broken(book, parsed(registry, document)) == set()


def test_texts_say_what_to_do_and_why(book: RuleBook) -> None:
    for rule in book.rules:
        words = (rule.text, rule.remedy, rule.purpose)
        assert all(sentence[0].isupper() and sentence[-1] == "." for sentence in words), rule.id
        assert len(rule.id) <= 8, f"{rule.id} does not fit into Error/ValidationCode of a response"
