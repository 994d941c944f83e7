"""What the SQLite store keeps and answers: cases, duplicates, changes, claims, inboxes."""

import asyncio
import sqlite3
from collections import defaultdict

import msgspec
import pytest

from gateway import audit
from gateway.conflicts import Conflict
from gateway.ports import Acceptance, DeliveryChange, StoredMessage
from gateway.store import (
    sqlite_appeals,
    sqlite_groups,
    sqlite_keys,
    sqlite_notices,
    sqlite_reads,
    sqlite_supplements,
    sqlite_writes,
)
from tests.gateway.ledger import additional, admission, at, by_hand, change, decision, digest, dispatch, mrn


@pytest.fixture
async def trader(store):
    return (await store.add_account("Example Flowers", "trader", None, digest(b"key"))).id


# Cases


async def test_an_accepted_case_is_there_with_all_that_belongs_to_it(store, trader):
    new = admission(trader, 7, ("FSA", "PHA"))
    accepted = await store.accept(new)
    assert accepted == Acceptance(
        mrn=mrn(7), conversation_id="conversation-7", digest=new.body_digest, accepted_at=at(7)
    )
    file = await store.case_file(mrn(7))
    assert (file.case.version, file.case.state, file.case.updated_at) == (1, "accepted", at(7))
    assert (file.case.account_id, file.case.reference, file.case.digest) == (trader, "LRN-7", new.body_digest)
    due = [msgspec.structs.replace(each.delivery, next_attempt_at=at(7)) for each in new.deliveries]
    assert (file.deliveries, file.decisions, file.events) == (tuple(due), (), new.events)
    assert await store.message(file.case.id) == StoredMessage(new.media, new.body, new.body_digest, new.document)
    assert await store.case_of_delivery("PHA-7") == file


async def test_a_case_is_shown_to_its_own_account_only(store, trader):
    other = await store.add_account("Example Fruit", "trader", None, digest(b"other key"))
    await store.accept(admission(trader, 1))
    assert await store.case_file(mrn(1), trader) is not None
    assert await store.case_file(mrn(1), other.id) is None


async def test_what_came_after_the_declaration_is_kept_with_the_change_that_it_made(store, trader):
    await store.accept(admission(trader, 1))
    file = await store.case_file(mrn(1))
    later = additional(2)
    assert await store.apply(change(file, 2, additional=later))
    assert not await store.apply(change(file, 3, additional=additional(3)))
    assert await store.additional(file.case.id, "invalidation") == later
    assert await store.additional(file.case.id, "other") is None


async def test_deliveries_that_a_change_adds_come_after_all_others_and_are_due_at_once(store, trader):
    for number in 1, 2:
        await store.accept(admission(trader, number))
    added = tuple(dispatch(3, agency, 5) for agency in ("FSA", "PHA"))
    file = await store.case_file(mrn(1))
    assert await store.apply(change(file, 5, DeliveryChange(id="FSA-1", state="superseded"), added=added))
    assert not await store.apply(change(file, 6, added=(dispatch(4, "FSA", 6),)))
    file = await store.case_file(mrn(1))
    assert [(each.id, each.state) for each in file.deliveries] == [
        ("FSA-1", "superseded"),
        ("FSA-3", "queued"),
        ("PHA-3", "queued"),
    ]
    assert await store.fetch("FSA", "FSA-4") is None
    claims = await store.claim("FSA", 9, at(5), at(60))
    assert [(claim.mrn, claim.delivery.id, claim.body) for claim in claims] == [
        (mrn(2), "FSA-2", dispatch(2, "FSA").body),
        (mrn(1), "FSA-3", added[0].body),
    ]


async def test_versions_are_numbered_and_the_last_one_is_found_without_its_number(store, trader):
    await store.accept(admission(trader, 1))
    for number in 2, 3:
        file = await store.case_file(mrn(1))
        assert await store.apply(change(file, number, additional=additional(number, "amendment")))
    case_id = file.case.id
    assert await store.additional(case_id, "amendment") == additional(3, "amendment")
    assert await store.additional(case_id, "amendment", 2) == additional(2, "amendment")
    assert await store.additional(case_id, "amendment", 4) is None
    assert await store.additional(case_id, "invalidation", 2) is None


async def test_what_is_not_there_is_said_so(store):
    assert await store.additional(5, "invalidation") is None
    assert await store.case_file(mrn(1)) is None
    assert await store.case_of_delivery("FSA-1") is None
    assert await store.holder(digest(b"key")) is None
    with pytest.raises(LookupError, match="no case 5"):
        await store.message(5)


