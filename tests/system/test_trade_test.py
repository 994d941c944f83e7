"""docs/trade-test.md does what it says: its lines are taken from it as they stand, and run beside live agencies."""

import json
import re
import subprocess
from pathlib import Path

import aiohttp

from gateway.demo.stage import Stage
from tests.gateway.scripted import eventually
from tests.system.conftest import GUICHET, ROOT, SAMPLES, clean_environment

DOC = ROOT / "docs" / "trade-test.md"


def run(stage: Stage) -> subprocess.CompletedProcess[bytes]:
    """All lines of the page, as one who reads it types them."""
    lines = "".join(re.findall(r"```sh\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL))
    environment = clean_environment(URL=stage.url, **stage.environment)
    environment["PATH"] = f"{GUICHET.parent}:{environment['PATH']}"
    return subprocess.run(
        ["bash", "-eu", "-c", lines], env=environment, cwd=ROOT, capture_output=True, timeout=60, check=False
    )


async def test_the_page_teaches_what_happens(curl, stage, guichet, tmp_path: Path):
    done = run(stage)
    assert done.returncode == 0, done.stderr.decode()
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    cases = [each for each in answers if "agencies" in each]
    assert [each["status"] for each in cases] == ["released", "held", "released", "under-control", "under-control"]
    assert all(each["test"] and each["mrn"].startswith("T") for each in cases)
    by_agency = [{each["code"]: each["status"] for each in case["agencies"]} for case in cases]
    assert by_agency[1] == dict.fromkeys(("FSA", "PHS", "TEX", "WLD"), "granted") | {"MED": "held"}
    assert by_agency[4] == {"FSA": "refused", "WLD": "awaiting"} | dict.fromkeys(("MED", "PHS", "TEX"), "granted")
    assert [each["code"] for each in cases[4]["agencies"] if each["overdue"]] == ["WLD"]
    response = next(each for each in answers if "MetaData" in each)
    assert response["MetaData"]["Response"][0]["FunctionCode"] == "08"
    told = next(each for each in answers if "notifications" in each)["notifications"]
    assert (len(told), told[0]["kind"]) == (5, "accepted")
    assert answers[-1]["mrn"].startswith("T"), "lodged by the rules of another day"
    heads = re.findall(r"HTTP/1\.1 (\d+)", done.stderr.decode())
    assert heads == ["202", "202", "202", "503", "202", "202"]
    assert done.stderr.decode().count("\nGuichet-Test: yes\n") == len(heads)
    assert b"Empty reply from server" in done.stderr, "one answer was lost"
    listed = guichet("account", "list", **stage.environment).stdout.decode()
    assert re.search(r"Acme, trade test +trader +test", listed)
    live = await lodged(stage)
    await eventually(lambda: live in heard_of(tmp_path))
    assert not any(case["mrn"] in heard_of(tmp_path) for case in cases), "no agency heard of a test"


async def lodged(stage: Stage) -> str:
    """A live declaration of the same goods; its MRN."""
    headers = {"X-API-Key": stage.trader_key, "Content-Type": "application/json"}
    body = (SAMPLES / "import-hotel-supplies.json").read_bytes()
    async with aiohttp.request("POST", f"{stage.url}/v1/declarations", data=body, headers=headers) as answer:
        return (await answer.json())["mrn"]


def heard_of(place: Path) -> str:
    """All that the agencies' processes noted."""
    return "".join(file.read_text() for file in (place / "ledgers").glob("*"))


def test_only_a_traders_account_is_for_tests(guichet):
    done = guichet("account", "add", "FSA", "--role", "agency", "--agency", "FSA", "--test")
    assert done.returncode == 2
    assert b"only a trader" in done.stderr
