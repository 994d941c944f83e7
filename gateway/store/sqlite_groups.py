"""What is written in groups: all acceptances, and all steps of cases, that wait for one commit.

Rule: as few statements as there are tables, however many wait. Reason: at each statement the thread lets the others
run, and has to wait until it may go on; done one by one, the waits are longer than the work.

Duplicates are looked for inside the accepting transaction: two copies of one lodgement may arrive at the same moment,
so of those in one group the first is written, and the second sees it in the next round. The unique indexes say the same
to anything that might ever write past this module.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from msgspec.structs import astuple

from gateway.conflicts import Conflict
from gateway.mandates.kept import DeclaredFor
from gateway.ports import Acceptance, Admission, CaseChange, Dispatch
from gateway.store import rows, sqlite_appeals, sqlite_keys, sqlite_notices, sqlite_reads
from gateway.store.sqlite_attachments import note_uses
from gateway.store.sqlite_mandates import DECLARED
from gateway.store.sqlite_supplements import INTO as SUPPLEMENTS

CASES = """declaration_case (version, id, mrn, account_id, conversation_id, message, reference, body_digest,
    document_digest, media, state, accepted_at, updated_at)"""
MESSAGES = "message (case_id, body, document)"
KEYS = "idempotency (account_id, idempotency_key, case_id)"
EVENTS = "event (case_id, seq, at, kind, actor, data, digest)"
DELIVERIES = """delivery (seq, id, case_id, agency, state, media, requirements, items, created_at, due_at, attempts,
    next_attempt_at, problem, decided_at)"""
BODIES = "delivery_body (seq, body)"
DECISIONS = "decision (case_id, delivery_id, agency, outcome, at, reason, document, digest)"
ADDITIONAL = "additional_message (case_id, number, kind, message, media, body, digest, document)"
TELLINGS = "test_telling (case_id, late, times)"
LAST_NUMBERS = """SELECT coalesce((SELECT max(id) FROM declaration_case), 0) AS cases,
    coalesce((SELECT max(seq) FROM delivery), 0) AS deliveries"""
MOVE_CASE = """UPDATE declaration_case SET version = version + 1, state = ?, updated_at = ?
    WHERE id = ? AND version = ?"""
MOVE_DELIVERY = """UPDATE delivery SET state = ?, next_attempt_at = ?, problem = ?, decided_at = ?
    WHERE id = ? AND case_id = ?"""
SIZES: Final = (64, 16, 4, 1)  # rows of one statement: few different texts, so that each is prepared once

Row = tuple[object, ...]
Token = tuple[str, int, str]  # what must not come twice: a key or a reference, of an account


def accept(connection: sqlite3.Connection, news: Sequence[Admission]) -> list[Acceptance | Conflict]:
    """Write the admissions, or answer as the first time, each in its place; a Conflict where one has to be told."""
    answers: dict[int, Acceptance | Conflict] = {}
    waiting = list(range(len(news)))
    while waiting:
        waiting = _round(connection, news, waiting, answers)
    return [answers[place] for place in range(len(news))]


def _round(
    connection: sqlite3.Connection,
    news: Sequence[Admission],
    places: Sequence[int],
    answers: dict[int, Acceptance | Conflict],
) -> list[int]:
    """Answers all but those that came twice among these; the places of the latter."""
    asked = [news[place] for place in places]
    known = zip(places, sqlite_reads.earlier(connection, asked), strict=True)
    taken: set[Token] = set()
    added, keys, later = [], [], []
    for place, first in known:
        new = news[place]
        tokens = _tokens(new) if first is None else _tokens(new)[:1]
        if isinstance(first, Conflict):
            answers[place] = first
        elif first is not None and not first.by_reference:
            answers[place] = first.answer
        elif not taken.isdisjoint(tokens):
            later.append(place)
        else:
            taken.update(tokens)
            answers[place] = _answer(new) if first is None else first.answer
            if first is None:
                added.append(new)
            elif new.idempotency_key is not None:
                keys.append((new.account_id, new.idempotency_key, first.case_id))
    _add(connection, added)
    _insert(connection, KEYS, keys)
    return later


def _tokens(new: Admission) -> list[Token]:
    """The key goes first."""
    key = [("key", new.account_id, new.idempotency_key)] if new.idempotency_key is not None else []
    reference = [("reference", new.account_id, new.reference)] if new.reference is not None else []
    return key + reference


def _answer(new: Admission) -> Acceptance:
    return Acceptance(
        mrn=new.mrn, conversation_id=new.conversation_id, digest=new.body_digest, accepted_at=new.accepted_at
    )


def _add(connection: sqlite3.Connection, news: Sequence[Admission]) -> None:
    """Write cases that are new, with all that belongs to them."""
    if not news:
        return
    last = connection.execute(LAST_NUMBERS).fetchone()
    numbered = list(enumerate(news, last["cases"] + 1))
    _insert(connection, CASES, [_case(case_id, new) for case_id, new in numbered])
    _insert(connection, MESSAGES, [(case_id, new.body, new.document) for case_id, new in numbered])
    _insert(connection, TELLINGS, [(number, *astuple(new.telling)) for number, new in numbered if new.telling])
    keyed = [(new.account_id, new.idempotency_key, case_id) for case_id, new in numbered]
    _insert(connection, KEYS, [each for each in keyed if each[1] is not None])
    _declare(connection, [(case_id, new.declared_for) for case_id, new in numbered])
    sent = [(case_id, new.accepted_at, dispatch) for case_id, new in numbered for dispatch in new.deliveries]
    _send(connection, last["deliveries"] + 1, sent)
    _insert(connection, EVENTS, chain.from_iterable(rows.event_values(each, new.events) for each, new in numbered))
    due = ((case_id, new.supplement_due) for case_id, new in numbered)
    _insert(connection, SUPPLEMENTS, [each for each in due if each[1] is not None])
    note_uses(connection, [(case_id, use) for case_id, new in numbered for use in new.uses])


def _declare(connection: sqlite3.Connection, cases: Iterable[tuple[int, DeclaredFor | None]]) -> None:
    """Write whom cases were lodged for, before their events: who is told of those is looked up there."""
    _insert(connection, DECLARED, [(case_id, *astuple(each)) for case_id, each in cases if each is not None])


def _send(connection: sqlite3.Connection, first: int, sent: Sequence[tuple[int, str, Dispatch]]) -> None:
    """Write deliveries, each with its case and the time when it is due if it has none, numbered from `first`."""
    numbered = list(enumerate(sent, first))
    deliveries = [(seq, *rows.delivery_values(case, each.delivery, due)) for seq, (case, due, each) in numbered]
    _insert(connection, DELIVERIES, deliveries)
    _insert(connection, BODIES, [(seq, each.body) for seq, (_, _, each) in numbered])


def _case(case_id: int, new: Admission) -> Row:
    head = (1, case_id, new.mrn, new.account_id, new.conversation_id, new.message, new.reference, new.body_digest)
    return (*head, new.document_digest, new.media, new.state, new.accepted_at, new.accepted_at)


def apply(connection: sqlite3.Connection, changes: Sequence[CaseChange]) -> list[bool]:
    """False in the place of a change, with nothing of it written, where its case is no longer at the version given, or
    its key was used.

    Raises LookupError for a delivery that is not of its case.
    """
    done = [_move(connection, change) for change in changes]
    written = [change for change, moved in zip(changes, done, strict=True) if moved]
    _declare(connection, [(each.case_id, each.declared_for) for each in written])
    decisions = chain.from_iterable(rows.decision_values(each.case_id, each.decisions) for each in written)
    _insert(connection, DECISIONS, decisions)
    _insert(connection, EVENTS, chain.from_iterable(rows.event_values(each.case_id, each.events) for each in written))
    messages = [(each.case_id, *astuple(each.additional)) for each in written if each.additional is not None]
    _insert(connection, ADDITIONAL, messages)
    for each in written:
        sqlite_appeals.write(connection, each)
    due = [(each.case_id, each.supplement_due) for each in written if each.supplement_due is not None]
    _insert(connection, SUPPLEMENTS, due)
    sent = [(each.case_id, each.updated_at, dispatch) for each in written for dispatch in each.added]
    if sent:
        _send(connection, connection.execute(LAST_NUMBERS).fetchone()["deliveries"] + 1, sent)
    note_uses(connection, [(each.case_id, use) for each in written for use in each.uses])
    return done


def _move(connection: sqlite3.Connection, change: CaseChange) -> bool:
    head = (change.state, change.updated_at, change.case_id, change.version)
    if sqlite_keys.is_used(connection, change.key) or connection.execute(MOVE_CASE, head).rowcount == 0:
        return False
    if change.key is not None:
        sqlite_keys.keep(connection, change.case_id, change.key)
    sqlite_notices.add(connection, change.case_id, change.notices)  # while their deliveries are as they were
    sqlite_notices.move(connection, change.told)
    if change.answer is not None:
        sqlite_notices.answer(connection, change.case_id, change.answer)
    for moved in change.deliveries:
        due = rows.next_attempt(moved.state, moved.next_attempt_at, change.updated_at)
        values = (moved.state, due, moved.problem, moved.decided_at, moved.id, change.case_id)
        if connection.execute(MOVE_DELIVERY, values).rowcount == 0:
            raise LookupError(f"case {change.case_id} has no delivery {moved.id}")
    return True


def _insert(connection: sqlite3.Connection, into: str, added: Iterable[Row]) -> None:
    """Add rows in their order, many with one statement."""
    left = list(added)
    while left:
        size = next(size for size in SIZES if size <= len(left))
        some, left = left[:size], left[size:]
        connection.execute(_text(into, len(some[0]), size), list(chain.from_iterable(some)))


@lru_cache
def _text(into: str, width: int, count: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * count)}"
