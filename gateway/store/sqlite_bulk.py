"""The items of a batch: lodgements whose idempotency keys begin with the batch's key and a space."""

import sqlite3

from gateway.bulk.taken import TakenItem

# A space is followed by `!` in the order of the index, so that the keys between the two are those with that beginning.
ITEMS = """SELECT substr(idempotency_key, length(:batch) + 2) AS "key", mrn, conversation_id, body_digest AS digest,
    accepted_at, state AS status FROM idempotency CROSS JOIN declaration_case ON declaration_case.id = case_id
    WHERE idempotency.account_id = :account AND idempotency_key > :batch || ' ' || :after
    AND idempotency_key < :batch || '!' ORDER BY idempotency_key LIMIT :limit"""


def items(
    connection: sqlite3.Connection, account_id: int, batch: str, after: str | None, limit: int
) -> list[TakenItem]:
    """One page of a batch, by key."""
    values = {"account": account_id, "batch": batch, "after": after or "", "limit": limit}
    return [TakenItem(**dict(row)) for row in connection.execute(ITEMS, values)]
