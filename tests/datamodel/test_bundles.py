"""Bundles become packages whole or not at all; the public one gives the verdicts and the JSON of our own tables."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from datamodel import bundles
from datamodel.bundle_guard import BadBundle
from datamodel.codecs import read, write
from datamodel.issues import Refused
from datamodel.registry import Registry
from tests.conftest import SCHEMAS
from tests.datamodel import naive_json
from tests.datamodel.mutations import NOT_IN_JSON, mutants
from tests.datamodel.test_differential import UNWRITABLE

STRESS = Path(__file__).parent / "stress"
MUTANTS_EACH = 80  # of 63 messages: 5,040 in all
ROOTS = {
    "dec": ("declaration", ("DocumentMetaData_2_DMS.xsd", "WCO_DEC_2_DMS.xsd", "MetaData")),
    "cancel": ("declaration", ("CANCEL_METADATA.xsd", "CANCEL.xsd", "MetaData")),
    "res": ("", ("notification/DocumentMetaData_2_DMS.xsd", "notification/WCO_RES_2_DMS.xsd", "MetaData")),
}


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    made = tmp_path / "schemas" / "packages"
    made.mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def public(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Our own packages and the public bundle beside them."""
    schemas = tmp_path_factory.mktemp("public") / "schemas"
    shutil.copytree(SCHEMAS / "packages", schemas / "packages")
    for version, (folder, roots) in ROOTS.items():
        assert bundles.add(schemas / "packages", "uk", version, corpus / "schemas" / folder, roots)
    return Registry.load(schemas)


def accepted(registry: Registry, body: bytes, form: str, key: str) -> bytes | None:
    """The canonical JSON of a message, or None where it is refused."""
    try:
        return write(read(registry, body, form, key), "json")  # type: ignore[arg-type]
    except Refused as refusal:
        assert all(issue.rule and issue.text for issue in refusal.report.issues)
        return b"" if {issue.rule for issue in refusal.report.issues} <= UNWRITABLE else None


@pytest.mark.timeout(240)
def test_the_public_bundle_agrees_with_our_tables(public: Registry, corpus: Path) -> None:
    counts: Counter[str] = Counter()
    for seed, file in enumerate(sorted(corpus.glob("samples/*/*.xml"))):
        own = read(public, file.read_bytes(), "xml", hint(file)).message
        theirs = f"uk/{own.key.rpartition('/')[2].lower()}/MetaData"
        for kind, body in [("as it is", file.read_bytes()), *mutants(file.read_bytes(), MUTANTS_EACH, seed)]:
            expected = accepted(public, body, "xml", own.key)
            assert (accepted(public, body, "xml", theirs) or None) == (expected or None), (file.name, kind, body)
            counts["valid" if expected else "invalid"] += 1
            if kind in NOT_IN_JSON or expected == b"":
                continue
            try:
                root = etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True))
                json = naive_json.document(root, own.model.root)
            except LookupError:
                continue
            counts["JSON"] += 1
            ours = accepted(public, json, "json", own.key)
            assert (ours is None) == (expected is None), (file.name, kind, json)
            assert accepted(public, json, "json", theirs) == ours, (file.name, kind, json)
    assert counts["valid"] > 1000
    assert counts["invalid"] > 2500
    assert counts["JSON"] > 3000


def hint(file: Path) -> str:
    """The message type of a corpus sample; with two packages for each, the document alone does not tell."""
    kinds = {"cancellations": "CANCEL", "notifications": "RES"}
    name = "CANCEL" if "Cancel" in file.name else kinds.get(file.parent.name, "DEC")
    return f"wco-dms/3.6/{name}"


def test_several_that_fit_are_listed(public: Registry, corpus: Path) -> None:
    with pytest.raises(Refused) as caught:
        read(public, (corpus / "samples/notifications/DMSACC.xml").read_bytes(), "xml")
    (found,) = caught.value.report.issues
    assert found.rule == "message.ambiguous"
    assert {"wco-dms/3.6/RES", "uk/res/MetaData"} <= set((found.expected or "").split(", "))


