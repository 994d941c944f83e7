"""Appeals: written with the step of their case, found by case, by delivery, and by the agency that has to rule."""

import sqlite3

from gateway.acts.appeals import Appeal, AppealMessage
from gateway.lifecycle import ACTS, RULING
from gateway.ports import CaseChange
from gateway.trial.kept import MARK

INSERT = """INSERT INTO appeal (case_id, number, delivery_id, agency, lodged_at, media, body, digest, document, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
RULE = "UPDATE appeal SET ruling = ?, ruled_at = ?, ruled_by = ? WHERE case_id = ? AND number = ?"
_APPEAL = """SELECT number, mrn, delivery_id, agency, lodged_at, appeal.media, digest, ruling, ruled_at, ruled_by
    FROM appeal CROSS JOIN declaration_case ON declaration_case.id = case_id"""
OF_CASE = f"{_APPEAL} WHERE case_id = ? ORDER BY number"
_OPEN = ", ".join(f"'{state}'" for state in ACTS[RULING])
_WAITS = f"""ruling IS NULL AND declaration_case.state IN ({_OPEN})
    AND (SELECT state FROM delivery WHERE delivery.id = delivery_id) <> 'superseded'"""
OPEN_OF_AGENCY = f"{_APPEAL} WHERE {_WAITS} AND appeal.agency = ? ORDER BY lodged_at LIMIT ?"
ALL_OPEN = f"{_APPEAL} WHERE {_WAITS} AND appeal.agency < '~' ORDER BY lodged_at LIMIT ?"
OF_DELIVERY = f"{_APPEAL} WHERE delivery_id = ? ORDER BY appeal.rowid DESC"
_ONE = "FROM appeal WHERE case_id = (SELECT id FROM declaration_case WHERE mrn = ?) AND number = ?"
MESSAGE = f"SELECT media, body, digest, document {_ONE}"
RECORD = f"SELECT record {_ONE}"


def write(connection: sqlite3.Connection, change: CaseChange) -> None:
    """What a step says of appeals."""
    if (new := change.appeal) is not None:
        head = (change.case_id, new.number, new.delivery_id, new.desk, change.updated_at)
        connection.execute(INSERT, (*head, new.media, new.body, new.digest, new.document, new.record))
    if (ruled := change.ruling) is not None:
        values = (ruled.ruling, change.updated_at, ruled.ruled_by, change.case_id, ruled.number)
        if connection.execute(RULE, values).rowcount == 0:
            raise LookupError(f"case {change.case_id} has no appeal {ruled.number}")


def of_case(connection: sqlite3.Connection, case_id: int) -> list[Appeal]:
    """In their order."""
    return list(map(_appeal, connection.execute(OF_CASE, (case_id,))))


def waiting(connection: sqlite3.Connection, agency: str | None, limit: int) -> list[Appeal]:
    """Those without a ruling that have not lapsed."""
    found = connection.execute(*((ALL_OPEN, (limit,)) if agency is None else (OPEN_OF_AGENCY, (agency, limit))))
    return list(map(_appeal, found))


def on(connection: sqlite3.Connection, agency: str, delivery_id: str) -> Appeal | None:
    """The last one about an agency's own delivery."""
    row = connection.execute(OF_DELIVERY, (delivery_id,)).fetchone()
    return None if row is None or row["agency"] != agency else _appeal(row)


def message(connection: sqlite3.Connection, mrn: str, number: int) -> AppealMessage | None:
    """As it came, and what it says."""
    row = connection.execute(MESSAGE, (mrn, number)).fetchone()
    return None if row is None else AppealMessage(**dict(row))


def record(connection: sqlite3.Connection, mrn: str, number: int) -> bytes | None:
    """What it froze."""
    row = connection.execute(RECORD, (mrn, number)).fetchone()
    return None if row is None else bytes(row["record"])


def _appeal(row: sqlite3.Row) -> Appeal:
    """What is of a test is kept under its desk, and tells of the agency that the desk stands for."""
    return Appeal(**(dict(row) | {"agency": row["agency"].removeprefix(MARK)}))
