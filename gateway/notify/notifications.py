"""What a trader is told of its cases without asking, as it is shown. Pure.

A notification says what happened, and which documents an agency wants to see, so that nobody has to ask again only to
learn what to do; all the rest is in the response that it links to. Words of agencies are not kept in the history of a
case, so they come from the decision itself.
"""

import msgspec

from gateway import decisions
from gateway.lifecycle import CONFIRMATION
from gateway.notify.told import Mark, Told
from gateway.views import DocumentLine
from gateway.vocabulary import NotificationKind, NotificationState, ToldOutcome

CASE = "/v1/declarations/{mrn}"
RESPONSE = CASE + "/response"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a case. `number` counts what the account was told, without gaps, and is the cursor of this place.

    `kind` is that of the event; of a `decision`, `agency`, `outcome`, `reason` and the `documents` wanted are told, of
    a `confirmation` the `outcome`, and the `reason` where it was declined, of an `attachment` and a `document-rejected`
    the `document_id`. `reference` is the sender's own; `case` and `response` are addresses.
    """

    number: int
    kind: NotificationKind
    at: str
    state: NotificationState
    mrn: str
    conversation_id: str
    reference: str | None
    agency: str | None
    outcome: ToldOutcome | None
    reason: str | None
    documents: tuple[DocumentLine, ...]
    document_id: str | None
    case: str
    response: str


class Notifications(msgspec.Struct, frozen=True, kw_only=True):
    """A page, oldest first. `next` is the `after` to go on with, now if there is `more`, else later.

    `acknowledged` is the last number that was acknowledged, `last` the last that there is.
    """

    notifications: tuple[Notification, ...]
    next: str
    more: bool
    acknowledged: int
    last: int


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """How far the account has acknowledged, and how many of those kept are pending behind that."""

    acknowledged: int
    pending: int


def shown(told: Told, acknowledged: int) -> Notification:
    """A notification, to an account that has acknowledged so far."""
    answer = None if told.decision is None else decisions.from_document(told.decision)
    declined_for = told.data.get("reason") if told.kind == CONFIRMATION else None
    return Notification(
        number=told.number,
        kind=told.kind,
        at=told.at,
        state="acknowledged" if told.number <= acknowledged else "pending",
        mrn=told.mrn,
        conversation_id=told.conversation_id,
        reference=told.reference,
        agency=told.data.get("agency"),
        outcome=told.data.get("outcome"),
        reason=answer.reason if answer else declined_for,
        documents=tuple(DocumentLine(each.type, each.description) for each in answer.documents) if answer else (),
        document_id=told.data.get("document_id"),
        case=CASE.format(mrn=told.mrn),
        response=RESPONSE.format(mrn=told.mrn),
    )


def page(found: list[Told], limit: int, after: int, mark: Mark) -> Notifications:
    """A page of at most `limit`, of what was found for one more."""
    lines = tuple(shown(each, mark.acknowledged) for each in found[:limit])
    return Notifications(
        notifications=lines,
        next=str(lines[-1].number if lines else after),
        more=len(found) > limit,
        acknowledged=mark.acknowledged,
        last=max([mark.last, *(line.number for line in lines[-1:])]),
    )


def acknowledged(mark: Mark) -> Acknowledged:
    """The answer to an acknowledgement."""
    return Acknowledged(acknowledged=mark.acknowledged, pending=mark.last - max(mark.acknowledged, mark.first - 1))
