"""Accounts: a key opens its own account, is nowhere to be read, and stops soon after it is withdrawn."""

import re

import pytest

from gateway.access.accounts import Accounts, key_digest, new_key
from gateway.clock import stamp
from tests.gateway.ledger import at


@pytest.fixture
def accounts(store, clock):
    return Accounts(store, clock, lifetime=30, limit=2)


def test_keys_are_long_and_never_the_same():
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(r"gk_[A-Za-z0-9_-]{43}", key) for key in keys)


async def test_a_key_opens_its_own_account(accounts):
    trader, trader_key = await accounts.register("Example Flowers", "trader")
    agency, agency_key = await accounts.register("Food safety", "agency", "FSA")
    assert (await accounts.authenticate(trader_key)).account == trader
    assert (await accounts.authenticate(agency_key)).account == agency
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
    assert (await accounts.authenticate(key)).account == first


@pytest.mark.parametrize(
    ("name", "role", "agency"),
    [(" ", "trader", None), ("A", "king", None), ("A", "agency", None), ("A", "trader", "FSA")],
)
async def test_an_account_that_makes_no_sense_is_refused(accounts, name, role, agency):
    with pytest.raises(ValueError, match="account|role"):
        await accounts.register(name, role, agency)


async def test_a_withdrawn_key_works_for_its_lifetime_at_most(accounts, store, clock):
    account, key = await accounts.register("Example Flowers", "trader")
    assert (await accounts.authenticate(key)).account == account
    await Accounts(store, clock).revoke("Example Flowers")  # by another process, which cannot empty our cache
    clock.advance(29)
    assert (await accounts.authenticate(key)).account == account
    clock.advance(1)
    assert await accounts.authenticate(key) is None


async def test_a_clock_set_back_does_not_keep_a_withdrawn_key_alive(accounts, store, clock):
    _, key = await accounts.register("Example Flowers", "trader")
    await accounts.authenticate(key)
    await store.revoke_account("Example Flowers", at(1))
    clock.advance(-3600)
    assert await accounts.authenticate(key) is None


async def test_a_withdrawn_account_is_listed_with_its_time_and_keeps_its_name(accounts, store, clock):
    kept, _ = await accounts.register("Example Fruit", "agency", "FSA")
    await accounts.register("Example Flowers", "trader")
    revoked = await accounts.revoke("Example Flowers")
    assert (revoked.name, revoked.revoked_at) == ("Example Flowers", stamp(clock()))
    clock.advance(60)
    assert await accounts.revoke("Example Flowers") == revoked, "the first time counts"
    assert await store.accounts() == [revoked, kept]
    with pytest.raises(ValueError, match="already"):
        await accounts.register("Example Flowers", "trader")
    with pytest.raises(ValueError, match="no account named 'Nobody'"):
        await accounts.revoke("Nobody")


async def test_who_withdraws_its_own_cached_key_sees_it_end_at_once(accounts):
    _, key = await accounts.register("Example Flowers", "trader")
    assert await accounts.authenticate(key) is not None
    await accounts.revoke("Example Flowers")
    assert await accounts.authenticate(key) is None


async def test_no_more_accounts_are_remembered_than_the_limit(accounts, store):
    keys = [(await accounts.register(f"Example {number}", "trader"))[1] for number in range(3)]
    for key in keys[0], keys[1], keys[0], keys[2]:
        assert await accounts.authenticate(key) is not None
    for number in range(3):
        await store.revoke_account(f"Example {number}", at(1))
    assert [await accounts.authenticate(key) is not None for key in keys] == [True, False, True]


async def test_a_key_made_after_it_was_tried_works_at_once(accounts, store):
    key = new_key()
    assert await accounts.authenticate(key) is None
    account = await store.add_account("Example Flowers", "trader", None, key_digest(key))
    assert (await accounts.authenticate(key)).account == account
