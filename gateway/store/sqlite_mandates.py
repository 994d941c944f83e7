"""Identifiers of parties, mandates, and the cases that were lodged by them, in SQLite; see `gateway.mandates.kept`."""

import sqlite3

import msgspec

from gateway.mandates.kept import DeclaredCase, Mandate, PartyIdentifier, RollReading, TooMany, Unconfirmed
from gateway.store import rows
from gateway.store.part import Part
from gateway.store.sqlite_trial import THEIR_TIME

TRADER = "SELECT id FROM account WHERE name = ? AND role = 'trader' AND revoked_at IS NULL"
OWNER = """SELECT name FROM party_identifier JOIN account ON account.id = account_id
    WHERE identifier = ? AND removed_at IS NULL"""
ADD_IDENTIFIER = "INSERT INTO party_identifier (identifier, account_id, added_at) VALUES (?, ?, ?)"
REMOVE_IDENTIFIER = """UPDATE party_identifier SET removed_at = ? WHERE identifier = ? AND removed_at IS NULL
    AND account_id = (SELECT id FROM account WHERE name = ?)"""
IDENTIFIERS = """SELECT name AS account, identifier, added_at, removed_at FROM party_identifier
    JOIN account ON account.id = account_id WHERE name = coalesce(?, name) ORDER BY name, seq"""
_MANDATE = """SELECT mandate.id, principal_id, principal.name AS principal, agent_id, agent.name AS agent, directions,
    first_day, last_day, confirm, granted_at, granted_by, reason, mandate.revoked_at, revoked_by, revocation
    FROM mandate CROSS JOIN account AS principal ON principal.id = principal_id
    CROSS JOIN account AS agent ON agent.id = agent_id"""
