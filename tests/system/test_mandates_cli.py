"""Identifiers and mandates on the command line, beside a gateway that runs with two workers."""

import re
import subprocess
import time
import urllib.error
import urllib.request

import msgspec
import pytest

from tests.system.conftest import SAMPLES
from tests.system.test_cli import GOOD, USAGE, serving
from tests.system.test_keys_cli import key_of

HOTEL = (SAMPLES / "import-hotel-supplies.json").read_bytes()
IMPORTER = "XZ810090008145"
PATIENCE = 20.0
OPERATOR = ("--reason", "power of attorney of 3 May", "--by", "A. Miller")


@pytest.fixture
def database(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'served.db'}"


@pytest.fixture
def run(guichet, database):
    """A command that does what it is told; what it prints."""

    def run(*arguments: str) -> str:
        done = guichet(*arguments, "--database", database)
        assert done.returncode == GOOD, done.stderr
        return done.stdout.decode().strip()

    return run


def lodge(url: str, key: str, number: int) -> int:
    """Lodge a declaration that is like no other, over a connection of its own, so that any worker may get it."""
    body = HOTEL.replace(b"GRANDALMAR-OPENING-01", b"GRANDALMAR-%d" % number)
    headers = {"X-API-Key": key, "Content-Type": "application/json", "Connection": "close"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/declarations", body, headers), timeout=10) as got:
            return got.status
    except urllib.error.HTTPError as error:
        return error.code


def lodge_until(url: str, key: str, numbers, status: int) -> None:
    """Until five in a row are answered so: more than one worker takes connections."""
    deadline, in_a_row = time.monotonic() + PATIENCE, 0
    while in_a_row < 5:
        assert time.monotonic() < deadline, f"there is still another answer than {status}"
        in_a_row = in_a_row + 1 if lodge(url, key, next(numbers)) == status else 0


def test_what_an_operator_grants_and_revokes_counts_with_every_worker_within_seconds(guichet, tmp_path, database, run):
    run("account", "add", "Grand Almar", "--role", "trader")
    key = key_of(guichet("account", "add", "Harbour", "--role", "trader", "--database", database))
    # A log that nobody reads would fill its pipe, and hold up whoever writes to it.
    process = serving(tmp_path, "--workers", "2", stderr=subprocess.DEVNULL)
    numbers = iter(range(10**6))
    try:
        url = re.search(r"http://\S+", process.stdout.readline().decode())[0].rstrip("/,")
        assert lodge(url, key, next(numbers)) == 202
        assert IMPORTER in run("account", "identifier", "add", "Grand Almar", IMPORTER.lower())
        lodge_until(url, key, numbers, 422)
        wanted = run("mandate", "grant", "Grand Almar", "Harbour", "--direction", "import", *OPERATOR)
        lodge_until(url, key, numbers, 202)
        assert wanted == run("mandate", "grant", "Grand Almar", "Harbour", "--direction", "import", *OPERATOR)
        run("mandate", "revoke", wanted, "--reason", "asked for", "--by", "B. Jones")
        lodge_until(url, key, numbers, 422)
        run("account", "identifier", "remove", "Grand Almar", IMPORTER)
        lodge_until(url, key, numbers, 202)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
    [record] = [
        msgspec.json.decode(line) for line in run("mandate", "list", "Harbour", "--format", "json").splitlines()
    ]
    assert (record["granted_by"], record["revoked_by"], record["revocation"]) == (
        "operator:A. Miller",
        "operator:B. Jones",
        "asked for",
    )
    assert "revoked" in run("mandate", "list") and IMPORTER in run("account", "identifier", "list")


FAULTS = [
    (("account", "identifier", "add", "Nobody", "XZ1"), "no trader named 'Nobody'"),
    (("mandate", "grant", "A", "Nobody", *OPERATOR), "guichet account list"),
    (("mandate", "revoke", "x", *OPERATOR), "no mandate 'x'"),
]


def test_what_cannot_be_done_is_said(guichet, database, run):
    run("account", "add", "A", "--role", "trader")
    for arguments, told in FAULTS:
        done = guichet(*arguments, "--database", database)
        assert (done.returncode, told in done.stderr.decode()) == (USAGE, True), (arguments, done.stderr)
