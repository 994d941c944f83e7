"""`guichet package`: what a machine reads of it, its exit codes, and what it says of names that there are not."""

import json
import shutil

import pytest

from tests.system.conftest import ROOT

GOOD, INVALID, USAGE = 0, 1, 2


def lines(done) -> list[dict[str, object]]:
    assert done.returncode == GOOD, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_packages_are_listed_with_their_days(guichet):
    listed = {row["package"]: row for row in lines(guichet("package", "list", "--format", "json"))}
    assert listed["xz-dms/2027"]["effective_from"] == "2027-01-01"
    assert listed["xz-dms/2027"]["base"] == "wco-dms/3.6"
    assert listed["wco-dms/3.6"]["messages"] == ["DEC", "CANCEL", "ARRIVAL", "RES"]
    early = guichet("package", "list", "--on", "2026-12-31").stdout
    assert b"xz-dms/2026" in early
    assert b"xz-dms/2027" not in early


def test_a_difference_is_one_object_a_line(guichet):
    found = lines(guichet("package", "diff", "xz-dms/2026", "xz-dms/2027", "--format", "json"))
    assert {row["kind"] for row in found} >= {
        "narrowed",
        "widened",
        "added",
        "removed",
        "made mandatory",
        "list changed",
    }
    same = lines(guichet("package", "diff", "xz-dms/2026/DEC", "xz-dms/2027/DEC", "--format", "json"))
    assert same == found
    assert b"0 differences" in guichet("package", "diff", "guichet/1", "guichet/1").stdout


def test_a_report_is_one_object(guichet):
    (report,) = lines(guichet("package", "report", "xz-dms", "--on", "2026-06-01", "--format", "json"))
    assert report["name"] == "xz-dms/2026"
    counts = report["messages"][0]["counts"]
    assert (counts["narrowed"], counts["extension"]) == (60, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "no-such/1"),
        ("report", "xz-dms", "--on", "2020-01-01"),
        ("report", "xz-dms", "--on", "soon"),
        ("diff", "xz-dms/2026", "no-such/1"),
        ("diff", "xz-dms/2026", "xz-dms/2027/DEC"),
        ("lint", "no-such-folder"),
    ],
)
def test_a_name_that_there_is_not_is_a_usage_error(guichet, arguments):
    done = guichet("package", *arguments)
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert b"Traceback" not in done.stderr


def test_the_linter_ends_with_one_and_names_every_fault(guichet, tmp_path):
    draft = tmp_path / "drafts" / "xz-dms" / "2028"
    shutil.copytree(ROOT / "schemas" / "packages" / "xz-dms" / "2027", draft)
    file = draft / "package.toml"
    text = file.read_text(encoding="utf-8").replace("2027-01-01", "2028-01-01")
    file.write_text(text, encoding="utf-8")
    assert guichet("package", "lint", draft).returncode == GOOD
    file.write_text(text.replace('"an..22"', '"an..99"').replace('"EXW",', '"EXWORKS",'), encoding="utf-8")
    done = guichet("package", "lint", draft, "--format", "json")
    faults = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == INVALID
    assert [fault["key"].rpartition("/")[2].rpartition(".")[2] for fault in faults] == [
        "FunctionalReferenceID",
        "ConditionCode",
    ]
    assert all(fault["place"].startswith(f"{file}:") and fault["remedy"] for fault in faults)


def test_a_gateway_does_not_start_with_a_bad_package(guichet, tmp_path):
    schemas = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", schemas)
    file = schemas / "packages" / "xz-dms" / "2027" / "package.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("mandatory = [", 'mandatory = [\n"Nonsense",'))
    for command in (("serve",), ("package", "list"), ("package", "diff", "xz-dms/2026", "xz-dms/2027")):
        done = guichet(*command, GUICHET_SCHEMAS=str(schemas))
        assert done.returncode == USAGE
        assert b"Nonsense" in done.stderr.replace(b"\n", b"")
        assert b"Traceback" not in done.stderr
