"""`guichet package add`: a folder of schemas becomes a package that the other commands know."""

import json
import shutil
from pathlib import Path

from tests.conftest import ROOT, SCHEMAS

STRESS = ROOT / "tests" / "datamodel" / "stress"
DOCUMENT = b'<Recursive xmlns="urn:stress:main"><Label>a</Label><Node><Label>b</Label></Node></Recursive>'


def own_schemas(tmp_path: Path) -> dict[str, str]:
    """The environment of an administration with schemas of its own."""
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    return {"GUICHET_SCHEMAS": str(tmp_path / "schemas")}


def test_a_bundle_is_added_and_used(tmp_path, guichet):
    chosen = own_schemas(tmp_path)
    roots = ("--root", "main.xsd", "--root", "Recursive")
    added = guichet("package", "add", "stress", "1", str(STRESS), *roots, **chosen)
    assert (added.returncode, added.stdout) == (0, b"stress/1/Recursive\n")
    document = tmp_path / "d.xml"
    document.write_bytes(DOCUMENT)
    assert guichet("validate", str(document), **chosen).returncode == 0
    converted = guichet("convert", "--to", "json", str(document), **chosen)
    assert json.loads(converted.stdout) == {"Recursive": {"Label": "a", "Node": [{"Label": "b"}]}}
    listed = guichet("package", "list", **chosen)
    assert b"stress/1" in listed.stdout


def test_a_bad_bundle_is_refused_with_its_place(tmp_path, guichet):
    chosen = own_schemas(tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.xsd").write_text("<html/>")
    refused = guichet("package", "add", "bad", "1", str(source), **chosen)
    assert refused.returncode == 1
    assert b"a.xsd:1: not an XML Schema" in refused.stderr
    assert not (tmp_path / "schemas" / "packages" / "bad").exists()
    assert guichet("package", "add", "bad", "1", str(tmp_path / "none"), **chosen).returncode == 2
