"""What operators do on the command line, beside a gateway that runs: accounts, and deliveries that were parked."""

import json

import pytest

from adapters.port import Declined
from gateway import bootstrap
from gateway.settings import OutboxSettings, Settings
from tests.gateway.scripted import ScriptedAdapter, case, case_when, lodge_sample, states

GOOD, USAGE = 0, 2
FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone


def rows(done) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def database(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
async def house(database):
    """A gateway that runs, with one case whose delivery was declined once; the next send goes through."""
    agency = ScriptedAdapter()
    agency.script.append(Declined("answered 422", "unknown importer"))
    settings = Settings(database=database, outbox=OutboxSettings(idle=0.05))
    async with bootstrap.running(bootstrap.build(settings, adapters={"PHS": agency})) as gateway:
        trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
        accepted = await lodge_sample(gateway, trader, FLOWERS)
        yield gateway, await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})


async def test_a_parked_delivery_is_found_and_sent_again(house, guichet, database):
    gateway, file = house
    [listed] = rows(guichet("delivery", "list", "--state", "parked", "--format", "json", "--database", database))
    assert (listed["mrn"], listed["delivery"]["problem"][-16:]) == (file.case.mrn, "unknown importer")
    told = guichet("delivery", "list", "--database", database).stdout.decode()
    assert file.case.mrn in told and "unknown importer" in told
    wanted = listed["delivery"]["id"]
    options = ("--reason", "registered now", "--by", "A. Miller", "--database", database)
    done = guichet("delivery", "revive", wanted, "no-such-id", *options)
    assert done.returncode == USAGE, "one of the two is not there"
    assert wanted in done.stdout.decode() and b"'no-such-id'" in done.stderr
    file = await case_when(gateway, file.case.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    [revived] = [event for event in file.events if event.kind == "revived"]
    assert (revived.actor, revived.data["reason"]) == ("operator:A. Miller", "registered now")
    again = guichet("delivery", "revive", wanted, *options)
    assert (again.returncode, again.stdout) == (USAGE, b"")
    assert b"awaiting cannot be revived" in again.stderr
    assert guichet("delivery", "list", "--database", database).stdout == b"No delivery is parked.\n"
    assert await case(gateway, file.case.mrn) == file


@pytest.mark.parametrize(
    "arguments", [("x",), ("x", "--reason", "r"), ("x", "--by", "b"), ("--reason", "r", "--by", "b")]
)
def test_who_revives_says_what_why_and_who(guichet, arguments):
    assert guichet("delivery", "revive", *arguments).returncode == USAGE


@pytest.mark.parametrize(
    "command",
    [
        ("delivery", "list"),
        ("account", "list"),
        ("account", "revoke", "Acme"),
        ("notification", "list"),
        ("notification", "callback", "Acme", "https://acme.example/in"),
        ("account", "key", "add", "Acme"),
        ("account", "key", "list"),
        ("account", "key", "revoke", "Acme", "0123456789ab"),
    ],
)
def test_who_only_looks_makes_no_database(guichet, tmp_path, command):
    done = guichet(*command, "--database", "sqlite:///nowhere.db")
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert f"{tmp_path}/nowhere.db".encode() in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_accounts_are_listed_and_revoked(guichet, tmp_path, database):
    made = guichet("account", "add", "Acme", "--role", "trader", "--database", database)
    assert made.stdout.startswith(b"gk_") and len(made.stdout.splitlines()) == 1
    assert f"{tmp_path / 'ledger.db'}".encode() in made.stderr, "it says which database it was"
    guichet("account", "add", "Food safety", "--role", "agency", "--agency", "FSA", "--database", database)
    told = guichet("account", "list", "--database", database)
    assert [line.split()[0] for line in told.stdout.decode().splitlines()] == ["Name", "Acme", "Food"]
    assert b"gk_" not in told.stdout
    assert guichet("account", "revoke", "Acme", "--database", database).returncode == GOOD
    acme, fsa = rows(guichet("account", "list", "--format", "json", "--database", database))
    assert (acme["name"], acme["role"], acme["revoked_at"][:2]) == ("Acme", "trader", "20")
    assert (fsa["agency"], fsa["revoked_at"]) == ("FSA", None)
    nobody = guichet("account", "revoke", "Nobody", "--database", database)
    assert nobody.returncode == USAGE and b"'Nobody'" in nobody.stderr
