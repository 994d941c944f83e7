"""What an agency's answer says, as typed records. Pure; the data model has checked the message before.

A decision is kept as canonical JSON with its delivery's id filled in, so that the same decision has the same digest
whether it came as XML or JSON, in the answer to our request, by callback or as a file.
"""

from decimal import Decimal
from hashlib import sha256

import msgspec

from datamodel.codecs import Parsed, read, write
from datamodel.issues import Refused
from datamodel.limits import Limits
from datamodel.registry import Registry
from datamodel.wording import issue, phrase, refused
from gateway.lifecycle import QUERY
from gateway.media import format_of
from gateway.ports import Delivery

MESSAGE = "guichet/1/Decision"
SHOWN_ISSUES = 5


class Permit(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"type": "TypeCode", "id": "ID", "expires": "ExpirationDate"},
):
    """A licence, permit, certificate or other document that the agency issued; `expires` is YYYY-MM-DD."""

    type: str
    id: str
    expires: str | None = None


class DocumentRequest(
    msgspec.Struct, frozen=True, omit_defaults=True, rename={"type": "TypeCode", "description": "Description"}
):
    """A document that the agency wants to see first."""

    type: str
    description: str | None = None


class Finding(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"code": "Code", "description": "Description", "items": "SequenceNumeric"},
):
    """What the agency found wrong, and with which goods items."""

    code: str
    description: str | None = None
    items: tuple[Decimal, ...] = ()


class Question(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={"text": "Text", "reference": "ReferenceID", "items": "SequenceNumeric", "until": "AnswerDueDate"},
):
    """What the agency asks the trader, under a reference of its own; `until` is the last day for the answer."""

    text: str
    reference: str | None = None
    items: tuple[Decimal, ...] = ()
    until: str | None = None


class Answer(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "delivery_id": "DeliveryID",
        "outcome": "OutcomeCode",
        "reason": "Reason",
        "permits": "LPCO",
        "documents": "DocumentRequest",
        "findings": "Finding",
        "questions": "Query",
    },
):
    """One decision message. `outcome` is one of `lifecycle.OUTCOME_EVENTS`."""

    delivery_id: str | None = None
    outcome: str
    reason: str | None = None
    permits: tuple[Permit, ...] = ()
    documents: tuple[DocumentRequest, ...] = ()
    findings: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()


class _Envelope(msgspec.Struct, frozen=True, rename={"decision": "Decision"}):
    decision: Answer


_DECODER = msgspec.json.Decoder(_Envelope)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def read_answer(registry: Registry, body: bytes, media: str, limits: Limits, delivery_id: str | None) -> Answer:
    """The decision in a message, always with its delivery's id: that of the message, or the one given.

    Raises Refused for an invalid message, and where neither or both of two different ids are given.
    """
    parsed: Parsed = read(registry, body, format_of(media), message=MESSAGE, limits=limits)
    answer = from_document(write(parsed, "json"))
    named = answer.delivery_id or delivery_id
    if named is None:
        raise _refused("decision.delivery-missing", "DeliveryID")
    if delivery_id not in (None, named):
        raise _refused("decision.delivery-mismatch", "DeliveryID", value=named, expected=delivery_id)
    return msgspec.structs.replace(answer, delivery_id=named)


def check(answer: Answer, delivery: Delivery) -> None:
    """Raises Refused for an answer that says too little, or speaks of goods that the agency was not shown."""
    if answer.outcome == "documents" and not answer.documents:
        raise _refused("decision.documents-unnamed", "DocumentRequest")
    if answer.outcome == QUERY and not answer.questions:
        raise _refused("decision.query-missing", "Query")
    if answer.outcome != QUERY and answer.questions:
        raise _refused("decision.query-misplaced", "Query", value=answer.outcome)
    naming = (
        ("Finding", [each.items for each in answer.findings]),
        ("Query", [each.items for each in answer.questions]),
    )
    for name, number, items in ((name, *numbered) for name, several in naming for numbered in enumerate(several)):
        for place, item in enumerate(items):
            if item not in delivery.items:
                at = (name, number, "SequenceNumeric", place)
                shown = ", ".join(map(str, delivery.items))
                raise _refused(
                    "decision.item-unknown", *at, value=str(item), expected=phrase("type.codes", names=shown)
                )


def document(answer: Answer) -> bytes:
    """The decision as canonical JSON, as it is kept."""
    return _ENCODER.encode(_Envelope(answer))


def from_document(kept: bytes) -> Answer:
    """The decision that canonical JSON says."""
    return _DECODER.decode(kept).decision


def digest(kept: bytes) -> str:
    """What two reports of one decision have in common."""
    return sha256(kept).hexdigest()


def describe(error: Refused) -> str:
    """The first issues with their places, and how many there are, as one line for whoever sent the message."""
    report = error.report
    first = report.issues[:SHOWN_ISSUES]
    shown = "; ".join(f"{each.rule} at {each.xpath or each.json_pointer or '/'}: {each.text}" for each in first)
    return shown if report.total <= len(first) else f"{shown}; {report.total} in all"


def _refused(rule: str, *path: str | int, value: str | None = None, expected: str | None = None) -> Refused:
    """One issue at a path below the root: names, and positions from 0 behind names that repeat."""
    xpath = "".join(f"/{step}" if isinstance(step, str) else f"[{step + 1}]" for step in ("Decision", *path))
    pointer = "".join(f"/{step}" for step in ("Decision", *path))
    return refused(issue(rule, xpath=xpath, json_pointer=pointer, value=value, expected=expected))
