"""Findings become issues at the same places, in the same order, in both formats; paths are read wherever they lead."""

import json
import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodel import json_places, xml_instances
from datamodel.circumstances import accepted_on, country_of
from datamodel.codecs import read, write
from datamodel.findings import SEVERITIES, Finding
from datamodel.json_instances import instances
from datamodel.limits import Limits
from datamodel.model import Simple, walk
from datamodel.paths import reader
from datamodel.places import locate
from datamodel.xml_guard import BOM
from tests.datamodel.listing import FLOWERS, HOTEL, SAMPLES, document

ITEM = "Declaration/GoodsShipment/GovernmentAgencyGoodsItem"


@pytest.fixture(scope="module")
def twins(registry):
    """One declaration as XML and as JSON: what was read, and its bytes."""
    return document(registry, "xml", HOTEL), document(registry, "json", HOTEL)


@pytest.fixture(scope="module")
def spots(twins):
    """The steps, attribute and value of every value in that declaration."""
    (parsed, _), _ = twins
    found = []
    for path, element in walk(parsed.message.model.root):
        below = path.partition("/")[2]
        if not isinstance(element.content, Simple):
            continue
        for label in (None, *(use.label for use in element.content.attributes)):
            places = reader(parsed.message.model.root, f"{below}/@{label}" if label else below)
            found += [(steps, label, str(value)) for steps, value in places(parsed.document)]
    assert len(found) > 300
    return found


def finding(steps=(), severity="error", rule="r", **fields):
    return Finding(rule=rule, severity=severity, text="a text", steps=tuple(steps), **fields)


def told(report):
    return [(i.rule, i.severity, i.xpath, i.json_pointer, i.wco_pointer, i.wco_id, i.value) for i in report.issues]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_findings_stand_at_the_same_places_in_the_same_order_in_both_formats(twins, spots, data):
    chosen = data.draw(st.lists(st.sampled_from(spots), min_size=1, max_size=40))
    severities = data.draw(st.lists(st.sampled_from(SEVERITIES), min_size=len(chosen), max_size=len(chosen)))
    findings = [
        finding(steps, severity, attribute=label, value=value)
        for (steps, label, value), severity in zip(chosen, severities, strict=True)
    ]
    limits = Limits(max_issues=data.draw(st.integers(1, 50)))
    reports = [locate(parsed, body, findings, limits) for parsed, body in twins]
    assert told(reports[0]) == told(reports[1])
    assert {report.total for report in reports} == {len(findings)}
    assert len(reports[0].issues) == min(len(findings), limits.max_issues)


def test_what_is_passed_by_changes_no_place(twins, spots, monkeypatch):
    findings = [finding(steps, attribute=label, value=value) for steps, label, value in spots]
    groups = [findings, *([each] for each in findings[::7])]
    reports = [[locate(parsed, body, group, Limits(max_issues=1000)) for group in groups] for parsed, body in twins]
    monkeypatch.setattr(xml_instances, "places", lambda body, sought: xml_instances.instances(body))
    monkeypatch.setattr(json_places, "places", lambda text, root, _, limits: instances(text, root, limits))
    assert reports == [[locate(*twin, group, Limits(max_issues=1000)) for group in groups] for twin in twins]


def test_lines_are_those_of_the_value(twins, spots):
    for parsed, body in twins:
        lines = body.decode().splitlines()
        findings = [finding(steps, attribute=label, value=value) for steps, label, value in spots]
        report = locate(parsed, body, findings, Limits(max_issues=1000, max_value_shown=500))
        assert len(report.issues) == len(spots)
        for issue in report.issues:
            name = issue.json_pointer.split("/")
            label = next(part for part in reversed(name) if not part.isdigit()).lstrip("@")
            near = " ".join(lines[issue.line - 1 : issue.line + 3])
            assert label in near or issue.json_pointer[-1].isdigit()
            assert issue.value in (*near.split('"'), "(personal)") or issue.value in near


def test_order_is_that_of_the_model_whatever_the_order_of_properties(registry, twins, spots):
    (parsed, body), _ = twins

    def shuffled(value):
        if isinstance(value, dict):
            members = [(name, shuffled(each)) for name, each in value.items()]
            random.Random(7).shuffle(members)
            return dict(members)
        return [shuffled(each) for each in value] if isinstance(value, list) else value

    text = (SAMPLES / f"{HOTEL}.json").read_text()
    mixed = json.dumps(shuffled(json.loads(text))).encode()
    other = read(registry, BOM + mixed, "json")
    findings = [finding(steps, attribute=label, value=value) for steps, label, value in spots[::-1]]
    limits = Limits(max_issues=1000)
    assert told(locate(other, BOM + mixed, findings, limits)) == told(locate(parsed, body, findings, limits))


