"""The log of each account: what its trader is told, in the order in which it was recorded.

Rule: an event that a trader should hear of and its notification are one write, by a trigger on the event. Reason: no
way of recording a step can then forget to tell of it, and none needs a statement more. The connections that write make
the trigger, so that its kinds are those of `lifecycle.TOLD` and of nothing else.

Why a table, and not an index on the events: an event is never changed and never removed, and a notification has a
number in its account and an end. The table is as narrow as that index would be: it is stored in the order of its key.

Numbers have no gaps, because they are given within the transaction that writes, of which there is one at a time. So
who has read up to a number has read everything below it, and can see for itself that nothing is missing. The last one
of an account is never pruned: the next number follows from it.

What is acknowledged stands beside the log, which is never changed: a mark up to which all is, and single numbers beyond
it, which are gone as soon as the mark has come to them.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Collection
from typing import Final

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
        END AS decision,
    {acknowledged} AS acknowledged,
    (SELECT problem FROM push WHERE push.account_id = notification.account_id AND push.number = notification.number
        AND dead = 1) AS problem
    FROM notification {index}
    CROSS JOIN event ON event.case_id = notification.case_id AND event.seq = notification.event
    CROSS JOIN declaration_case ON declaration_case.id = notification.case_id
    WHERE {those} ORDER BY number LIMIT :limit"""
_MARK = "coalesce((SELECT acknowledged FROM notification_mark WHERE account_id = notification.account_id), 0)"
_SEEN = f"""(number <= {_MARK} OR EXISTS (SELECT 1 FROM notification_seen AS seen
    WHERE seen.account_id = notification.account_id AND seen.number = notification.number))"""
_DEAD = "number IN (SELECT dead.number FROM push AS dead WHERE dead.account_id = :account AND dead.dead = 1)"
_IN_STATE: Final = {
    None: "",
    "pending": f"AND number > {_MARK} AND NOT {_SEEN} AND NOT {_DEAD}",
    "acknowledged": f"AND {_SEEN}",
    "failed": f"AND NOT {_SEEN} AND {_DEAD}",
}
_OF_CASE = "AND notification.case_id = (SELECT id FROM declaration_case WHERE mrn = :mrn)"
LINES = "SELECT number FROM notification {index} WHERE {those} ORDER BY number LIMIT :limit"
OF_ACCOUNT = _NOTIFICATION.format(
    index="", acknowledged=_SEEN, those="notification.account_id = :account AND number > :after AND number < :before"
)
BOUNDS = """SELECT coalesce((SELECT min(number) FROM notification WHERE account_id = :account), 1) AS first,
    coalesce((SELECT max(number) FROM notification WHERE account_id = :account), 0) AS last,
    coalesce((SELECT acknowledged FROM notification_mark WHERE account_id = :account), 0) AS acknowledged,
    (SELECT count(*) FROM notification_seen WHERE account_id = :account) AS seen"""
TIME = "SELECT at FROM notification WHERE account_id = ? AND number >= ? ORDER BY number LIMIT 1"
LATEST = """SELECT asked.value AS account, (SELECT max(number) FROM notification WHERE account_id = asked.value) AS last
    FROM json_each(?) AS asked"""
ACKNOWLEDGE = """INSERT INTO notification_mark (account_id, acknowledged, at) VALUES (?, ?, ?)
    ON CONFLICT (account_id) DO UPDATE SET acknowledged = excluded.acknowledged, at = excluded.at
    WHERE excluded.acknowledged > acknowledged"""
SEE = """INSERT INTO notification_seen (account_id, number) SELECT account_id, number FROM notification
    WHERE account_id = ? AND number IN (SELECT value FROM json_each(?)) ON CONFLICT DO NOTHING"""
BEYOND = "SELECT number FROM notification_seen WHERE account_id = ? ORDER BY number"
REACHED = "DELETE FROM notification_seen WHERE account_id = ? AND number <= ?"
# What somebody has seen need not be sent any more, once it was given up.
SETTLED = f"""DELETE FROM push WHERE account_id = ? AND dead = 1 AND number IN
    (SELECT number FROM notification WHERE account_id = push.account_id AND {_SEEN})"""
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
    return list(map(rows.told, connection.execute(*_query(connection, _NOTIFICATION, asked))))


def numbers(connection: sqlite3.Connection, asked: Asked) -> list[int]:
    """The numbers of the same."""
    return [int(row["number"]) for row in connection.execute(*_query(connection, LINES, asked))]


def _query(connection: sqlite3.Connection, text: str, asked: Asked) -> tuple[str, dict[str, int | str | None]]:
    """A query for what is asked. Times become numbers first."""
    bounds = mark(connection, asked.account_id)
    low = asked.after + 1 if asked.since is None else max(asked.after + 1, _number_at(connection, asked, asked.since))
    high = bounds.last + 1 if asked.until is None else _number_at(connection, asked, asked.until)
    named = {"account": asked.account_id, "after": low - 1, "before": high, "mrn": asked.mrn, "limit": asked.limit}
    of_case = "" if asked.mrn is None else _OF_CASE
    those = "notification.account_id = :account AND number > :after AND number < :before"
    index = "INDEXED BY notification_case" if of_case else ""
    chosen = f"{those} {of_case} {_IN_STATE[asked.state]}"
    return text.format(index=index, those=chosen, acknowledged=_SEEN), named


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
    return _advance(connection, account_id, at)


def acknowledge_some(connection: sqlite3.Connection, account_id: int, numbers: Collection[int], at: str) -> Mark:
    """Single ones. Raises ValueError beyond the last number."""
    if numbers and max(numbers) > mark(connection, account_id).last:
        raise ValueError(f"account {account_id} has no notification {max(numbers)}")
    connection.execute(SEE, (account_id, rows.json_text(sorted(numbers))))
    return _advance(connection, account_id, at)


def _advance(connection: sqlite3.Connection, account_id: int, at: str) -> Mark:
    """Move the mark over those behind it that were acknowledged one by one. What is not kept is in nobody's way."""
    bounds = mark(connection, account_id)
    reached = max(bounds.acknowledged, bounds.first - 1)
    for row in connection.execute(BEYOND, (account_id,)).fetchall():
        if row["number"] > reached + 1:
            break
        reached = max(reached, row["number"])
    connection.execute(SETTLED, (account_id,))
    if bounds.seen and reached > bounds.acknowledged:
        connection.execute(ACKNOWLEDGE, (account_id, reached, at))
    connection.execute(REACHED, (account_id, reached))
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
