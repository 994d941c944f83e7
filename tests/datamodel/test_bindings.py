"""Which list a position takes: by country, package, day and condition; in our messages and in foreign ones."""

import sys
from datetime import date

import msgspec
import pytest

from datamodel import bundles
from datamodel.codecs import read, write
from datamodel.codelists import CodeLists
from datamodel.registry import Registry
from datamodel.semantics import Semantics
from tests.conftest import SCHEMAS
from tests.datamodel.listing import DAY, MODE, bound, document, folder, row, rules


@pytest.fixture(scope="module")
def lists():
    return CodeLists.load(SCHEMAS / "codelists")


def check(registry, path, lists, bindings, facts=None, form="json", on=DAY, **changes):
    known = CodeLists.load(folder(path, lists, bindings, facts))
    parsed, _ = document(registry, form, **changes)
    return known.check(parsed.message, parsed.document, on)


def test_a_country_has_its_own_list_and_everybody_elses_is_advised(registry, tmp_path):
    lists = {"all": [row("1")], "mine": [row("2")]}
    bindings = [bound(MODE, "all", "advice"), bound(MODE, "mine", "error", country="XZ")]
    facts = {"mine": 'country = "XZ"\nextends = "all"'}
    judge = {mode: check(registry, tmp_path / mode, lists, bindings, facts, ModeCode=mode) for mode in "123"}
    assert {mode: rules(found) for mode, found in judge.items()} == {
        "1": [],
        "2": [],
        "3": [("code.unknown", "error", "ModeCode", "3")],
    }
    abroad = check(registry, tmp_path, lists, bindings, facts, ModeCode="2", ResponsibleCountryCode="GB")
    assert rules(abroad) == [("code.unknown", "advice", "ModeCode", "2")]


@pytest.mark.parametrize(
    "weaker",
    [
        bound("tded:8067", "bad"),
        bound("id:T022", "bad"),
        bound("*/ModeCode", "bad"),
        bound("*/BorderTransportMeans/*/ModeCode", "bad"),
    ],
)
def test_the_more_particular_row_decides(registry, tmp_path, weaker):
    lists = {"good": [row("4")], "bad": [row("9")]}
    assert check(registry, tmp_path / "a", lists, [weaker], ModeCode="4")
    for place, order in enumerate(([weaker, bound(MODE, "good")], [bound(MODE, "good"), weaker])):
        found = check(registry, tmp_path / str(place), lists, order, ModeCode="4")
        assert not any(each.steps[-2][0] == "BorderTransportMeans" for each in found)


def test_a_package_may_differ_and_a_position_may_take_none(registry, tmp_path):
    lists = {"good": [row("4")], "bad": [row("9")]}
    package = [bound(MODE, "bad"), bound(MODE, "good", package="wco-dms/3.6/*")]
    assert check(registry, tmp_path / "a", lists, package, ModeCode="4") == []
    other = [bound(MODE, "bad"), bound(MODE, "good", package="other/*")]
    assert check(registry, tmp_path / "b", lists, other, ModeCode="4")
    none = [bound("*/ModeCode", "bad"), bound(MODE, "-")]
    found = check(registry, tmp_path / "c", lists, none, ModeCode="4")
    assert {each.steps[-2][0] for each in found} == {"ArrivalTransportMeans"}


def test_a_row_decides_from_its_first_day_to_its_last(registry, tmp_path):
    lists = {"old": [row("1")], "new": [row("4")]}
    bindings = [bound(MODE, "old", to="2024-12-31"), bound(MODE, "new", **{"from": "2025-01-01", "to": "2025-12-31"})]
    judge = {
        day: bool(check(registry, tmp_path, lists, bindings, on=date.fromisoformat(day), ModeCode="4"))
        for day in ("2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01")
    }
    assert judge == {"2024-12-31": True, "2025-01-01": False, "2025-12-31": False, "2026-01-01": False}


def test_conditions_first_signs_and_siblings(registry, tmp_path):
    position = "*/GovernmentProcedure/CurrentCode"
    lists = {"two": [row("40")], "three": [row("000")], "joined": [row("4000")], "first": [row("4"), row("0")]}
    by_sibling = [bound(position, "two", when="PreviousCode"), bound(position, "three", when="!PreviousCode")]
    assert check(registry, tmp_path / "a", lists, by_sibling) == []
    swapped = [bound(position, "three", when="PreviousCode"), bound(position, "two", when="!PreviousCode")]
    assert len(check(registry, tmp_path / "b", lists, swapped)) == 6
    by_value = [bound(position, "two", when="PreviousCode=00|01"), bound(position, "first", first="1")]
    assert check(registry, tmp_path / "c", lists, by_value) == []
    joined = [bound("*/GovernmentProcedure/PreviousCode", "joined", **{"with": "CurrentCode"})]
    assert check(registry, tmp_path / "d", lists, joined) == []


def test_an_unknown_code_of_an_incomplete_list_is_advice_an_ended_one_is_not(registry, tmp_path):
    lists = {"some": [row("4", "", "2020-12-31"), row("1")]}
    facts = {"some": "complete = false"}
    judge = {mode: check(registry, tmp_path, lists, [bound(MODE, "some")], facts, ModeCode=mode) for mode in "148"}
    assert [rules(judge[mode]) for mode in "148"] == [
        [],
        [("code.ended", "error", "ModeCode", "4")],
        [("code.unknown", "advice", "ModeCode", "8")],
    ]


