"""The same document in XML and JSON has the same issues: rule, place and value, in the same order.

What one notation can say and the other cannot is left out, and stated here: it is all there is.
"""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from datamodel import bundles
from datamodel.codecs import read
from datamodel.issues import Issue, Refused
from datamodel.model import XSI
from datamodel.registry import Message, Registry
from datamodel.xsd_writer import write_bundle
from tests.datamodel import naive_json
from tests.datamodel.mutations import mutants

SAMPLES = Path(__file__).resolve().parents[2] / "schemas" / "samples"
MUTANTS_EACH = 40
FOREIGN_EACH = 60
XML_ONLY = ("element.order",)  # the order of JSON properties is free
WRITABLE = ("dropped", "doubled", "renamed", "retexted", "attribute_added", "attribute_removed")
TEXT_BESIDE = "text_added"  # JSON has no text beside elements

Facts = tuple[str, str | None, str | None]


def facts(issue: Issue) -> Facts:
    """What both notations share of an issue.

    `12,5` is no number in either notation, but only JSON can say that it is a string. A number has one form in JSON.
    """
    rule = "value.number" if issue.rule == "json.kind" else issue.rule
    value = issue.value
    if rule == "value.digits" and value:
        value = naive_json.plain_json(value.strip())
    return rule, issue.xpath, value


def found(registry: Registry, body: bytes, form: Any, key: str) -> list[Facts]:
    try:
        read(registry, body, form, key)
    except Refused as refusal:
        return [facts(issue) for issue in refusal.report.issues if issue.rule not in XML_ONLY]
    return []


class Comparison:
    """Compares damaged documents; what differs is kept in words."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    def damage(self, message: Message, body: bytes, count: int, seed: int) -> None:
        """Compare mutations of a document."""
        for kind, mutant in mutants(body, count, seed):
            if kind != TEXT_BESIDE:
                self.compare(message, kind, etree.fromstring(mutant))

    def compare(self, message: Message, kind: str, root: etree._Element) -> None:
        """Compare one document with what a sender's own tool would make of it in JSON."""
        try:
            body = naive_json.document(root, message.model.root)
        except LookupError:
            self.counts["not writable in JSON"] += 1
            return
        xml = found(self.registry, etree.tostring(root), "xml", message.key)
        json = found(self.registry, body, "json", message.key)
        self.counts.update([kind, *(rule for rule, _, _ in xml)])
        self.counts["several issues"] += len(xml) > 1
        if xml != json:
            self.wrong.append(f"{message.key} {kind}: XML {xml}, JSON {json}")


@pytest.mark.timeout(180)
def test_damaged_documents_have_the_same_issues_in_both_notations(registry: Registry) -> None:
    comparison = Comparison(registry)
    for seed, file in enumerate(sorted(SAMPLES.rglob("*.xml"))):
        message = read(registry, file.read_bytes(), "xml").message
        comparison.damage(message, file.read_bytes(), MUTANTS_EACH, seed)
    assert not comparison.wrong, comparison.wrong[:5]
    counts = comparison.counts
    assert counts["several issues"] > 50, counts
    assert all(counts[kind] for kind in WRITABLE), counts
    rules = ("element.unknown", "element.missing", "element.repeated", "element.children", "element.text")
    assert all(counts[rule] for rule in (*rules, "attribute.unknown", "attribute.missing", "value.code")), counts


