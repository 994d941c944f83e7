"""What agencies are told, in its table, and the answers of traders.

Rule: whether a delivery has gone out is looked at in the transaction that writes the notice of it, before the delivery
moves. Reason: a claim changes no version of a case, so whoever worked out the change cannot know of one made since. A
delivery that was claimed may be under way: its notice is due when the claim ends, and so never comes before it.
"""

import sqlite3
from collections.abc import Iterable

from msgspec.structs import astuple

from gateway.notices.records import KeptAnswer, ListedNotice, NewNotice, Notice, NoticeMove

ADD = """INSERT INTO notice (id, case_id, delivery_id, agency, kind, state, media, body, created_at, attempts,
    next_attempt_at)
    SELECT :id, case_id, id, agency, :kind, :state, :media, :body, :created_at, 0,
        CASE :state WHEN 'queued' THEN max(:created_at, coalesce(next_attempt_at, '')) END
    FROM delivery WHERE id = :delivery_id AND case_id = :case_id AND (state <> 'queued' OR attempts > 0)"""
MOVE = "UPDATE notice SET state = ?, next_attempt_at = ?, problem = ? WHERE id = ?"
ADD_ANSWER = """INSERT INTO query_answer (case_id, query, message, media, body, digest, document)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_OF_CASE = "(SELECT {0} FROM declaration_case WHERE declaration_case.id = case_id) AS {0}"
_LISTED = f"""{_OF_CASE.format("mrn")}, {_OF_CASE.format("conversation_id")}, id, delivery_id, agency, kind, state,
    media, created_at, attempts, problem, body"""
# Those of one delivery go one after the other.
_FIRST = """notice AS due WHERE agency = :agency AND state = 'queued'
    AND NOT EXISTS (SELECT 1 FROM notice AS before INDEXED BY notice_order
        WHERE before.delivery_id = due.delivery_id AND before.state = 'queued' AND before.seq < due.seq)"""
CLAIM = f"""UPDATE notice SET attempts = attempts + 1, next_attempt_at = :lease_until WHERE seq IN
    (SELECT seq FROM {_FIRST} AND next_attempt_at <= :now ORDER BY next_attempt_at, seq LIMIT :limit)
    RETURNING {_LISTED}, seq"""
PUT_OFF = "UPDATE notice SET next_attempt_at = ?, problem = ? WHERE id = ? AND state = 'queued'"
# The condition of its index is written out, because SQLite does not see that it follows.
RELEASE = """UPDATE notice SET next_attempt_at = ?
    WHERE state = 'queued' AND state IN ('queued', 'parked') AND next_attempt_at > ?"""
NEXT = f"SELECT min(next_attempt_at) FROM {_FIRST}"
_PAGE = """AND seq > coalesce((SELECT before.seq FROM notice AS before WHERE before.id = :after), 0)
    ORDER BY seq LIMIT :limit"""
PENDING = f"SELECT {_LISTED} FROM notice WHERE agency = :agency AND state <> 'taken' {_PAGE}"
PARKED = f"SELECT {_LISTED} FROM notice WHERE state = 'parked' AND state IN ('queued', 'parked') {_PAGE}"
FETCH = f"SELECT {_LISTED} FROM notice WHERE id = ?"
ANSWER = "SELECT query, message, media, body, digest, document FROM query_answer WHERE case_id = ? AND query = ?"


def add(connection: sqlite3.Connection, case_id: int, notices: Iterable[NewNotice]) -> None:
    """Write those whose deliveries may have reached their agencies."""
    for new in notices:
        told = new.notice
        named = {name: getattr(told, name) for name in ("id", "delivery_id", "kind", "state", "media", "created_at")}
        connection.execute(ADD, {**named, "case_id": case_id, "body": new.body})


def move(connection: sqlite3.Connection, moves: Iterable[NoticeMove]) -> None:
    """Write what became of notices. Raises LookupError for one that is not there."""
    for each in moves:
        if connection.execute(MOVE, (each.state, each.due_at, each.problem, each.id)).rowcount == 0:
            raise LookupError(f"there is no notice {each.id}")


def answer(connection: sqlite3.Connection, case_id: int, kept: KeptAnswer) -> None:
    """Write a trader's answer."""
    connection.execute(ADD_ANSWER, (case_id, *astuple(kept)))


def claim(connection: sqlite3.Connection, agency: str, limit: int, now: str, lease_until: str) -> list[ListedNotice]:
    """Those due longest, in order of creation."""
    named = {"agency": agency, "limit": limit, "now": now, "lease_until": lease_until}
    taken = connection.execute(CLAIM, named).fetchall()
    return [_listed(row) for row in sorted(taken, key=lambda row: int(row["seq"]))]


def put_off(connection: sqlite3.Connection, notice_id: str, again_at: str, problem: str) -> None:
    """One that has ended meanwhile stays as it is."""
    connection.execute(PUT_OFF, (again_at, problem, notice_id))


def next_at(connection: sqlite3.Connection, agency: str) -> str | None:
    """When the earliest queued notice of an agency is due, or the earliest lease ends."""
    (earliest,) = connection.execute(NEXT, {"agency": agency}).fetchone()
    return None if earliest is None else str(earliest)


def page(
    connection: sqlite3.Connection, query: str, of: dict[str, str], after: str | None, limit: int
) -> list[ListedNotice]:
    """Notices in order of creation; an unknown id counts as none, so that nothing is ever missed."""
    return list(map(_listed, connection.execute(query, {**of, "after": after, "limit": limit})))


def fetch(connection: sqlite3.Connection, notice_id: str) -> ListedNotice | None:
    """A notice."""
    row = connection.execute(FETCH, (notice_id,)).fetchone()
    return None if row is None else _listed(row)


def kept_answer(connection: sqlite3.Connection, case_id: int, query: str) -> KeptAnswer | None:
    """The answer to a query of a case."""
    row = connection.execute(ANSWER, (case_id, query)).fetchone()
    return None if row is None else KeptAnswer(**dict(row))


def _listed(row: sqlite3.Row) -> ListedNotice:
    notice = Notice(**{name: row[name] for name in Notice.__struct_fields__})
    return ListedNotice(row["mrn"], row["conversation_id"], notice, row["body"])