async def test_an_admission_that_fails_half_way_leaves_nothing(store, trader):
    await store.accept(admission(trader, 1))
    taken = admission(trader, 1).deliveries
    with pytest.raises(sqlite3.IntegrityError):
        await store.accept(admission(trader, 2, idempotency_key="k", deliveries=taken))
    assert await store.case_file(mrn(2)) is None
    assert not (await store.accept(admission(trader, 2, idempotency_key="k"))).replayed


# Duplicates. The first lodgement has the key and the reference given; the second is of the same document, or another.

DUPLICATES = {
    "same key, same reference": (("K", "R"), ("K", "R")),
    "same key, no reference": (("K", None), ("K", None)),
    "same key, another reference": (("K", "R"), ("K", "S")),
    "same reference, no key": ((None, "R"), (None, "R")),
    "same reference, key comes later": ((None, "R"), ("K", "R")),
    "same reference, another key": (("K", "R"), ("L", "R")),
}
duplicates = pytest.mark.parametrize(("first", "second"), DUPLICATES.values(), ids=DUPLICATES)


def lodgement(account_id, number, names, document=b"D"):
    key, reference = names
    return admission(account_id, number, idempotency_key=key, reference=reference, document=document)


@duplicates
async def test_the_same_document_again_gets_the_first_answer(store, trader, first, second):
    accepted = await store.accept(lodgement(trader, 1, first))
    again = await store.accept(lodgement(trader, 2, second))
    assert again == msgspec.structs.replace(accepted, replayed=True)
    assert await store.case_file(mrn(2)) is None


@duplicates
async def test_another_document_is_a_conflict(store, trader, first, second):
    earlier, later = lodgement(trader, 1, first), lodgement(trader, 2, second, b"E")
    await store.accept(earlier)
    with pytest.raises(Conflict) as conflict:
        await store.accept(later)
    found = conflict.value
    what = "Idempotency-Key" if second[0] == first[0] == "K" else "FunctionalReferenceID"
    assert (found.what, found.mrn) == (what, mrn(1))
    assert (found.first, found.second) == (earlier.body_digest, later.body_digest), "a sender can compute these"
    assert await store.case_file(mrn(2)) is None


async def test_neither_key_nor_reference_never_repeats(store, trader):
    for number in 1, 2:
        assert not (await store.accept(lodgement(trader, number, (None, None)))).replayed
    assert await store.case_file(mrn(2)) is not None


async def test_key_and_reference_are_each_account_s_own(store, trader):
    other = await store.add_account("Example Fruit", "trader", None, digest(b"other key"))
    await store.accept(lodgement(trader, 1, ("K", "R")))
    assert not (await store.accept(lodgement(other.id, 2, ("K", "R"), b"E"))).replayed


async def test_a_key_that_came_with_a_repeated_reference_is_remembered(store, trader):
    await store.accept(lodgement(trader, 1, (None, "R")))
    await store.accept(lodgement(trader, 2, ("K", "R")))
    assert (await store.accept(lodgement(trader, 3, ("K", None)))).mrn == mrn(1)
    with pytest.raises(Conflict, match="Idempotency-Key"):
        await store.accept(lodgement(trader, 4, ("K", "S"), b"E"))


async def test_a_key_that_met_a_conflict_stays_free(store, trader):
    await store.accept(lodgement(trader, 1, (None, "R")))
    with pytest.raises(Conflict):
        await store.accept(lodgement(trader, 2, ("K", "R"), b"E"))
    assert (await store.accept(lodgement(trader, 3, ("K", "S"), b"E"))).mrn == mrn(3)


async def test_of_many_copies_at_once_one_is_accepted(store, trader):
    copies = [store.accept(lodgement(trader, number, ("K", "R"))) for number in range(50)]
    answers = await asyncio.gather(*copies)
    assert len({answer.mrn for answer in answers}) == 1
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 49


# Bodies


async def test_who_asks_how_a_case_stands_or_changes_it_loads_no_message(store, trader, database):
    await store.accept(admission(trader, 1, ("FSA", "PHA")))
    with by_hand(database) as connection:
        connection.execute("DROP TABLE delivery_body")
    file = await store.case_file(mrn(1))
    assert await store.case_of_delivery("FSA-1") == file
    assert await store.apply(change(file, 2, DeliveryChange(id="FSA-1", state="awaiting")))
    assert [each.delivery.id for each in await store.inbox("FSA", None, 10)] == ["FSA-1"]


