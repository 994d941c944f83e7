"""Rules on messages of somebody else's schema, whose documents are dicts: order kept, nil, booleans, attributes."""

from datetime import date
from pathlib import Path

import pytest

from datamodel import bundles
from datamodel.codecs import read, write
from datamodel.registry import Registry
from datamodel.rule_files import BadRules
from datamodel.rules import RuleBook
from tests.datamodel.rule_material import written

KEY = "bill/1/Bill"
HEAD = f'messages = ["{KEY}"]\nseverity = "error"\neffective_from = 2026-01-01\n'
SCHEMA = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:bill" targetNamespace="urn:bill"
    elementFormDefault="qualified">
  <xs:element name="Bill">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Total" type="xs:decimal" nillable="true"/>
        <xs:element name="Paid" type="xs:boolean" minOccurs="0"/>
        <xs:element name="Note" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
        <xs:sequence minOccurs="0">
          <xs:element name="Day" type="xs:date"/>
        </xs:sequence>
        <xs:choice minOccurs="0" maxOccurs="unbounded">
          <xs:element name="Line">
            <xs:complexType>
              <xs:simpleContent>
                <xs:extension base="xs:decimal"><xs:attribute name="count" type="xs:int"/></xs:extension>
              </xs:simpleContent>
            </xs:complexType>
          </xs:element>
          <xs:element name="Discount" type="Discount"/>
        </xs:choice>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
  <xs:complexType name="Discount">
    <xs:sequence>
      <xs:element name="Amount" type="xs:decimal"/>
      <xs:element name="Discount" type="Discount" minOccurs="0"/>
    </xs:sequence>
  </xs:complexType>
</xs:schema>
"""
BILL = b"""<Bill xmlns="urn:bill" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Total>30.30</Total><Paid>1</Paid>
<Note>first</Note><Note>second</Note><Day>2026-05-31</Day><Line count="2">10.1</Line><Discount><Amount>0.1</Amount>
<Discount><Amount>0.2</Amount></Discount></Discount><Line count="3">20.2</Line></Bill>"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "bill.xsd").write_text(SCHEMA)
    schemas = tmp_path_factory.mktemp("schemas")
    (schemas / "packages").mkdir()
    bundles.add(schemas / "packages", "bill", "1", folder, ("bill.xsd", "Bill"))
    return Registry.load(schemas)


def places(registry: Registry, tmp_path: Path, rule: str, body: bytes = BILL) -> list[tuple[object, str | None]]:
    """Where a rule finds something, the same in XML and in JSON."""
    book = RuleBook.load(written(tmp_path, rule, head=HEAD), registry)
    one = read(registry, body, "xml", KEY)
    other = read(registry, write(one, "json"), "json", KEY)
    found = [book.check(each.message, each.document, date(2026, 6, 1)) for each in (one, other)]
    assert found[0] == found[1]
    return [(finding.steps, finding.value) for finding in found[0]]


@pytest.mark.parametrize(
    "expression",
    [
        "doc.Total != null && doc.Total == sum(doc.Line)",
        "doc.Paid != null && doc.Paid",
        'unique(doc.Note) && "second" in doc.Note && size(doc.Line) == 2',
        'day(doc.Day) == day("2026-05-31") && days_between(day("2026-05-01"), as_of) == 31',
        "doc.Discount.all(d, d.Amount < 1 && d.Discount.Amount == 0.2)",
        "doc.Discount.exists(d, d.Discount.Discount.Discount == null)",
    ],
)
def test_values_are_read(expression: str, registry: Registry, tmp_path: Path) -> None:
    assert places(registry, tmp_path, f"assert = '{expression}'") == []


def test_parts_that_keep_their_order_are_counted_by_their_name(registry: Registry, tmp_path: Path) -> None:
    found = places(registry, tmp_path, 'for_each = "Line"\nassert = "it < 20 && index < 1"')
    assert found == [((("Line", 1),), "20.2")]
    rule = 'for_each = "Line"\nwhere = "@count"\nassert = \'it["@count"] == 2\''
    assert places(registry, tmp_path, rule) == [((("Line", 1),), "3")]


def test_null_is_absent(registry: Registry, tmp_path: Path) -> None:
    body = BILL.replace(b"<Total>30.30</Total>", b'<Total xsi:nil="true"/>')
    assert places(registry, tmp_path, 'assert = "doc.Total != null"\nwhere = "Total"', body) == [
        ((("Total", None),), None)
    ]


@pytest.mark.parametrize("expression", ["doc.Total > 1", 'doc.Day.startsWith("2026")', "doc.Paid"])
def test_what_may_be_absent_must_be_asked_for(expression: str, registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BadRules, match="may be absent"):
        RuleBook.load(written(tmp_path, f"assert = '{expression}'", head=HEAD), registry)
