"""The days for supplements to incomplete declarations, in one connection and one transaction."""

import sqlite3

from gateway.acts.due import Due

# What a case gets anew goes over what it had.
INTO = "supplement_due (case_id, day)"
DUE = """SELECT case_id, mrn, day FROM supplement_due CROSS JOIN declaration_case ON declaration_case.id = case_id
    WHERE day < ? ORDER BY day LIMIT ?"""
FORGET = "DELETE FROM supplement_due WHERE case_id = ? AND day = ?"


def due(connection: sqlite3.Connection, before: str, limit: int) -> list[Due]:
    """Those whose day is past, the earliest first."""
    return [Due(**dict(row)) for row in connection.execute(DUE, (before, limit))]


def forget(connection: sqlite3.Connection, settled: Due) -> None:
    """Unless the case has another day by now."""
    connection.execute(FORGET, (settled.case_id, settled.day))
