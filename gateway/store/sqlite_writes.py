"""What is written: pieces of work for the writer, each whole or not at all.

Rule: duplicates are looked for inside the accepting transaction. Reason: two copies of one lodgement may arrive at the
same moment; the writer takes one after the other, and the second sees the first. The unique indexes say the same to
anything that might ever write past this module.
"""

import sqlite3

from gateway.ports import Acceptance, Account, Admission, CaseChange, Claim
from gateway.store import rows, sqlite_reads

ADD_ACCOUNT = """INSERT INTO account (name, role, agency, key_digest) VALUES (?, ?, ?, ?)
    ON CONFLICT (name) DO NOTHING RETURNING id"""
REVOKE_ACCOUNT = """UPDATE account SET revoked_at = coalesce(revoked_at, ?) WHERE name = ?
    RETURNING id, name, role, agency, revoked_at"""
ADD_CASE = """INSERT INTO declaration_case (version, mrn, account_id, conversation_id, message, reference, body_digest,
    document_digest, media, state, accepted_at, updated_at) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    RETURNING id"""
ADD_MESSAGE = "INSERT INTO message (case_id, body, document) VALUES (?, ?, ?)"
ADD_KEY = "INSERT INTO idempotency (account_id, idempotency_key, case_id) VALUES (?, ?, ?)"
ADD_EVENT = "INSERT INTO event (case_id, seq, at, kind, actor, data, digest) VALUES (?, ?, ?, ?, ?, ?, ?)"
ADD_DELIVERY = """INSERT INTO delivery (id, case_id, agency, state, media, requirements, items, created_at, due_at,
    attempts, next_attempt_at, problem, decided_at)
    VALUES (:id, :case_id, :agency, :state, :media, :requirements, :items, :created_at, :due_at,
    :attempts, :next_attempt_at, :problem, :decided_at) RETURNING seq"""
ADD_DELIVERY_BODY = "INSERT INTO delivery_body (seq, body) VALUES (?, ?)"
ADD_DECISION = """INSERT INTO decision (case_id, delivery_id, agency, outcome, at, reason, document, digest)
    VALUES (:case_id, :delivery_id, :agency, :outcome, :at, :reason, :document, :digest)"""
MOVE_CASE = """UPDATE declaration_case SET version = version + 1, state = ?, updated_at = ?
    WHERE id = ? AND version = ?"""
MOVE_DELIVERY = """UPDATE delivery SET state = ?, next_attempt_at = ?, problem = ?, decided_at = ?
    WHERE id = ? AND case_id = ?"""
CLAIM = f"""UPDATE delivery SET attempts = attempts + 1, next_attempt_at = :lease_until WHERE seq IN
    (SELECT seq FROM delivery WHERE agency = :agency AND state = 'queued' AND next_attempt_at <= :now
    ORDER BY next_attempt_at, seq LIMIT :limit)
    RETURNING {rows.CLAIM}, seq"""
# The condition of its index is written out, because SQLite does not see that it follows.
RELEASE = """UPDATE delivery SET next_attempt_at = ?
    WHERE state = 'queued' AND state IN ('queued', 'awaiting', 'held', 'parked') AND next_attempt_at > ?"""


def ping(connection: sqlite3.Connection) -> None:
    """Writes the number of the tables' form over itself: a real write that changes nothing."""
    (form,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {int(form)}")


def add_account(connection: sqlite3.Connection, name: str, role: str, agency: str | None, key_digest: str) -> Account:
    """Raises ValueError when the name is taken."""
    row = connection.execute(ADD_ACCOUNT, (name, role, agency, key_digest)).fetchone()
    if row is None:
        raise ValueError(f"there is an account named {name!r} already")
    return Account(row["id"], name, role, agency)


def revoke_account(connection: sqlite3.Connection, name: str, at: str) -> Account:
    """Raises ValueError where there is no account of that name."""
    row = connection.execute(REVOKE_ACCOUNT, (at, name)).fetchone()
    if row is None:
        raise ValueError(f"there is no account named {name!r}")
    return Account(**dict(row))


def accept(connection: sqlite3.Connection, new: Admission) -> Acceptance:
    """Write the admission, or answer as the first time. Raises Conflict."""
    first = sqlite_reads.accepted(connection, new)
    if first is not None:
        if first.by_reference:
            _remember_key(connection, first.case_id, new)
        return first.answer
    case_id = _add_case(connection, new)
    _remember_key(connection, case_id, new)
    return Acceptance(
        mrn=new.mrn, conversation_id=new.conversation_id, digest=new.body_digest, accepted_at=new.accepted_at
    )


def _remember_key(connection: sqlite3.Connection, case_id: int, new: Admission) -> None:
    if new.idempotency_key is not None:
        connection.execute(ADD_KEY, (new.account_id, new.idempotency_key, case_id))


def _add_case(connection: sqlite3.Connection, new: Admission) -> int:
    head = (new.mrn, new.account_id, new.conversation_id, new.message, new.reference, new.body_digest)
    rest = (new.document_digest, new.media, new.state, new.accepted_at, new.accepted_at)
    case_id = int(connection.execute(ADD_CASE, head + rest).fetchone()["id"])
    connection.execute(ADD_MESSAGE, (case_id, new.body, new.document))
    for dispatch in new.deliveries:
        values = rows.delivery_values(case_id, dispatch.delivery, new.accepted_at)
        seq = connection.execute(ADD_DELIVERY, values).fetchone()["seq"]
        connection.execute(ADD_DELIVERY_BODY, (seq, dispatch.body))
    connection.executemany(ADD_EVENT, rows.event_values(case_id, new.events))
    return case_id


def apply(connection: sqlite3.Connection, change: CaseChange) -> bool:
    """False, with nothing written, where the case is no longer at the version given.

    Raises LookupError for a delivery that is not of this case.
    """
    head = (change.state, change.updated_at, change.case_id, change.version)
    if connection.execute(MOVE_CASE, head).rowcount == 0:
        return False
    for moved in change.deliveries:
        due = rows.next_attempt(moved.state, moved.next_attempt_at, change.updated_at)
        values = (moved.state, due, moved.problem, moved.decided_at, moved.id, change.case_id)
        if connection.execute(MOVE_DELIVERY, values).rowcount == 0:
            raise LookupError(f"case {change.case_id} has no delivery {moved.id}")
    connection.executemany(ADD_DECISION, rows.decision_values(change.case_id, change.decisions))
    connection.executemany(ADD_EVENT, rows.event_values(change.case_id, change.events))
    return True


def claim(connection: sqlite3.Connection, agency: str, limit: int, now: str, lease_until: str) -> list[Claim]:
    """Those due longest are taken, and are handed over in order of creation (SQLite returns them in any order)."""
    names = {"agency": agency, "limit": limit, "now": now, "lease_until": lease_until}
    taken = connection.execute(CLAIM, names).fetchall()
    return [rows.claim(row) for row in sorted(taken, key=lambda row: int(row["seq"]))]


def release_claims(connection: sqlite3.Connection, now: str) -> None:
    """Make what is queued due. A lease and a back-off look alike here; trying early after a start does no harm."""
    connection.execute(RELEASE, (now, now))
