"""The days for supplements in the store, and messages about a case that are numbered each in its own kind."""

import sqlite3
from importlib.resources import files

import pytest

from gateway.acts.due import Due
from gateway.ports import AdditionalMessage
from gateway.store.sqlite import SqliteStore
from tests.gateway.ledger import additional, admission, at, by_hand, change, digest, mrn


@pytest.fixture
async def trader(store) -> int:
    return (await store.add_account("Greengate Brokers", "trader", None, digest(b"key"))).id


async def days(store, before: str = "9999-12-31", limit: int = 10) -> list[tuple[str, str]]:
    return [(due.mrn, due.day) for due in await store.supplements_due(before, limit)]


async def test_days_are_written_with_the_acceptance_and_found_when_they_are_past_the_earliest_first(store, trader):
    for number, day in (1, "2026-02-10"), (2, None), (3, "2026-02-05"):
        await store.accept(admission(trader, number, supplement_due=day))
    assert await days(store, "2026-02-05") == []
    assert await days(store, "2026-02-06") == [(mrn(3), "2026-02-05")]
    assert await days(store) == [(mrn(3), "2026-02-05"), (mrn(1), "2026-02-10")]
    assert await days(store, limit=1) == [(mrn(3), "2026-02-05")]
    await store.accept(admission(trader, 3, supplement_due="2026-02-07"))
    assert (await days(store))[0] == (mrn(3), "2026-02-05"), "a repeat changes nothing"


async def test_a_case_has_one_day_and_an_earlier_one_is_struck_off_without_the_later(store, trader):
    await store.accept(admission(trader, 1, supplement_due="2026-02-10"))
    [old] = await store.supplements_due("9999-12-31", 10)
    file = await store.case_file(mrn(1))
    assert await store.apply(change(file, 2, supplement_due="2026-03-01"))
    assert not await store.apply(change(file, 3, supplement_due="2026-04-01")), (
        "of a change that is not written, nothing is"
    )
    assert await days(store) == [(mrn(1), "2026-03-01")]
    await store.forget_supplement(old)
    assert await days(store) == [(mrn(1), "2026-03-01")]
    await store.forget_supplement(Due(old.case_id, old.mrn, "2026-03-01"))
    assert await days(store) == []


async def test_an_arrival_between_two_versions_takes_no_number_from_them(store, trader):
    await store.accept(admission(trader, 1))
    kept = [additional(2, "amendment"), additional(3, "arrival"), additional(3, "supplement")]
    for second, message in enumerate(kept, 2):
        assert await store.apply(change(await store.case_file(mrn(1)), second, additional=message))
    case_id = (await store.case_file(mrn(1))).case.id
    assert [await store.additional(case_id, each.kind, each.number) for each in kept] == kept
    with pytest.raises(sqlite3.IntegrityError):
        await store.apply(change(await store.case_file(mrn(1)), 9, additional=kept[0]))


@pytest.mark.parametrize("form", [6, 13])
async def test_a_database_of_a_form_before_is_brought_along_with_its_messages(database, form):
    scripts = sorted((files("gateway.store") / "migrations").iterdir(), key=lambda file: file.name)
    with by_hand(database) as old:
        for script in scripts:
            if script.name < f"{form + 1:04}":
                old.executescript(script.read_text(encoding="utf-8"))
        old.execute(f"PRAGMA user_version = {form}")
        old.execute("INSERT INTO account (id, name, role) VALUES (1, 'Greengate Brokers', 'trader')")
        old.execute(
            """INSERT INTO declaration_case
            VALUES (1, 1, ?, 1, 'c', 'wco-dms/3.6/DEC', 'R', 'd', 'e', 'text/xml', 'accepted', ?, ?)""",
            (mrn(1), at(1), at(1)),
        )
        message = additional(2, "amendment")
        row = [1, *(getattr(message, name) for name in AdditionalMessage.__struct_fields__)]
        names = ", ".join(AdditionalMessage.__struct_fields__)
        old.execute(f"INSERT INTO additional_message (case_id, {names}) VALUES ({', '.join('?' * len(row))})", row)
    store = SqliteStore(database)
    await store.open()
    try:
        assert await store.additional(1, "amendment", 2) == message
        assert await days(store) == []
    finally:
        await store.close()
