"""What is still to be sent to the addresses of traders.

Rule: of each account only the first of each case is ever due; when it has gone, or is given up, the next of its case
becomes due. So they go out in order within a case, and a case that stands still holds up no other, nor another account
that is told of the same case, whatever else the sender does.
"""

import sqlite3

import msgspec

from gateway.notify.told import Asked, Callback, DeadLetter, Push, Requeued, Standing, Unsent
from gateway.store import rows
from gateway.store.sqlite_notifications import OF_ACCOUNT, numbers
from gateway.store.sqlite_trial import AHEAD_OF, THEIR_TIME

SET_CALLBACK = """INSERT INTO callback (account_id, url, secret) SELECT id, :url, :secret FROM account
    WHERE name = :name AND role = 'trader' AND revoked_at IS NULL
    ON CONFLICT (account_id) DO UPDATE SET url = excluded.url,
    secret = CASE WHEN :rotate THEN excluded.secret ELSE secret END
    RETURNING secret = :secret AS counts"""
CALLBACK = "SELECT account_id, url, secret FROM callback WHERE account_id = ?"
STANDING = """SELECT (SELECT url FROM callback WHERE account_id = :account) AS url,
    count(*) FILTER (WHERE dead = 0) AS waiting, count(*) FILTER (WHERE dead = 1) AS failed
    FROM push WHERE account_id = :account"""
UNSENT = """SELECT count(*) AS waiting, min(at) AS oldest, (SELECT count(*) FROM push WHERE dead = 1) AS dead
    FROM push CROSS JOIN notification USING (account_id, number) WHERE dead = 0"""
REQUEUE = """INSERT INTO push (account_id, number, case_id, attempts, dead)
    SELECT account_id, number, case_id, 0, 0 FROM notification
    WHERE account_id = ? AND number IN (SELECT value FROM json_each(?))
    ON CONFLICT (account_id, number) DO UPDATE SET dead = 0, attempts = 0, problem = NULL RETURNING case_id"""
OF_NAME = "(SELECT id FROM account WHERE name = ?)"
DUE_CALLBACKS = f"""SELECT account_id, url, secret, {AHEAD_OF.format("callback.account_id")} AS ahead
    FROM callback JOIN account ON account.id = account_id
    WHERE revoked_at IS NULL
    AND EXISTS (SELECT 1 FROM push WHERE push.account_id = callback.account_id
        AND next_attempt_at <= {THEIR_TIME.format("callback.account_id")})"""
DUE = """SELECT number, attempts, coalesce((SELECT times FROM test_telling
        WHERE test_telling.case_id = push.case_id), 1) AS times FROM push WHERE account_id = ? AND next_attempt_at <= ?
    ORDER BY next_attempt_at, number LIMIT ?"""
TAKEN = "DELETE FROM push WHERE account_id = ? AND number = ? RETURNING case_id"
AGAIN = "UPDATE push SET attempts = attempts + 1, next_attempt_at = ?, problem = ? WHERE account_id = ? AND number = ?"
GIVE_UP = """UPDATE push SET attempts = attempts + 1, next_attempt_at = NULL, problem = ?, dead = 1
    WHERE account_id = ? AND number = ? RETURNING case_id"""
NEXT_OF_CASE = """UPDATE push SET next_attempt_at = :at WHERE account_id = :account AND number =
    (SELECT min(number) FROM push WHERE case_id = :case AND account_id = :account AND dead = 0)
    AND next_attempt_at IS NULL"""
DEAD = """SELECT account.name AS account, push.number, mrn, attempts, problem FROM push
    JOIN account ON account.id = push.account_id JOIN declaration_case ON declaration_case.id = case_id
    WHERE dead = 1 ORDER BY account.name, number LIMIT ?"""
REVIVE = (
    f"UPDATE push SET dead = 0, attempts = 0 WHERE dead = 1 AND account_id = {OF_NAME} RETURNING account_id, case_id"
)
HOLD = "UPDATE push SET next_attempt_at = NULL WHERE case_id = ? AND account_id = ? AND dead = 0"


def set_callback(connection: sqlite3.Connection, name: str, url: str, secret: str, rotate: bool) -> bool:
    """Whether the secret counts. Raises ValueError where no trader has that name, or its account was revoked."""
    named = {"url": url, "secret": secret, "name": name, "rotate": rotate}
    row = connection.execute(SET_CALLBACK, named).fetchone()
    if row is None:
        raise ValueError(f"there is no trader named {name!r}, or its account was revoked")
    return bool(row["counts"])


