"""What is read: queries for one connection within one transaction.

Every one finds its rows by an index, save for the lists of all accounts and of all keys, and the backlog, which is
what is undecided.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.ports import (
    Acceptance,
    Account,
    AdditionalMessage,
    Admission,
    Backlog,
    Case,
    CaseFile,
    Conflict,
    Decision,
    Dispatch,
    Holder,
    Listed,
    StoredMessage,
)
from gateway.store import rows

_CASE = """SELECT id, version, mrn, account_id, conversation_id, message, reference, body_digest AS digest, media,
    state, accepted_at, updated_at FROM declaration_case"""
CASE_BY_MRN = f"{_CASE} WHERE mrn = ?"
CASE_BY_DELIVERY = f"{_CASE} WHERE id = (SELECT case_id FROM delivery WHERE delivery.id = ?)"
DELIVERIES_OF_CASE = f"SELECT {rows.DELIVERY} FROM delivery WHERE case_id = ? ORDER BY seq"
DECISIONS_OF_CASE = """SELECT delivery_id, agency, outcome, at, reason, document, digest FROM decision
    WHERE case_id = ? ORDER BY seq"""
EVENTS_OF_CASE = "SELECT seq, at, kind, actor, data, digest FROM event WHERE case_id = ? ORDER BY seq"
MESSAGE = """SELECT media, body, body_digest AS digest, document FROM message
    JOIN declaration_case ON declaration_case.id = case_id WHERE case_id = ?"""
ADDITIONAL = """SELECT number, kind, message, media, body, digest, document FROM additional_message
    WHERE case_id = ? AND kind = ? AND number = coalesce(?, number) ORDER BY number DESC LIMIT 1"""
_ASKED = "json_extract(asked.value, '$[0]') AS place FROM json_each(?) AS asked"  # of [place, account, text]
_ACCEPTED = """SELECT declaration_case.id, mrn, conversation_id, body_digest, accepted_at, document_digest,"""
# The order of a CROSS JOIN is kept: each that is asked for is looked up by its index.
ACCEPTED_BY_KEY = f"""{_ACCEPTED} {_ASKED} CROSS JOIN idempotency CROSS JOIN declaration_case
    WHERE idempotency.account_id = json_extract(asked.value, '$[1]')
    AND idempotency_key = json_extract(asked.value, '$[2]') AND declaration_case.id = case_id"""
ACCEPTED_BY_REFERENCE = f"""{_ACCEPTED} {_ASKED} CROSS JOIN declaration_case
    WHERE account_id = json_extract(asked.value, '$[1]') AND reference = json_extract(asked.value, '$[2]')"""
ALL_ACCOUNTS = "SELECT id, name, role, agency, revoked_at FROM account ORDER BY name"
_USER = "CROSS JOIN account_user ON account_user.account_id = account.id AND number = user_number"
_HOLDER = f"SELECT {rows.HOLDER} FROM credential CROSS JOIN account ON account.id = credential.account_id {_USER}"
# An id is the beginning of a digest, and nothing in a digest comes behind `f`.
HOLDER = f"""{_HOLDER} WHERE digest BETWEEN :digest AND :digest || 'g' AND credential.revoked_at IS NULL
    AND account.revoked_at IS NULL AND account_user.revoked_at IS NULL"""
_HOLDERS = f"SELECT {rows.HOLDER} FROM account CROSS JOIN credential ON account.id = credential.account_id {_USER}"
KEYS = f"{_HOLDERS} WHERE account.name = ?"
ALL_KEYS = f"{_HOLDERS} ORDER BY account.name"
NEXT_ATTEMPT = "SELECT min(next_attempt_at) FROM delivery WHERE state = 'queued' AND agency = ?"
_PAGE = """AND state IN ('queued', 'awaiting', 'held', 'parked')
    AND seq > coalesce((SELECT before.seq FROM delivery AS before WHERE before.id = :after), 0)
    ORDER BY seq LIMIT :limit"""
INBOX = f"SELECT {rows.LISTED} FROM delivery WHERE agency = :agency {_PAGE}"
UNDECIDED = f"SELECT {rows.LISTED} FROM delivery WHERE state = :state {_PAGE}"
BACKLOG = """SELECT agency, state, count(*) AS count, sum(due_at < ?) AS overdue, min(created_at) AS oldest
    FROM delivery WHERE state IN ('queued', 'awaiting', 'held', 'parked') GROUP BY agency, state"""
FETCH = f"SELECT {rows.DISPATCH} FROM delivery WHERE id = ? AND agency = ?"


class Earlier(NamedTuple):
    """An admission that came before, the answer to it, and whether only its reference told."""

    answer: Acceptance
    case_id: int
    by_reference: bool


def earlier(connection: sqlite3.Connection, news: Sequence[Admission]) -> list[Earlier | Conflict | None]:
    """For each admission the same as it came before; a Conflict where key or reference came with another document.

    The key is asked first: it is the sender's own word for it.
    """
    found: list[Earlier | Conflict | None] = [None] * len(news)
    keys = [(place, new.account_id, new.idempotency_key) for place, new in enumerate(news)]
    for row in _asked(connection, ACCEPTED_BY_KEY, keys):
        found[row["place"]] = _earlier("Idempotency-Key", row, news[row["place"]])
    references = [(place, new.account_id, new.reference) for place, new in enumerate(news) if found[place] is None]
    for row in _asked(connection, ACCEPTED_BY_REFERENCE, references):
        found[row["place"]] = _earlier("FunctionalReferenceID", row, news[row["place"]])
    return found


def _asked(connection: sqlite3.Connection, query: str, asked: list[tuple[int, int, str | None]]) -> list[sqlite3.Row]:
    given = [each for each in asked if each[2] is not None]
    return connection.execute(query, (rows.json_text(given),)).fetchall() if given else []


def _earlier(what: str, first: sqlite3.Row, new: Admission) -> Earlier | Conflict:
    if first["document_digest"] != new.document_digest:
        return Conflict(what, first["mrn"], first["body_digest"], new.body_digest)
    answer = Acceptance(
        mrn=first["mrn"],
        conversation_id=first["conversation_id"],
        digest=first["body_digest"],
        accepted_at=first["accepted_at"],
        replayed=True,
    )
    return Earlier(answer, int(first["id"]), what != "Idempotency-Key")


def case_file(connection: sqlite3.Connection, find: str, key: str, account_id: int | None) -> CaseFile | None:
    """The case that the query `find` finds by `key`, if the account given (if any) is its owner."""
    row = connection.execute(find, (key,)).fetchone()
    if row is None or account_id not in (None, row["account_id"]):
        return None
    case = Case(**dict(row))
    of_case = (case.id,)
    return CaseFile(
        case,
        tuple(map(rows.delivery, connection.execute(DELIVERIES_OF_CASE, of_case))),
        tuple(Decision(**dict(row)) for row in connection.execute(DECISIONS_OF_CASE, of_case)),
        tuple(map(rows.event, connection.execute(EVENTS_OF_CASE, of_case))),
    )


def message(connection: sqlite3.Connection, case_id: int) -> StoredMessage:
    """The declaration of a case; raises LookupError where there is no such case."""
    row = connection.execute(MESSAGE, (case_id,)).fetchone()
    if row is None:
        raise LookupError(f"there is no case {case_id}")
    return StoredMessage(**dict(row))


def additional(connection: sqlite3.Connection, case_id: int, kind: str, number: int | None) -> AdditionalMessage | None:
    """The message of that kind and number about a case; without a number the last one."""
    row = connection.execute(ADDITIONAL, (case_id, kind, number)).fetchone()
    return None if row is None else AdditionalMessage(**dict(row))


def holder(connection: sqlite3.Connection, key_digest: str) -> Holder | None:
    """Whose key has this digest, or this id."""
    row = connection.execute(HOLDER, {"digest": key_digest}).fetchone()
    return None if row is None else rows.holder(row)


def keys(connection: sqlite3.Connection, name: str | None) -> list[Holder]:
    """The keys of one account, or of all."""
    found = connection.execute(ALL_KEYS) if name is None else connection.execute(KEYS, (name,))
    return sorted(map(rows.holder, found), key=lambda each: (each.account.name, each.key.made_at or "", each.key.id))


def accounts(connection: sqlite3.Connection) -> list[Account]:
    """All accounts by name."""
    return [Account(**dict(row)) for row in connection.execute(ALL_ACCOUNTS)]


def next_attempt_at(connection: sqlite3.Connection, agency: str) -> str | None:
    """When the earliest queued delivery of an agency is due, or the earliest lease ends."""
    (earliest,) = connection.execute(NEXT_ATTEMPT, (agency,)).fetchone()
    return None if earliest is None else str(earliest)


def page(connection: sqlite3.Connection, query: str, of: dict[str, str], after: str | None, limit: int) -> list[Listed]:
    """Undecided deliveries in order of creation; an unknown id counts as none, so that nothing is ever missed."""
    return list(map(rows.listed, connection.execute(query, {**of, "after": after, "limit": limit})))


def fetch(connection: sqlite3.Connection, agency: str, delivery_id: str) -> Dispatch | None:
    """An agency's own delivery with its message."""
    row = connection.execute(FETCH, (delivery_id, agency)).fetchone()
    return None if row is None else rows.dispatch(row)


def backlog(connection: sqlite3.Connection, now: str) -> tuple[Backlog, ...]:
    """What is undecided, by agency and state; the more there is of it, the longer this takes."""
    return tuple(Backlog(**dict(row)) for row in connection.execute(BACKLOG, (now,)))