def test_a_second_start_does_not_read_the_schemas_again(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.add(packages, "stress", "1", STRESS, ("main.xsd", "Recursive", "Wild"))
    first = Registry.load(packages.parent)
    monkeypatch.setattr(bundles, "_read", None)
    second = Registry.load(packages.parent)
    document = b'<Recursive xmlns="urn:stress:main"><Label>a</Label><Node><Label>b</Label></Node></Recursive>'
    assert write(read(second, document, "xml"), "json") == write(read(first, document, "xml"), "json")


def test_a_changed_schema_is_read_again(packages: Path) -> None:
    bundles.add(packages, "stress", "1", STRESS, ("main.xsd", "Recursive"))
    file = packages / "stress/1/xsd/parts/types.xsd"
    file.write_text(file.read_text().replace('name="Label"', 'name="Title"'))
    document = b'<Recursive xmlns="urn:stress:main"><Title>a</Title></Recursive>'
    assert write(read(Registry.load(packages.parent), document, "xml"), "json") == b'{"Recursive":{"Title":"a"}}'


def test_a_broken_store_is_made_anew(packages: Path) -> None:
    bundles.add(packages, "stress", "1", STRESS, ("main.xsd", "Recursive"))
    (store,) = (packages / "stress/1/compiled").iterdir()
    store.write_bytes(b"not a store")
    assert Registry.load(packages.parent).message("stress/1/Recursive").schema
    assert store.stat().st_size > 100


XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
GOOD = f'<xs:schema {XS} targetNamespace="urn:a"><xs:element name="A" type="xs:string"/></xs:schema>'


def schema(body: str) -> str:
    return f'<xs:schema {XS} xmlns="urn:a" targetNamespace="urn:a">\n{body}\n</xs:schema>'


MIXED = '<xs:element name="A">\n<xs:complexType mixed="true"><xs:sequence/></xs:complexType></xs:element>'
BAD = {
    "missing import": (schema('<xs:import namespace="urn:b" schemaLocation="b.xsd"/>'), "a.xsd:2: b.xsd is not in the"),
    "remote": (schema('<xs:import namespace="urn:b" schemaLocation="http://x.example/b.xsd"/>'), "a.xsd:2:.*is remote"),
    "traversal": (schema('<xs:include schemaLocation="../../etc/passwd"/>'), "a.xsd:2:.*leads out of the folder"),
    "encoded traversal": (schema('<xs:include schemaLocation="%2e%2e/x.xsd"/>'), "a.xsd:2:.*leads out of the folder"),
    "absolute": (schema('<xs:include schemaLocation="/etc/passwd"/>'), "a.xsd:2:.*is not relative"),
    "file address": (schema('<xs:include schemaLocation="file:///etc/passwd"/>'), "a.xsd:2:.*is remote"),
    "entity": ('<!DOCTYPE a [<!ENTITY b "c">]>' + GOOD, "a.xsd:1: a document type declaration"),
    "truncated": (GOOD[:-5], "a.xsd:1: not well-formed"),
    "not a schema": ("<html/>", "a.xsd:1: not an XML Schema"),
    "assertion": (
        schema('<xs:element name="A"><xs:complexType>\n<xs:assert test="1"/></xs:complexType></xs:element>'),
        "a.xsd:3: assert belongs to XML Schema 1.1",
    ),
    "mixed": (schema(MIXED), "a.xsd:3: mixed content"),
    "any type": (schema('<xs:element name="A"/>'), r"a.xsd:2: .*xs:anyType"),
    "qname": (schema('<xs:element name="A" type="xs:QName"/>'), "a.xsd:2: .*QName"),
    "unknown type": (schema('<xs:element name="A" type="Nowhere"/>'), "a.xsd.*Nowhere"),
    "twice": (schema('<xs:element name="A" type="xs:int"/><xs:element name="A" type="xs:int"/>'), "a.xsd.*A"),
    "circular": (
        schema(
            '<xs:element name="A" type="T"/><xs:complexType name="T"><xs:complexContent><xs:extension base="T"/>'
            "</xs:complexContent></xs:complexType>"
        ),
        "a.xsd",
    ),
    "ambiguous": (
        schema(
            '<xs:element name="A"><xs:complexType><xs:sequence><xs:element name="B" minOccurs="0" type="xs:int"/>'
            '<xs:element name="B" type="xs:int"/></xs:sequence></xs:complexType></xs:element>'
        ),
        "a.xsd.*Unique Particle Attribution",
    ),
    "no element": (schema('<xs:simpleType name="T"><xs:restriction base="xs:int"/></xs:simpleType>'), "no element"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bundles_are_refused_with_the_place(packages: Path, tmp_path: Path, name: str) -> None:
    text, told = BAD[name]
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.xsd").write_text(text)
    bundles.add(packages, "live", "1", STRESS, ("main.xsd", "Recursive"))
    with pytest.raises(BadBundle, match=told):
        bundles.add(packages, "bad", "1", source)
    assert sorted(path.name for path in packages.iterdir()) == ["live"]
    assert Registry.load(packages.parent).message("live/1/Recursive")


def test_a_huge_schema_is_refused(packages: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with (source / "a.xsd").open("wb") as file:
        file.write(GOOD.encode())
        file.truncate(50 * 1024 * 1024)
    with pytest.raises(BadBundle, match=r"a\.xsd: the bundle is larger than"):
        bundles.add(packages, "bad", "1", source)


def test_a_link_out_of_the_folder_is_refused(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.xsd").write_text(GOOD)
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.xsd").symlink_to(tmp_path / "secret.xsd")
    with pytest.raises(BadBundle, match="leads out of the folder"):
        bundles.add(packages, "bad", "1", source)


@pytest.mark.parametrize(
    ("name", "version", "roots", "told"),
    [
        ("Bad Name", "1", (), "lower-case"),
        ("../x", "1", (), "lower-case"),
        ("x", "..", (), "there is such a package|lower-case"),
        ("live", "1", (), "there is such a package"),
        ("x", "1", ("nowhere.xsd",), "not in the bundle"),
        ("x", "1", ("Nowhere",), "declared in no file"),
    ],
)
def test_wrong_words_are_refused(packages: Path, name: str, version: str, roots: tuple[str, ...], told: str) -> None:
    bundles.add(packages, "live", "1", STRESS, ("main.xsd", "Recursive"))
    with pytest.raises(BadBundle, match=told):
        bundles.add(packages, name, version, STRESS, roots)


def test_two_files_that_declare_one_root_must_be_told_apart(packages: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a.xsd", "b.xsd"):
        (source / name).write_text(GOOD)
    with pytest.raises(BadBundle, match=r"declares A, and so does a\.xsd; choose with --root"):
        bundles.add(packages, "x", "1", source)
    assert bundles.add(packages, "x", "1", source, ("a.xsd",)) == ["x/1/A"]
