"""The keys of accounts on the command line, beside a gateway that runs."""

import hashlib
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.system.test_cli import GOOD, USAGE, serving


@pytest.fixture
def database(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'served.db'}"


@pytest.fixture
def acme(guichet, database) -> str:
    """The first key of an account."""
    return key_of(guichet("account", "add", "Acme", "--role", "trader", "--database", database))


def key_of(done) -> str:
    assert done.returncode == GOOD, done.stderr
    [key] = done.stdout.decode().split()
    assert key.startswith("gk_")
    return key


def listed(guichet, database, *names) -> list[dict]:
    done = guichet("account", "key", "list", *names, "--format", "json", "--database", database)
    return [msgspec.json.decode(line) for line in done.stdout.splitlines()]


def status(url: str, key: str) -> int:
    """What a gateway says to a question for a case that is not there."""
    asked = urllib.request.Request(f"{url}/v1/declarations/26XZ", headers={"X-API-Key": key})
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(asked, timeout=10)
    return answer.value.code


def test_a_key_is_changed_for_another_beside_a_running_gateway(guichet, tmp_path, database, acme):
    process = serving(tmp_path)
    try:
        url = process.stdout.readline().decode().split()[-1]
        assert status(url, acme) == 404
        second = key_of(guichet("account", "key", "add", "Acme", "--label", "next", "--database", database))
        assert (status(url, acme), status(url, second)) == (404, 404), "both work at once"
        third = guichet("account", "key", "add", "Acme", "--database", database)
        assert (third.returncode, third.stdout) == (USAGE, b"")
        first_id = hashlib.sha256(acme.encode()).hexdigest()[:12]
        assert first_id.encode() in third.stderr and b"revoke one" in third.stderr
        gone = guichet("account", "key", "revoke", "Acme", first_id, "--database", database)
        assert (gone.returncode, b"no key that works" in gone.stderr) == (GOOD, False)
        assert gone.stdout.decode().startswith(f"key {first_id} of Acme is revoked since 20")
        assert [each["state"] for each in listed(guichet, database, "Acme")] == ["revoked", "live"]
        assert status(url, second) == 404
    finally:
        process.terminate()
        process.communicate(timeout=20)
    process = serving(tmp_path)  # one that never knew the first key
    try:
        url = process.stdout.readline().decode().split()[-1]
        assert (status(url, acme), status(url, second)) == (401, 404)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_the_list_tells_what_ends_soon(guichet, database, acme):
    options = ("--label", "for the summer", "--expires", "20d", "--scope", "read", "--scope", "validate")
    key_of(guichet("account", "key", "add", "Acme", *options, "--database", database))
    guichet("account", "add", "Zebra", "--role", "auditor", "--expires", "400d", "--database", database)
    first, second, other = listed(guichet, database)
    end = (datetime.now(UTC) + timedelta(days=20)).date()
    assert (first["account"], first["label"], first["scopes"], first["state"]) == ("Acme", "first", None, "live")
    assert (second["scopes"], second["state"]) == (["read", "validate"], f"ends in {days_to(second)} days")
    assert abs((datetime.fromisoformat(second["expires_on"]).date() - end).days) <= 1  # midnight may have passed
    assert (other["account"], other["state"], other["used_on"]) == ("Zebra", "live", None)
    told = guichet("account", "key", "list", "Acme", "--database", database).stdout.decode()
    assert "ends in" in told and "read, validate" in told and "Zebra" not in told
    assert acme not in told and hashlib.sha256(acme.encode()).hexdigest() not in told


def days_to(key: dict) -> int:
    return (datetime.fromisoformat(key["expires_on"]).date() - datetime.now(UTC).date()).days


def test_a_user_is_given_a_key_and_withdrawn(guichet, database, acme):
    done = guichet("account", "user", "add", "Acme", "A. Miller", "--scope", "read", "--database", database)
    assert done.stdout == b"A. Miller is user 2 of Acme\n", done.stderr
    key_of(guichet("account", "key", "add", "Acme", "--user", "A. Miller", "--database", database))
    assert [(each["user"], each["state"]) for each in listed(guichet, database)] == [
        ("first", "live"),
        ("A. Miller", "live"),
    ]
    gone = guichet("account", "user", "revoke", "Acme", "A. Miller", "--database", database)
    assert gone.stdout.startswith(b"A. Miller of Acme is revoked since 20")
    assert [each["state"] for each in listed(guichet, database)] == ["live", "revoked"]
    told = guichet("account", "user", "list", "--format", "json", "--database", database).stdout.splitlines()
    first, miller = map(msgspec.json.decode, told)
    assert (first["name"], first["revoked_at"], first["scopes"]) == ("first", None, None)
    assert (miller["number"], miller["scopes"], miller["revoked_at"] is None) == (2, ["read"], False)
    assert b"A. Miller" in guichet("account", "user", "list", "Acme", "--database", database).stdout


def test_who_revokes_the_last_key_is_told_how_to_make_one(guichet, database, acme):
    [only] = listed(guichet, database, "Acme")
    done = guichet("account", "key", "revoke", "Acme", only["id"], "--database", database)
    assert (done.returncode, b"guichet account key add" in done.stderr) == (GOOD, True)
    guichet("account", "key", "add", "Acme", "--database", database)
    guichet("account", "revoke", "Acme", "--database", database)
    assert [each["state"] for each in listed(guichet, database, "Acme")] == ["revoked", "revoked"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "Nobody"), "no account named 'Nobody'"),
        (("add", "Acme", "--user", "Miller"), "'Acme' has no user named 'Miller'"),
        (("add", "Acme", "--expires", "soon"), "'soon' is neither a number of days, as 90d, nor a date"),
        (("add", "Acme", "--expires", "2020-01-31"), "ended on 2020-01-31 already"),
        (
            ("add", "Acme", "--scope", "decide"),
            "a trader has no scope 'decide'; there is lodge, read, mandate, confirm, notify, validate",
        ),
        (("add", "Acme", "--label", "x" * 41), "at most 40 printable characters"),
        (("list", "Nobody"), "no account named 'Nobody'"),
        (("revoke", "Acme", "0123456789ab"), "no key '0123456789ab'"),
    ],
)
def test_what_cannot_be_is_wrong_usage_and_changes_nothing(guichet, database, acme, arguments, told):
    before = listed(guichet, database)
    done = guichet("account", "key", *arguments, "--database", database)
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert told in " ".join(done.stderr.decode().replace("│", " ").split())
    assert listed(guichet, database) == before
