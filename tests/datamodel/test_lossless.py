"""XML to JSON to XML and back, without loss by the definition of the mapping (docs/mapping.md, point 9)."""

import json
from decimal import Decimal
from pathlib import Path
from xml.etree.ElementTree import canonicalize

import pytest
from lxml import etree

from datamodel.codecs import read, write
from datamodel.facets import normal
from datamodel.model import XSI, ClassType, Element
from datamodel.registry import Registry
from tests.conftest import SCHEMAS

SAMPLES = sorted((SCHEMAS / "samples").glob("*.xml"))


def parsed(body: bytes) -> etree._Element:
    return etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True))


def normalise(node: etree._Element, element: Element) -> None:
    """White space as each type says, numbers as value and scale; schema hints stay, they are kept."""
    if not isinstance(element.content, ClassType):
        text = normal(element.content.type, node.text or "")
        node.text = format(Decimal(text), "f") if element.content.type.primitive == "decimal" else text
        for use in element.content.attributes:
            if use.name in node.attrib:
                node.set(use.name, normal(use.type, node.get(use.name, "")))
        return
    node.text = None
    by_tag = {child.tag: child for child in element.content.children}
    for child in node:
        child.tail = None
        normalise(child, by_tag[child.tag])


def c14n(body: bytes, root: Element) -> bytes:
    """Canonical XML 2.0 with prefixes rewritten, because prefixes are not data."""
    tree = parsed(body)
    normalise(tree, root)
    return canonicalize(etree.tostring(tree, encoding="unicode"), rewrite_prefixes=True).encode()


def assert_lossless(registry: Registry, body: bytes) -> None:
    first = read(registry, body, "xml")
    root = first.message.model.root
    as_json = write(first, "json")
    second = read(registry, as_json, "json")
    as_xml = write(second, "xml")
    assert c14n(as_xml, root) == c14n(body, root)
    third = read(registry, as_xml, "xml")
    assert write(third, "json") == as_json
    assert json.loads(as_json, parse_float=Decimal) == json.loads(write(second, "json"), parse_float=Decimal)


def test_the_whole_corpus(either_registry: Registry, corpus: Path) -> None:
    files = sorted(corpus.glob("samples/*/*.xml"))
    assert len(files) == 63
    for file in files:
        assert_lossless(either_registry, file.read_bytes())


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_our_samples(either_registry: Registry, file: Path) -> None:
    assert_lossless(either_registry, file.read_bytes())


DECLARATION = f"""<?xml version="1.0" encoding="UTF-8"?>
<m:MetaData xmlns:m="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2" xmlns:xsi="{XSI}" xsi:schemaLocation="urn:a b.xsd">
  <m:ResponsibleAgencyName languageID="en">  XZ  Customs </m:ResponsibleAgencyName>
  <d:Declaration xmlns:d="urn:wco:datamodel:WCO:DEC-DMS:2" xsi:schemaLocation="urn:c d.xsd">
    <d:FunctionCode listName=" a&#10;&#9;b&quot;&lt; "> 9<!-- original -->
    </d:FunctionCode>
    <d:FunctionalReferenceID>0007<![CDATA[<&>]]></d:FunctionalReferenceID>
    <d:TotalGrossMassMeasure unitCode="KGM">+0012.500</d:TotalGrossMassMeasure>
    <d:TotalPackageQuantity>5.</d:TotalPackageQuantity>
    <d:Agent/>
    <d:GoodsShipment>
      <d:GovernmentAgencyGoodsItem><d:SequenceNumeric>1.0</d:SequenceNumeric>
        <d:Commodity><d:DutyTaxFee><d:TaxRateNumeric>0.0000000</d:TaxRateNumeric></d:DutyTaxFee></d:Commodity>
      </d:GovernmentAgencyGoodsItem>
    </d:GoodsShipment>
  </d:Declaration>
</m:MetaData>""".encode()


def test_every_oddity_of_xml_survives(either_registry: Registry) -> None:
    assert_lossless(either_registry, DECLARATION)


def test_the_json_of_the_mapping(either_registry: Registry) -> None:
    made = write(read(either_registry, DECLARATION, "xml"), "json")
    assert json.loads(made, parse_float=str, parse_int=str) == {
        "MetaData": {
            "@xsi:schemaLocation": "urn:a b.xsd",
            "ResponsibleAgencyName": {"@languageID": "en", "value": "  XZ  Customs "},
            "Declaration": {
                "@xsi:schemaLocation": "urn:c d.xsd",
                "FunctionCode": {"@listName": ' a\n\tb"< ', "value": "9"},
                "FunctionalReferenceID": "0007<&>",
                "TotalGrossMassMeasure": {"@unitCode": "KGM", "value": "12.500"},
                "TotalPackageQuantity": "5",
                "Agent": {},
                "GoodsShipment": {
                    "GovernmentAgencyGoodsItem": [
                        {"SequenceNumeric": "1.0", "Commodity": {"DutyTaxFee": [{"TaxRateNumeric": "0E-7"}]}}
                    ]
                },
            },
        }
    }
    assert b'"TotalGrossMassMeasure":{"@unitCode":"KGM","value":12.500}' in made


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ('"FunctionCode":{"value":"9"}', '"FunctionCode":"9"'),
        ('"FunctionCode":"\\u0039"', '"FunctionCode":"9"'),
        ('"FunctionCode":"9","AdditionalDocument":[]', '"FunctionCode":"9"'),
        ('"FunctionCode":" 9\\n"', '"FunctionCode":"9"'),
        ('"ID":"x","FunctionCode":"9"', '"FunctionCode":"9","ID":"x"'),
        ('"FunctionCode":"9","TotalPackageQuantity":{"value":1E1}', '"FunctionCode":"9","TotalPackageQuantity":10'),
        ('"FunctionCode":"9","Agent":""', '"FunctionCode":"9","Agent":{}'),
        ('"FunctionCode":"9","ID":"a\\\\b\\"c\\u00e9"', '"FunctionCode":"9","ID":"a\\\\b\\"cé"'),
    ],
)
def test_json_input_may_be_written_in_several_ways(either_registry: Registry, given: str, canonical: str) -> None:
    document = '{"MetaData":{"Declaration":{%s}}}'
    assert write(read(either_registry, (document % given).encode(), "json"), "json") == (document % canonical).encode()
