"""The compiled codecs decide and write as libxml2 and Python do; what they leave open costs time, not a verdict."""

import os
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from datamodel import native
from datamodel.codecs import Parsed, read, write
from datamodel.facets import normal
from datamodel.issues import Refused
from datamodel.model import Element, Model, Simple, SimpleType, plain_class
from datamodel.registry import Message, Registry
from datamodel.structs import StructBuilder
from tests.conftest import ROOT, SCHEMAS
from tests.datamodel.generated import documents, lexical, simple_types
from tests.datamodel.mutations import mutants

if os.environ.get("CI"):
    assert native.AVAILABLE, "datamodel/native is not compiled"
pytestmark = pytest.mark.skipif(
    not native.AVAILABLE, reason="datamodel/native is not compiled: no C compiler was found"
)

FAST, PLAIN = Registry.load(SCHEMAS), Registry.load(SCHEMAS, accelerated=False)
RELAXED = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
TYPES = {name: kind for message in FAST.messages.values() for name, kind in simple_types(message).items()}
NASTY = st.text(st.sampled_from(" \t\n\r.+-eE09azAZ_:/#%<&\u00a0\u0085\u0660é\U0001f6a2"), max_size=24)
SAMPLES = sorted((SCHEMAS / "samples").glob("*.xml"))
MUTANTS_EACH = 150
NUMBERS = (
    "0 7 -7 +7 007 -007 7.0 7.50 .5 5. -0 -0.00 0.0 0.000001 0.0000001 0.0000000 1e3 1,5 12.345 --1 +-1 . - NaN 1.2.3"
)


def one_value(kind: SimpleType) -> Message:
    """A message type with a single value."""
    value = Element(name="v", namespace="urn:one", json_name="v", content=Simple(kind))
    root = Element(name="One", namespace="urn:one", json_name="One", content=plain_class((value,)))
    model = Model(key="one/1/One", title="One", root=root, payload="", when=(), prefixes=(("", "urn:one"),))
    return Message(model, StructBuilder(loose=True))


def tree(body: bytes) -> etree._Element:
    return etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True))


def holder(text: str) -> etree._Element:
    root = etree.Element("{urn:one}One", nsmap={None: "urn:one"})
    etree.SubElement(root, "{urn:one}v").text = text
    return root


def judged(message: Message, text: str) -> bytes | None:
    """What the reader makes of a value in XML; the writer, asked for the same in JSON, must be of the same mind."""
    taken = message.quick_json(holder(text))
    if "\r" not in text:  # which a document can only hold as a reference, and then it is there again
        assert taken == message.quick_json(tree(etree.tostring(holder(text))))
    return taken


@pytest.mark.parametrize("name", sorted(TYPES))
def test_no_value_is_taken_that_libxml2_would_refuse(name: str) -> None:
    kind = TYPES[name]
    message = one_value(kind)

    @RELAXED
    @given(lexical(kind).map(str) | NASTY | st.tuples(NASTY, lexical(kind).map(str)).map("".join))
    def agrees(text: str) -> None:
        json = judged(message, text)
        if json is None:
            return
        assert message.schema.validate(holder(text)), message.schema.error_log
        value = message.decode(json).v
        assert value == (Decimal(text.strip(" \t\r\n")) if kind.primitive == "decimal" else normal(kind, text))
        assert native.write(message.plan, message.decode(json), strict=True) is not None

    agrees()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_no_json_value_is_taken_that_libxml2_would_refuse(name: str) -> None:
    kind = TYPES[name]
    message = one_value(kind)

    @RELAXED
    @given(lexical(kind).map(str) | NASTY)
    def agrees(text: str) -> None:
        body = b'{"One":{"v":%s}}' % (text.encode() if kind.primitive == "decimal" else msgspec.json.encode(text))
        try:
            document = message.decode(body)
        except (msgspec.DecodeError, ArithmeticError):
            return
        if native.write(message.plan, document, strict=True):
            assert message.schema.validate(holder(text)), message.schema.error_log
            assert kind.primitive == "decimal" or normal(kind, text) == text

    agrees()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_ordinary_values_are_taken_at_once(name: str) -> None:
    kind = TYPES[name]
    message, examples = one_value(kind), []

    @RELAXED
    @given(lexical(kind).map(str))
    def collect(text: str) -> None:
        examples.append(message.quick_json(holder(text)) is not None)

    collect()
    assert any(examples), "the quick way is never taken"


@pytest.mark.parametrize("text", NUMBERS.split(" "))
@pytest.mark.parametrize(("total", "places"), [(None, None), (3, None), (16, 2), (5, 0)])
def test_numbers_come_out_as_python_writes_them(text: str, total: int | None, places: int | None) -> None:
    message = one_value(SimpleType(name="n", primitive="decimal", total_digits=total, fraction_digits=places))
    registry = Registry({message.key: message})
    body = etree.tostring(holder(text))
    json = judged(message, text)
    if json is None:
        try:
            json = write(read(registry, body, "xml"), "json")
        except Refused:
            assert not message.schema.validate(holder(text))
            return
    assert message.schema.validate(holder(text))
    slow = Parsed(message, message.xml_reader(holder(text)))
    assert json == write(slow, "json")


