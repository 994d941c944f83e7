"""Which package holds for a document: by name, by the conditions it meets, by the day that counts."""

import json
from datetime import date
from typing import Any

import pytest

from datamodel.codecs import Format, Parsed, read, write
from datamodel.issues import Refused
from datamodel.registry import Registry
from datamodel.versions import Days, current
from tests.conftest import SCHEMAS
from tests.datamodel.derived import HEAD, installation, sample

BEFORE, AFTER = date(2026, 11, 2), date(2027, 1, 1)
CUSTOMIZED = "AgencyAssignedCustomizationCode"
BASE = "wco-dms/3.6/DEC"
FORMATS: tuple[Format, ...] = ("json", "xml")


def declaration(accepted: str = "", **envelope: str) -> dict[str, Any]:
    """The sample with other values in its envelope, and perhaps a day of acceptance."""
    document = sample()
    document["MetaData"].update(envelope)
    if accepted:
        stated = {"DateTimeString": {"@formatCode": "102", "value": accepted}}
        document["MetaData"]["Declaration"]["AcceptanceDateTime"] = stated
    return document


def taken(
    registry: Registry, document: dict[str, Any], form: Format, message: str | None = None, **days: date
) -> Parsed:
    """The document read in one of the formats."""
    body = json.dumps(document).encode()
    if form == "xml":
        body = write(read(registry, body, "json", BASE), "xml")
    return read(registry, body, form, message, days=Days(**days))


@pytest.mark.parametrize("file", sorted((SCHEMAS / "samples").glob("import*.*ml")), ids=lambda file: file.stem)
def test_a_new_package_changes_nothing_for_those_who_do_not_know_it(registry, file):
    assert read(registry, file.read_bytes(), "xml").message.key == BASE
    assert read(registry, file.with_suffix(".json").read_bytes(), "json").message.key == BASE
    assert read(registry, file.read_bytes(), "xml", "DEC", days=Days(today=AFTER)).message.key == BASE


@pytest.mark.parametrize("form", FORMATS)
def test_each_declaration_gets_the_verdict_of_its_own_version(registry, form):
    """Only the version of 2027 wants a shorter reference and the mass of recycled plastic."""
    for document, days in (
        (declaration(AgencyAssignedCustomizationCode="XZ-DMS"), {"as_of": BEFORE}),
        (declaration(AgencyAssignedCustomizationCode="XZ-DMS"), {"today": BEFORE}),
        (declaration("20261231", AgencyAssignedCustomizationCode="XZ-DMS"), {"today": AFTER}),
    ):
        assert taken(registry, document, form, **days).message.key == "xz-dms/2026/DEC"
    for document, days in (
        (declaration(AgencyAssignedCustomizationCode="XZ-DMS"), {"as_of": AFTER}),
        (declaration("20270101", AgencyAssignedCustomizationCode="XZ-DMS"), {"today": BEFORE}),
        (declaration("20261231", AgencyAssignedCustomizationCode="XZ-DMS"), {"as_of": AFTER, "today": BEFORE}),
    ):
        with pytest.raises(Refused) as refusal:
            taken(registry, document, form, **days)
        rules = {(issue.rule, (issue.xpath or "").rpartition("/")[2]) for issue in refusal.value.report.issues}
        assert rules == {("value.length", "FunctionalReferenceID"), ("element.missing", "RecycledPlasticMeasure")}


@pytest.mark.parametrize("form", FORMATS)
def test_a_package_is_asked_for_with_its_version_or_without(registry, form):
    document = declaration()
    assert taken(registry, document, form, "xz-dms/2026/DEC", today=AFTER).message.key == "xz-dms/2026/DEC"
    assert taken(registry, document, form, "xz-dms/DEC", today=BEFORE).message.key == "xz-dms/2026/DEC"
    with pytest.raises(Refused, match="RecycledPlasticMeasure"):
        taken(registry, document, form, "xz-dms/DEC", today=AFTER)
    with pytest.raises(Refused, match="RecycledPlasticMeasure"):
        taken(registry, document, form, "xz-dms/2027/DEC", today=BEFORE)  # the next version can be tried


