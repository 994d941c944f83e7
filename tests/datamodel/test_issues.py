"""Every fault at once, with its place in three notations, in both formats alike."""

import json
import threading
from typing import Any

import pytest

from datamodel.codecs import read
from datamodel.issues import Issue, PointerStep, Refused
from datamodel.limits import Limits
from datamodel.registry import Registry

XML = """<MetaData xmlns="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2">
 <Declaration xmlns="urn:wco:datamodel:WCO:DEC-DMS:2">
  <FunctionCode>8</FunctionCode>
  <TotalPackageQuantity unitCode="TOOLONG">12,5</TotalPackageQuantity>
  <Declarant><Name>{name}</Name><Adress/></Declarant>
  <GoodsShipment>
   <GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric></GovernmentAgencyGoodsItem>
   <GovernmentAgencyGoodsItem>
    <Commodity><Description> </Description></Commodity>
   </GovernmentAgencyGoodsItem>
  </GoodsShipment>
 </Declaration>
</MetaData>"""
JSON = """{{"MetaData": {{
 "Declaration": {{
  "FunctionCode": "8",
  "TotalPackageQuantity": {{"@unitCode": "TOOLONG", "value": "12,5"}},
  "Declarant": {{"Name": "{name}", "Adress": {{}}}},
  "GoodsShipment": {{
   "GovernmentAgencyGoodsItem": [{{"SequenceNumeric": 1}},
    {{
     "Commodity": {{"Description": " "}}}}]}}}}}}}}"""
LONG_NAME = "N" * 71
EXPECTED = [
    ("value.code", "FunctionCode", "/FunctionCode", "017", 3, "8"),
    ("value.length", "TotalPackageQuantity/@unitCode", "/TotalPackageQuantity/@unitCode", "146", 4, "TOOLONG"),
    ("value.number", "TotalPackageQuantity", "/TotalPackageQuantity", "146", 4, "12,5"),
    ("value.length", "Declarant/Name", "/Declarant/Name", "R124", 5, "(personal)"),
    ("element.unknown", "Declarant/Adress", "/Declarant/Adress", "57B", 5, None),
    (
        "value.blank",
        "GoodsShipment/GovernmentAgencyGoodsItem[2]/Commodity/Description",
        "/GoodsShipment/GovernmentAgencyGoodsItem/1/Commodity/Description",
        "137",
        9,
        " ",
    ),
    (
        "element.missing",
        "GoodsShipment/GovernmentAgencyGoodsItem[2]/SequenceNumeric",
        "/GoodsShipment/GovernmentAgencyGoodsItem/1/SequenceNumeric",
        "006",
        8,
        None,
    ),
]


def issues(registry: Registry, body: str | bytes, form: Any, **options: Any) -> list[Issue]:
    with pytest.raises(Refused) as caught:
        read(registry, body.encode() if isinstance(body, str) else body, form, **options)
    assert 400 <= caught.value.status < 500
    assert caught.value.report.total >= len(caught.value.report.issues) > 0
    return list(caught.value.report.issues)


def facts(issue: Issue) -> tuple[Any, ...]:
    xpath = (issue.xpath or "").removeprefix("/MetaData/Declaration/")
    pointer = (issue.json_pointer or "").removeprefix("/MetaData/Declaration")
    return (issue.rule, xpath, pointer, issue.wco_id, issue.line, issue.value)


def test_xml_tells_all_faults_at_once(registry: Registry) -> None:
    found = issues(registry, XML.format(name=LONG_NAME), "xml")
    assert [facts(issue) for issue in found] == EXPECTED
    assert all(issue.column and issue.text and issue.remedy for issue in found)


def test_json_tells_the_same_faults_in_the_same_order(registry: Registry) -> None:
    found = issues(registry, JSON.format(name=LONG_NAME), "json")
    kinds = {"value.number": "json.kind"}  # JSON says that a string stands where a number belongs
    expected = [(kinds.get(rule, rule), *rest) for rule, *rest in EXPECTED]
    assert [facts(issue) for issue in found] == expected
    assert all(issue.column and issue.text and issue.remedy for issue in found)


def test_the_wco_pointer_names_sections_sequences_and_tag(registry: Registry) -> None:
    last = issues(registry, XML.format(name="x"), "xml")[-1]
    assert last.wco_pointer == (PointerStep("42A"), PointerStep("67A"), PointerStep("68A", 2, "006"))


def test_issues_are_capped_and_the_rest_is_counted(registry: Registry) -> None:
    items = [{"SequenceNumeric": "one"} for _ in range(500)]
    declaration = {"FunctionCode": "9", "GoodsShipment": {"GovernmentAgencyGoodsItem": items}}
    body = json.dumps({"MetaData": {"Declaration": declaration}}).encode()
    with pytest.raises(Refused) as caught:
        read(registry, body, "json", limits=Limits(max_issues=7))
    assert len(caught.value.report.issues) == 7
    assert caught.value.report.total == 500


