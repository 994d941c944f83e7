"""Users of accounts and keys that sign tokens: pieces of work for the writer, and queries for one connection."""

import sqlite3

from gateway.access.users import SigningKey, User
from gateway.store import rows

ACCOUNT = "SELECT id, revoked_at FROM account WHERE name = ?"
_USERS = """SELECT account.name AS account, number, account_user.name, scopes, made_at, account_user.revoked_at
    FROM account CROSS JOIN account_user ON account_id = account.id"""
USERS = f"{_USERS} WHERE account.name = ? ORDER BY number"
ALL_USERS = f"{_USERS} ORDER BY account.name, number"
ONE_USER = f"{_USERS} WHERE account.name = ? AND account_user.name = ?"
ADD_USER = """INSERT INTO account_user (account_id, number, name, scopes, made_at)
    SELECT :account, 1 + coalesce(max(number), 0), :name, :scopes, :at FROM account_user WHERE account_id = :account"""
REVOKE_USER = """UPDATE account_user SET revoked_at = coalesce(revoked_at, ?)
    WHERE account_id = (SELECT id FROM account WHERE name = ?) AND name = ?"""
SIGNING_KEYS = "SELECT kid, jwk, made_at, retired_at FROM signing_key ORDER BY retired_at IS NOT NULL, made_at DESC"
ADD_SIGNING_KEY = "INSERT INTO signing_key (kid, jwk, made_at) VALUES (?, ?, ?)"
FIRST_SIGNING_KEY = f"{ADD_SIGNING_KEY} ON CONFLICT DO NOTHING"
RETIRE = "UPDATE signing_key SET retired_at = ? WHERE retired_at IS NULL"
FORGET = "DELETE FROM signing_key"


def users(connection: sqlite3.Connection, account: str | None) -> list[User]:
    """The users of one account, or of all."""
    found = connection.execute(ALL_USERS) if account is None else connection.execute(USERS, (account,))
    return list(map(_user, found))


def account_in_force(connection: sqlite3.Connection, name: str) -> int:
    """The id of an account. Raises ValueError where there is none of that name, or it was revoked."""
    row = connection.execute(ACCOUNT, (name,)).fetchone()
    if row is None:
        raise ValueError(f"there is no account named {name!r}")
    if row["revoked_at"] is not None:
        raise ValueError(f"the account {name!r} was revoked")
    return int(row["id"])


def user_in_force(connection: sqlite3.Connection, account: str, name: str) -> User:
    """A user of an account. Raises ValueError where there is none of that name, or it was revoked."""
    row = connection.execute(ONE_USER, (account, name)).fetchone()
    if row is None:
        raise ValueError(f"{account!r} has no user named {name!r}")
    if row["revoked_at"] is not None:
        raise ValueError(f"the user {name!r} of {account!r} was revoked")
    return _user(row)


def add_user(
    connection: sqlite3.Connection, account: str, name: str, scopes: tuple[str, ...] | None, at: str | None
) -> User:
    """Raises ValueError for a name that is taken, and for an account that is not in force."""
    account_id = account_in_force(connection, account)
    if connection.execute(ONE_USER, (account, name)).fetchone() is not None:
        raise ValueError(f"{account!r} has a user named {name!r} already")
    told = None if scopes is None else rows.json_text(scopes)
    connection.execute(ADD_USER, {"account": account_id, "name": name, "scopes": told, "at": at})
    return user_in_force(connection, account, name)


def revoke_user(connection: sqlite3.Connection, account: str, name: str, at: str) -> User:
    """Raises ValueError where there is no such user."""
    if not connection.execute(REVOKE_USER, (at, account, name)).rowcount:
        raise ValueError(f"there is no user {name!r} of an account named {account!r}")
    return _user(connection.execute(ONE_USER, (account, name)).fetchone())


def signing_keys(connection: sqlite3.Connection) -> list[SigningKey]:
    """All of them, the one at work first."""
    return [SigningKey(**dict(row)) for row in connection.execute(SIGNING_KEYS)]


def first_signing_key(connection: sqlite3.Connection, key: SigningKey) -> None:
    """Where another process was quicker, its key stays."""
    connection.execute(FIRST_SIGNING_KEY, (key.kid, key.jwk, key.made_at))


def rotate_signing_key(connection: sqlite3.Connection, key: SigningKey, forget: bool) -> None:
    """One key signs at any time."""
    if forget:
        connection.execute(FORGET)
    connection.execute(RETIRE, (key.made_at,))
    connection.execute(ADD_SIGNING_KEY, (key.kid, key.jwk, key.made_at))


def _user(row: sqlite3.Row) -> User:
    return User(**(dict(row) | {"scopes": rows.texts(row["scopes"])}))
