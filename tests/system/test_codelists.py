"""The commands on code lists, and trials as of a day."""

import json
import shutil
from pathlib import Path

import pytest

from tests.system.conftest import ROOT, SAMPLES

GOOD, INVALID, USAGE = 0, 1, 2


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A copy of the tables to spoil."""
    return Path(shutil.copytree(ROOT / "schemas", tmp_path / "schemas"))


def test_the_tables_as_they_are_shipped_are_good(guichet):
    done = guichet("codelist", "check")
    assert (done.returncode, done.stdout) == (GOOD, b"The code lists are good.\n")


def test_check_names_file_line_and_remedy(guichet, schemas):
    table = schemas / "codelists" / "currencies.tsv"
    lines = table.read_text().split("\n")
    line = next(at for at, text in enumerate(lines) if text.startswith("HRK"))
    lines[line] = lines[line].replace("2022-12-31", "2022-12-32")
    table.write_text("\n".join(lines))
    done = guichet("codelist", "check", GUICHET_SCHEMAS=str(schemas))
    assert done.returncode == INVALID
    assert f"currencies.tsv:{line + 1}: to: '2022-12-32' will not do\n    remedy: write a day" in done.stdout.decode()
    done = guichet("codelist", "check", "--format", "json", GUICHET_SCHEMAS=str(schemas))
    assert [json.loads(each)["line"] for each in done.stdout.splitlines()] == [line + 1]
    done = guichet("codelist", "list", GUICHET_SCHEMAS=str(schemas))
    assert (done.returncode, b"2022-12-32" in done.stderr) == (USAGE, True)


def test_lists_and_their_codes_on_a_day(guichet):
    listed = guichet("codelist", "list", "--format", "json", "--on", "2018-03-01").stdout.splitlines()
    headings = next(each for each in map(json.loads, listed) if each["name"] == "hs-headings")
    assert (headings["edition"], headings["codes"]) == ("2017", 1222)
    for day, there in (("2022-12-31", True), ("2023-01-01", False)):
        shown = guichet("codelist", "show", "currencies", "--on", day).stdout.decode()
        assert ("HRK" in shown) == there
    unknown = guichet("codelist", "show", "nonsense")
    assert (unknown.returncode, b"hs-headings" in unknown.stderr) == (USAGE, True)


@pytest.mark.parametrize(("day", "code"), [("2022-12-31", GOOD), ("2023-01-01", INVALID)])
def test_a_trial_as_of_a_day(guichet, tmp_path, day, code):
    body = (SAMPLES / "import-cut-flowers-kenya.xml").read_bytes()
    file = tmp_path / "kuna.xml"
    file.write_bytes(body.replace(b'currencyID="EUR"', b'currencyID="HRK"').replace(b">EUR<", b">HRK<"))
    done = guichet("validate", "--as-of", day, file)
    assert done.returncode == code, done.stdout
    assert (b"code.ended" in done.stdout) == (code == INVALID)


def test_warnings_are_printed_and_refuse_nothing(guichet, tmp_path):
    body = (SAMPLES / "import-cut-flowers-kenya.json").read_bytes()
    file = tmp_path / "abroad.json"
    file.write_bytes(body.replace(b'"ResponsibleCountryCode": "XZ"', b'"ResponsibleCountryCode": "UK"'))
    done = guichet("validate", file)
    assert done.returncode == GOOD, done.stdout
    assert b"warning code.unknown ResponsibleCountryCode" in done.stdout
    assert b"valid wco-dms/3.6/DEC" in done.stdout