def test_personal_values_never_show(registry: Registry) -> None:
    shown = [str(issue) for issue in issues(registry, XML.format(name=LONG_NAME), "xml")]
    assert not any(LONG_NAME[:20] in text for text in shown)


DECLARATION = '{"MetaData":{"Declaration":{"FunctionCode":"9",%s}}}'


@pytest.mark.parametrize(
    ("part", "rule"),
    [
        ('"ID":"a","ID":"b"', "json.duplicate"),
        ('"ID":"a","\\u0049D":"b"', "json.duplicate"),
        ('"TotalPackageQuantity":NaN', "json.malformed"),
        ('"TotalPackageQuantity":Infinity', "json.malformed"),
        ('"TotalPackageQuantity":1e999999999', "size.digits"),
        ('"TotalPackageQuantity":1E9999999999999999999', "size.digits"),
        ('"TotalPackageQuantity":0e99999999999999999999', "size.digits"),
        ('"TotalPackageQuantity":1e-9999999999999999999', "size.digits"),
        ('"TotalPackageQuantity":' + "9" * 100_000, "size.digits"),
        ('"TotalPackageQuantity":0.' + "0" * 5_000, "size.digits"),
        ('"TotalPackageQuantity":123456789', "value.digits"),
        ('"TotalPackageQuantity":1.5', "value.digits"),
        ('"TotalPackageQuantity":true', "json.kind"),
        ('"TotalPackageQuantity":{"@unitCode":"KGM"}', "json.kind"),
        ('"TotalPackageQuantity":{"@unitCode":5,"value":1}', "json.kind"),
        ('"TotalPackageQuantity":{"@bogus":"x","value":1}', "attribute.unknown"),
        ('"AcceptanceDateTime":{"DateTimeString":"20260131"}', "attribute.missing"),
        ('"ID":null', "json.kind"),
        ('"ID":7', "json.kind"),
        ('"ID":{"a":1}', "element.children"),
        ('"ID":["a"]', "json.kind"),
        ('"Agent":[]', "json.kind"),
        ('"Agent":"x"', "element.text"),
        ('"Agent":7', "json.kind"),
        ('"Agent":{"Name":{"x":1}}', "element.children"),
        ('"AdditionalDocument":{"ID":"x"}', "json.kind"),
        ('"ID":"\\u0000"', "value.character"),
        ('"ID":"\\ud800"', "json.malformed"),
        ('"ID":"\uffff"', "value.character"),
        ('"ID":"a\\nb"', "value.format"),
        ('"ID":"' + "x" * 71 + '"', "value.length"),
        ('"Declarant":{"Address":{"CountryCode":"X1"}}', "value.format"),
        ('"ID":"a",', "json.malformed"),
        ('"ID" "a"', "json.malformed"),
        ('"ID":"a\tb"', "json.malformed"),
        ("1:2", "json.malformed"),
    ],
)
def test_bad_json(registry: Registry, part: str, rule: str) -> None:
    assert issues(registry, DECLARATION % part, "json")[0].rule == rule


HEAD = '<m:MetaData xmlns:m="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2" xmlns="urn:wco:datamodel:WCO:DEC-DMS:2">'
BOMB = "<!DOCTYPE a [" + "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol"}">' for i in range(10)) + "]>"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("", "body.empty"),
        (" \n", "body.empty"),
        ("<MetaData>", "xml.malformed"),
        (HEAD + "<Declaration><FunctionCode>9</Functi", "xml.malformed"),
        (BOMB + "<a>&e9;</a>", "xml.doctype"),
        ('<!-- --><?x ?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "xml.doctype"),
        ("<a>&xxe;</a>", "xml.malformed"),
        ("<a>" * 100_000, "size.depth"),
        ("<a>" * 200 + "</a>" * 200, "size.depth"),
        (b"<a>\xff</a>", "body.not-utf8"),
        ('<?xml version="1.0" encoding="UTF-16"?><a/>', "xml.encoding"),
        ("<a/>", "message.unknown"),
        (HEAD + "</m:MetaData>", "message.unknown"),
        (HEAD.replace("DEC-DMS:2", "DEC-DMS:9") + "<Declaration/></m:MetaData>", "message.unknown"),
        (HEAD + "<Declaration/><Declaration/></m:MetaData>", "element.missing"),
        (HEAD + "<Declaration><FunctionCode>9</FunctionCode></Declaration>text</m:MetaData>", "element.text"),
    ],
)
def test_bad_xml(registry: Registry, body: str | bytes, rule: str) -> None:
    assert issues(registry, body, "xml")[0].rule == rule


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("", "body.empty"),
        ("null", "message.unknown"),
        ("[]", "message.unknown"),
        ("{}", "message.unknown"),
        ('{"a":1}', "message.unknown"),
        ('{"MetaData":{}}', "message.unknown"),
        ('{"MetaData":{"Declaration":{}},"x":1}', "message.unknown"),
        ('{"MetaData":{"Declaration":{}},"MetaData":{}}', "message.unknown"),
        ("[" * 100_000, "size.depth"),
        ('{"a":' * 100_000, "size.depth"),
        (b'{"\xff":1}', "body.not-utf8"),
        ('{"MetaData":{"Declaration":{"FunctionCode":"9"}}}x', "json.malformed"),
        ('{"MetaData":{"Declaration":{"FunctionCode":"9"}}', "json.malformed"),
    ],
)
def test_bad_json_documents(registry: Registry, body: str | bytes, rule: str) -> None:
    assert issues(registry, body, "json")[0].rule == rule


