"""The keys of an account: two at once, each with an end, and none that ends unnoticed."""

import asyncio
import time
from datetime import date
from importlib.resources import files

import pytest

from gateway.access.accounts import Accounts, KeyExpired, key_digest, last_day, standing
from gateway.access.rights import ROLES, scopes
from gateway.ports import FIRST_KEY, ApiKey, KeyTerms
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import at, by_hand, digest, held_by_another_program, mrn
from tests.gateway.scripted import PATIENCE, eventually

NAME = "Example Flowers"
SECOND = KeyTerms(label="second")
TODAY = date(2026, 11, 21)  # that of the scripted clock


@pytest.fixture
def accounts(store, clock):
    return Accounts(store, clock, lifetime=30)


async def used_on(store, day: str) -> None:
    """Returns as soon as the first key was last seen on that day."""
    deadline = time.monotonic() + PATIENCE
    while (found := (await store.keys(NAME))[0].key.used_on) != day:
        assert time.monotonic() < deadline, f"still {found}"
        await asyncio.sleep(0.005)


async def test_a_second_key_takes_over_from_the_first_without_a_gap(accounts, store, clock):
    account, first = await accounts.register(NAME, "trader")
    assert (await accounts.authenticate(first)).account == account
    clock.advance(60)
    made, second = await Accounts(store, clock).add_key(NAME, SECOND)  # by another process
    assert (made.account, made.key.label) == (account, "second")
    assert (await accounts.authenticate(second)).account == account
    assert (await accounts.authenticate(first)).account == account
    old, new = (each.key for each in await store.keys(NAME))
    assert (old.label, new.label, new.id) == ("first", "second", made.key.id)
    assert key_digest(second).startswith(new.id)
    await Accounts(store, clock).revoke_key(NAME, old.id)
    clock.advance(29)
    assert await accounts.authenticate(first) is not None
    clock.advance(1)
    assert await accounts.authenticate(first) is None
    assert (await accounts.authenticate(second)).account == account


async def test_who_withdraws_a_key_itself_sees_it_end_at_once(accounts):
    _, key = await accounts.register(NAME, "trader")
    assert await accounts.authenticate(key) is not None
    await accounts.revoke_key(NAME, key_digest(key)[:12])
    assert await accounts.authenticate(key) is None


async def test_a_third_living_key_is_refused_until_one_of_the_two_is_gone(accounts, store, clock):
    await accounts.register(NAME, "trader", terms=KeyTerms(expires_on="2026-11-22"))
    clock.advance(60)
    await accounts.add_key(NAME, SECOND)
    living = sorted(each.key.id for each in await store.keys(NAME))
    with pytest.raises(ValueError, match=f"has 2 keys that live: {', '.join(living)}; revoke one"):
        await accounts.add_key(NAME, KeyTerms(label="third"))
    clock.advance(2 * 24 * 3600)  # the first one's time is up
    await accounts.add_key(NAME, KeyTerms(label="third"))
    with pytest.raises(ValueError, match="revoke one"):
        await accounts.add_key(NAME, KeyTerms(label="fourth"))
    await accounts.revoke_key(NAME, living[0])
    await accounts.revoke_key(NAME, living[1])
    clock.advance(60)
    await accounts.add_key(NAME, KeyTerms(label="fourth"))
    assert [each.key.label for each in await store.keys(NAME)] == ["first", "second", "third", "fourth"]


async def test_two_keys_at_the_same_moment_are_not_one_too_many(accounts, store, clock):
    await accounts.register(NAME, "trader")
    both = (Accounts(store, clock).add_key(NAME, SECOND), accounts.add_key(NAME, SECOND))
    done = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(each, ValueError) for each in done) == [False, True]


async def test_only_what_is_there_gets_or_loses_a_key(accounts):
    await accounts.register(NAME, "trader")
    await accounts.register("Example Fruit", "trader")
    with pytest.raises(ValueError, match="no account named 'Nobody'"):
        await accounts.add_key("Nobody", SECOND)
    with pytest.raises(ValueError, match="no key '0123456789ab'"):
        await accounts.revoke_key(NAME, "0123456789ab")
    _, key = await accounts.add_key("Example Fruit", SECOND)
    with pytest.raises(ValueError, match="no key"):
        await accounts.revoke_key(NAME, key_digest(key)[:12])
    await accounts.revoke(NAME)
    with pytest.raises(ValueError, match="was revoked"):
        await accounts.add_key(NAME, SECOND)