@pytest.fixture(scope="module")
def foreign(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The declaration's schema as if it were somebody else's."""
    bundle, schemas = tmp_path_factory.mktemp("bundle"), tmp_path_factory.mktemp("schemas")
    files = write_bundle(registry.message("DEC").model)
    for name, text in files.items():
        (bundle / name).write_bytes(text)
    (schemas / "packages").mkdir()
    bundles.add(schemas / "packages", "theirs", "1", bundle, (next(iter(files)), "MetaData"))
    return Registry.load(schemas)


@pytest.mark.timeout(120)
def test_foreign_schemas_too(foreign: Registry) -> None:
    (message,) = foreign.messages.values()
    assert not message.model.typed
    comparison = Comparison(foreign)
    for seed, file in enumerate(sorted(SAMPLES.glob("import-*.xml"))[:4]):
        comparison.damage(message, file.read_bytes(), FOREIGN_EACH, seed)
    assert not comparison.wrong, comparison.wrong[:5]
    assert all(comparison.counts[kind] for kind in WRITABLE), comparison.counts


def test_text_with_attributes_in_a_foreign_class(foreign: Registry) -> None:
    (message,) = foreign.messages.values()
    head = '<m:MetaData xmlns:m="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2" xmlns="urn:wco:datamodel:WCO:DEC-DMS:2">'
    xml = f'{head}<Declaration><FunctionCode>9</FunctionCode><Agent a="1">text</Agent></Declaration></m:MetaData>'
    json = '{"MetaData":{"Declaration":{"FunctionCode":"9","Agent":{"@a":"1","value":"text"}}}}'
    same = found(foreign, xml.encode(), "xml", message.key)
    assert same == found(foreign, json.encode(), "json", message.key)
    assert [rule for rule, _, _ in same] == ["element.text", "attribute.unknown"]


def test_several_faults_are_told_in_the_order_of_the_model(registry: Registry) -> None:
    """Not in that of the document, which JSON does not have."""
    message = registry.message("DEC")
    body = (SAMPLES / "import-cut-flowers-kenya.xml").read_bytes()
    comparison = Comparison(registry)
    rng = random.Random(3)
    for _ in range(40):
        root = etree.fromstring(body, etree.XMLParser(remove_comments=True))
        for node in root.iter():
            if not len(node) and rng.random() < 0.1:
                node.text = "\N{SNOWMAN}" * 99
            if rng.random() < 0.05:
                node.set("bogus", "1")
            if len(node) and rng.random() < 0.1:
                etree.SubElement(node, f"Bogus{rng.randint(1, 2)}")
        for node in root.iter():
            if len(node) > 1 and rng.random() < 0.5:
                node.append(node[0])
        comparison.compare(message, "several", root)
    assert not comparison.wrong, comparison.wrong[:2]
    assert comparison.counts["several issues"] == 40


@pytest.mark.parametrize(
    ("xml", "json"),
    [
        (f'<Agent xmlns:xsi="{XSI}" xsi:type="x"/>', '"Agent":{"@xsi:type":"x"}'),
        ("<ID>a</ID><ID>b</ID><ID>c</ID>", '"ID":["a","b","c"]'),
        ("<Bogus/><ID/><Bogus/>", '"Bogus":["",""],"ID":""'),
        ("<Agent>text</Agent>", '"Agent":"text"'),
        ('<Agent bogus="1">text</Agent>', '"Agent":{"@bogus":"1","value":"text"}'),
        ('<ID b="1" a="2"/>', '"ID":{"@b":"1","@a":"2","value":""}'),
        ("<ID><x/>stray</ID>", '"ID":{"x":"","value":"stray"}'),
    ],
)
def test_the_same_fault_by_hand(registry: Registry, xml: str, json: str) -> None:
    head = '<m:MetaData xmlns:m="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2" xmlns="urn:wco:datamodel:WCO:DEC-DMS:2">'
    in_xml = f"{head}<Declaration><FunctionCode>9</FunctionCode>{xml}</Declaration></m:MetaData>"
    in_json = f'{{"MetaData":{{"Declaration":{{"FunctionCode":"9",{json}}}}}}}'
    assert found(registry, in_xml.encode(), "xml", "DEC") == found(registry, in_json.encode(), "json", "DEC") != []


@pytest.mark.parametrize(
    ("xml", "json"),
    [
        (b"<Bogus/>", b'{"Bogus":{}}'),
        (b'<MetaData xmlns="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"/>', b'{"MetaData":{}}'),
        (
            b'<MetaData xmlns="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"><WCOTypeName/><Bogus/></MetaData>',
            b'{"MetaData":{"Bogus":{},"WCOTypeName":"x"}}',
        ),
    ],
)
def test_what_is_no_message_is_refused_at_the_same_place(registry: Registry, xml: bytes, json: bytes) -> None:
    places = []
    for body, form in ((xml, "xml"), (json, "json")):
        with pytest.raises(Refused) as caught:
            read(registry, body, form)  # type: ignore[arg-type]
        (issue,) = caught.value.report.issues
        places.append((issue.rule, issue.xpath, issue.json_pointer))
    assert places[0] == places[1]
