"""How records and rows correspond. Rule: a column is selected under the name of the field it fills."""

import sqlite3
from collections.abc import Iterable

import msgspec

from gateway.access.users import User
from gateway.notify.told import Told
from gateway.ports import Account, ApiKey, Claim, Decision, Delivery, Dispatch, Event, Holder, Listed

DELIVERY = """delivery.id, delivery.agency, delivery.state, delivery.media, delivery.requirements, delivery.items,
    delivery.created_at, delivery.due_at, delivery.attempts, delivery.next_attempt_at, delivery.problem,
    delivery.decided_at"""
LISTED = f"(SELECT mrn FROM declaration_case WHERE declaration_case.id = delivery.case_id) AS mrn, {DELIVERY}"
_BODY = "(SELECT body FROM delivery_body WHERE delivery_body.seq = delivery.seq) AS body"
DISPATCH = f"{DELIVERY}, {_BODY}"
_CONVERSATION = """(SELECT conversation_id FROM declaration_case WHERE declaration_case.id = delivery.case_id)
    AS conversation_id"""
CLAIM = f"{LISTED}, {_CONVERSATION}, {_BODY}"
# An account, a key and a user have columns of the same names: the key's and the user's are told apart.
HOLDER = """account.id, account.name, account.role, account.agency, account.revoked_at,
    substr(digest, 1, 12) AS key_id, kind, label, credential.made_at, expires_on, credential.scopes,
    credential.revoked_at AS ended_at, used_on, number, account_user.name AS user_name,
    account_user.scopes AS user_scopes, account_user.made_at AS user_made_at,
    account_user.revoked_at AS user_ended_at"""

_TEXTS = msgspec.json.Decoder(tuple[str, ...])
_NUMBERS = msgspec.json.Decoder(tuple[int, ...])
_DATA = msgspec.json.Decoder(dict[str, object])


def delivery(row: sqlite3.Row) -> Delivery:
    """A row of `DELIVERY`, which may carry more columns than that."""
    values = {name: row[name] for name in Delivery.__struct_fields__}
    values["requirements"] = _TEXTS.decode(values["requirements"])
    values["items"] = _NUMBERS.decode(values["items"])
    return Delivery(**values)


def claim(row: sqlite3.Row) -> Claim:
    """A row of `CLAIM`."""
    return Claim(row["mrn"], row["conversation_id"], delivery(row), row["body"])


def listed(row: sqlite3.Row) -> Listed:
    """A row of `LISTED`."""
    return Listed(row["mrn"], delivery(row))


def dispatch(row: sqlite3.Row) -> Dispatch:
    """A row of `DISPATCH`."""
    return Dispatch(delivery(row), row["body"])


def event(row: sqlite3.Row) -> Event:
    """A row of the event table."""
    return Event(row["seq"], row["at"], row["kind"], row["actor"], _DATA.decode(row["data"]), row["digest"])


def told(row: sqlite3.Row) -> Told:
    """A row of the queries of `sqlite_notifications`."""
    return Told(**(dict(row) | {"data": _DATA.decode(row["data"])}))


def holder(row: sqlite3.Row) -> Holder:
    """A row of `HOLDER`."""
    account = Account(row["id"], row["name"], row["role"], row["agency"], row["revoked_at"])
    key = ApiKey(
        id=row["key_id"],
        kind=row["kind"],
        user=row["user_name"],
        label=row["label"],
        made_at=row["made_at"],
        expires_on=row["expires_on"],
        scopes=texts(row["scopes"]),
        revoked_at=row["ended_at"],
        used_on=row["used_on"],
    )
    of_user = (texts(row["user_scopes"]), row["user_made_at"], row["user_ended_at"])
    return Holder(account, key, User(account.name, row["number"], row["user_name"], *of_user))


def texts(column: str | None) -> tuple[str, ...] | None:
    """A list of texts, where there is one."""
    return None if column is None else _TEXTS.decode(column)


def delivery_values(case_id: int, new: Delivery, due_now: str) -> tuple[object, ...]:
    """Values for an insert, in the order of the table's columns. A queued one without a next attempt is due at once."""
    head = (new.id, case_id, new.agency, new.state, new.media, json_text(new.requirements), json_text(new.items))
    due = next_attempt(new.state, new.next_attempt_at, due_now)
    return (*head, new.created_at, new.due_at, new.attempts, due, new.problem, new.decided_at)


def next_attempt(state: str, given: str | None, due_now: str) -> str | None:
    """When a delivery of this state is to be sent; without a time given, a queued one is due at once."""
    return due_now if state == "queued" and given is None else given


def event_values(case_id: int, events: Iterable[Event]) -> list[tuple[object, ...]]:
    """Values for inserts, in the order of the table's columns."""
    return [(case_id, e.seq, e.at, e.kind, e.actor, json_text(e.data), e.digest) for e in events]


def decision_values(case_id: int, decisions: Iterable[Decision]) -> list[tuple[object, ...]]:
    """Values for inserts, in the order of the table's columns."""
    return [(case_id, *msgspec.structs.astuple(decision)) for decision in decisions]


def json_text(value: object) -> str:
    """JSON as text, so that people can read it in the database."""
    return msgspec.json.encode(value, order="sorted").decode()
