"""Derived packages: what a rule does to documents in both formats, and what is refused, with its place."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from datamodel.base_form import base_form
from datamodel.codecs import Format, Parsed, read, write
from datamodel.codelists import CodeLists
from datamodel.derivation_file import BadDerivation
from datamodel.issues import Issue, Refused
from datamodel.model import descend
from datamodel.registry import Registry
from tests.conftest import SCHEMAS
from tests.datamodel.derived import HEAD, installation, sample, write_package

KEY = "xx/1/DEC"
XX = "{urn:xx:customs}"
PASSPORT = """
[[messages.DEC.extend]]
path = "GoodsShipment/GovernmentAgencyGoodsItem/Commodity/PassportID"
namespace = "xx"
type = "ID"
format = "an..70"
max = 2
after = "Description"
purpose = "Finds the product passport"
"""


def narrow(path: str, rule: str) -> str:
    """A table that narrows one position."""
    return f'[messages.DEC.narrow]\n"{path}" = {{ {rule} }}\n'


def derived(folder: Path, rules: str) -> Registry:
    """The repository's base with the package xx/1 of these rules for DEC."""
    return Registry.load(installation(folder, xx_1=HEAD + rules))


def issues(registry: Registry, document: dict[str, Any], form: Format = "json") -> tuple[Issue, ...]:
    """What is refused of a document that is valid under the base, as JSON or as XML."""
    body = json.dumps(document).encode()
    if form == "xml":
        body = write(read(registry, body, "json", "wco-dms/3.6/DEC"), "xml")
    try:
        read(registry, body, form, KEY)
    except Refused as refused:
        return refused.report.issues
    return ()


