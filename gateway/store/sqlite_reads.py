"""What is read: queries for one connection within one transaction. Every one finds its rows by an index."""

import sqlite3

from gateway.ports import Account, Case, CaseFile, Claim, Decision, StoredMessage
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
ACCOUNT_BY_KEY = "SELECT id, name, role, agency FROM account WHERE key_digest = ?"
NEXT_ATTEMPT = "SELECT min(next_attempt_at) FROM delivery WHERE state = 'queued'"
NEXT_ATTEMPT_OF_AGENCY = f"{NEXT_ATTEMPT} AND agency = ?"
INBOX = f"""SELECT {rows.CLAIM} FROM delivery
    WHERE agency = :agency AND state IN ('queued', 'awaiting', 'held', 'parked')
    AND seq > coalesce((SELECT before.seq FROM delivery AS before WHERE before.id = :after), 0)
    ORDER BY seq LIMIT :limit"""


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


def account_by_key(connection: sqlite3.Connection, key_digest: str) -> Account | None:
    """Whose key has this digest."""
    row = connection.execute(ACCOUNT_BY_KEY, (key_digest,)).fetchone()
    return None if row is None else Account(**dict(row))


def next_attempt_at(connection: sqlite3.Connection, agency: str | None) -> str | None:
    """When the earliest queued delivery, of one agency or of all, is due, or the earliest lease ends."""
    query, values = (NEXT_ATTEMPT, ()) if agency is None else (NEXT_ATTEMPT_OF_AGENCY, (agency,))
    (earliest,) = connection.execute(query, values).fetchone()
    return None if earliest is None else str(earliest)


def inbox(connection: sqlite3.Connection, agency: str, after: str | None, limit: int) -> list[Claim]:
    """Undecided deliveries in order of creation; an unknown id counts as none, so that nothing is ever missed."""
    return list(map(rows.claim, connection.execute(INBOX, {"agency": agency, "after": after, "limit": limit})))