async def test_the_first_time_that_a_key_is_withdrawn_counts(accounts, clock):
    _, key = await accounts.register(NAME, "trader")
    first = await accounts.revoke_key(NAME, key_digest(key)[:12])
    clock.advance(60)
    assert await accounts.revoke_key(NAME, key_digest(key)[:12]) == first


async def test_a_withdrawn_account_takes_all_its_keys_along(accounts):
    _, first = await accounts.register(NAME, "trader")
    _, second = await accounts.add_key(NAME, SECOND)
    await accounts.revoke(NAME)
    assert [await accounts.authenticate(key) for key in (first, second)] == [None, None]


async def test_a_key_works_through_its_last_day_and_its_holder_is_told_that_it_ended(accounts, clock):
    _, key = await accounts.register(NAME, "trader", terms=KeyTerms(expires_on="2026-11-21"))
    clock.advance(16 * 3600 - 10)  # ten seconds before midnight
    assert await accounts.authenticate(key) is not None
    clock.advance(30)
    with pytest.raises(KeyExpired, match="2026-11-21"):
        await accounts.authenticate(key)


@pytest.mark.parametrize(("expires_on", "told"), [(None, False), ("2026-12-22", False), ("2026-12-21", True)])
async def test_a_key_tells_of_its_end_thirty_days_ahead(accounts, expires_on, told, caplog):
    _, key = await accounts.register(NAME, "trader", terms=KeyTerms(expires_on=expires_on))
    assert (await accounts.authenticate(key)).ending == (expires_on if told else None)
    assert ("ends on 2026-12-21" in caplog.text) is told
    assert key not in caplog.text


async def test_the_day_of_a_keys_last_use_is_on_record_once_a_day(accounts, store, clock):
    _, key = await accounts.register(NAME, "trader")
    assert (await store.keys(NAME))[0].key.used_on is None
    for _ in range(3):
        await accounts.authenticate(key)
        await used_on(store, "2026-11-21")
        clock.advance(60)
    commits = store.commits
    await accounts.authenticate(key)
    await store.ping()  # whatever was to be written stands before this
    assert store.commits == commits + 1
    clock.advance(24 * 3600)
    await accounts.authenticate(key)
    await used_on(store, "2026-11-22")


async def test_nobody_waits_for_the_day_of_use_to_be_written(accounts, store, database):
    account, key = await accounts.register(NAME, "trader")
    with held_by_another_program(database):
        assert (await accounts.authenticate(key)).account == account
        assert (await store.keys(NAME))[0].key.used_on is None
    await used_on(store, "2026-11-21")


async def test_a_store_that_takes_no_writes_still_knows_its_keys(database, clock, caplog):
    store = SqliteStore(database, busy_seconds=0.01)
    await store.open()
    accounts = Accounts(store, clock)
    account, key = await accounts.register(NAME, "trader")
    with held_by_another_program(database):
        assert (await accounts.authenticate(key)).account == account
        await eventually(lambda: "is not on record" in caplog.text)
    await store.close()


async def test_a_key_with_scopes_says_so_and_one_without_says_nothing(accounts):
    _, key = await accounts.register(NAME, "trader")
    _, narrow = await accounts.add_key(NAME, KeyTerms(scopes=("read", "validate")))
    assert (await accounts.authenticate(key)).scopes is None
    assert (await accounts.authenticate(narrow)).scopes == ("read", "validate")


@pytest.mark.parametrize("role", ROLES)
async def test_a_key_has_no_scope_that_its_role_has_not(accounts, role):
    agency = "FSA" if role == "agency" else None
    own = scopes(role)
    await accounts.register(NAME, role, agency, KeyTerms(scopes=own))
    every = {scope for each in ROLES for scope in scopes(each)}
    for scope in sorted(every - set(own)) + ["everything"]:
        with pytest.raises(ValueError, match=f"no scope '{scope}'; there is {', '.join(own)}"):
            await accounts.add_key(NAME, KeyTerms(scopes=(*own, scope)))


