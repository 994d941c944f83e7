"""JSON Schemas of other people's XML Schemas: every construct, and the regular expressions that the two write alike."""

import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import jsonschema_rs
import msgspec
import pytest
from lxml import etree

from datamodel import bundles
from datamodel.codecs import read, write
from datamodel.issues import Refused
from datamodel.json_patterns import ecma
from datamodel.json_schema import write as write_schema
from datamodel.registry import Registry
from tests.datamodel.foreign_documents import Maker

STRESS = Path(__file__).parent / "stress"
ROOTS = (
    *("Sequences", "Choices", "Interleaved", "Alls", "Derived", "Values", "Wild"),
    *("Strict", "Substituted", "Nil", "Recursive", "Twins", "Chameleon"),
)
DOCUMENTS = 150


@pytest.fixture(scope="module")
def stress(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    schemas = tmp_path_factory.mktemp("schemas")
    (schemas / "packages").mkdir()
    bundles.add(schemas / "packages", "stress", "1", STRESS, ("main.xsd", *ROOTS))
    return Registry.load(schemas)


def made_wrong(document: Any, rng: random.Random) -> Any:
    """A copy of a document with one change somewhere that JSON can show."""
    made = msgspec.json.decode(msgspec.json.encode(document))
    places = list(objects(made))
    place = rng.choice(places)
    kind = rng.choice(("added", "dropped", "wrapped", "emptied"))
    if kind == "added" or not place:
        place["Bogus"] = "1"
    else:
        name = rng.choice(list(place))
        if kind == "dropped":
            del place[name]
        else:
            place[name] = [place[name]] if kind == "wrapped" else {}
    return made


def objects(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for below in value.values():
            yield from objects(below)
    elif isinstance(value, list):
        for below in value:
            yield from objects(below)


@pytest.mark.parametrize("root", ROOTS)
def test_valid_documents_are_accepted_and_slips_refused(stress: Registry, root: str) -> None:
    message = stress.message(f"stress/1/{root}")
    schema = msgspec.json.decode(write_schema(message.model))
    jsonschema_rs.meta.validate(schema)
    known = jsonschema_rs.Draft202012Validator(schema)
    rng = random.Random(root)
    maker, counts = Maker(message.model, rng), Counter[str]()
    for _ in range(DOCUMENTS):
        try:
            parsed = read(stress, etree.tostring(maker.document()), "xml", message.key)
        except Refused:
            continue
        counts["valid"] += 1
        document = msgspec.json.decode(write(parsed, "json"))
        assert known.is_valid(document), (document, [str(error) for error in known.iter_errors(document)])
        wrong = made_wrong(document, rng)
        try:
            kept = write(read(stress, msgspec.json.encode(wrong), "json", message.key), "json")
        except Refused:
            counts["refused"] += 1
            counts["let through"] += known.is_valid(wrong)
        else:
            assert known.is_valid(msgspec.json.decode(kept)), wrong
    assert counts["valid"] > 0
    # The order of elements in $content, and what xsi:type may stand for, are beyond JSON Schema.
    assert counts["let through"] <= counts["refused"] * 0.02, counts


CLASSES = """
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified" targetNamespace="urn:t">
  <xs:simpleType name="Code"><xs:restriction base="xs:token"><xs:enumeration value="A"/><xs:enumeration value="B"/>
  </xs:restriction></xs:simpleType>
  <xs:simpleType name="Codes"><xs:list itemType="t:Code" xmlns:t="urn:t"/></xs:simpleType>
  <xs:element name="Doc"><xs:complexType><xs:sequence>
    <xs:choice><xs:element name="X" type="t:Code" xmlns:t="urn:t"/>
      <xs:sequence><xs:element name="Y" type="xs:int"/><xs:element name="Z" type="xs:int" minOccurs="0"/></xs:sequence>
    </xs:choice>
    <xs:sequence minOccurs="0"><xs:element name="P" type="xs:int"/>
      <xs:element name="Q" type="xs:boolean"/></xs:sequence>
    <xs:element name="Two" minOccurs="0"><xs:simpleType><xs:restriction base="t:Codes" xmlns:t="urn:t">
      <xs:maxLength value="2"/></xs:restriction></xs:simpleType></xs:element>
    <xs:element name="Mix" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="H" type="xs:string"/>
      <xs:choice maxOccurs="3"><xs:element name="A" type="xs:string"/><xs:element name="B" type="xs:int"/></xs:choice>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"""


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Registry, Any]:
    folder = tmp_path_factory.mktemp("choices")
    (folder / "source").mkdir()
    (folder / "source" / "doc.xsd").write_text(CLASSES, encoding="utf-8")
    (folder / "packages").mkdir()
    bundles.add(folder / "packages", "t", "1", folder / "source")
    registry = Registry.load(folder)
    schema = msgspec.json.decode(write_schema(registry.message("t/1/Doc").model))
    return registry, jsonschema_rs.Draft202012Validator(schema)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('{"X":"A"}', True),
        ('{"Y":1,"Z":2}', True),
        ('{"X":"A","Y":1}', False),
        ('{"X":"A","Z":1}', False),
        ('{"Z":1}', False),
        ("{}", False),
        ('{"X":"A","P":1,"Q":true}', True),
        ('{"X":"A","P":1}', False),
        ('{"X":"A","Q":true}', False),
        ('{"X":"C"}', False),
        ('{"X":"A","Q":"yes","P":1}', False),
        ('{"X":"A","Two":"A B"}', True),
        ('{"X":"A","Mix":{"$content":[{"H":"h"},{"B":1},{"A":"a"},{"B":2}]}}', True),
        ('{"X":"A","Mix":{"$content":[{"H":"h"},{"B":1},{"A":"a"},{"B":2},{"A":"b"}]}}', False),
        ('{"X":"A","Mix":{"$content":[{"H":"h"}]}}', False),
        ('{"X":"A","Mix":{"$content":[{"A":"a"},{"B":2}]}}', False),
        ('{"X":"A","Mix":{"$content":[{"H":"h"},{"C":"a"}]}}', False),
    ],
)
def test_choices_groups_and_counts(choices: tuple[Registry, Any], text: str, good: bool) -> None:
    registry, known = choices
    body = f'{{"Doc":{text}}}'
    assert known.is_valid(msgspec.json.decode(body)) == good
    if good:
        assert read(registry, body.encode(), "json")
    else:
        with pytest.raises(Refused):
            read(registry, body.encode(), "json")