GRANT = """INSERT INTO mandate (id, principal_id, agent_id, directions, first_day, last_day, confirm, granted_at,
    granted_by, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
GRANTED = f"""{_MANDATE} WHERE principal_id = ? AND mandate.revoked_at IS NULL AND agent_id = ? AND directions = ?
    AND first_day = ? AND last_day IS ? AND confirm = ? ORDER BY mandate.seq LIMIT 1"""
COUNT = """SELECT count(*) FROM mandate WHERE principal_id = ? AND revoked_at IS NULL
    AND coalesce(last_day, '9999-12-31') >= ?"""
REVOKE = """UPDATE mandate SET revoked_at = ?, revoked_by = ?, revocation = ?
    WHERE id = ? AND principal_id = coalesce(?, principal_id) AND revoked_at IS NULL"""
ONE = f"""{_MANDATE} WHERE mandate.id = :id
    AND (:account IS NULL OR principal_id = :account OR agent_id = :account)"""
_PAGE = """AND mandate.seq > coalesce((SELECT before.seq FROM mandate AS before WHERE before.id = :after), 0)
    ORDER BY mandate.seq LIMIT :limit"""
OF_ALL = f"{_MANDATE} WHERE TRUE {_PAGE}"
OF_ACCOUNT = f"{_MANDATE} WHERE (principal_id = :account OR agent_id = :account) {_PAGE}"
VERSION = "SELECT version FROM mandate_roll"
OWNERS = """SELECT identifier, account_id, test FROM party_identifier CROSS JOIN account ON account.id = account_id
    WHERE removed_at IS NULL"""
NOT_OVER = f"""{_MANDATE} WHERE mandate.revoked_at IS NULL AND coalesce(last_day, '9999-12-31') >= ?
    ORDER BY mandate.seq"""
DECLARED = "declared_for (case_id, account_id, mandate_id, confirm_by)"
IS_FOR = """SELECT 1 FROM declaration_case JOIN declared_for ON case_id = declaration_case.id
    WHERE mrn = ? AND declared_for.account_id = ?"""
CASES_FOR = """SELECT mrn, agent.name AS agent, state, accepted_at, updated_at, mandate_id, confirm_by
    FROM declared_for CROSS JOIN declaration_case ON declaration_case.id = case_id
    CROSS JOIN account AS agent ON agent.id = declaration_case.account_id
    WHERE declared_for.account_id = :account AND state = coalesce(:state, state)
    AND case_id > coalesce((SELECT before.id FROM declaration_case AS before WHERE before.mrn = :after), 0)
    ORDER BY case_id LIMIT :limit"""
_THEIR_TIME = THEIR_TIME.format("declaration_case.account_id")
UNCONFIRMED = f"""SELECT mrn, {_THEIR_TIME} AS at FROM declaration_case INDEXED BY declaration_case_waiting
    CROSS JOIN declared_for ON case_id = declaration_case.id
    WHERE state = 'awaiting-confirmation' AND confirm_by <= {_THEIR_TIME} LIMIT :limit"""


def add_identifier(connection: sqlite3.Connection, name: str, identifier: str, at: str) -> None:
    """Raises ValueError where no trader has that name, and where the identifier belongs to somebody."""
    trader = connection.execute(TRADER, (name,)).fetchone()
    if trader is None:
        raise ValueError(f"there is no trader named {name!r}, or its account was revoked")
    owner = connection.execute(OWNER, (identifier,)).fetchone()
    if owner is not None:
        raise ValueError(f"{identifier} belongs to {owner['name']!r}; remove it there first")
    connection.execute(ADD_IDENTIFIER, (identifier, trader["id"], at))


def remove_identifier(connection: sqlite3.Connection, name: str, identifier: str, at: str) -> None:
    """Raises ValueError where the account does not have it."""
    if connection.execute(REMOVE_IDENTIFIER, (at, identifier, name)).rowcount == 0:
        raise ValueError(f"{identifier} does not belong to an account named {name!r}")


def identifiers(connection: sqlite3.Connection, name: str | None) -> list[PartyIdentifier]:
    """Of one account, or of all."""
    return [PartyIdentifier(**dict(row)) for row in connection.execute(IDENTIFIERS, (name,))]


def grant(connection: sqlite3.Connection, new: Mandate, most: int, today: str) -> Mandate:
    """Looked for and counted in the transaction that adds it. Raises TooMany."""
    terms = (new.principal_id, new.agent_id, rows.json_text(new.directions), new.first_day, new.last_day, new.confirm)
    row = connection.execute(GRANTED, terms).fetchone()
    if row is not None:
        return _mandate(row)
    (count,) = connection.execute(COUNT, (new.principal_id, today)).fetchone()
    if count >= most:
        raise TooMany(most)
    connection.execute(GRANT, (new.id, *terms, new.granted_at, new.granted_by, new.reason))
    return new


def revoke(
    connection: sqlite3.Connection, wanted: str, principal_id: int | None, at: str, by: str, why: str
) -> Mandate | None:
    """One that was revoked before stays as it was."""
    found = one(connection, wanted, principal_id)
    if found is None or principal_id not in (None, found.principal_id):
        return None
    connection.execute(REVOKE, (at, by, why or None, wanted, principal_id))
    return one(connection, wanted, None)


def one(connection: sqlite3.Connection, wanted: str, account_id: int | None) -> Mandate | None:
    """One mandate, if the account given (if any) has part in it."""
    row = connection.execute(ONE, {"id": wanted, "account": account_id}).fetchone()
    return None if row is None else _mandate(row)


def page(connection: sqlite3.Connection, account_id: int | None, after: str | None, limit: int) -> list[Mandate]:
    """In the order in which they were granted; an unknown id counts as none, so that nothing is ever missed."""
    query = OF_ALL if account_id is None else OF_ACCOUNT
    return list(map(_mandate, connection.execute(query, {"account": account_id, "after": after, "limit": limit})))


def roll(connection: sqlite3.Connection, known: int | None, today: str) -> RollReading | None:
    """All that accepting needs, unless that is known."""
    (version,) = connection.execute(VERSION).fetchone()
    if version == known:
        return None
    found = connection.execute(OWNERS).fetchall()
    owners = {row["identifier"]: row["account_id"] for row in found}
    tests = frozenset(row["account_id"] for row in found if row["test"])
    return RollReading(version, owners, tuple(map(_mandate, connection.execute(NOT_OVER, (today,)))), tests)


def is_for(connection: sqlite3.Connection, mrn: str, account_id: int) -> bool:
    """Whether a case was lodged for the account."""
    return connection.execute(IS_FOR, (mrn, account_id)).fetchone() is not None


def cases_for(
    connection: sqlite3.Connection, account_id: int, state: str | None, after: str | None, limit: int
) -> list[DeclaredCase]:
    """In the order in which they were lodged; an unknown MRN counts as none."""
    named = {"account": account_id, "state": state, "after": after, "limit": limit}
    return [DeclaredCase(**dict(row)) for row in connection.execute(CASES_FOR, named)]


def unconfirmed(connection: sqlite3.Connection, now: str, limit: int) -> list[Unconfirmed]:
    """The cases whose time to be confirmed has ended."""
    return [Unconfirmed(**dict(row)) for row in connection.execute(UNCONFIRMED, {"now": now, "limit": limit})]


def _mandate(row: sqlite3.Row) -> Mandate:
    values = dict(row) | {"directions": msgspec.json.decode(row["directions"]), "confirm": bool(row["confirm"])}
    return msgspec.convert(values, Mandate)


class Mandates(Part):
    """The part of the store that is about mandates, of a class that has a session."""

    async def add_identifier(self, name: str, identifier: str, at: str) -> None:
        await self._opened.writer.run(lambda db: add_identifier(db, name, identifier, at))

    async def remove_identifier(self, name: str, identifier: str, at: str) -> None:
        await self._opened.writer.run(lambda db: remove_identifier(db, name, identifier, at))

    async def identifiers(self, name: str | None = None) -> list[PartyIdentifier]:
        return await self._opened.readers.run(lambda db: identifiers(db, name))

    async def grant_mandate(self, mandate: Mandate, most: int, today: str) -> Mandate:
        return await self._opened.writer.run(lambda db: grant(db, mandate, most, today))

    async def revoke_mandate(self, wanted: str, principal_id: int | None, at: str, by: str, why: str) -> Mandate | None:
        return await self._opened.writer.run(lambda db: revoke(db, wanted, principal_id, at, by, why))

    async def mandate(self, wanted: str, account_id: int | None) -> Mandate | None:
        return await self._opened.readers.run(lambda db: one(db, wanted, account_id))

    async def mandates(self, account_id: int | None, after: str | None, limit: int) -> list[Mandate]:
        return await self._opened.readers.run(lambda db: page(db, account_id, after, limit))

    async def mandate_roll(self, known: int | None, today: str) -> RollReading | None:
        return await self._opened.readers.run(lambda db: roll(db, known, today))

    async def is_for(self, mrn: str, account_id: int) -> bool:
        return await self._opened.readers.run(lambda db: is_for(db, mrn, account_id))

    async def cases_for(self, account_id: int, state: str | None, after: str | None, limit: int) -> list[DeclaredCase]:
        return await self._opened.readers.run(lambda db: cases_for(db, account_id, state, after, limit))

    async def unconfirmed(self, now: str, limit: int) -> list[Unconfirmed]:
        return await self._opened.readers.run(lambda db: unconfirmed(db, now, limit))