def remove_callback(connection: sqlite3.Connection, name: str) -> None:
    """With all that was still to be sent there. Raises ValueError where there is none."""
    if connection.execute(f"DELETE FROM callback WHERE account_id = {OF_NAME}", (name,)).rowcount == 0:
        raise ValueError(f"{name!r} has no callback address")
    connection.execute(f"DELETE FROM push WHERE account_id = {OF_NAME}", (name,))


def callback(connection: sqlite3.Connection, account_id: int) -> Callback | None:
    """The address of an account."""
    row = connection.execute(CALLBACK, (account_id,)).fetchone()
    return None if row is None else Callback(**dict(row))


def standing(connection: sqlite3.Connection, account_id: int) -> Standing:
    """With what is still to be sent there."""
    return Standing(**dict(connection.execute(STANDING, {"account": account_id}).fetchone()))


def unsent(connection: sqlite3.Connection) -> Unsent:
    """Of all accounts; the more waits, the longer this takes."""
    return Unsent(**dict(connection.execute(UNSENT).fetchone()))


def due_callbacks(connection: sqlite3.Connection, now: str) -> list[Callback]:
    """The addresses for which something is due, that of a test account by its own clock."""
    return [Callback(**dict(row)) for row in connection.execute(DUE_CALLBACKS, {"now": now})]


def due(connection: sqlite3.Connection, account_id: int, now: str, limit: int) -> list[Push]:
    """What is due for an account, that which has been longest first; one that was pruned meanwhile is due in vain."""
    found = []
    for row in connection.execute(DUE, (account_id, now, limit)).fetchall():
        number = row["number"]
        named = {"account": account_id, "after": number - 1, "before": number + 1, "limit": 1}
        told = connection.execute(OF_ACCOUNT, named).fetchone()
        found.append(Push(number, row["attempts"], None if told is None else rows.told(told), row["times"]))
    return found


def taken(connection: sqlite3.Connection, account_id: int, number: int, at: str) -> None:
    """It has gone; the next of its case is due."""
    for row in connection.execute(TAKEN, (account_id, number)).fetchall():
        connection.execute(NEXT_OF_CASE, {"account": account_id, "case": row["case_id"], "at": at})


def failed(
    connection: sqlite3.Connection, account_id: int, number: int, at: str, again_at: str | None, problem: str
) -> None:
    """It is tried again at that time; without one it is given up, and the next of its case is due."""
    if again_at is not None:
        connection.execute(AGAIN, (again_at, problem, account_id, number))
        return
    for row in connection.execute(GIVE_UP, (problem, account_id, number)).fetchall():
        connection.execute(NEXT_OF_CASE, {"account": account_id, "case": row["case_id"], "at": at})


def dead_letters(connection: sqlite3.Connection, limit: int) -> list[DeadLetter]:
    """What was given up."""
    return [DeadLetter(**dict(row)) for row in connection.execute(DEAD, (limit,))]


def redeliver(connection: sqlite3.Connection, name: str, at: str) -> int:
    """Send again all that was given up for an account; how many there are."""
    found = connection.execute(REVIVE, (name,)).fetchall()
    _begin_anew(connection, {(row["account_id"], row["case_id"]) for row in found}, at)
    return len(found)


def requeue(connection: sqlite3.Connection, asked: Asked, at: str) -> Requeued:
    """Send again what is asked for; what waits already begins anew. Nothing where the account has no address."""
    if callback(connection, asked.account_id) is None:
        return Requeued(0, asked.after, False)
    found = numbers(connection, msgspec.structs.replace(asked, limit=asked.limit + 1))
    chosen = found[: asked.limit]
    again = connection.execute(REQUEUE, (asked.account_id, rows.json_text(chosen))).fetchall()
    _begin_anew(connection, {(asked.account_id, row["case_id"]) for row in again}, at)
    return Requeued(len(again), chosen[-1] if chosen else asked.after, len(found) > len(chosen))


def _begin_anew(connection: sqlite3.Connection, cases: set[tuple[int, int]], at: str) -> None:
    """Of each case the first that is to be sent is due, the others behind it."""
    for account_id, case_id in cases:
        connection.execute(HOLD, (case_id, account_id))
        connection.execute(NEXT_OF_CASE, {"account": account_id, "case": case_id, "at": at})
