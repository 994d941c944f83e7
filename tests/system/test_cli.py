"""The command line: what each command prints, where it goes, and the exit code."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request

import pytest
from lxml import etree

from tests.system.conftest import GUICHET, ROOT, SAMPLES, clean_environment

GOOD, INVALID, USAGE = 0, 1, 2
SAMPLE = SAMPLES / "import-cut-flowers-kenya.xml"
COMMANDS = ("serve", "demo", "validate", "convert", "xsd", "requirements", "account add")


def broken_sample() -> bytes:
    """The sample with two faults on known lines."""
    lines = SAMPLE.read_bytes().splitlines()
    faulty = [
        line.replace(b"<FunctionCode>9<", b"<FunctionCode>nine<").replace(b">3</Goods", b">x</Goods") for line in lines
    ]
    return b"\n".join(faulty)


def line_of(body: bytes, word: bytes) -> int:
    return next(number for number, line in enumerate(body.splitlines(), 1) if word in line)


def leaves(element: etree._Element) -> list[tuple[str, str, dict[str, str]]]:
    """What a document says, in its order: every element with its value and attributes; no prefixes, no comments."""
    return [(str(each.tag), (each.text or "").strip(), dict(each.attrib)) for each in element.iter(etree.Element)]


def test_help_names_every_command_and_an_example(guichet):
    done = guichet("--help")
    assert done.returncode == GOOD
    for command in COMMANDS:
        assert command.split()[0] in done.stdout.decode()
        told = guichet(*command.split(), "--help")
        assert told.returncode == GOOD
        assert f"guichet {command}" in told.stdout.decode(), "the help shows how the command is used"


def test_help_loads_nothing_heavy():
    heavy = "{'aiohttp', 'asyncio', 'datamodel', 'lxml', 'msgspec', 'rich', 'sqlite3', 'uvloop'}"
    code = f"import sys, gateway.cli; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_version_is_that_of_the_distribution(guichet):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert guichet("--version").stdout.decode() == f"guichet {version}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate",),
        ("validate", "no-such-file.xml"),
        ("validate", SAMPLE, "--message", "no/such/message"),
        ("validate", SAMPLE, "--as", "edifact"),
        ("convert", SAMPLE),
        ("convert", "--to", "json", "no-such-file.xml"),
        ("xsd", "NO-SUCH-MESSAGE"),
        ("requirements", "--hs", "flowers"),
        ("requirements", "--hs", "06", "--on", "tomorrow"),
        ("account", "add", "Acme", "--role", "king"),
        ("account", "add", "Acme", "--role", "agency"),
        ("serve", "--settings", "no-such-file.toml"),
        ("serve", "--database", "oracle://"),
        ("no-such-command",),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(guichet, arguments):
    done = guichet(*arguments)
    assert done.returncode == USAGE
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    assert b"Error" in done.stderr


def test_an_unknown_message_type_is_answered_with_those_there_are(guichet):
    assert b"wco-dms/3.6/DEC" in guichet("xsd", "NO-SUCH-MESSAGE").stderr


def test_a_misspelt_setting_is_refused(guichet, tmp_path):
    (tmp_path / "guichet.toml").write_text('databse = "sqlite:///x.db"\n')
    done = guichet("serve", "--settings", "guichet.toml")
    assert done.returncode == USAGE
    assert b"databse" in done.stderr
    assert b"did you mean 'database'?" in done.stderr


def test_validate_accepts_every_sample(guichet):
    files = sorted(SAMPLES.glob("*.xml"))
    assert len(files) == 12
    done = guichet("validate", *files)
    assert (done.returncode, done.stderr) == (GOOD, b"")
    assert done.stdout.decode().splitlines() == [f"{file}: valid wco-dms/3.6/DEC" for file in files]


def test_validate_accepts_the_corpus(guichet, corpus):
    files = sorted((corpus / "uk-cds" / "samples").rglob("*.xml"))
    done = guichet("validate", *files)
    assert done.returncode == GOOD, done.stdout.decode()
    kinds = [line.rpartition("/")[2] for line in done.stdout.decode().splitlines() if ": valid " in line]
    # One of the 60 files in the folder of declarations withdraws one.
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"DEC": 57, "CANCEL": 2, "ARRIVAL": 2, "RES": 2}


def test_validate_names_place_rule_expectation_and_remedy_of_every_fault(guichet, tmp_path):
    body = broken_sample()
    (tmp_path / "bad.xml").write_bytes(body)
    done = guichet("validate", "bad.xml", SAMPLE)
    assert done.returncode == INVALID, "one invalid file is enough"
    out = done.stdout.decode()
    for word in (b"<FunctionCode>", b"<GoodsItemQuantity>"):
        assert f"bad.xml:{line_of(body, word)}:" in out
    assert out.count("remedy: ") >= 2
    assert f"{SAMPLE}: valid" in out
    assert "\x1b" not in out


def test_validate_prints_issues_as_json_one_a_line(guichet):
    body = broken_sample()
    done = guichet("validate", "--format", "json", "-", stdin=body)
    assert done.returncode == INVALID
    issues = [json.loads(line) for line in done.stdout.splitlines()]
    assert [issue["file"] for issue in issues] == ["-"] * len(issues)
    assert {issue["line"] for issue in issues} == {
        line_of(body, b"<FunctionCode>"),
        line_of(body, b"<GoodsItemQuantity>"),
    }
    assert all(issue["rule"] and issue["text"] and issue["xpath"] for issue in issues)


def test_validate_of_good_input_prints_no_issue(guichet):
    done = guichet("validate", "--format", "json", SAMPLE)
    assert (done.returncode, done.stdout) == (GOOD, b"")


def test_json_faults_are_found_by_pointer(guichet):
    document = json.loads(guichet("convert", "--to", "json", SAMPLE).stdout)
    document["MetaData"]["Declaration"]["TypeCode"] = ["IM"]
    done = guichet("validate", "-", stdin=json.dumps(document).encode())
    assert done.returncode == INVALID
    assert b"/MetaData/Declaration/TypeCode" in done.stdout


@pytest.mark.parametrize("body", [b"", b"plain text", b"<open>", b'{"a":', b"\xff\xfe\x00", b"<!DOCTYPE a><a/>"])
def test_what_is_no_message_is_invalid_and_not_a_crash(guichet, body):
    done = guichet("validate", "-", stdin=body)
    assert done.returncode == INVALID
    assert done.stdout
    assert b"Traceback" not in done.stderr


def test_format_is_told_by_content_before_name(guichet, tmp_path):
    shutil.copy(SAMPLE, tmp_path / "sample.json")
    assert guichet("validate", "sample.json").returncode == GOOD
    assert guichet("validate", "sample.json", "--as", "json").returncode == INVALID


def test_a_forced_message_type_is_used(guichet):
    assert guichet("validate", SAMPLE, "--message", "DEC").returncode == GOOD
    assert guichet("validate", SAMPLE, "--message", "RES").returncode == INVALID


@pytest.mark.parametrize("name", ["import-relief-goods", "import-supermarket-thirty-items"])
def test_convert_there_and_back_says_the_same(guichet, name):
    sample = SAMPLES / f"{name}.xml"
    there = guichet("convert", "--to", "json", sample)
    assert (there.returncode, there.stderr) == (GOOD, b"")
    assert "MetaData" in json.loads(there.stdout)
    back = guichet("convert", "--to", "xml", "-", stdin=there.stdout)
    assert (back.returncode, back.stderr) == (GOOD, b"")
    assert leaves(etree.fromstring(back.stdout)) == leaves(etree.fromstring(sample.read_bytes()))
    assert guichet("convert", "--to", "json", "-", stdin=back.stdout).stdout == there.stdout


def test_convert_of_invalid_input_writes_no_document(guichet):
    done = guichet("convert", "--to", "json", "-", stdin=broken_sample())
    assert (done.returncode, done.stdout) == (INVALID, b"")
    assert b"-:" in done.stderr


def test_xsd_writes_a_schema_that_validates_the_samples(guichet, tmp_path):
    done = guichet("xsd", "DEC", "--out", "schemas")
    assert done.returncode == GOOD
    entry, *_ = done.stdout.decode().splitlines()
    schema = etree.XMLSchema(file=str(tmp_path / entry))
    for sample in SAMPLES.glob("*.xml"):
        assert schema.validate(etree.parse(sample)), schema.error_log
    assert not schema.validate(etree.fromstring(broken_sample()))


def test_xsd_without_a_folder_prints_the_entry_and_names_the_rest(guichet, tmp_path):
    done = guichet("xsd", "DEC")
    assert etree.QName(etree.fromstring(done.stdout)).localname == "schema"
    assert b"--out" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_messages_lists_keys(guichet):
    listed = dict(line.split(maxsplit=1) for line in guichet("messages").stdout.decode().splitlines())
    assert listed["wco-dms/3.6/DEC"] == "Declaration"


def test_requirements_as_a_table_that_survives_a_pipe(guichet):
    done = guichet("requirements", "--hs", "0603", "--direction", "import", "--origin", "KE", "--on", "2026-11-02")
    assert done.returncode == GOOD
    heading, *rows = done.stdout.decode().splitlines()
    assert heading.split()[:2] == ["Id", "Agency"]
    assert [row.split()[0] for row in rows] == ["PHS-003", "PHS-004"], "one line for each requirement"
    assert "Plant Health Act" in rows[0]
    assert "\x1b" not in done.stdout.decode()


def test_requirements_as_json_and_by_day(guichet):
    done = guichet("requirements", "--hs", "0603", "--origin", "KE", "--format", "json", "--on", "2026-11-02")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["agency"] for row in rows} == {"PHS"}
    assert all(row["purpose"] and row["legal_basis"] for row in rows)
    before = guichet("requirements", "--hs", "0603", "--format", "json", "--on", "1900-01-01")
    assert (before.returncode, before.stdout) == (GOOD, b"")


def test_requirements_says_so_where_nothing_is_asked_for(guichet):
    done = guichet("requirements", "--hs", "8483")
    assert done.returncode == GOOD
    assert b"No agency" in done.stdout


def test_an_account_gets_a_key_once(guichet):
    done = guichet("account", "add", "Acme", "--role", "trader", "--database", "sqlite:///here.db")
    assert done.returncode == GOOD
    assert done.stdout.startswith(b"gk_")
    assert len(done.stdout.splitlines()) == 1
    again = guichet("account", "add", "Acme", "--role", "trader", "--database", "sqlite:///here.db")
    assert (again.returncode, again.stdout) == (USAGE, b"")


def serving(tmp_path, *arguments, stderr=subprocess.PIPE):
    command = [GUICHET, "serve", "--port", "0", "--database", f"sqlite:///{tmp_path / 'served.db'}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=clean_environment(), cwd=tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_where_it_is_ready_and_ends_in_order(tmp_path, number):
    process = serving(tmp_path)
    ready = process.stdout.readline().decode()
    port = int(ready.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall(b"GET /readyz HTTP/1.1\r\nHost: guichet\r\nConnection: close\r\n\r\n")
        assert caller.recv(12) == b"HTTP/1.1 200"
    process.send_signal(number)
    _, log = process.communicate(timeout=20)
    assert process.returncode == GOOD
    assert b"Traceback" not in log


def test_an_account_made_beside_a_running_gateway_works_at_once(tmp_path, guichet):
    process = serving(tmp_path)
    try:
        url = process.stdout.readline().decode().split()[-1]
        database = f"sqlite:///{tmp_path / 'served.db'}"
        made = guichet("account", "add", "Acme", "--role", "trader", "--database", database)
        assert made.returncode == GOOD
        asked = urllib.request.Request(
            f"{url}/v1/declarations/26XZ", headers={"X-API-Key": made.stdout.decode().strip()}
        )
        with pytest.raises(urllib.error.HTTPError) as unknown:
            urllib.request.urlopen(asked, timeout=10)
        assert unknown.value.code == 404
        nobody = guichet("account", "add", "Nobody", "--role", "agency", "--agency", "NIX", "--database", database)
        assert nobody.returncode == USAGE
        assert b"FSA, MED, PHS, TEX, WLD" in nobody.stderr
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_a_database_or_port_in_use_is_a_usage_error(tmp_path, guichet):
    process = serving(tmp_path)
    try:
        port = process.stdout.readline().decode().strip().rpartition(":")[2]
        database = f"sqlite:///{tmp_path / 'served.db'}"
        same_database = guichet("serve", "--port", "0", "--database", database)
        assert same_database.returncode == USAGE
        assert b"in use" in same_database.stderr
        same_port = guichet("serve", "--port", port, "--database", "sqlite:///other.db")
        assert same_port.returncode == USAGE
        assert port.encode() in same_port.stderr
    finally:
        process.terminate()
        process.communicate(timeout=20)
