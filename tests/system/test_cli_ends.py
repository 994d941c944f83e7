"""How commands end when something outside is wrong: no room, no reader, no such folder, a setting that will not do."""

import os
import pty
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.system.conftest import GUICHET, ROOT, SAMPLES, clean_environment

GOOD, INVALID, USAGE = 0, 1, 2
FULL = Path("/dev/full")
BIG = SAMPLES / "import-supermarket-thirty-items.xml"
SMALL = SAMPLES / "import-cut-flowers-kenya.xml"


def no_trace(done: subprocess.CompletedProcess[bytes]) -> bool:
    return b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr


def into(output: IO[bytes], *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Runs the command with its standard output there."""
    command = [GUICHET, *map(str, arguments)]
    env = clean_environment()
    return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, env=env, timeout=50, check=False)


@pytest.fixture
def unread() -> Iterator[IO[bytes]]:
    """A pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        yield pipe


@pytest.mark.parametrize(
    "arguments", [("convert", "--to", "json", BIG), ("xsd", "Decision"), ("messages",), ("--help",)]
)
def test_a_reader_that_has_read_enough_is_a_good_end(unread, arguments):
    done = into(unread, *arguments)
    assert (done.returncode, done.stderr) == (GOOD, b"")


def test_an_invalid_file_stays_invalid_though_nobody_reads_why(unread, tmp_path):
    (tmp_path / "bad.xml").write_bytes(SMALL.read_bytes().replace(b"<FunctionCode>9<", b"<FunctionCode>nine<"))
    done = into(unread, "validate", tmp_path / "bad.xml")
    assert (done.returncode, done.stderr) == (INVALID, b"")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [("convert", "--to", "json", BIG), ("xsd", "DEC"), ("messages",)])
def test_a_full_disk_is_said_so(arguments):
    with FULL.open("wb") as full:
        done = into(full, *arguments)
    assert done.returncode == USAGE
    assert b"No space left" in done.stderr
    assert no_trace(done)


@pytest.mark.parametrize("command", [("xsd", "DEC"), ("docs", "build"), ("package", "report", "xz-dms/2026")])
def test_a_place_that_cannot_be_written_to_is_wrong_usage(guichet, tmp_path, command):
    (tmp_path / "README.md").write_text("a file")
    done = guichet(*command, "--out", "README.md/x")
    assert done.returncode == USAGE
    assert b"README.md/x" in done.stderr and b"Not a directory" in done.stderr
    assert no_trace(done)


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", SMALL),
        ("convert", "--to", "json", SMALL),
        ("xsd", "DEC"),
        ("messages",),
        ("requirements", "--hs", "0603"),
        ("account", "add", "Acme", "--role", "trader"),
        ("account", "list"),
        ("delivery", "list"),
        ("serve", "--port", "0"),
    ],
)
def test_a_schemas_folder_that_is_not_there_is_wrong_usage(guichet, arguments):
    done = guichet(*arguments, GUICHET_SCHEMAS="/nonexistent")
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert b"/nonexistent" in done.stderr and b"GUICHET_SCHEMAS" in done.stderr
    assert no_trace(done)


def test_a_setting_that_will_not_do_is_named_with_its_value(guichet):
    done = guichet("serve", GUICHET_PORT="abc")
    assert done.returncode == USAGE
    assert b"GUICHET_PORT" in done.stderr and b"'abc'" in done.stderr


def test_a_variable_that_holds_a_token_is_no_unknown_setting(guichet, tmp_path):
    named = {"GUICHET_AGENCIES__FSA__TOKEN_ENV": "GUICHET_FSA_TOKEN", "GUICHET_FSA_TOKEN": "s3cret"}
    assert guichet("messages", **named).returncode == GOOD
    done = guichet("messages", GUICHET_FSA_TOKEN="s3cret")
    assert done.returncode == USAGE
    assert b"s3cret" not in done.stderr


def test_only_the_gateway_makes_folders(guichet, tmp_path):
    done = guichet("account", "add", "Acme", "--role", "trader", "--database", f"sqlite:///{tmp_path}/typo/dir/x.db")
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert f"{tmp_path}/typo/dir".encode() in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_validate_keeps_to_the_limits_of_the_installation(guichet, tmp_path):
    (tmp_path / "guichet.toml").write_text("[limits]\nmax_depth = 3\n")
    for command in ("validate", SMALL), ("convert", "--to", "json", SMALL):
        for told in ({}, {"GUICHET_LIMITS__MAX_BYTES": "100"}):
            settings = () if told else ("--settings", "guichet.toml")
            done = guichet(*command, *settings, **told)
            assert done.returncode == INVALID
            assert b"size." in done.stdout + done.stderr


def test_the_place_is_told_as_the_format_writes_it_with_value_and_wco_id(guichet):
    xml = SMALL.read_bytes().replace(b"<SequenceNumeric>1<", b"<SequenceNumeric>one<", 1)
    json = SMALL.with_suffix(".json").read_bytes().replace(b'"SequenceNumeric": 1', b'"SequenceNumeric": "one"', 1)
    above = "/MetaData/Declaration/Consignment/Itinerary"
    for body, path in ((xml, f"{above}[1]/SequenceNumeric"), (json, f"{above}/0/SequenceNumeric")):
        out = guichet("validate", "-", stdin=body).stdout.decode()
        assert f"    at: {path}\n" in out
        assert "    value: one\n" in out
        assert "    WCO ID: " in out


def test_a_message_type_is_found_however_it_is_spelled(guichet):
    exact = guichet("xsd", "DEC")
    for spelled in "dec", "Dec", "WCO-DMS/3.6/dec":
        assert guichet("xsd", spelled).stdout == exact.stdout
    assert guichet("validate", SMALL, "--message", "dec").returncode == GOOD


def test_a_flag_is_named_and_not_the_column_behind_it(guichet):
    for flag, value in (("--hs", "flowers"), ("--origin", "Kenya"), ("--procedure", "x"), ("--destination", "1")):
        hs = () if flag == "--hs" else ("--hs", "0603")
        done = guichet("requirements", *hs, flag, value)
        assert done.returncode == USAGE
        assert flag.encode() in done.stderr and value.encode() in done.stderr
        assert b"hs_prefix" not in done.stderr


def seen_in_a_terminal(columns: int, *arguments: str) -> list[str]:
    """The lines that a command prints where its output is a terminal of so many columns."""
    mine, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    done = subprocess.Popen([GUICHET, *arguments], stdout=theirs, stderr=theirs, env=clean_environment(), cwd=ROOT)
    os.close(theirs)
    written = b""
    try:
        while part := os.read(mine, 65536):
            written += part
    except OSError:  # how Linux says that nobody holds the other end
        pass
    os.close(mine)
    assert done.wait(timeout=50) == GOOD
    return written.decode().splitlines()


def test_requirements_on_a_narrow_terminal_keep_their_words_whole():
    asked = ("requirements", "--hs", "0603", "--direction", "import", "--origin", "KE", "--on", "2026-11-02")
    wide, narrow = seen_in_a_terminal(400, *asked), seen_in_a_terminal(80, *asked)
    assert len(wide) == 3
    assert max(map(len, narrow)) <= 80
    assert set(" ".join(wide[1:]).split()) <= set(" ".join(narrow).split())
