"""The lines in the README do what they say: they are taken from it as they stand and run."""

import json
import re
import subprocess

from lxml import etree

from tests.system.conftest import ROOT, clean_environment

RESPONSE = "urn:wco:datamodel:WCO:RES-DMS:2"


def curl_block() -> str:
    """The one block of shell lines that calls curl."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "curl" in block]
    return block


def batch_block() -> str:
    """The shell lines that send batches."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "parcels.ndjson" in block]
    return block


async def test_the_curl_lines_of_batches_lodge_parcels_in_each_container(curl, stage, tmp_path):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", batch_block()],
        env=clean_environment(URL=stage.url, KEY=stage.trader_key, TMPDIR=str(tmp_path)),
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    *records, page = map(json.loads, done.stdout.splitlines())
    ends = [(each["accepted"], each["replayed"], each["refused"]) for each in records if "complete" in each]
    assert ends == [(5, 0, 0), (0, 5, 0), (3, 0, 0), (0, 2, 0)], "the form repeats two of the archive in either format"
    assert [item["key"] for item in page["items"]] == ["WX880281001SE", "WX880281002SE"]


async def test_the_curl_lines_lodge_ask_and_read_the_response(curl, stage):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", curl_block()],
        env=clean_environment(URL=stage.url, KEY=stage.trader_key),
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"202 Accepted" in done.stderr, "the lodgement is shown with its status"
    status, *as_xml, as_json = filter(None, done.stdout.splitlines())
    case = json.loads(status)
    assert [agency["code"] for agency in case["agencies"]] == ["PHS"]
    reference = etree.fromstring(b"\n".join(as_xml)).findtext(f".//{{{RESPONSE}}}Declaration/{{{RESPONSE}}}ID")
    assert reference == case["mrn"]
    (response,) = json.loads(as_json)["MetaData"]["Response"]
    assert response["Declaration"]["ID"] == case["mrn"]


def test_every_command_of_the_table_exists(guichet):
    table = re.findall(r"^\| `guichet ([a-z ]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(table) >= 8
    known = guichet("--help").stdout.decode()
    for line in table:
        assert f"\n  {line.split()[0]} " in known