PATTERNS = (
    *(r"(20\d{6})(\d{6}(Z|[-+]\d\d))?", r".*[^\s].*", r"[A-Z]{3}", r"a|bc", r"\-?\.\\", r"[+-]?[0-9]", r"[^-a]"),
    *(r"[a-z-[aeiou]]+", r"\w+", r"\S+", r"[\S-[a-c]]*", r"\D\W", r"[\D]*x", r"^a$", r"\p{Lu}\P{Lu}", r"[!-/]+"),
    *(r"[\p{L}\d]{2,3}", r"a/b", r"[\^a]", r"x{0}y{2,}", r".{1,3}", r"[\-\]a]+", r"(a(b|c))*", r"\t\n?"),
    *(r"\p{IsBasicLatin}+", r"\P{IsBasicLatin}*", r"[\i-[:]][\c-[:]]*", r"[a\-z]", r"[\n-\r]", r"[^\d]+"),
)
ALPHABET = "abcdxyzAZé \u0663" + "0129-+./\\:_^$[]{}\t\n\r\u2028&'\""


def words(pattern: str, rng: random.Random) -> list[str]:
    """Texts near a pattern and far from it."""
    near = "".join(sign for sign in pattern if sign.isalnum()) + "a0-"
    made = ["".join(rng.choice(ALPHABET) for _ in range(rng.randint(0, 4))) for _ in range(400)]
    made += ["".join(rng.choice(near) for _ in range(rng.randint(1, 5))) for _ in range(400)]
    return [*made, "20260131", "20260131080000Z", "2026013108000\u0663+01", "20260131x", "a\n", "\na", ""]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_the_same_after_translation(pattern: str) -> None:
    translated = ecma(pattern)
    assert translated
    known = jsonschema_rs.Draft202012Validator({"pattern": translated})
    schema = etree.XMLSchema(
        etree.fromstring(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="v"><xs:simpleType>'
            f'<xs:restriction base="xs:string"><xs:pattern value={quoteattr(pattern)}/></xs:restriction>'
            "</xs:simpleType></xs:element></xs:schema>"
        )
    )
    for word in words(pattern, random.Random(pattern)):
        node = etree.Element("v")
        node.text = word
        if r"\i" in pattern:  # names: of two editions of XML, the wider set
            assert known.is_valid(word) or not schema.validate(node), (translated, word)
        else:
            assert known.is_valid(word) == schema.validate(node), (translated, word)


@pytest.mark.parametrize("pattern", [r"\p{IsKatakana}", r"[^\c]", r"\C+", r"[a-z-[\c]]", r"[", r"\q"])
def test_a_pattern_without_counterpart_is_left_out(pattern: str) -> None:
    assert ecma(pattern) is None


def test_patterns_are_those_of_the_language_that_json_schema_names() -> None:
    """ECMA-262 with the u flag, asked of an engine of it where there is one."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here to compile them with")
    program = "for (const each of JSON.parse(process.argv[1])) new RegExp(each, 'u')"
    patterns = msgspec.json.encode([ecma(pattern) for pattern in PATTERNS]).decode()
    done = subprocess.run([node, "-e", program, patterns], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
