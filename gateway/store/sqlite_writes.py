"""What is written one piece at a time: pieces of work for the writer, each whole or not at all.

What comes in numbers, acceptances and steps of cases, is in `sqlite_groups`.
"""

import sqlite3

from gateway.ports import Account, Claim
from gateway.store import rows

ADD_ACCOUNT = """INSERT INTO account (name, role, agency, key_digest) VALUES (?, ?, ?, ?)
    ON CONFLICT (name) DO NOTHING RETURNING id"""
REVOKE_ACCOUNT = """UPDATE account SET revoked_at = coalesce(revoked_at, ?) WHERE name = ?
    RETURNING id, name, role, agency, revoked_at"""
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


def claim(connection: sqlite3.Connection, agency: str, limit: int, now: str, lease_until: str) -> list[Claim]:
    """Those due longest are taken, and are handed over in order of creation (SQLite returns them in any order)."""
    names = {"agency": agency, "limit": limit, "now": now, "lease_until": lease_until}
    taken = connection.execute(CLAIM, names).fetchall()
    return [rows.claim(row) for row in sorted(taken, key=lambda row: int(row["seq"]))]


def release_claims(connection: sqlite3.Connection, now: str) -> None:
    """Make what is queued due. A lease and a back-off look alike here; trying early after a start does no harm."""
    connection.execute(RELEASE, (now, now))
