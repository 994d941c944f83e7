"""The rows of supporting documents in SQLite.

That a case uses a document is written with the step that says so, in the same transaction (`note_uses`, which
`sqlite_groups` calls); a trigger refuses a use of what is there no longer.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from gateway.attachments.documents import DELETING, Allowance, Document, Exhausted, Gone, InUse, Use, Used
from gateway.store.part import Part
from gateway.store.rows import json_text
from gateway.trial.kept import MARK

_COLUMNS: Final = ", ".join(Document.__struct_fields__)
_OF_DOCUMENT: Final = ", ".join(f"document.{name}" for name in Document.__struct_fields__)
_SHOWN: Final = "state IN ('quarantine', 'available', 'rejected')"
_PASSING: Final = "state IN ('receiving', 'storing', 'deleting')"
_UNUSED: Final = "used = 0"
UNFINISHED = "SELECT count(*) FROM document WHERE account_id = ? AND state = 'receiving'"
SENT = "SELECT coalesce(sum(size), 0) FROM document WHERE account_id = ? AND created_at >= ?"
ADD = f"INSERT INTO document ({_COLUMNS}) VALUES ({', '.join('?' * len(Document.__struct_fields__))})"
ONE = f"SELECT {_COLUMNS} FROM document WHERE id = ? AND coalesce(?, account_id) = account_id"
NAMED = f"""SELECT {_COLUMNS} FROM document WHERE id IN (SELECT value FROM json_each(?)) AND account_id = ?
    AND {_SHOWN}"""
PAGE = f"""SELECT {_COLUMNS} FROM document WHERE account_id = ? AND id > ? AND {_SHOWN}
    ORDER BY id LIMIT ?"""
TOUCH = "UPDATE document SET updated_at = ? WHERE id = ? AND state = 'receiving'"
TWIN = f"""SELECT {_COLUMNS} FROM document WHERE account_id = (SELECT account_id FROM document WHERE id = ?)
    AND digest = ? AND state IN ('quarantine', 'available') ORDER BY id LIMIT 1"""
FORGET = "DELETE FROM document WHERE id = ?"
STORE = f"""UPDATE document SET state = 'storing', digest = ?, media = ?, size = ?, updated_at = ?
    WHERE id = ? AND state IN ('receiving', 'storing') RETURNING {_COLUMNS}"""
MOVE = """UPDATE document SET state = :state, updated_at = :at, reason = :reason, token = NULL,
    scan_at = CASE WHEN :state = 'quarantine' THEN :at END WHERE id = :id AND state = :before"""
DELETE = f"""UPDATE document SET state = 'deleting', updated_at = ?, token = NULL WHERE id = ? AND account_id = ?
    AND state NOT IN ('storing', 'deleting') AND {_UNUSED}"""
SWEEP = f"""SELECT {_COLUMNS} FROM document WHERE {_PASSING} AND (updated_at < ? OR state = 'deleting')
    UNION ALL SELECT {_COLUMNS} FROM document WHERE {_SHOWN} AND created_at < ? AND {_UNUSED} LIMIT ?"""
SWEPT = "UPDATE document SET state = 'deleting', updated_at = ?, token = NULL WHERE id = ?"
_USED = f"""SELECT {_OF_DOCUMENT}, used.type AS type, (SELECT json_group_array(agency) FROM
        (SELECT DISTINCT agency FROM document_use AS given JOIN delivery ON delivery.id = given.delivery_id
        WHERE given.case_id = used.case_id AND given.document_id = used.document_id ORDER BY agency)) AS agencies
    FROM document_use AS used JOIN document ON document.id = used.document_id"""
OF_CASE = f"""{_USED} WHERE used.case_id = (SELECT id FROM declaration_case WHERE mrn = ?) AND used.delivery_id = ''
    ORDER BY document.id"""
# The condition of its index is written out, because SQLite does not see that it follows.
OF_DELIVERY = f"{_USED} WHERE used.delivery_id = ? AND used.delivery_id <> '' ORDER BY document.id"
OWN_DELIVERY = "SELECT 1 FROM delivery WHERE id = ? AND agency = ?"
CASES = """SELECT mrn FROM declaration_case WHERE id IN (SELECT case_id FROM document_use WHERE document_id = ?)
    ORDER BY id"""
TO_SCAN = f"""SELECT {_COLUMNS} FROM document WHERE state = 'quarantine' AND scan_at <= ? ORDER BY scan_at LIMIT ?"""
ASKED = """UPDATE document SET attempts = attempts + 1, scan_at = ?, token = ?, reason = ?
    WHERE id = ? AND state = 'quarantine'"""
PUT_OFF = "UPDATE document SET scan_at = ?, token = NULL, reason = ? WHERE id = ? AND state = 'quarantine'"
OF_TOKEN = f"SELECT {_COLUMNS} FROM document WHERE token = ? AND state = 'quarantine'"
QUARANTINED = "SELECT count(*) FROM document WHERE state = 'quarantine'"
NOTE_USE = """INSERT INTO document_use (case_id, document_id, type, delivery_id) VALUES (?, ?, ?, ?)
    ON CONFLICT DO NOTHING"""

_NAMES: Final = msgspec.json.Decoder(tuple[str, ...])


class SqliteDocuments(Part):
    """The part of the store that `gateway.attachments.documents` describes."""

    async def add_document(self, document: Document, allowance: Allowance) -> None:
        await self._opened.writer.run(lambda db: _add(db, document, allowance))

    async def document(self, document_id: str, account_id: int | None = None) -> Document | None:
        return await self._opened.readers.run(lambda db: _one(db, ONE, document_id, account_id))

    async def documents_named(self, account_id: int, ids: Collection[str]) -> dict[str, Document]:
        found = await self._opened.readers.run(lambda db: _several(db, NAMED, json_text(sorted(ids)), account_id))
        return {each.id: each for each in found}

    async def documents(self, account_id: int, after: str, limit: int) -> list[Document]:
        return await self._opened.readers.run(lambda db: _several(db, PAGE, account_id, after, limit))

    async def touch_document(self, document_id: str, at: str) -> None:
        await self._opened.writer.run(lambda db: db.execute(TOUCH, (at, document_id)))

    async def store_document(self, document_id: str, digest: str, media: str, size: int, at: str) -> Document:
        return await self._opened.writer.run(lambda db: _store(db, document_id, digest, media, size, at))

    async def move_document(self, document_id: str, before: str, state: str, at: str, reason: str | None) -> bool:
        names = {"id": document_id, "before": before, "state": state, "at": at, "reason": reason}
        return await self._opened.writer.run(lambda db: db.execute(MOVE, names).rowcount > 0)

    async def delete_document(self, document_id: str, account_id: int, at: str) -> Document | None:
        return await self._opened.writer.run(lambda db: _delete(db, document_id, account_id, at))

    async def forget_document(self, document_id: str) -> None:
        await self._opened.writer.run(lambda db: db.execute(FORGET, (document_id,)))

    async def sweep_documents(self, unfinished: str, unused: str, at: str, limit: int) -> list[Document]:
        return await self._opened.writer.run(lambda db: _sweep(db, unfinished, unused, at, limit))

    async def documents_of_case(self, mrn: str) -> list[Used]:
        return await self._opened.readers.run(lambda db: [_used(row) for row in db.execute(OF_CASE, (mrn,))])

    async def documents_of_delivery(self, agency: str, delivery_id: str) -> list[Used] | None:
        return await self._opened.readers.run(lambda db: _of_delivery(db, agency, delivery_id))

    async def cases_of_document(self, document_id: str) -> list[str]:
        return await self._opened.readers.run(lambda db: [mrn for (mrn,) in db.execute(CASES, (document_id,))])

    async def documents_to_scan(self, now: str, limit: int) -> list[Document]:
        return await self._opened.readers.run(lambda db: _several(db, TO_SCAN, now, limit))

    async def ask_scanner(self, document_id: str, again_at: str, token: str, problem: str | None) -> None:
        await self._opened.writer.run(lambda db: db.execute(ASKED, (again_at, token, problem, document_id)))

    async def put_off_scan(self, document_id: str, again_at: str, problem: str) -> None:
        await self._opened.writer.run(lambda db: db.execute(PUT_OFF, (again_at, problem, document_id)))

    async def document_of_token(self, token: str) -> Document | None:
        return await self._opened.readers.run(lambda db: _one(db, OF_TOKEN, token))

    async def quarantined(self) -> int:
        return await self._opened.readers.run(lambda db: int(db.execute(QUARANTINED).fetchone()[0]))


def note_uses(connection: sqlite3.Connection, uses: Iterable[tuple[int, Use]]) -> None:
    """Cases use documents; what they use already stays as it is. Raises IntegrityError for what is kept no more."""
    rows = [(case_id, use.document_id, use.type, use.delivery_id) for case_id, use in uses]
    if rows:
        connection.executemany(NOTE_USE, rows)


@contextmanager
def gone_is_told() -> Iterator[None]:
    """Turns the trigger's refusal into Gone."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        if "document gone" not in str(error):
            raise
        raise Gone from error


