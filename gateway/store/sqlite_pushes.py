"""What is still to be sent to the addresses of traders.

Rule: of each account only the first of each case is ever due; when it has gone, or is given up, the next of its case
becomes due. So they go out in order within a case, and a case that stands still holds up no other, nor another account
that is told of the same case, whatever else the sender does.
"""

import sqlite3

from gateway.notify.told import Callback, DeadLetter, Push
from gateway.store import rows
from gateway.store.sqlite_notifications import OF_ACCOUNT

SET_CALLBACK = """INSERT INTO callback (account_id, url, secret) SELECT id, ?, ? FROM account
    WHERE name = ? AND role = 'trader' AND revoked_at IS NULL
    ON CONFLICT (account_id) DO UPDATE SET url = excluded.url, secret = excluded.secret"""
OF_NAME = "(SELECT id FROM account WHERE name = ?)"
DUE_CALLBACKS = """SELECT account_id, url, secret FROM callback JOIN account ON account.id = account_id
    WHERE revoked_at IS NULL
    AND EXISTS (SELECT 1 FROM push WHERE push.account_id = callback.account_id AND next_attempt_at <= ?)"""
DUE = """SELECT number, attempts FROM push WHERE account_id = ? AND next_attempt_at <= ?
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


def set_callback(connection: sqlite3.Connection, name: str, url: str, secret: str) -> None:
    """Raises ValueError where no trader has that name, or its account was revoked."""
    if connection.execute(SET_CALLBACK, (url, secret, name)).rowcount == 0:
        raise ValueError(f"there is no trader named {name!r}, or its account was revoked")


def remove_callback(connection: sqlite3.Connection, name: str) -> None:
    """With all that was still to be sent there. Raises ValueError where there is none."""
    if connection.execute(f"DELETE FROM callback WHERE account_id = {OF_NAME}", (name,)).rowcount == 0:
        raise ValueError(f"{name!r} has no callback address")
    connection.execute(f"DELETE FROM push WHERE account_id = {OF_NAME}", (name,))


def due_callbacks(connection: sqlite3.Connection, now: str) -> list[Callback]:
    """The addresses for which something is due."""
    return [Callback(**dict(row)) for row in connection.execute(DUE_CALLBACKS, (now,))]


def due(connection: sqlite3.Connection, account_id: int, now: str, limit: int) -> list[Push]:
    """What is due for an account, that which has been longest first; one that was pruned meanwhile is due in vain."""
    found = []
    for row in connection.execute(DUE, (account_id, now, limit)).fetchall():
        number = row["number"]
        named = {"account": account_id, "after": number - 1, "before": number + 1, "limit": 1}
        told = connection.execute(OF_ACCOUNT, named).fetchone()
        found.append(Push(number, row["attempts"], None if told is None else rows.told(told)))
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
    for account_id, case_id in {(row["account_id"], row["case_id"]) for row in found}:
        connection.execute(HOLD, (case_id, account_id))
        connection.execute(NEXT_OF_CASE, {"account": account_id, "case": case_id, "at": at})
    return len(found)
