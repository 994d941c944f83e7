"""A ledger of many cases, made quickly from a few that were really accepted.

Every row is copied as it is, save what must be another's: keys, MRNs, references, conversations, digests. So rows have
their real sizes and the indexes their real spread, random where the gateway draws at random and growing where it
counts. Only the chain of digests of the copies does not hold, which nothing here verifies. Nothing is made durable
until the end, when the whole file is written out; the gateway that opens it afterwards is as durable as ever.

Rule: a table that is not named here and holds rows is an error. Reason: a ledger that was multiplied without it would
be smaller than a real one, and nobody would notice.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from gateway.clock import utc_now
from gateway.identifiers import new_conversation_id, new_mrn
from gateway.settings import Settings

_DIGEST = "lower(hex(randomblob(32)))"
_DELIVERY = "printf('%08x', delivery.seq + :offset) || substr(delivery.id, 9)"
# Table -> what its copies have in place of their model's: an expression by column.
COPIES: Mapping[str, Mapping[str, str]] = {
    "declaration_case": {
        "id": "id + :offset",
        "mrn": "fresh_mrn()",
        "conversation_id": "fresh_conversation()",
        "reference": "printf('COPY%016d', id + :offset)",
        "body_digest": _DIGEST,
        "document_digest": _DIGEST,
    },
    "message": {"case_id": "case_id + :offset"},
    "idempotency": {
        "case_id": "case_id + :offset",
        "idempotency_key": "printf('copy-%d-%s', :offset, idempotency_key)",
    },
    "delivery": {"seq": "seq + :offset", "id": _DELIVERY, "case_id": "case_id + :offset"},
    "delivery_body": {"seq": "seq + :offset"},
    "decision": {
        "seq": "seq + :offset",
        "case_id": "case_id + :offset",
        "delivery_id": f"(SELECT {_DELIVERY} FROM delivery WHERE delivery.id = decision.delivery_id)",
        "digest": _DIGEST,
    },
    "event": {"case_id": "case_id + :offset", "digest": _DIGEST},
    "notification": {"number": "number + :offset", "case_id": "case_id + :offset"},
}
KEPT = frozenset({"account", "account_user", "credential", "mandate_roll"})
# What rows are counted by from 1 on. Models are the first rows; a copy's numbers are theirs and an offset.
_COUNTED = {"declaration_case": "id", "delivery": "seq", "decision": "seq", "notification": "number"}
_NUMBER = _COUNTED | {"message": "case_id", "idempotency": "case_id", "delivery_body": "seq", "event": "case_id"}
COPIES_A_COMMIT = 64


def multiply(path: Path, cases: int) -> None:
    """Bring a ledger that no gateway has open to so many cases. It must hold at least one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as ledger:
        ledger.create_function("fresh_mrn", 0, lambda: new_mrn(utc_now(), Settings().country, os.urandom))
        ledger.create_function("fresh_conversation", 0, lambda: new_conversation_id(os.urandom))
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000", "locking_mode = EXCLUSIVE"):
            ledger.execute(f"PRAGMA {pragma}")
        statements = _statements(ledger)
        (models,) = ledger.execute("SELECT count(*) FROM declaration_case").fetchone()
        step = max(_highest(ledger, table, key) for table, key in _COUNTED.items())
        copies = -(-cases // models) - 1
        for first in range(1, copies + 1, COPIES_A_COMMIT):
            ledger.execute("BEGIN")
            for number in range(first, min(first + COPIES_A_COMMIT, copies + 1)):
                for statement in statements:
                    ledger.execute(statement, {"offset": number * step, "models": step})  # no number is above step
            ledger.execute("COMMIT")
    with path.open("rb+") as file:
        os.fsync(file.fileno())  # here, and not while the gateway is measured


def _highest(ledger: sqlite3.Connection, table: str, key: str) -> int:
    return int(ledger.execute(f"SELECT coalesce(max({key}), 0) FROM {table}").fetchone()[0])


def _statements(ledger: sqlite3.Connection) -> list[str]:
    """An INSERT for each table, which copies its models. Raises RuntimeError for a table that is not known here."""
    found = {name for (name,) in ledger.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in found - set(COPIES) - KEPT:
        if ledger.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            raise RuntimeError(f"the ledger has rows in {table}, which perf/service/prefill.py does not copy yet")
    made = []
    for table, changed in COPIES.items():
        columns = [row[1] for row in ledger.execute(f"PRAGMA table_info({table})")]
        if missing := set(changed) - set(columns):
            raise RuntimeError(f"the table {table} has no column {', '.join(sorted(missing))} any more")
        values = ", ".join(changed.get(column, column) for column in columns)
        where = f"{_NUMBER[table]} <= :models"
        made.append(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {where}")
    return made
