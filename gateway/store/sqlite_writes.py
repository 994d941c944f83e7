"""What is written one piece at a time: pieces of work for the writer, each whole or not at all.

What comes in numbers, acceptances and steps of cases, is in `sqlite_groups`.
"""

import sqlite3

from gateway.ports import Account, Claim, Holder, KeyTerms
from gateway.store import rows, sqlite_reads, sqlite_users

ADD_ACCOUNT = """INSERT INTO account (name, role, agency) VALUES (?, ?, ?)
    ON CONFLICT (name) DO NOTHING RETURNING id"""
ADD_KEY = """INSERT INTO credential (digest, kind, account_id, user_number, label, made_at, expires_on, scopes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
LIVE_KEYS = """SELECT substr(digest, 1, 12) AS id FROM credential WHERE account_id = ? AND user_number = ? AND kind = ?
    AND revoked_at IS NULL AND (expires_on IS NULL OR expires_on >= ?)"""
KNOWN_KEY = "SELECT 1 FROM credential WHERE digest = ?"
REVOKE_KEY = """UPDATE credential SET revoked_at = coalesce(revoked_at, ?)
    WHERE account_id = (SELECT id FROM account WHERE name = ?) AND substr(digest, 1, 12) = ? RETURNING digest"""
NOTE_USE = """UPDATE credential SET used_on = :day
    WHERE digest BETWEEN :digest AND :digest || 'g' AND coalesce(used_on, '') < :day"""
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


def add_account(
    connection: sqlite3.Connection, name: str, role: str, agency: str | None, key_digest: str, terms: KeyTerms
) -> Account:
    """With its first user and that one's key. Raises ValueError when the name is taken."""
    row = connection.execute(ADD_ACCOUNT, (name, role, agency)).fetchone()
    if row is None:
        raise ValueError(f"there is an account named {name!r} already")
    sqlite_users.add_user(connection, name, terms.user, None, terms.made_at)
    connection.execute(ADD_KEY, _key_values(row["id"], 1, key_digest, terms))
    return Account(row["id"], name, role, agency)


def add_key(
    connection: sqlite3.Connection, name: str, key_digest: str, terms: KeyTerms, today: str, most: int
) -> Holder:
    """Raises ValueError where the user cannot get one; counted in the transaction that adds it."""
    account_id = sqlite_users.account_in_force(connection, name)
    user = sqlite_users.user_in_force(connection, name, terms.user)
    if connection.execute(KNOWN_KEY, (key_digest,)).fetchone() is not None:
        raise ValueError(f"this {terms.kind} is on record already, and one that was revoked is so for good")
    live = [each["id"] for each in connection.execute(LIVE_KEYS, (account_id, user.number, terms.kind, today))]
    if len(live) >= most:
        whose = repr(name) if user.number == 1 else f"the user {user.name!r} of {name!r}"
        told = f"{most} {terms.kind}s that live: {', '.join(sorted(live))}"
        raise ValueError(f"{whose} has {told}; revoke one of them first")
    connection.execute(ADD_KEY, _key_values(account_id, user.number, key_digest, terms))
    return _holder(connection, name, key_digest)


def revoke_key(connection: sqlite3.Connection, name: str, key_id: str, at: str) -> Holder:
    """Raises ValueError where there is no such key."""
    row = connection.execute(REVOKE_KEY, (at, name, key_id)).fetchone()
    if row is None:
        raise ValueError(f"there is no key {key_id!r} of an account named {name!r}")
    return _holder(connection, name, row["digest"])


def note_use(connection: sqlite3.Connection, key_digest: str, day: str) -> None:
    """A day that is earlier than the one on record changes nothing."""
    connection.execute(NOTE_USE, {"digest": key_digest, "day": day})


def _key_values(account_id: int, user: int, key_digest: str, terms: KeyTerms) -> tuple[object, ...]:
    scopes = None if terms.scopes is None else rows.json_text(terms.scopes)
    whose = (key_digest, terms.kind, account_id, user)
    return (*whose, terms.label, terms.made_at, terms.expires_on, scopes)


def _holder(connection: sqlite3.Connection, name: str, key_digest: str) -> Holder:
    return next(each for each in sqlite_reads.keys(connection, name) if key_digest.startswith(each.key.id))


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
