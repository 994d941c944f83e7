"""Code lists as of a day: what is in force when, for whom, and what a sender is told; and the tables themselves."""

import csv
from datetime import date, timedelta
from importlib.metadata import version

import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodel.circumstances import accepted_on
from datamodel.codecs import read
from datamodel.codelist import Code, CodeList, Facts
from datamodel.codelist_lint import lint
from datamodel.codelists import CodeLists
from datamodel.issues import Refused
from datamodel.limits import Limits
from datamodel.semantics import Semantics, day_of
from tests.conftest import SCHEMAS
from tests.datamodel.listing import DAY, SAMPLES, document

FOLDER = SCHEMAS / "codelists"


@pytest.fixture(scope="module")
def lists():
    return CodeLists.load(FOLDER)


# The lists of this repository


def test_the_tables_are_good(registry):
    assert lint(FOLDER, registry) == []


@pytest.mark.parametrize("form", ["xml", "json"])
def test_the_samples_hold_no_wrong_code(registry, lists, form):
    for file in sorted(SAMPLES.glob(f"*.{form}")):
        parsed = read(registry, file.read_bytes(), form)
        for day in (DAY, date(2022, 1, 1), date(2030, 1, 1)):
            assert lists.check(parsed.message, parsed.document, day) == [], file.name


def test_a_foreign_declaration_is_warned_and_never_refused(registry, lists, corpus):
    found = []
    for file in sorted(corpus.glob("samples/declarations/*.xml")):
        parsed = read(registry, file.read_bytes(), "xml")
        found += lists.check(parsed.message, parsed.document, DAY)
    assert {each.severity for each in found} == {"warning", "advice"}
    assert {each.value for each in found} >= {"ZG", "KGM#G"}


def test_lists_are_as_long_as_they_should_be(lists):
    counts = {name: len(known.on(DAY)) for name, known in lists.lists.items()}
    assert counts["countries"] == 249
    assert counts["xz-countries"] > counts["countries"]
    assert min(counts["units"], counts["packages"], counts["documents"]) >= 120
    assert counts["transport-modes"] == 10


@pytest.mark.parametrize(
    ("day", "edition", "count"),
    [
        (date(2012, 1, 1), "2012", 1224),
        (date(2016, 12, 31), "2012", 1224),
        (date(2017, 1, 1), "2017", 1222),
        (date(2021, 12, 31), "2017", 1222),
        (date(2022, 1, 1), "2022", 1228),
        (DAY, "2022", 1228),
    ],
)
def test_the_editions_of_the_harmonized_system(lists, day, edition, count):
    headings = lists.lists["hs-headings"]
    assert (headings.edition(day), len(headings.on(day))) == (edition, count)


def test_what_changed_between_editions(lists):
    headings = lists.lists["hs-headings"]
    changes = {}
    for last in (date(2016, 12, 31), date(2021, 12, 31)):
        before = {each.code for each in headings.on(last)}
        after = {each.code for each in headings.on(last + timedelta(days=1))}
        changes[last.year] = (sorted(before - after), sorted(after - before))
    assert changes[2016] == (["2848", "6908", "8469"], ["9620"])
    assert changes[2021] == (["8107", "8803"], ["0309", "2404", "3827", "8485", "8524", "8549", "8806", "8807"])


def test_countries_and_currencies_are_those_of_their_source(lists):
    assert version("pycountry") == "26.2.16", "compare the tables with the new release, then name it here"
    assert {each.code for each in lists.lists["countries"].on(DAY)} == {each.alpha_2 for each in pycountry.countries}
    assert {each.code for each in lists.lists["currencies"].on(DAY)} == {each.alpha_3 for each in pycountry.currencies}


def test_every_document_that_an_agency_asks_for_has_a_code_while_it_does(lists):
    documents = lists.lists["xz-documents"]
    with (SCHEMAS / "requirements" / "xz.csv").open(encoding="utf-8", newline="") as stream:
        for each in csv.DictReader(stream):
            days = filter(None, (each["effective_from"], each["effective_to"]))
            assert all(documents.fault(each["lpco_type"], date.fromisoformat(day)) is None for day in days), each["id"]


