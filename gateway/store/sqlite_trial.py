"""The clocks of test accounts, and what their virtual agencies have still to do. See `gateway.trial.kept` for the mark.

What is due is found by an index of its own, which has nothing but test deliveries that wait.
"""

import sqlite3

from gateway.trial.kept import Pending, Turn

# Of the account that stands in the place of {}: how far its clock is ahead, and the time by it.
AHEAD_OF = "coalesce((SELECT ahead FROM test_clock WHERE test_clock.account_id = {}), 0)"
THEIR_TIME = f"strftime('%Y-%m-%dT%H:%M:%fZ', :now, {AHEAD_OF} || ' seconds')"
AHEAD = f"SELECT {AHEAD_OF.format(':account')} AS ahead"
PUT_FORWARD = """INSERT INTO test_clock (account_id, ahead) VALUES (?, ?)
    ON CONFLICT (account_id) DO UPDATE SET ahead = ahead + excluded.ahead"""
_LATEST = "strftime('%Y-%m-%dT%H:%M:%fZ', :now, coalesce((SELECT max(ahead) FROM test_clock), 0) || ' seconds')"
_WAITING = """FROM delivery INDEXED BY delivery_test CROSS JOIN declaration_case ON declaration_case.id = case_id
    WHERE delivery.agency >= '~' AND next_attempt_at IS NOT NULL"""
_TURNS = f"SELECT delivery.id AS delivery_id, next_attempt_at AS at {_WAITING}"
_IN_ORDER = "ORDER BY next_attempt_at, delivery.seq LIMIT :limit"
DUE_TURNS = f"""{_TURNS} AND next_attempt_at <= {_LATEST}
    AND next_attempt_at <= {THEIR_TIME.format("declaration_case.account_id")} {_IN_ORDER}"""
TURNS = f"{_TURNS} AND next_attempt_at <= :until AND declaration_case.account_id = :account {_IN_ORDER}"
PENDING = f"SELECT count(*) AS count, min(next_attempt_at) AS next_at {_WAITING} AND declaration_case.account_id = ?"
FIRST_TRY = "INSERT INTO test_try (account_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"


def ahead(connection: sqlite3.Connection, account_id: int) -> int:
    """Seconds that an account's clock is ahead."""
    return int(connection.execute(AHEAD, {"account": account_id}).fetchone()["ahead"])


def put_forward(connection: sqlite3.Connection, account_id: int, seconds: int) -> None:
    """Two that do so at one time both count."""
    connection.execute(PUT_FORWARD, (account_id, seconds))


def due_turns(connection: sqlite3.Connection, now: str, limit: int) -> list[Turn]:
    """What is due by the clocks of all accounts."""
    return [Turn(**dict(row)) for row in connection.execute(DUE_TURNS, {"now": now, "limit": limit})]


def turns(connection: sqlite3.Connection, account_id: int, until: str, limit: int) -> list[Turn]:
    """What is due for one account until a time."""
    named = {"account": account_id, "until": until, "limit": limit}
    return [Turn(**dict(row)) for row in connection.execute(TURNS, named)]


def pending_turns(connection: sqlite3.Connection, account_id: int) -> Pending:
    """What is still to be done for one account."""
    return Pending(**dict(connection.execute(PENDING, (account_id,)).fetchone()))


def first_try(connection: sqlite3.Connection, account_id: int, digest: str) -> bool:
    """Whether this request was not there before."""
    return connection.execute(FIRST_TRY, (account_id, digest)).rowcount == 1
