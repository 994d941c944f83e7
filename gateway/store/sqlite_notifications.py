"""The log of each account: what its trader is told, in the order in which it was recorded.

Rule: an event that a trader should hear of and its notification are one write, by a trigger on the event. Reason: no
way of recording a step can then forget to tell of it, and none needs a statement more. The connections that write make
the trigger, so that its kinds are those of `lifecycle.TOLD` and of nothing else.

Why a table, and not an index on the events: an event is never changed and never removed, and a notification has a
number in its account and an end. The table is as narrow as that index would be: it is stored in the order of its key.

Numbers have no gaps, because they are given within the transaction that writes, of which there is one at a time. So
who has read up to a number has read everything below it, and can see for itself that nothing is missing. The last one
of an account is never pruned: the next number follows from it.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Collection

from gateway.lifecycle import TOLD
from gateway.notify.told import Asked, Mark, Told
from gateway.store import rows

_LAST = "SELECT {{}} FROM notification AS told WHERE told.account_id = {}.account_id"
_KINDS = ", ".join(f"'{kind}'" for kind in TOLD)


def _tell(table: str, case: str) -> str:
    """A notification for the account that a table has for the event's case, if it has one."""
    last = _LAST.format(table)
    return f"""INSERT INTO notification (account_id, number, case_id, event, at)
    SELECT account_id, coalesce(({last.format("max(number)")}), 0) + 1, {case}, NEW.seq,
        max(NEW.at, coalesce(({last.format("at")} ORDER BY number DESC LIMIT 1), ''))
    FROM {table} WHERE {case} = NEW.case_id;"""


# Who lodged a case is told, and whom it was lodged for.
TELL = f"""CREATE TEMP TRIGGER tell AFTER INSERT ON main.event WHEN NEW.kind IN ({_KINDS})
BEGIN
    {_tell("declaration_case", "id")}
    {_tell("declared_for", "case_id")}
END"""
# The order of a CROSS JOIN is kept. The same decision has the same document, however often it was made.
_NOTIFICATION = """SELECT notification.number, event.kind, notification.at, mrn, conversation_id,
    reference, event.data,
    CASE event.kind WHEN 'decision' THEN (SELECT document FROM decision WHERE decision.case_id = event.case_id
        AND delivery_id = json_extract(event.data, '$.delivery')
        AND decision.digest = json_extract(event.data, '$.digest') LIMIT 1)
        END AS decision
    FROM notification {index}
    CROSS JOIN event ON event.case_id = notification.case_id AND event.seq = notification.event
    CROSS JOIN declaration_case ON declaration_case.id = notification.case_id
    WHERE notification.account_id = :account AND number > :after AND number < :before {of_case}
    ORDER BY number LIMIT :limit"""
OF_ACCOUNT = _NOTIFICATION.format(index="", of_case="")
OF_CASE = _NOTIFICATION.format(
    index="INDEXED BY notification_case",
    of_case="AND notification.case_id = (SELECT id FROM declaration_case WHERE mrn = :mrn)",
)
BOUNDS = """SELECT coalesce((SELECT min(number) FROM notification WHERE account_id = :account), 1) AS first,
    coalesce((SELECT max(number) FROM notification WHERE account_id = :account), 0) AS last,
    coalesce((SELECT acknowledged FROM notification_mark WHERE account_id = :account), 0) AS acknowledged"""
TIME = "SELECT at FROM notification WHERE account_id = ? AND number >= ? ORDER BY number LIMIT 1"
LATEST = """SELECT asked.value AS account, (SELECT max(number) FROM notification WHERE account_id = asked.value) AS last
    FROM json_each(?) AS asked"""
ACKNOWLEDGE = """INSERT INTO notification_mark (account_id, acknowledged, at) VALUES (?, ?, ?)
    ON CONFLICT (account_id) DO UPDATE SET acknowledged = excluded.acknowledged, at = excluded.at
    WHERE excluded.acknowledged > acknowledged"""
_OLDEST = "SELECT at FROM notification WHERE account_id = account.id ORDER BY number LIMIT 1"
OVERFULL = f"SELECT id FROM account WHERE ({_OLDEST}) < ? AND ({_OLDEST} OFFSET 1) IS NOT NULL"
PRUNE = """DELETE FROM notification WHERE account_id = :account AND at < :before
    AND number < (SELECT max(number) FROM notification WHERE account_id = :account)
    AND number < (SELECT min(number) FROM notification WHERE account_id = :account) + :limit"""

# A letter that was given up ends with what it would have told.
FORGET = """DELETE FROM push WHERE dead = 1 AND account_id = :account
    AND number < (SELECT min(number) FROM notification WHERE account_id = :account)"""


def notifications(connection: sqlite3.Connection, asked: Asked) -> list[Told]:
    """What an account was told, in order. Times become numbers first, so that a reading costs what it finds."""
    bounds = mark(connection, asked.account_id)
    low = asked.after + 1 if asked.since is None else max(asked.after + 1, _number_at(connection, asked, asked.since))
    high = bounds.last + 1 if asked.until is None else _number_at(connection, asked, asked.until)
    named = {"account": asked.account_id, "after": low - 1, "before": high, "mrn": asked.mrn, "limit": asked.limit}
    query = OF_ACCOUNT if asked.mrn is None else OF_CASE
    return list(map(rows.told, connection.execute(query, named)))


def _number_at(connection: sqlite3.Connection, asked: Asked, at: str) -> int:
    """The number of the first notification at or after a time, found by halving; without one, that behind the last."""

    def time(number: int) -> str:
        (found,) = connection.execute(TIME, (asked.account_id, number)).fetchone()
        return str(found)

    bounds = mark(connection, asked.account_id)
    return bounds.first + bisect_left(range(bounds.first, bounds.last + 1), at, key=time)


def mark(connection: sqlite3.Connection, account_id: int) -> Mark:
    """Where an account's log begins and ends, and how much of it is acknowledged."""
    return Mark(**dict(connection.execute(BOUNDS, {"account": account_id}).fetchone()))


def latest(connection: sqlite3.Connection, account_ids: Collection[int]) -> dict[int, int]:
    """The last number of each account."""
    found = connection.execute(LATEST, (rows.json_text(sorted(account_ids)),))
    return {row["account"]: row["last"] or 0 for row in found}


def acknowledge(connection: sqlite3.Connection, account_id: int, through: int, at: str) -> Mark:
    """What was acknowledged stays so. Raises ValueError beyond the last number: nobody has read that far."""
    if through > mark(connection, account_id).last:
        raise ValueError(f"account {account_id} has no notification {through}")
    connection.execute(ACKNOWLEDGE, (account_id, through, at))
    return mark(connection, account_id)


def overfull(connection: sqlite3.Connection, before: str) -> list[int]:
    """The accounts that have something to be pruned."""
    return [int(row["id"]) for row in connection.execute(OVERFULL, (before,))]


def prune(connection: sqlite3.Connection, account_id: int, before: str, limit: int) -> int:
    """Remove the oldest, those told before that time, at most so many; how many they were."""
    named = {"account": account_id, "before": before, "limit": limit}
    pruned = connection.execute(PRUNE, named).rowcount
    connection.execute(FORGET, named)
    return pruned
