"""Mandates in the store: what is on record stays as it is, and a database of the form before is brought along."""

import sqlite3
from importlib.resources import files

import msgspec
import pytest

from gateway.mandates.kept import DeclaredFor, Mandate, Unconfirmed
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import admission, at, by_hand, change, mrn
from tests.gateway.test_store_notifications import log, numbers, told_of

TODAY = "2026-01-31"


def mandate(number: int = 1, principal: int = 1, agent: int = 2, **others) -> Mandate:
    values = {
        "id": f"mandate-{number}",
        "principal_id": principal,
        "principal": "importer",
        "agent_id": agent,
        "agent": "broker",
        "directions": ("import",),
        "first_day": TODAY,
        "granted_at": at(number),
        "granted_by": f"trader:{principal}",
    }
    return Mandate(**(values | others))


@pytest.fixture
async def traders(store) -> None:
    for number, name in enumerate(("importer", "broker", "other")):
        await store.add_account(name, "trader", None, str(number) * 64)


async def test_a_mandate_is_revoked_once_and_never_changed_or_removed(store, database, traders):
    assert await store.grant_mandate(mandate(), 9, TODAY) == mandate()
    assert await store.revoke_mandate("mandate-1", 2, at(5), "trader:2", "") is None, "the agent cannot"
    first = await store.revoke_mandate("mandate-1", 1, at(5), "trader:1", "")
    assert await store.revoke_mandate("mandate-1", None, at(6), "operator:A", "late") == first
    assert (first.revoked_at, first.revoked_by, first.revocation) == (at(5), "trader:1", None)
    forgeries = [
        "UPDATE mandate SET revoked_at = NULL, revoked_by = NULL",
        "UPDATE mandate SET granted_by = 'operator:B'",
        "DELETE FROM mandate",
    ]
    for statement in forgeries:
        with pytest.raises(sqlite3.IntegrityError, match="a mandate is"), by_hand(database) as connection:
            connection.execute(statement)
    assert await store.mandate("mandate-1", None) == first


async def test_an_identifier_belongs_to_one_account_at_a_time_and_its_past_is_kept(store, traders):
    await store.add_identifier("importer", "XZ1", at(1))
    with pytest.raises(ValueError, match="belongs to 'importer'"):
        await store.add_identifier("other", "XZ1", at(2))
    with pytest.raises(ValueError, match="does not belong"):
        await store.remove_identifier("other", "XZ1", at(2))
    await store.remove_identifier("importer", "XZ1", at(3))
    await store.add_identifier("other", "XZ1", at(4))
    assert [(each.account, each.added_at, each.removed_at) for each in await store.identifiers()] == [
        ("importer", at(1), at(3)),
        ("other", at(4), None),
    ]
    assert (await store.mandate_roll(None, TODAY)).owners == {"XZ1": 3}


async def test_the_roll_has_what_is_not_over_and_is_read_again_only_where_something_changed(store, traders):
    await store.grant_mandate(mandate(1, last_day="2026-01-30", first_day="2026-01-01"), 9, TODAY)
    await store.grant_mandate(mandate(2, last_day=TODAY), 9, TODAY)
    read = await store.mandate_roll(None, TODAY)
    assert [each.id for each in read.mandates] == ["mandate-2"]
    assert await store.mandate_roll(read.version, TODAY) is None
    await store.revoke_mandate("mandate-2", None, at(5), "operator:A", "why")
    assert (await store.mandate_roll(read.version, TODAY)).mandates == ()


async def test_whom_a_case_was_lodged_for_sees_it_and_is_told_in_numbers_of_its_own(store, traders):
    await store.grant_mandate(mandate(), 9, TODAY)
    until = DeclaredFor(account_id=1, mandate_id="mandate-1", confirm_by=at(100))
    await store.accept(admission(2, 1))
    waits = {"state": "awaiting-confirmation", "deliveries": (), "declared_for": until}
    await store.accept(admission(2, 2, **waits))
    await store.accept(admission(2, 3, **waits))
    assert numbers(await log(store, 2)) == [1, 2, 3]
    assert [(each.number, each.mrn) for each in await log(store, 1)] == [(1, mrn(2)), (2, mrn(3))]
    assert await store.is_for(mrn(2), 1) and not await store.is_for(mrn(1), 1) and not await store.is_for(mrn(2), 3)
    [listed] = await store.cases_for(1, "awaiting-confirmation", mrn(2), 9)
    assert (listed.mrn, listed.agent, listed.confirm_by) == (mrn(3), "broker", at(100))
    assert await store.unconfirmed(at(99), 9) == []
    assert await store.unconfirmed(at(100), 9) == [Unconfirmed(mrn(2), at(100)), Unconfirmed(mrn(3), at(100))]
    later = msgspec.structs.replace(until, confirm_by=at(200))
    again = change(await store.case_file(mrn(2)), 5, state="awaiting-confirmation", declared_for=later)
    assert await store.apply(again)
    assert await store.apply(change(await store.case_file(mrn(3)), 6, state="declined"))
    assert await store.unconfirmed(at(150), 9) == []
    assert await store.unconfirmed(at(200), 9) == [Unconfirmed(mrn(2), at(200))]


async def test_a_database_of_the_form_before_goes_on_with_what_it_has_to_send(database):
    folder = files("gateway.store") / "migrations"
    scripts = [file.read_text() for file in sorted(folder.iterdir(), key=lambda file: file.name) if file.name < "0005"]
    connection = sqlite3.connect(database)
    connection.executescript("PRAGMA journal_mode = WAL; " + "".join(scripts) + "PRAGMA user_version = 4;")
    connection.close()
    with by_hand(database) as old:
        old.execute("INSERT INTO account (id, name, role) VALUES (1, 'importer', 'trader'), (2, 'broker', 'trader')")
        old.execute("INSERT INTO callback VALUES (2, 'https://broker.example/in', 's')")
    store = SqliteStore(database)
    await store.open()
    try:
        await store.grant_mandate(mandate(), 9, TODAY)
        declared = DeclaredFor(account_id=1, mandate_id="mandate-1", confirm_by=None)
        await store.accept(admission(2, 1, declared_for=declared, events=told_of(1, 2)))
        assert [each.number for each in await store.due_pushes(2, "9", 9)] == [1]
        await store.push_taken(2, 1, at(9))
        assert [each.number for each in await store.due_pushes(2, "9", 9)] == [2]
    finally:
        await store.close()
