"""The commands on rules, and the worked examples of docs/rules.md, which must come out as they stand there."""

import json
import re
import shutil
from pathlib import Path

import pytest

from datamodel.rule_functions import FUNCTIONS
from tests.system.conftest import ROOT, SAMPLES, Guichet

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
TRIED = ("import-chilled-beef-argentina.json", "import-machine-parts-germany.json")


def trimmed(text: str) -> list[str]:
    """Lines without the spaces that fill up a table."""
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the drafts of the page and two messages."""
    (tmp_path / "messages").mkdir()
    for name in TRIED:
        shutil.copy(SAMPLES / name, tmp_path / "messages")
    for block in BLOCK.finditer(PAGE):
        if block["name"]:
            file = tmp_path / block["name"]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block["text"], encoding="utf-8")
    return tmp_path


def sessions() -> list[tuple[str, str]]:
    """Commands of the page, each with what it prints there."""
    found = []
    for block in BLOCK.finditer(PAGE):
        if block["kind"] == "console":
            for part in block["text"].split("$ guichet ")[1:]:
                command, _, output = part.partition("\n")
                found.append((command, output))
    return found


@pytest.mark.parametrize(("command", "output"), sessions(), ids=lambda text: text[:40])
def test_the_worked_examples_come_out(command: str, output: str, desk: Path, guichet: Guichet) -> None:
    done = guichet(*command.split())
    assert done.returncode == 0, done.stderr
    assert trimmed(done.stdout.decode()) == trimmed(output)


def test_the_page_names_every_function() -> None:
    table = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert table == set(FUNCTIONS)


def test_the_live_rules_are_good_and_listed(guichet: Guichet) -> None:
    count = sum(file.read_text().count("[[rule]]") for file in (ROOT / "schemas" / "rules").glob("*.toml"))
    assert guichet("rules", "lint").stdout.decode() == f"{count} rules are good.\n"
    before, after = (
        {json.loads(line)["id"]: json.loads(line) for line in guichet(*command).stdout.splitlines()}
        for command in (
            ("rules", "list", "--on", "2026-06-30", "--format", "json"),
            ("rules", "list", "--on", "2026-07-01", "--format", "json"),
        )
    )
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == ["XZ-TOT04"]
    table = guichet("rules", "list").stdout.decode()
    assert "XZ-TOT01" in table and "Customs (Declarations) Regulations 2014, reg. 12(1)" in table


def test_faults_of_a_draft_end_with_1_and_name_the_line(desk: Path, guichet: Guichet) -> None:
    draft = desk / "drafts" / "first.toml"
    draft.write_text(draft.read_text().replace("it.Net", "it.Nett").replace("[[rule]]", "[[rule]]\ncolour = 1"))
    done = guichet("rules", "lint", draft)
    assert done.returncode == 1
    assert done.stdout.decode().startswith("first.toml:5: YY-MAS01: there is no key 'colour'")
    told = guichet("rules", "lint", "--format", "json", draft)
    assert json.loads(told.stdout.splitlines()[0])["line"] == 5
    assert guichet("rules", "lint", desk / "nowhere").returncode == 2


def test_a_draft_with_faults_is_not_tried(desk: Path, guichet: Guichet) -> None:
    draft = desk / "drafts" / "first.toml"
    draft.write_text(draft.read_text().replace("purpose", "porpoise"))
    done = guichet("rules", "try", draft, "--on", desk / "messages")
    assert done.returncode == 2
    assert b"has no purpose" in done.stderr


def test_a_folder_is_the_whole_set_so_that_what_it_leaves_out_is_gone(desk: Path, guichet: Guichet) -> None:
    message = desk / "messages" / TRIED[0]
    message.write_text(message.read_text().replace('"GoodsItemQuantity": 1', '"GoodsItemQuantity": 2'))
    (desk / "messages" / "torn.xml").write_text("<MetaData>")
    (desk / "messages" / "notes.txt").write_text("not a message")
    (desk / "empty").mkdir()
    done = guichet("rules", "try", desk / "empty", "--on", desk / "messages", "--format", "json")
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {
            "kind": "message",
            "message": TRIED[0],
            "newly_refused": False,
            "newly_accepted": True,
            "new_warnings": 0,
            "fewer_warnings": 0,
            "rules": ["XZ-TOT01"],
        },
        {
            "kind": "rule",
            "rule": "XZ-TOT01",
            "newly_refuses": 0,
            "no_longer_refuses": 1,
            "newly_warns": 0,
            "no_longer_warns": 0,
        },
        {"kind": "left-out", "message": "torn.xml"},
    ]
    told = guichet("rules", "try", desk / "empty", "--on", desk / "messages")
    assert b"2 messages tried: 0 newly refused, 1 newly accepted" in told.stdout
    assert b"left out, not valid: torn.xml" in told.stderr


def test_a_draft_is_tried_as_of_a_day(desk: Path, guichet: Guichet) -> None:
    draft = desk / "drafts" / "first.toml"
    draft.write_text(draft.read_text().replace("2026-01-01", "2027-01-01"))
    for day, count in (("2026-12-31", b"0 newly refused"), ("2027-01-01", b"1 newly refused")):
        done = guichet("rules", "try", draft, "--on", desk / "messages", "--as-of", day)
        assert count in done.stdout