def test_a_malformed_document_names_line_and_column(registry: Registry) -> None:
    xml = issues(registry, "<a>\n <b></c></a>", "xml")[0]
    assert (xml.line, xml.column) == (2, 9)
    text = issues(registry, '{"MetaData":\n {"Declaration" 1}}', "json")[0]
    assert (text.line, text.column) == (2, 17)


def test_an_unknown_message_type_lists_the_known_ones(registry: Registry) -> None:
    found = issues(registry, "<a/>", "xml", message="wco-dms/9/DEC")[0]
    assert found.rule == "message.no-such-type"
    assert "wco-dms/3.6/DEC" in (found.expected or "")


def test_a_body_over_the_ceiling_is_not_parsed(registry: Registry) -> None:
    with pytest.raises(Refused) as caught:
        read(registry, b"<" * 11, "xml", limits=Limits(max_bytes=10))
    assert (caught.value.status, caught.value.report.issues[0].rule) == (413, "size.body")


SECOND = '<Declaration xmlns="urn:wco:datamodel:WCO:DEC-DMS:2"/>'


def test_places_are_written_as_their_standards_say(registry: Registry) -> None:
    found = issues(registry, DECLARATION % '"Fo o/~x":1', "json")[0]
    assert found.json_pointer == "/MetaData/Declaration/Fo o~1~0x"
    assert found.xpath == '/MetaData/Declaration/*[name()="Fo o/~x"]'
    twice = issues(
        registry,
        XML.replace("</Declaration>", f"</Declaration>{SECOND}"),
        "xml",
    )
    assert "/MetaData/Declaration[2]" in {issue.xpath for issue in twice}


@pytest.mark.parametrize("name", ["\U00010400x", "\u2c00", "\u218f"])
def test_names_of_the_fifth_edition_are_refused_not_fatal(registry: Registry, name: str) -> None:
    body = f"{HEAD}<Declaration><FunctionCode>9</FunctionCode><{name}/></Declaration></m:MetaData>"
    assert issues(registry, body, "xml")[0].rule in ("xml.malformed", "element.unknown")


def test_a_wrong_namespace_is_named(registry: Registry) -> None:
    (found,) = issues(registry, HEAD.replace("DEC-DMS:2", "DEC-DMS:1") + "\n<Declaration/></m:MetaData>", "xml")
    assert "Declaration of namespace urn:wco:datamodel:WCO:DEC-DMS:1" in found.text
    assert "{urn:wco:datamodel:WCO:DEC-DMS:2}Declaration" in (found.expected or "")
    assert (found.xpath, found.line) == ("/MetaData/Declaration", 2)


def test_the_ceiling_counts_the_same_in_both_formats(registry: Registry) -> None:
    def rules(body: bytes, form: Any) -> list[str]:
        try:
            read(registry, body, form, limits=Limits(max_elements=12))
        except Refused as refusal:
            return [issue.rule for issue in refusal.report.issues]
        return []

    for items, expected in ((4, []), (5, ["size.elements"])):  # MetaData, Declaration, FunctionCode, GoodsShipment
        xml = "<GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric></GovernmentAgencyGoodsItem>" * items
        body = f"{HEAD}<Declaration><FunctionCode>9</FunctionCode><!-- a --><GoodsShipment>{xml}</GoodsShipment>"
        assert rules((body + "</Declaration></m:MetaData>").encode(), "xml") == expected
        json_items = ",".join(['{"SequenceNumeric":1}'] * items)
        for code in ("9", "\\u0039"):
            json_body = DECLARATION.replace('"9"', f'"{code}"') % (
                f'"GoodsShipment":{{"GovernmentAgencyGoodsItem":[{json_items}]}}'
            )
            assert rules(json_body.encode(), "json") == expected


def test_strangers_cannot_use_up_the_names_of_libxml2(registry: Registry) -> None:
    """libxml2 remembers every name for as long as the thread lives, and takes no new ones when it is full."""
    good = f"{HEAD}<Declaration><FunctionCode>9</FunctionCode><Agent/></Declaration></m:MetaData>".encode()
    failures: list[Any] = []

    def attack() -> None:
        for number in range(2_400):
            name = f"n{number:05}" + "x" * 49_000
            try:
                read(registry, f"{HEAD}<{name}/></m:MetaData>".encode(), "xml")
            except Refused as refusal:
                if refusal.report.issues[0].rule != "message.unknown":
                    failures.append(refusal.report.issues[0])
        read(registry, good.replace(b"Agent", b"Exporter"), "xml")

    thread = threading.Thread(target=attack)
    thread.start()
    thread.join()
    assert not failures, failures[0]