# As of a day


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize(
    ("heading", "verdicts"),
    [
        ("8803", {"20161231": None, "20211231": None, "20220101": "code.ended"}),
        ("8524", {"20161231": "code.not-yet", "20211231": "code.not-yet", "20220101": None}),
        ("8469", {"20161231": None, "20170101": "code.ended", "20220101": "code.ended"}),
        ("9620", {"20161231": "code.not-yet", "20170101": None, "20220101": None}),
        ("0603", {"20161231": None, "20170101": None, "20220101": None}),
        ("9999", {"20161231": "code.unknown", "20170101": "code.unknown", "20220101": "code.unknown"}),
    ],
)
def test_two_editions_are_live_and_each_declaration_gets_that_of_its_day(registry, lists, form, heading, verdicts):
    checks = Semantics([lists])
    for stated, verdict in verdicts.items():
        parsed, body = dated(registry, form, heading, stated)
        assert accepted_on(parsed.message.model, parsed.document) is not None
        report = checks.examine(parsed, body, day_of(parsed, None, DAY))
        assert [issue.rule for issue in report.issues] == ([verdict] * 3 if verdict else [])
        if verdict:
            edition = {"20161231": "2012", "20170101": "2017", "20211231": "2017", "20220101": "2022"}[stated]
            assert all(f"edition {edition}" in issue.expected for issue in report.issues)
            with pytest.raises(Refused) as refused:
                checks.admit(parsed, body, day_of(parsed, None, DAY))
            assert refused.value.report == report


def dated(registry, form, heading, stated):
    """The flowers, of another heading, accepted on a day that the declaration states."""
    parsed, body = document(registry, form)
    if form == "xml":
        day = b'<AcceptanceDateTime><ds:DateTimeString formatCode="102">%s</ds:DateTimeString></AcceptanceDateTime>'
        body = body.replace(b"<FunctionCode>", day % stated.encode() + b"<FunctionCode>", 1)
        body = body.replace(b"<ds:DateTimeString", b'<ds:DateTimeString xmlns:ds="%s"' % DS, 1)
    else:
        day = b'"AcceptanceDateTime": {"DateTimeString": {"@formatCode": "102", "value": "%s"}}, "FunctionCode"'
        body = body.replace(b'"FunctionCode"', day % stated.encode(), 1)
    for code in (b"06031100", b"06031500", b"06031200"):
        body = body.replace(code, heading.encode() + code[4:])
    return read(registry, body, form), body


DS = b"urn:wco:datamodel:WCO:Declaration_DS:DMS:2"


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize(("day", "rule"), [(date(2022, 12, 31), None), (date(2023, 1, 1), "code.ended")])
def test_a_currency_ends(registry, lists, form, day, rule):
    parsed, _ = document(registry, form, currencyID="HRK")
    found = {each.rule for each in lists.check(parsed.message, parsed.document, day) if each.attribute == "currencyID"}
    assert found == ({rule} if rule else set())


def test_before_a_list_begins_nothing_is_said(registry, lists):
    parsed, _ = document(registry, "xml", currencyID="QQQ")
    assert lists.check(parsed.message, parsed.document, date(2011, 12, 31)) == []
    assert lists.check(parsed.message, parsed.document, date(2012, 1, 1))


periods = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=5)


@settings(max_examples=300)
@given(periods=periods, begins=st.booleans(), ends=st.booleans(), today=st.integers(-3, 90), since=st.integers(-5, 40))
def test_a_code_is_in_force_on_the_days_of_its_periods_and_on_no_other(periods, begins, ends, today, since):
    """Against the plainest reading: a set of days."""
    start, rows, at = date(2020, 1, 1), [], 0
    for gap, length in periods:
        first = at + gap + 1
        at = first + length
        rows.append((first, at))
    days = {day for first, last in rows for day in range(first, last + 1)}
    codes = []
    for index, (first, last) in enumerate(rows):
        opened, closed = begins and index == 0, ends and index == len(rows) - 1
        days |= set(range(-10, first)) if opened else set()
        days |= set(range(last, 120)) if closed else set()
        codes.append(
            Code(
                code="A",
                name="a",
                effective_from=None if opened else start + timedelta(days=first),
                effective_to=None if closed else start + timedelta(days=last),
            )
        )
    known = CodeList("x", Facts(title="X", source="-", since=start + timedelta(days=since)), reversed(codes))
    expected = "code.not-yet"
    if today < since or today in days:
        expected = None
    elif not rows:
        expected = "code.unknown"
    elif min(days) < today:
        expected = "code.ended"
    assert known.fault("A", start + timedelta(days=today)) == expected
    assert (known.on(start + timedelta(days=today)) != []) == (today in days)


