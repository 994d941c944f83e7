"""Users of an account: each with scopes and keys of its own, and withdrawn without the others."""

from importlib.resources import files

import pytest

from gateway.access.accounts import Accounts, key_digest
from gateway.access.users import FIRST_USER
from gateway.ports import KeyTerms
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import at, by_hand, digest

NAME = "Example Flowers"
MILLER = "A. Miller"


@pytest.fixture
async def accounts(store, clock):
    made = Accounts(store, clock, lifetime=30)
    await made.register(NAME, "trader")
    return made


async def test_each_user_acts_for_the_account_under_a_number_of_its_own(accounts, store):
    other, _ = await accounts.register("Example Fruit", "agency", "FSA")
    for name in MILLER, "dashboard":
        await accounts.add_user(NAME, name)
    await accounts.add_user("Example Fruit", MILLER)
    actors = {}
    for account, user in (NAME, MILLER), (NAME, "dashboard"), (NAME, FIRST_USER), ("Example Fruit", MILLER):
        _, key = await accounts.add_key(account, KeyTerms(user=user))
        caller = await accounts.authenticate(key)
        assert caller.account.name == account
        actors[account, user] = caller.actor
    assert list(actors.values()) == ["trader:1/2", "trader:1/3", "trader:1/1", f"agency:FSA/{other.id}/2"]
    assert [(each.number, each.name) for each in await store.users(NAME)] == [
        (1, FIRST_USER),
        (2, MILLER),
        (3, "dashboard"),
    ]
    assert len(await store.users()) == 5


async def test_a_withdrawn_user_takes_its_keys_along_and_nobody_elses(accounts, store, clock):
    _, first = await accounts.add_key(NAME, KeyTerms())
    await accounts.add_user(NAME, MILLER)
    _, key = await accounts.add_key(NAME, KeyTerms(user=MILLER))
    assert await accounts.authenticate(key) is not None
    revoked = await Accounts(store, clock).revoke_user(NAME, MILLER)  # by another process
    clock.advance(29)
    assert await accounts.authenticate(key) is not None
    clock.advance(1)
    assert await accounts.authenticate(key) is None
    assert await accounts.authenticate(first) is not None
    assert await accounts.revoke_user(NAME, MILLER) == revoked, "the first time counts"
    with pytest.raises(ValueError, match=f"the user '{MILLER}' of '{NAME}' was revoked"):
        await accounts.add_key(NAME, KeyTerms(user=MILLER))
    with pytest.raises(ValueError, match="has a user named"):
        await accounts.add_user(NAME, MILLER)


async def test_a_user_may_do_what_its_scopes_and_those_of_its_key_both_say(accounts):
    await accounts.add_user(NAME, MILLER, ("read", "validate"))
    _, key = await accounts.add_key(NAME, KeyTerms(user=MILLER))
    assert (await accounts.authenticate(key)).scopes == ("read", "validate")
    _, narrow = await accounts.add_key(NAME, KeyTerms(user=MILLER, scopes=("read",)))
    assert (await accounts.authenticate(narrow)).scopes == ("read",)
    with pytest.raises(ValueError, match=f"user '{MILLER}' has no scope 'lodge'; there is read, validate"):
        await accounts.add_key(NAME, KeyTerms(user=MILLER, scopes=("lodge",)))
    with pytest.raises(ValueError, match="a trader has no scope 'decide'"):
        await accounts.add_user(NAME, "other", ("decide",))


async def test_two_keys_that_live_are_counted_for_each_user(accounts):
    await accounts.add_user(NAME, MILLER)
    for _ in range(2):
        await accounts.add_key(NAME, KeyTerms(user=MILLER))
    with pytest.raises(ValueError, match=f"the user '{MILLER}' of '{NAME}' has 2 keys that live"):
        await accounts.add_key(NAME, KeyTerms(user=MILLER))
    await accounts.add_key(NAME, KeyTerms())


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "two\nlines"])
async def test_a_user_has_a_name_that_can_be_read(accounts, name):
    with pytest.raises(ValueError, match="from 1 to 40 printable characters"):
        await accounts.add_user(NAME, name)


async def test_only_what_is_there_gets_or_loses_a_user(accounts):
    for work in accounts.add_user("Nobody", MILLER), accounts.revoke_user("Nobody", MILLER):
        with pytest.raises(ValueError, match="account named 'Nobody'"):
            await work
    with pytest.raises(ValueError, match=f"'{NAME}' has no user named '{MILLER}'"):
        await accounts.add_key(NAME, KeyTerms(user=MILLER))
    await accounts.revoke(NAME)
    with pytest.raises(ValueError, match="was revoked"):
        await accounts.add_user(NAME, MILLER)


async def test_keys_from_before_there_were_users_belong_to_the_first_one(database, clock):
    scripts = sorted((files("gateway.store") / "migrations").iterdir(), key=lambda file: file.name)[:4]
    with by_hand(database) as connection:
        for script in scripts:
            connection.executescript(script.read_text(encoding="utf-8"))
        connection.execute("PRAGMA user_version = 4")
        connection.execute("INSERT INTO account (name, role) VALUES (?, 'trader')", (NAME,))
        row = (digest(b"key"), at(1), at(2)[:10])
        connection.execute("INSERT INTO api_key VALUES (?, 1, 'old', ?, NULL, '[\"read\"]', NULL, ?)", row)
    store = SqliteStore(database)
    await store.open()
    holder = await store.holder(digest(b"key"))
    assert (holder.user.number, holder.user.name, holder.key.user, holder.key.kind) == (
        1,
        FIRST_USER,
        FIRST_USER,
        "key",
    )
    assert (holder.key.label, holder.key.made_at, holder.key.scopes) == ("old", at(1), ("read",))
    _, key = await Accounts(store, clock).add_key(NAME, KeyTerms())
    assert (await store.holder(key_digest(key)[:12])).key.id == key_digest(key)[:12], "an id does as well"
    await store.close()