@pytest.mark.parametrize("key", sorted(FAST.messages))
def test_both_ways_read_and_write_the_same(key: str) -> None:
    fast, plain = FAST.message(key), PLAIN.message(key)

    @RELAXED
    @given(documents(plain))
    def same(document: msgspec.Struct) -> None:
        xml, json = write(Parsed(plain, document), "xml"), write(Parsed(plain, document), "json")
        loose = fast.decode(json)
        assert fast.write_xml(loose) == xml
        for form, body in (("xml", xml), ("json", json)):
            quick, slow = read(FAST, body, form, key), read(PLAIN, body, form, key)
            assert write(quick, "json") == write(slow, "json") == json
            assert write(quick, "xml") == write(slow, "xml") == xml
            assert quick.document == loose

    same()


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_damaged_messages(file: Path) -> None:
    """The quick way takes nothing that libxml2 refuses, and what it takes is what Python reads."""
    counts = {True: 0, False: 0}
    message, plain = read(FAST, file.read_bytes(), "xml").message, PLAIN
    for kind, body in mutants(file.read_bytes(), MUTANTS_EACH, 7):
        json = message.quick_json(tree(body))
        counts[json is not None] += 1
        if json is not None:
            assert message.schema.validate(tree(body)), (kind, message.schema.error_log)
            assert json == write(read(plain, body, "xml", message.key), "json"), kind
    assert min(counts.values()) > MUTANTS_EACH / 20, counts


def test_samples_and_corpus_go_the_quick_way(corpus: Path) -> None:
    for file in (*SAMPLES, *sorted(corpus.glob("samples/*/*.xml"))):
        parsed = read(FAST, file.read_bytes(), "xml")
        json = parsed.message.quick_json(tree(file.read_bytes()))
        assert json == write(parsed, "json"), file.name


PIECES = {
    "comment": "E<!-- - -->XA",
    "instruction": "E<?x y?>XA",
    "cdata": "<![CDATA[E]]>XA",
    "reference": "&#69;&#x58;A",
    "space": "\n  EXA \n",
}


def export(code: str) -> bytes:
    """The first sample with its type code written in another way."""
    return SAMPLES[0].read_bytes().replace(b"<dec:TypeCode>EXA<", f"<dec:TypeCode>{code}<".encode(), 1)


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_a_text_in_pieces_is_one_text(pieces: str) -> None:
    assert export(pieces) != export("EXA")
    assert write(read(FAST, export(pieces), "xml"), "json") == write(read(FAST, export("EXA"), "xml"), "json")


def test_children_are_found_by_their_local_names() -> None:
    root = etree.fromstring('<a xmlns:p="urn:p">x<p:b>1</p:b><c/><!-- b --><b>2</b>é<p:é/></a>')
    assert [child.text for child in native.children(root, {"b"})] == ["1", "2"]
    assert [child.tag for child in native.children(root, ("c", "é"))] == ["c", "{urn:p}é"]
    assert native.children(root[0], {"b"}) == []


def test_escapes_in_json_hide_no_lost_name() -> None:
    json = write(read(FAST, export("EXA"), "xml", "DEC"), "json")
    good = json.replace(b'"TypeCode":"EXA"', b'"\\u0054ypeCode":"\\u0045XA"', 1)
    assert write(read(FAST, good, "json", "DEC"), "json") == json
    twice = json.replace(b'"TypeCode":"EXA"', b'"TypeCode":"EXA","\\u0054ypeCode":"EXA"', 1)
    with pytest.raises(Refused) as refusal:
        read(FAST, twice, "json", "DEC")
    assert [issue.rule for issue in refusal.value.report.issues] == ["json.duplicate"]


def test_what_was_taken_once_is_not_remembered_without_end() -> None:
    message = one_value(SimpleType(name="m", primitive="string", pattern="[A-Z]{4}[0-9]{50}"))
    tracemalloc.start()
    for number in range(20_000):
        assert message.quick_json(holder(f"ABCD{number:050d}"))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 512 * 1024


@pytest.mark.parametrize("switch", ["yes", "no"])
def test_the_switch_changes_nothing_but_the_speed(switch: str) -> None:
    told = "import datamodel.native as n; print(n.AVAILABLE)"
    environment = {**os.environ, "GUICHET_NATIVE": switch}
    python = [sys.executable, "-c", told]
    said = subprocess.run(python, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    assert said == str(switch == "yes")
    command = [sys.executable, "-m", "gateway", "convert", "--to", "json", SAMPLES[0]]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=True).stdout
    assert done.strip() == write(read(PLAIN, SAMPLES[0].read_bytes(), "xml"), "json")
