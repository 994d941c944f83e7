"""Accounts: a key opens its own account, is nowhere to be read, and stops soon after it is withdrawn."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from gateway.accounts import Accounts, key_digest, new_key
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import by_hand


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.now = datetime(2026, 1, 31, 8, tzinfo=UTC)

    def __call__(self):
        return self.now

    def move(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(database):
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def accounts(store, clock):
    return Accounts(store, clock, lifetime=30, limit=2)


def withdraw_all(database):
    with by_hand(database) as connection:
        connection.execute("DELETE FROM account")


def test_keys_are_long_and_never_the_same():
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(r"gk_[A-Za-z0-9_-]{43}", key) for key in keys)


async def test_a_key_opens_its_own_account(accounts):
    trader, trader_key = await accounts.register("Example Flowers", "trader")
    agency, agency_key = await accounts.register("Food safety", "agency", "FSA")
    assert await accounts.authenticate(trader_key) == trader
    assert await accounts.authenticate(agency_key) == agency
    assert (trader.role, trader.agency, agency.role, agency.agency) == ("trader", None, "agency", "FSA")


@pytest.mark.parametrize("key", ["", "gk_", "gk_" + "a" * 43, "gk_" + "a" * 44, "Bearer x", "gk_" + "\udce9" * 43])
async def test_an_unknown_key_opens_nothing(accounts, key):
    await accounts.register("Example Flowers", "trader")
    assert await accounts.authenticate(key) is None


async def test_a_key_is_nowhere_in_the_database(accounts, store, database):
    _, key = await accounts.register("Example Flowers", "trader")
    files = [file.read_bytes() for file in database.parent.iterdir()]
    assert any(key_digest(key).encode() in content for content in files)
    assert not any(key.encode() in content or key[3:].encode() in content for content in files)


async def test_a_name_can_be_taken_once_and_the_first_keeps_its_key(accounts):
    first, key = await accounts.register("Example Flowers", "trader")
    with pytest.raises(ValueError, match="'Example Flowers'"):
        await accounts.register("Example Flowers", "operator")
    assert await accounts.authenticate(key) == first


@pytest.mark.parametrize(
    ("name", "role", "agency"),
    [(" ", "trader", None), ("A", "king", None), ("A", "agency", None), ("A", "trader", "FSA")],
)
async def test_an_account_that_makes_no_sense_is_refused(accounts, name, role, agency):
    with pytest.raises(ValueError, match="account|role"):
        await accounts.register(name, role, agency)


async def test_a_withdrawn_key_works_for_its_lifetime_at_most(accounts, clock, database):
    account, key = await accounts.register("Example Flowers", "trader")
    assert await accounts.authenticate(key) == account
    withdraw_all(database)
    clock.move(29)
    assert await accounts.authenticate(key) == account
    clock.move(1)
    assert await accounts.authenticate(key) is None


async def test_a_clock_set_back_does_not_keep_a_withdrawn_key_alive(accounts, clock, database):
    _, key = await accounts.register("Example Flowers", "trader")
    await accounts.authenticate(key)
    withdraw_all(database)
    clock.move(-3600)
    assert await accounts.authenticate(key) is None


async def test_no_more_accounts_are_remembered_than_the_limit(accounts, database):
    keys = [(await accounts.register(f"Example {number}", "trader"))[1] for number in range(3)]
    for key in keys[0], keys[1], keys[0], keys[2]:
        assert await accounts.authenticate(key) is not None
    withdraw_all(database)
    assert [await accounts.authenticate(key) is not None for key in keys] == [True, False, True]


async def test_a_key_made_after_it_was_tried_works_at_once(accounts, store):
    key = new_key()
    assert await accounts.authenticate(key) is None
    account = await store.add_account("Example Flowers", "trader", None, key_digest(key))
    assert await accounts.authenticate(key) == account