def test_blank_values_are_none_of_a_lists_business(registry, lists):
    parsed, _ = document(registry, "json")
    blank = msgspec.structs.replace(parsed.document, ResponsibleCountryCode=" ")
    found = lists.check(parsed.message, blank, DAY)
    assert [each for each in found if each.steps == (("ResponsibleCountryCode", None),)] == []


def test_the_lists_of_a_position_can_be_asked_for(registry, lists):
    message = registry.message("DEC")
    leaves = lists.bound(message, "Declaration/InvoiceAmount", "XZ")
    assert [(leaf.attribute, leaf.bindings[0].list) for leaf in leaves] == [("currencyID", "xz-currencies")]
    (leaf,) = lists.bound(message, "Declaration/GoodsShipment/TradeTerms/ConditionCode")
    assert leaf.bindings[0].list == "delivery-terms"
    assert lists.bound(message, "Declaration/GoodsShipment/Invoice/ID") == ()
    assert lists.bound(message, "Declaration/Nonsense/ID") == ()


# Much of everything


def test_errors_are_found_behind_any_number_of_warnings_and_none_is_counted_for_ever(registry, tmp_path):
    lists = {"none": [row("-")]}
    bindings = [bound("*/GovernmentAgencyGoodsItem/Packaging/TypeCode", "none", "warning")]
    bindings += [bound("*/GovernmentAgencyGoodsItem/ValuationAdjustment/AdditionCode", "none", "error")]
    known = CodeLists.load(folder(tmp_path, lists, bindings))
    parsed, _ = document(registry, "json", "import-supermarket-thirty-items")
    found = known.check(parsed.message, parsed.document, DAY, most=5)
    assert [sum(each.severity == severity for each in found) for severity in ("warning", "error")] == [5, 5]


def calls(work):
    """How many Python and C functions a piece of work calls."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("mode", ["A00004", "A4"])
def test_work_grows_neither_with_lists_nor_with_bindings_of_other_packages(registry, tmp_path, mode):
    parsed, _ = document(registry, "json")
    counts = []
    for size, others in ((10, 0), (20_000, 200)):
        codes = [row(f"A{number:05}") for number in range(size)]
        bindings = [bound("*/Declarant/ID", "long")]
        bindings += [bound("*/ModeCode", "long", package=f"other-{number}/*") for number in range(others)]
        known = CodeLists.load(folder(tmp_path / str(size), {"long": codes}, bindings))
        changed, _ = document(registry, "json", FunctionalReferenceID=mode)
        assert known.check(changed.message, changed.document, DAY)
        counts.append(calls(lambda known=known: known.check(parsed.message, parsed.document, DAY)))
    assert counts[0] == counts[1]


# Documents of foreign schemas

LOOP = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:loop" targetNamespace="urn:loop"
    elementFormDefault="qualified">
  <xs:element name="Part" type="Part"/>
  <xs:complexType name="Part"><xs:choice minOccurs="0" maxOccurs="unbounded">
    <xs:element name="Part" type="Part"/>
    <xs:element name="Country" type="xs:string"/>
    <xs:element name="Weight"><xs:complexType><xs:simpleContent>
      <xs:extension base="xs:decimal"><xs:attribute name="unitCode" type="xs:string"/></xs:extension>
    </xs:simpleContent></xs:complexType></xs:element>
  </xs:choice><xs:attribute name="maker" type="xs:string"/></xs:complexType>
</xs:schema>"""


def test_a_class_within_itself_is_followed_all_the_way_down(tmp_path):
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "loop.xsd").write_bytes(LOOP)
    (tmp_path / "schemas" / "packages").mkdir(parents=True)
    (key,) = bundles.add(tmp_path / "schemas" / "packages", "loop", "1", tmp_path / "loop", ("loop.xsd", "Part"))
    registry = Registry.load(tmp_path / "schemas")
    bindings = [bound("*/Country", "good"), bound("*/@unitCode", "good"), bound("*/Part/@maker", "good", "warning")]
    known = CodeLists.load(folder(tmp_path / "lists", {"good": [row("KE"), row("KGM")]}, bindings))
    body = (
        b'<Part xmlns="urn:loop" maker="KE"><Weight unitCode="KGM">1</Weight><Country>KE</Country>\n'
        b'<Part maker="ZZ"><Country>KE</Country>\n<Part><Country>Q1</Country>\n<Weight unitCode="LBR">2</Weight>\n'
        b"<Country>Q2</Country></Part></Part>\n<Country>Q3</Country></Part>"
    )
    reports = []
    parsed = read(registry, body, "xml", key)
    for form in ("xml", "json"):
        text = body if form == "xml" else write(parsed, "json")
        again = read(registry, text, form, key)
        report = Semantics([known]).examine(again, text, DAY)
        reports.append([(i.rule, i.severity, i.value, i.xpath, i.wco_pointer) for i in report.issues])
        assert all(issue.line for issue in report.issues)
    assert reports[0] == reports[1]
    assert [(value, xpath) for _, _, value, xpath, _ in reports[0]] == [
        ("ZZ", "/Part/Part[1]/@maker"),
        ("Q1", "/Part/Part[1]/Part[1]/Country[1]"),
        ("LBR", "/Part/Part[1]/Part[1]/Weight[1]/@unitCode"),
        ("Q2", "/Part/Part[1]/Part[1]/Country[2]"),
        ("Q3", "/Part/Country[2]"),
    ]