@pytest.mark.parametrize("form", FORMATS)
def test_without_a_day_the_versions_are_named(registry, form):
    with pytest.raises(Refused) as refusal:
        taken(registry, declaration(AgencyAssignedCustomizationCode="XZ-DMS"), form)
    (issue,) = refusal.value.report.issues
    assert (issue.rule, issue.expected) == ("message.ambiguous", "xz-dms/2026/DEC, xz-dms/2027/DEC")


@pytest.mark.parametrize("form", FORMATS)
def test_before_the_first_day_no_version_holds(registry, form):
    with pytest.raises(Refused) as refusal:
        taken(registry, declaration("20251231", AgencyAssignedCustomizationCode="XZ-DMS"), form, today=AFTER)
    (issue,) = refusal.value.report.issues
    assert (issue.rule, issue.value) == ("message.not-in-force", "2025-12-31")
    assert "xz-dms/2026/DEC (from 2026-01-01)" in (issue.expected or "")


def dated(first: str, last: str = "", country: str = "", rules: str = "") -> str:
    """A package in force from one day to another."""
    told = f"effective_from = {first}\n" + (f"effective_to = {last}\n" if last else "")
    told += f'country = "{country}"\n' if country else ""
    return HEAD.replace("[namespaces]", f"{told}[namespaces]") + rules


def test_first_and_last_day_are_included(tmp_path):
    registry = Registry.load(installation(tmp_path, xx_1=dated("2026-01-01", "2026-01-31"), xx_2=dated("2026-03-01")))

    def version(on: date) -> str:
        return current(registry.messages, "xx", "DEC", on).key

    assert version(date(2026, 1, 1)) == version(date(2026, 1, 31)) == "xx/1/DEC"
    assert version(date(2026, 3, 1)) == version(date(2030, 1, 1)) == "xx/2/DEC"
    for day in (date(2025, 12, 31), date(2026, 2, 1)):
        with pytest.raises(KeyError):
            version(day)


def test_a_package_of_another_country_is_not_current(tmp_path):
    registry = Registry.load(
        installation(tmp_path, xx_1=dated("2026-01-01", country="XX"), xx_2=dated("2026-01-01", country="YY"))
    )
    assert current(registry.messages, "xx", "DEC", AFTER, "XX").key == "xx/1/DEC"
    assert current(registry.messages, "xx", "DEC", AFTER, "YY").key == "xx/2/DEC"
    assert current(registry.messages, "wco-dms", "DEC", AFTER, "YY").key == BASE
    with pytest.raises(KeyError):
        current(registry.messages, "xx", "DEC", AFTER, "ZZ")


def test_the_package_with_the_most_conditions_is_chosen(tmp_path):
    one = f'when = {{ "/{CUSTOMIZED}" = "X" }}\n'
    two = f'when = {{ "/{CUSTOMIZED}" = "X", "TypeCode" = "IMA" }}\n'
    registry = Registry.load(installation(tmp_path, one_1=HEAD + one, two_1=HEAD + two, hint_1=HEAD))
    assert taken(registry, declaration(), "xml").message.key == BASE
    document = declaration(AgencyAssignedCustomizationCode="X")
    assert taken(registry, document, "json").message.key == "two/1/DEC"
    assert taken(registry, document, "xml").message.key == "two/1/DEC"
    document["MetaData"]["Declaration"]["TypeCode"] = "IMD"
    assert taken(registry, document, "json").message.key == "one/1/DEC"
    assert taken(registry, document, "xml").message.key == "one/1/DEC"


def test_a_condition_is_met_by_text_alone(registry):
    for odd in ({}, {"value": []}, {"value": {"value": {"value": "XZ-DMS"}}}, 7, None, [["XZ-DMS"]]):
        document = declaration()
        document["MetaData"][CUSTOMIZED] = odd
        with pytest.raises(Refused) as refusal:
            read(registry, json.dumps(document).encode(), "json", days=Days(today=BEFORE))
        assert {issue.rule for issue in refusal.value.report.issues} <= {"json.kind", "element.children"}
    deep = b'{"MetaData":{"AgencyAssignedCustomizationCode":' + b"[" * 5000 + b"]" * 5000 + b',"Declaration":{}}}'
    with pytest.raises(Refused):
        read(registry, deep, "json")