async def test_an_agency_fetches_the_message_of_its_own_delivery_whatever_its_state(store, trader):
    new = admission(trader, 1, ("FSA", "PHA"))
    await store.accept(new)
    await store.apply(change(await store.case_file(mrn(1)), 2, DeliveryChange(id="FSA-1", state="granted")))
    fetched = await store.fetch("FSA", "FSA-1")
    assert (fetched.delivery.state, fetched.body) == ("granted", new.deliveries[0].body)
    assert await store.fetch("FSA", "PHA-1") is None
    assert await store.fetch("FSA", "nobody's") is None


# Changes


async def test_a_change_is_written_whole(store, trader):
    await store.accept(admission(trader, 1, ("FSA", "PHA")))
    before = await store.case_file(mrn(1))
    granted = DeliveryChange(id="FSA-1", state="granted", decided_at=at(9))
    parked = DeliveryChange(id="PHA-1", state="parked", problem="answered 404")
    step = change(before, 9, granted, parked, decisions=(decision("FSA-1", 9),))
    assert await store.apply(step)
    after = await store.case_file(mrn(1))
    assert (after.case.version, after.case.state, after.case.updated_at) == (2, "under-control", at(9))
    assert [(d.state, d.problem, d.decided_at, d.next_attempt_at) for d in after.deliveries] == [
        ("granted", None, at(9), None),
        ("parked", "answered 404", None, None),
    ]
    assert (after.decisions, after.events) == (step.decisions, before.events + step.events)
    assert audit.verify(mrn(1), after.events) is None


async def test_of_two_changes_against_one_version_the_first_is_written(store, trader):
    await store.accept(admission(trader, 1))
    file = await store.case_file(mrn(1))
    steps = [change(file, 2, DeliveryChange(id="FSA-1", state=state)) for state in ("held", "refused")]
    assert await asyncio.gather(*map(store.apply, steps)) == [True, False]
    after = await store.case_file(mrn(1))
    assert (after.case.version, after.deliveries[0].state, len(after.events)) == (2, "held", 2)


async def test_a_change_of_another_case_s_delivery_is_refused_whole(store, trader):
    for number in 1, 2:
        await store.accept(admission(trader, number))
    before = await store.case_file(mrn(1))
    with pytest.raises(LookupError, match="FSA-2"):
        await store.apply(change(before, 9, DeliveryChange(id="FSA-2", state="granted")))
    assert await store.case_file(mrn(1)) == before


async def test_an_event_cannot_be_changed_or_removed(store, trader, database):
    await store.accept(admission(trader, 1))
    with by_hand(database) as connection:
        for statement in "UPDATE event SET actor = 'x'", "DELETE FROM event":
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                connection.execute(statement)


async def test_an_event_forged_in_the_file_is_found(store, trader, database):
    await store.accept(admission(trader, 1))
    await store.apply(change(await store.case_file(mrn(1)), 2))
    with by_hand(database) as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute("UPDATE event SET data = '{}' WHERE seq = 2")
    assert audit.verify(mrn(1), (await store.case_file(mrn(1))).events) == 2


# Claims


async def claimed(store, agency, now, lease=60, limit=10):
    return [claim.delivery.id for claim in await store.claim(agency, limit, at(now), at(now + lease))]


async def test_a_claim_hands_over_the_delivery_and_counts_the_attempt(store, trader):
    new = admission(trader, 1)
    await store.accept(new)
    (claim,) = await store.claim("FSA", 10, at(5), at(65))
    assert claim.mrn == mrn(1)
    sent = new.deliveries[0]
    assert claim.delivery == msgspec.structs.replace(sent.delivery, attempts=1, next_attempt_at=at(65))
    assert claim.body == sent.body
    assert (await store.case_file(mrn(1))).case.version == 1


async def test_claims_go_to_the_right_agency_oldest_first_up_to_the_limit(store, trader):
    for number in 1, 2, 3:
        await store.accept(admission(trader, number, ("FSA", "PHA")))
    assert await claimed(store, "FSA", 5, limit=2) == ["FSA-1", "FSA-2"]
    assert await claimed(store, "FSA", 5, limit=2) == ["FSA-3"]
    assert await claimed(store, "PHA", 2) == ["PHA-1", "PHA-2"]  # the third is of a later second