def test_of_too_many_the_gravest_are_told_in_document_order(twins):
    items = [(("Declaration", None), ("GoodsShipment", None), ("GovernmentAgencyGoodsItem", at)) for at in range(11)]
    findings = [finding(steps, "warning", rule="w") for steps in items] + [finding(items[9]), finding(items[4])]
    for parsed, body in twins:
        report = locate(parsed, body, findings, Limits(max_issues=4))
        assert [issue.rule for issue in report.issues] == ["w", "w", "r", "r"]
        assert [issue.json_pointer.rpartition("/")[2] for issue in report.issues] == ["0", "1", "4", "9"]
        assert report.total == 13
    assert locate(*twins[0], findings, Limits(max_counted=5)).total == 5


def test_an_absent_part_stands_where_its_class_begins(twins):
    steps = (("Declaration", None), ("GoodsShipment", None), ("GovernmentAgencyGoodsItem", 2))
    for parsed, body in twins:
        here, gone = locate(parsed, body, [finding((*steps, ("Origin", 7))), finding(steps)], Limits()).issues
        assert (gone.line, gone.column) == (here.line, here.column)
        assert gone.xpath == f"{here.xpath}/Origin[8]"
        assert gone.json_pointer == f"{here.json_pointer}/Origin/7"
        assert (gone.wco_pointer[-1].section, gone.wco_pointer[-1].sequence) == ("92A", 8)


def test_the_root_itself_can_be_at_fault(twins):
    for parsed, body in twins:
        (issue,) = locate(parsed, body, [finding()], Limits()).issues
        assert (issue.xpath, issue.json_pointer) == ("/MetaData", "/MetaData")


def test_values_are_cut_and_personal_ones_hidden(twins):
    city = (("Declaration", None), ("GoodsShipment", None), ("Importer", None), ("Address", None), ("CityName", None))
    kind = (("Declaration", None), ("TypeCode", None))
    for parsed, body in twins:
        limits = Limits(max_value_shown=5)
        shown, hidden = locate(
            parsed, body, [finding(city, value="Almar"), finding(kind, value="x" * 99)], limits
        ).issues
        assert (shown.value, hidden.value) == ("xxxxx…", "(personal)")


def test_steps_that_lead_nowhere_are_a_fault_of_the_caller(twins):
    with pytest.raises(ValueError, match="Nonsense"):
        locate(*twins[0], [finding([("Declaration", None), ("Nonsense", None)])], Limits())


def test_nothing_found_costs_nothing(twins):
    (parsed, _), _ = twins
    assert locate(parsed, b"not even read", [], Limits()).total == 0


# Reading paths


def test_a_path_is_followed_through_everything_that_repeats(twins):
    for parsed, _ in twins:
        found = list(reader(parsed.message.model.root, f"{ITEM}/Packaging/TypeCode")(parsed.document))
        assert len(found) == 11
        assert found[3][0][2:] == (("GovernmentAgencyGoodsItem", 3), ("Packaging", 0), ("TypeCode", None))
        classes = list(reader(parsed.message.model.root, ITEM)(parsed.document))
        assert [int(item.SequenceNumeric) for _, item in classes] == list(range(1, 12))
    assert list(reader(parsed.message.model.root, "")(parsed.document)) == [((), parsed.document)]


def test_attributes_and_bare_values(twins):
    for parsed, _ in twins:
        root = parsed.message.model.root
        ((_, amount),) = reader(root, "Declaration/InvoiceAmount")(parsed.document)
        ((steps, currency),) = reader(root, "Declaration/InvoiceAmount/@currencyID")(parsed.document)
        assert (str(amount), currency) == ("44667.30", "EUR")
        assert steps == (("Declaration", None), ("InvoiceAmount", None))
        assert not list(reader(root, "Declaration/GoodsItemQuantity/@unitCode")(parsed.document))


@pytest.mark.parametrize(
    "path", ["Declaration/Nonsense", "Declaration/InvoiceAmount/@colour", "Declaration/TypeCode/x", "/"]
)
def test_a_path_that_is_not_there_is_named(registry, path):
    with pytest.raises(ValueError, match="path"):
        reader(registry.message("DEC").model.root, path)


# What a document says of itself


@pytest.mark.parametrize("form", ["xml", "json"])
def test_country_and_day_of_acceptance(registry, form):
    parsed, body = document(registry, form, FLOWERS)
    model = parsed.message.model
    assert country_of(model, parsed.document) == "XZ"
    assert accepted_on(model, parsed.document) is None
    for text, day in (("20211231", date(2021, 12, 31)), ("20220101235900Z", date(2022, 1, 1)), ("20260230", None)):
        stated = accepted(registry, form, text)
        assert accepted_on(stated.message.model, stated.document) == day
    other, _ = document(registry, form, ResponsibleCountryCode="GB")
    assert country_of(other.message.model, other.document) == "GB"


def accepted(registry, form, text):
    """The sample with that day of acceptance."""
    code = "304" if len(text) > 8 else "102"
    body = (SAMPLES / f"{FLOWERS}.json").read_text()
    value = {"DateTimeString": {"@formatCode": code, "value": text}}
    content = json.loads(body)
    content["MetaData"]["Declaration"]["AcceptanceDateTime"] = value
    parsed = read(registry, json.dumps(content).encode(), "json")
    if form == "json":
        return parsed
    return read(registry, write(parsed, "xml"), "xml")