# What a sender is told


@pytest.mark.parametrize(
    ("name", "code", "near"),
    [
        ("countries", "UK", ("GB",)),
        ("countries", "KEN", ("KE",)),
        ("countries", "us", ("US",)),
        ("countries", "Q7", ()),
        ("currencies", "HRK", ("EUR",)),
        ("currencies", "EUX", ("EUR",)),
        ("units", "KG", ("KGM",)),
        ("units", "KMG", ("KGM",)),
        ("units", "PCE", ("H87",)),
        ("hs-headings", "0630", ("0603",)),
        ("hs-headings", "603", ("0603", "1603", "2603")),
        ("hs-headings", "8803", ("8807",)),
        ("transport-modes", "04", ("4",)),
        ("xz-offices", "XZ000311", ("XZ000310",)),
        ("xz-offices", "XZ000230", ("XZ000220",)),
        ("xz-documents", "N850" * 40, ()),
    ],
)
def test_near_codes(lists, name, code, near):
    assert lists.lists[name].near(code, DAY) == near


def test_a_code_to_come_names_the_one_before_it(lists):
    assert lists.lists["currencies"].near("XCG", date(2024, 1, 1)) == ("ANG",)
    assert lists.lists["currencies"].says("XCG", date(2024, 1, 1)) == "Currencies (ISO 4217) from 2025-03-31"


@pytest.mark.parametrize("form", ["xml", "json"])
def test_text_and_remedy_name_the_list_and_the_day(registry, lists, form):
    parsed, body = document(registry, form, currencyID="HRK")
    issue = Semantics([lists]).examine(parsed, body, DAY).issues[0]
    assert issue.rule == "code.ended"
    assert "Currencies in XZ until 2022-12-31" in issue.text
    assert "2026-11-21" in issue.expected
    assert "EUR" in issue.remedy
    assert issue.xpath.endswith("/InvoiceAmount/@currencyID")
    assert (issue.value, issue.wco_pointer[-1].tag) == ("HRK", "109")


@pytest.mark.parametrize("form", ["xml", "json"])
def test_of_a_personal_value_nothing_is_shown_nor_guessed(registry, lists, form):
    parsed, body = document(registry, form, CountryCode="UK")
    issues = Semantics([lists]).examine(parsed, body, DAY).issues
    personal = [issue for issue in issues if "/Address/CountryCode" in issue.xpath]
    others = [issue for issue in issues if issue not in personal]
    assert len(personal) >= 2
    assert len(others) >= 2
    for issue in personal:
        assert issue.value == "(personal)"
        assert not any(word in f"{issue.text} {issue.remedy} {issue.expected}" for word in ("UK", "GB"))
    assert all(issue.value == "UK" and "GB" in issue.expected for issue in others)


def test_both_formats_get_the_same_findings_in_the_same_order(registry, lists):
    changes = {"CountryCode": "UK", "currencyID": "HRK", "PaymentMethodCode": "!!", "MethodCode": "Q"}
    reports = []
    for form in ("xml", "json"):
        parsed, body = document(registry, form, **changes)
        report = Semantics([lists]).examine(parsed, body, DAY, Limits(max_issues=1000))
        reports.append([(i.rule, i.xpath, i.json_pointer, i.value, i.text, i.expected) for i in report.issues])
    assert reports[0] == reports[1]
    assert len(reports[0]) > 15