@pytest.mark.parametrize("label", ["x" * 41, "two\nlines", "\x1b[31m"])
async def test_a_label_is_short_and_printable(accounts, label):
    with pytest.raises(ValueError, match="at most 40 printable characters"):
        await accounts.register(NAME, "trader", terms=KeyTerms(label=label))


@pytest.mark.parametrize(
    ("expires", "day"),
    [("1d", "2026-11-22"), ("90d", "2027-02-19"), ("2026-11-21", "2026-11-21"), ("2027-01-31", "2027-01-31")],
)
def test_an_end_is_so_many_days_off_or_a_date(expires, day):
    assert last_day(expires, TODAY) == day


@pytest.mark.parametrize(
    "expires", ["", "0d", "-1d", "90", "10000d", "1w", "2027-02-29", "20270131", "31/01/2027", "2026-11-20", "٣d"]
)
def test_what_is_no_end_is_refused(expires):
    with pytest.raises(ValueError, match="neither a number of days, as 90d|ended on 2026-11-20 already"):
        last_day(expires, TODAY)


async def test_how_a_key_stands_is_seen_in_a_word(accounts, store):
    await accounts.register(NAME, "trader")
    ends = (None, "2026-12-22", "2026-12-21", "2026-11-21", "2026-11-20")
    [key] = [each.key for each in await store.keys(NAME)]
    words = [standing(ApiKey(id=key.id, expires_on=end), TODAY) for end in ends]
    assert words == ["live", "live", "ends in 30 days", "ends in 0 days", "expired"]
    assert standing((await accounts.revoke_key(NAME, key.id)).key, TODAY) == "revoked"


async def test_no_key_is_to_be_read_in_the_database(accounts, database):
    keys = [(await accounts.register(NAME, "trader"))[1], (await accounts.add_key(NAME, SECOND))[1]]
    written = b"".join(file.read_bytes() for file in database.parent.iterdir())
    for key in keys:
        assert key_digest(key).encode() in written
        assert key.encode() not in written and key[3:].encode() not in written


# A database of the form before this one


def of_the_first_form(database) -> None:
    """Two accounts, of which one was revoked, and a case."""
    first = (files("gateway.store") / "migrations" / "0001_ledger.sql").read_text(encoding="utf-8")
    with by_hand(database) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(f"{first}; PRAGMA user_version = 1;")
        rows = [(NAME, digest(b"key"), None), ("Example Fruit", digest(b"old key"), at(1))]
        add = "INSERT INTO account (name, role, key_digest, revoked_at) VALUES (?, 'trader', ?, ?)"
        connection.executemany(add, rows)
        connection.execute(
            """INSERT INTO declaration_case VALUES
            (1, 1, ?, 1, 'c', 'wco-dms/3.6/DEC', 'R', 'd', 'e', 'application/xml', 'accepted', ?, ?)""",
            (mrn(1), at(1), at(1)),
        )


async def test_the_keys_of_a_database_of_the_first_form_work_on(database, clock):
    of_the_first_form(database)
    store = SqliteStore(database)
    await store.open()
    holder = await store.holder(digest(b"key"))
    assert (holder.account.id, holder.account.name, holder.account.role) == (1, NAME, "trader")
    assert (holder.key.id, holder.key.label) == (digest(b"key")[:12], FIRST_KEY.label)
    assert (holder.key.made_at, holder.key.expires_on, holder.key.scopes) == (None, None, None)
    assert await store.holder(digest(b"old key")) is None
    assert [(each.name, each.revoked_at) for each in await store.accounts()] == [(NAME, None), ("Example Fruit", at(1))]
    assert (await store.case_file(mrn(1), 1)).case.account_id == 1
    accounts = Accounts(store, clock)
    _, key = await accounts.add_key(NAME, SECOND)
    assert (await accounts.authenticate(key)).account == holder.account
    await store.close()


async def test_what_referred_to_an_account_still_does_after_the_change_of_form(database):
    of_the_first_form(database)
    for _ in range(2):  # the second time nothing is left to change
        store = SqliteStore(database)
        await store.open()
        await store.close()
    with by_hand(database) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        parents = {row[2] for row in connection.execute("PRAGMA foreign_key_list(declaration_case)")}
        assert parents == {"account"}
        columns = [row[1] for row in connection.execute("PRAGMA table_info(account)")]
        assert columns == ["id", "name", "role", "agency", "revoked_at", "test"]