def change(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with another value at a path below Declaration."""
    part = document["MetaData"]["Declaration"]
    *above, last = path.split("/")
    for name in above:
        part = part[name][0] if isinstance(part[name], list) else part[name]
    part[last] = value
    return document


# What a rule says, what a document breaks of it, and what is changed in the sample to that end.
RULES = {
    "mandatory": ('mandatory = ["AcceptanceDateTime"]', "element.missing", {}),
    "forbidden": ('forbid = ["GoodsItemQuantity"]', "element.unknown", {}),
    "format": (narrow("Declarant/ID", 'format = "an..5"'), "value.length", {}),
    "letters": (narrow("Declarant/ID", 'format = "a..17"'), "value.format", {}),
    "digits": (narrow("TotalPackageQuantity", 'format = "n..2"'), "value.digits", {"TotalPackageQuantity": 100}),
    "decimals": (narrow("CurrencyExchange/RateNumeric", 'format = "n..12,1"'), "value.digits", {}),
    "pattern": (narrow("Declarant/ID", 'pattern = "YY[0-9]{12}"'), "value.format", {}),
    "values": (narrow("TypeCode", 'values = ["EXA"]'), "value.code", {}),
    "max": (narrow("GoodsShipment/GovernmentAgencyGoodsItem", "max = 2"), "element.repeated", {}),
    "min": (narrow("AdditionalInformation", "min = 2"), "element.missing", {}),
    "XML attribute": ('mandatory = ["TypeCode/@listID"]', "attribute.missing", {}),
    "XML attribute forbidden": (
        'forbid = ["TypeCode/@listID"]',
        "attribute.unknown",
        {"TypeCode": {"@listID": "x", "value": "IMA"}},
    ),
    "XML attribute's values": (narrow("InvoiceAmount/@currencyID", 'values = ["YYD"]'), "value.code", {}),
    "envelope": (narrow("/ResponsibleCountryCode", 'values = ["YY"]'), "value.code", {}),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_refuses_what_the_base_takes(tmp_path, name):
    rules, rule, changes = RULES[name]
    registry, document = derived(tmp_path, rules), sample()
    for path, value in changes.items():
        change(document, path, value)
    in_json, in_xml = issues(registry, document), issues(registry, document, "xml")
    assert {each.rule for each in in_json} == {rule}
    assert [(each.rule, each.xpath, each.value) for each in in_json] == [
        (each.rule, each.xpath, each.value) for each in in_xml
    ]


def test_what_keeps_the_rules_passes_as_before(tmp_path):
    rules = 'mandatory = ["TypeCode"]\nforbid = ["LoadingListQuantity"]\n' + narrow("TypeCode", 'values = ["IMA"]')
    registry = derived(tmp_path, rules)
    body = json.dumps(sample()).encode()
    plain, narrowed = read(registry, body, "json", "wco-dms/3.6/DEC"), read(registry, body, "json", KEY)
    assert write(plain, "xml") == write(narrowed, "xml").replace(b' xmlns:xx="urn:xx:customs"', b"")
    assert write(plain, "json") == write(narrowed, "json")


def test_what_may_stand_once_only_is_still_an_array(tmp_path):
    registry = derived(tmp_path, narrow("GoodsShipment/GovernmentAgencyGoodsItem", "max = 1"))
    document = sample()
    del document["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"][1:]
    parsed = read(registry, json.dumps(document).encode(), "json", KEY)
    assert len(parsed.document.Declaration.GoodsShipment.GovernmentAgencyGoodsItem) == 1
    again = read(registry, write(parsed, "xml"), "xml", KEY)
    assert json.loads(write(again, "json")) == json.loads(write(parsed, "json"))
    assert not issues(registry, document)


def extended(folder: Path) -> tuple[Registry, Parsed]:
    """A package with one extension and a document that uses it."""
    registry = derived(folder, PASSPORT)
    path = "GoodsShipment/GovernmentAgencyGoodsItem/Commodity/PassportID"
    body = json.dumps(change(sample(), path, ["XP-1", {"@schemeID": "gs1", "value": "XP-2"}])).encode()
    return registry, read(registry, body, "json", KEY)


def test_an_extension_stands_in_its_own_namespace_after_its_sibling(tmp_path):
    registry, parsed = extended(tmp_path)
    xml = write(parsed, "xml")
    commodity = next(etree.fromstring(xml).iter("{*}Commodity"))
    assert [each.tag for each in commodity][1:3] == [f"{XX}PassportID"] * 2
    assert etree.QName(commodity[0]).localname == "Description"
    assert read(registry, xml, "xml", KEY).document == parsed.document
    assert write(read(registry, xml, "xml", KEY), "json") == write(parsed, "json")


def test_the_base_does_not_know_the_extension_until_it_is_left_out(tmp_path):
    registry, parsed = extended(tmp_path)
    with pytest.raises(Refused):
        read(registry, write(parsed, "json"), "json", "wco-dms/3.6/DEC")
    plain = base_form(registry, parsed)
    assert plain.message.key == "wco-dms/3.6/DEC"
    assert json.loads(write(plain, "json")) == sample()
    assert base_form(registry, plain) is plain


def test_an_extension_may_be_a_class_and_a_date(tmp_path):
    rules = """
[[messages.DEC.extend]]
path = "Slot"
namespace = "xx"
type = "class"
max = "*"
purpose = "Holds a slot"
[[messages.DEC.extend]]
path = "Slot/StartDateTime"
namespace = "xx"
type = "DateTime"
format = "an..35"
min = 1
purpose = "When it starts"
[[messages.DEC.extend]]
path = "Slot/LaneCode"
namespace = "xx"
type = "Code"
format = "an..3"
values = ["A", "B 1"]
personal = true
purpose = "Which lane"
"""
    registry = derived(tmp_path, rules)
    slot = {"StartDateTime": {"DateTimeString": {"@formatCode": "102", "value": "20260131"}}, "LaneCode": "B 1"}
    parsed = read(registry, json.dumps(change(sample(), "Slot", [slot, slot])).encode(), "json", KEY)
    xml = write(parsed, "xml")
    assert read(registry, xml, "xml", KEY).document == parsed.document
    assert etree.fromstring(xml).findtext(f".//{XX}Slot/{XX}LaneCode") == "B 1"
    (issue,) = issues(registry, change(sample(), "Slot", [{**slot, "LaneCode": "C"}]))
    assert (issue.rule, issue.value) == ("value.code", "(personal)")


def test_a_package_may_derive_from_a_derived_one(tmp_path):
    root = installation(tmp_path, xx_1=HEAD + 'mandatory = ["TypeCode"]\n' + PASSPORT)
    rules = narrow("GoodsShipment/GovernmentAgencyGoodsItem/Commodity/PassportID", 'max = 1, format = "an..9"')
    write_package(root / "packages", "yy_1", f'title = "Y"\nextends = "xx/1"\n[messages.DEC]\n{rules}')
    registry = Registry.load(root)
    model = registry.message("yy/1/DEC").model
    assert descend(model.root, "Declaration/TypeCode").min == 1
    found = descend(model.root, "Declaration/GoodsShipment/GovernmentAgencyGoodsItem/Commodity/PassportID")
    assert (found.max, found.many, found.format) == (1, True, "an..9")
    parsed = read(registry, json.dumps(sample()).encode(), "json", "yy/1/DEC")
    assert base_form(registry, parsed).message.key == "wco-dms/3.6/DEC"


def test_the_example_takes_every_sample(registry):
    for file in sorted((SCHEMAS / "samples").glob("*.json")):
        assert read(registry, file.read_bytes(), "json", "xz-dms/2026/DEC")


def test_a_named_code_list_is_checked_in_any_country(tmp_path):
    rules = (
        narrow("TypeCode", 'list = "xz-declaration-types"') + '"InvoiceAmount/@currencyID" = { list = "xz-currencies" }'
    )
    registry = derived(tmp_path, rules)
    lists = CodeLists.load(tmp_path / "codelists")
    body = json.dumps(change(sample(), "TypeCode", "QQQ")).encode()
    for key, found in (("wco-dms/3.6/DEC", []), (KEY, [("code.unknown", "error", "QQQ")])):
        parsed = read(registry, body, "json", key)
        codes = lists.check(parsed.message, parsed.document, date(2026, 11, 2), country="YY")
        assert [(each.rule, each.severity, each.value) for each in codes if each.value == "QQQ"] == found


def test_nothing_is_half_loaded(tmp_path):
    root = installation(tmp_path, xx_1=HEAD + 'mandatory = ["TypeCode"]')
    before = Registry.load(root)
    shutil.copytree(root / "packages/xx/1", root / "packages/xx/2")
    (root / "packages/xx/2/package.toml").write_text(HEAD + 'mandatory = ["TypoCode"]')
    with pytest.raises(BadDerivation, match="package.toml:6: messages.DEC.mandatory.TypoCode"):
        Registry.load(root)
    assert read(before, json.dumps(sample()).encode(), "json", KEY).message.key == KEY