def _add(connection: sqlite3.Connection, new: Document, allowance: Allowance) -> None:
    """What an account may have is counted in the transaction that adds to it."""
    (unfinished,) = connection.execute(UNFINISHED, (new.account_id,)).fetchone()
    if unfinished >= allowance.unfinished:
        raise Exhausted(unfinished=True)
    (sent,) = connection.execute(SENT, (new.account_id, allowance.since)).fetchone()
    if sent + new.size > allowance.size:
        raise Exhausted(unfinished=False)
    connection.execute(ADD, msgspec.structs.astuple(new))


def _store(connection: sqlite3.Connection, document_id: str, digest: str, media: str, size: int, at: str) -> Document:
    twin = _one(connection, TWIN, document_id, digest)
    if twin is not None:
        connection.execute(FORGET, (document_id,))
        return twin
    stored = _one(connection, STORE, digest, media, size, at, document_id)
    if stored is None:
        raise Gone
    return stored


def _delete(connection: sqlite3.Connection, document_id: str, account_id: int, at: str) -> Document | None:
    found = _one(connection, ONE, document_id, account_id)
    if found is None or found.state == DELETING:
        return None
    if connection.execute(DELETE, (at, document_id, account_id)).rowcount == 0:
        raise InUse
    return found


def _sweep(connection: sqlite3.Connection, unfinished: str, unused: str, at: str, limit: int) -> list[Document]:
    found = _several(connection, SWEEP, unfinished, unused, limit)
    connection.executemany(SWEPT, [(at, each.id) for each in found])
    return found


def _of_delivery(connection: sqlite3.Connection, agency: str, delivery_id: str) -> list[Used] | None:
    if connection.execute(OWN_DELIVERY, (delivery_id, agency)).fetchone() is None:
        return None
    return [_used(row) for row in connection.execute(OF_DELIVERY, (delivery_id,))]


def _one(connection: sqlite3.Connection, query: str, *values: object) -> Document | None:
    row = connection.execute(query, values).fetchone()
    return None if row is None else _document(row)


def _several(connection: sqlite3.Connection, query: str, *values: object) -> list[Document]:
    return [_document(row) for row in connection.execute(query, values)]


def _document(row: sqlite3.Row) -> Document:
    """A row that has the columns of a document, and may have more."""
    return Document(**{name: row[name] for name in Document.__struct_fields__})


def _used(row: sqlite3.Row) -> Used:
    agencies = (name.removeprefix(MARK) for name in _NAMES.decode(row["agencies"]))
    return Used(_document(row), row["type"], tuple(agencies))
