"""What was done under Idempotency-Keys: found, and kept together with the step of the case that was done.

The keys of lodgements are written with their cases (`sqlite_groups`), in the same table, so that a key means one thing.
"""

import sqlite3

from gateway.acts.keys import ActKey, KeyUse

USE = """SELECT mrn, act, coalesce(act_digest, declaration_case.body_digest) AS body_digest,
    coalesce(act_document, declaration_case.document_digest) AS document_digest,
    answer, conversation_id, accepted_at
    FROM idempotency CROSS JOIN declaration_case ON declaration_case.id = case_id
    WHERE idempotency.account_id = ? AND idempotency_key = ?"""
KEEP = """INSERT INTO idempotency (account_id, idempotency_key, case_id, act, act_digest, act_document, answer)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""


def use(connection: sqlite3.Connection, account_id: int, key: str) -> KeyUse | None:
    """What a key was used for."""
    row = connection.execute(USE, (account_id, key)).fetchone()
    return None if row is None else KeyUse(**dict(row))


def is_used(connection: sqlite3.Connection, key: ActKey | None) -> bool:
    """Whether there is a key, and it was used."""
    return key is not None and use(connection, key.account_id, key.key) is not None


def keep(connection: sqlite3.Connection, case_id: int, key: ActKey) -> bool:
    """False where the key was used before."""
    values = (key.account_id, key.key, case_id, key.act, key.body_digest, key.document_digest, key.answer)
    return connection.execute(KEEP, values).rowcount == 1