async def test_a_claimed_delivery_comes_back_when_its_lease_ends(store, trader):
    await store.accept(admission(trader, 1))
    assert await claimed(store, "FSA", 5, lease=60) == ["FSA-1"]
    assert await store.next_attempt_at("FSA") == at(65)
    assert await claimed(store, "FSA", 64) == []
    assert await claimed(store, "FSA", 65) == ["FSA-1"]
    assert (await store.case_file(mrn(1))).deliveries[0].attempts == 2


async def test_claims_at_the_same_time_never_overlap(store, trader):
    for number in range(20):
        await store.accept(admission(trader, number))
    taken = sum(await asyncio.gather(*(claimed(store, "FSA", 60, limit=3) for _ in range(10))), [])
    assert sorted(taken) == sorted(f"FSA-{number}" for number in range(20))


async def test_a_change_ends_the_lease(store, trader):
    await store.accept(admission(trader, 1))
    await claimed(store, "FSA", 5, lease=600)
    retry = DeliveryChange(id="FSA-1", state="queued", next_attempt_at=at(20), problem="no connection")
    await store.apply(change(await store.case_file(mrn(1)), 6, retry))
    assert await store.next_attempt_at("FSA") == at(20)
    assert await claimed(store, "FSA", 19) == []
    assert await claimed(store, "FSA", 20) == ["FSA-1"]


async def test_a_delivery_queued_again_without_a_time_is_due_at_once(store, trader):
    await store.accept(admission(trader, 1))
    await claimed(store, "FSA", 5, lease=600)
    await store.apply(change(await store.case_file(mrn(1)), 6, DeliveryChange(id="FSA-1", state="queued")))
    assert await claimed(store, "FSA", 6) == ["FSA-1"]


@pytest.mark.parametrize("state", ["awaiting", "held", "parked", "granted", "refused"])
async def test_only_queued_deliveries_are_claimed(store, trader, state):
    await store.accept(admission(trader, 1))
    await store.apply(change(await store.case_file(mrn(1)), 2, DeliveryChange(id="FSA-1", state=state)))
    assert await claimed(store, "FSA", 3600) == []
    assert await store.next_attempt_at("FSA") is None


# Inboxes


async def test_an_inbox_lists_what_is_undecided_page_by_page(store, trader):
    states = ("queued", "awaiting", "held", "parked", "granted", "refused", "queued")
    for number, state in enumerate(states):
        await store.accept(admission(trader, number, ("FSA", "PHA")))
        file = await store.case_file(mrn(number))
        await store.apply(change(file, number, DeliveryChange(id=f"FSA-{number}", state=state)))

    async def page(after, limit):
        return [claim.delivery.id for claim in await store.inbox("FSA", after, limit)]

    assert await page(None, 10) == ["FSA-0", "FSA-1", "FSA-2", "FSA-3", "FSA-6"]
    assert await page(None, 2) == ["FSA-0", "FSA-1"]
    assert await page("FSA-1", 2) == ["FSA-2", "FSA-3"]
    assert await page("FSA-4", 2) == ["FSA-6"]  # the mark itself may have been decided meanwhile
    assert await page("FSA-6", 2) == []
    assert await page("nobody's", 1) == ["FSA-0"]
    assert [claim.mrn for claim in await store.inbox("FSA", "FSA-3", 9)] == [mrn(6)]


# Speed that does not depend on how much there is


STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": text
    for module in (
        sqlite_reads,
        sqlite_writes,
        sqlite_groups,
        sqlite_keys,
        sqlite_appeals,
        sqlite_notices,
        sqlite_supplements,
    )
    for name, text in vars(module).items()
    if str(text).startswith(("SELECT", "UPDATE", "INSERT")) and not name.startswith(("_", "ALL_")) and name != "BACKLOG"
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
async def test_no_statement_goes_through_a_whole_table(store, database, statement):
    values = defaultdict(int) if ":" in statement else ("[]",) * statement.count("?")
    with by_hand(database) as connection:
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    plan = [
        step for step in steps if "VIRTUAL TABLE" not in step and "CONSTANT ROW" not in step
    ]  # lists that are given
    assert not [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step], plan
    if statement is sqlite_reads.NEXT_ATTEMPT:  # SQLite calls it a search even where it reads an index to its end
        assert "delivery_claim" in plan[0]


async def test_the_backlog_is_found_without_a_look_at_what_is_decided(store, database):
    with by_hand(database) as connection:
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sqlite_reads.BACKLOG}", ("",))]
    assert any(f"USING INDEX delivery_{name}" in steps[0] for name in ("undecided", "inbox")), steps
