"""Builds what the tests of the store put into it. Party and agency codes are invented."""

import sqlite3
from contextlib import contextmanager
from hashlib import sha256

from gateway import audit
from gateway.ports import (
    AdditionalMessage,
    Admission,
    CaseChange,
    CaseFile,
    Decision,
    Delivery,
    DeliveryChange,
    Dispatch,
)


def at(second: int) -> str:
    """A time as the store keeps it, `second` seconds after a fixed morning."""
    return f"2026-01-31T{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def mrn(number: int) -> str:
    return f"26XZ{number:014d}"


def dispatch(case: int, agency: str, created: int = 0, **fields) -> Dispatch:
    """A queued delivery, due at once, unless `fields` say otherwise; and its message."""
    values = {
        "id": f"{agency}-{case}",
        "agency": agency,
        "state": "queued",
        "media": "application/json",
        "requirements": ("XZ-0001", "XZ-0002"),
        "items": (1, 3),
        "created_at": at(created),
        "due_at": at(created + 3600),
    }
    return Dispatch(Delivery(**(values | fields)), f'{{"for":"{agency}","of":{case}}}'.encode())


def admission(account_id: int, number: int, agencies: tuple[str, ...] = ("FSA",), **fields) -> Admission:
    """A declaration numbered `number`, with one delivery to each agency, accepted at that second."""
    body = f"<MetaData>{number}</MetaData>".encode()
    document = fields.pop("document", f'{{"MetaData":{number}}}'.encode())
    values = {
        "account_id": account_id,
        "idempotency_key": None,
        "reference": f"LRN-{number}",
        "mrn": mrn(number),
        "conversation_id": f"conversation-{number}",
        "message": "wco-dms/3.6/DEC",
        "media": "application/xml",
        "body": body,
        "body_digest": digest(body),
        "document": document,
        "document_digest": digest(document),
        "state": "accepted",
        "accepted_at": at(number),
        "deliveries": tuple(dispatch(number, agency, number) for agency in agencies),
        "events": (audit.link(audit.genesis(mrn(number)), 1, at(number), "accepted", "trader", {"bytes": len(body)}),),
    }
    return Admission(**(values | fields))


def change(file: CaseFile, second: int, *moves: DeliveryChange, state: str = "under-control", **fields) -> CaseChange:
    """A step of a case, with the event that tells of it."""
    last = file.events[-1]
    told = {"deliveries": [move.id for move in moves]}
    event = audit.link(last.digest, last.seq + 1, at(second), "moved", "gateway", told)
    case = file.case
    names = {"case_id": case.id, "version": case.version, "conversation_id": case.conversation_id}
    values = {**names, "state": state, "updated_at": at(second)}
    return CaseChange(**(values | {"deliveries": moves, "events": (event,)} | fields))


def decision(delivery_id: str, second: int, outcome: str = "granted") -> Decision:
    document = f'{{"Decision":{{"OutcomeCode":"{outcome}"}}}}'.encode()
    return Decision(
        delivery_id=delivery_id,
        agency=delivery_id.partition("-")[0],
        outcome=outcome,
        at=at(second),
        reason=None if outcome == "granted" else "a laboratory must look",
        document=document,
        digest=digest(document),
    )


def additional(number: int, kind: str = "invalidation") -> AdditionalMessage:
    """The message numbered `number` about a case."""
    body = f"<MetaData>INV {number}</MetaData>".encode()
    return AdditionalMessage(
        number=number,
        kind=kind,
        message="wco-dms/3.6/CANCEL",
        media="application/xml",
        body=body,
        digest=digest(body),
        document=f'{{"MetaData":"INV {number}"}}'.encode(),
    )


@contextmanager
def by_hand(path):
    """A connection past the store, as an operator or a forger has it; commits at the end."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


@contextmanager
def held_by_another_program(path):
    """Some other program holds the database's write lock: whatever is written meanwhile has to wait."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()
