"""`guichet docs build`: a folder that works where it is opened, with everything that the gateway would publish."""

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import jsonschema_rs
import pytest
from lxml import etree

from datamodel.registry import Registry
from tests.system.conftest import GUICHET, ROOT, SAMPLES, clean_environment


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as the command writes it."""
    folder = tmp_path_factory.mktemp("docs")
    command = [GUICHET, "docs", "build", "--out", "site"]
    done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, b""), "progress is for terminals"
    assert b"begin with site/index.html" in done.stdout
    return folder / "site"


def pages(site: Path) -> dict[Path, etree._Element]:
    return {file: etree.HTML(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}


def test_every_message_has_its_page_and_schemas(site):
    keys = list(Registry.load(ROOT / "schemas").messages)
    assert len(keys) >= 5
    for key in keys:
        for ending in ("html", "xsd", "schema.json"):
            assert (site / "packages" / f"{key}.{ending}").stat().st_size > 500
    lists = list((site / "codelists").glob("*.html"))
    assert len(lists) > 10
    for page in ("index.html", "codelists.html", "rules.html", "requirements.html", "response-codes.html", "api.html"):
        assert (site / page).is_file()


def test_every_link_is_relative_and_leads_to_a_file_of_the_folder(site):
    checked = 0
    for file, page in pages(site).items():
        anchors = set(page.xpath("//@id"))
        for link in page.xpath("//a/@href | //link/@href | //*/@src"):
            path, _, anchor = link.partition("#")
            assert ":" not in path, f"{file}: {link}"
            assert not path.startswith("/"), f"{file}: {link}"
            assert not path or (file.parent / unquote(path)).resolve().is_relative_to(site), f"{file}: {link}"
            assert (file.parent / unquote(path)).is_file() if path else anchor in anchors, f"{file}: {link}"
            checked += 1
    assert checked > 1000


def test_an_anchor_on_another_page_is_there(site):
    known = {file: set(page.xpath("//@id")) for file, page in pages(site).items()}
    for file, page in pages(site).items():
        for link in page.xpath("//a/@href[contains(., '#')]"):
            path, _, anchor = link.partition("#")
            if path:
                assert anchor in known[(file.parent / path).resolve()], f"{file}: {link}"


def test_no_anchor_stands_twice_on_a_page(site):
    for file, page in pages(site).items():
        anchors = page.xpath("//@id")
        assert len(anchors) == len(set(anchors)), file


def test_the_schemas_of_the_folder_judge_a_sample(site):
    schema = etree.XMLSchema(etree.parse(str(site / "packages/wco-dms/3.6/DEC.xsd")))
    sample = SAMPLES / "import-hotel-supplies.xml"
    assert schema.validate(etree.parse(str(sample)))
    written = json.loads((site / "packages/wco-dms/3.6/DEC.schema.json").read_bytes())
    assert jsonschema_rs.Draft202012Validator(written).is_valid(json.loads(sample.with_suffix(".json").read_bytes()))


def test_what_an_earlier_build_left_goes_and_what_is_not_ours_stays(guichet, site, tmp_path):
    site = shutil.copytree(site, tmp_path / "site")
    outdated, own = site / "packages" / "gone" / "1" / "OLD.html", site / "notes.html"
    outdated.parent.mkdir(parents=True)
    outdated.touch()
    own.write_text("mine")
    with (site / "files.txt").open("a") as note:
        note.write("packages/gone/1/OLD.html\n")
    assert guichet("docs", "build", "--out", "site").returncode == 0
    assert not outdated.exists()
    assert own.read_text() == "mine"


def test_tables_that_cannot_be_used_are_said_and_nothing_is_written(guichet, tmp_path):
    schemas = shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    with (schemas / "requirements" / "xz.csv").open("a") as table:
        table.write("BAD-1,NOBODY,6,import,,,,N853,For nothing,No act,2026-01-01,\n")
    done = guichet("docs", "build", GUICHET_SCHEMAS=str(schemas))
    assert done.returncode == 2
    assert b"column hs_prefix" in done.stderr
    assert not (tmp_path / "docs-site").exists()
