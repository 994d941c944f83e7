"""What a trader is told of its cases without asking, as it is shown. Pure.

A notification says what happened, and which documents an agency wants to see, so that nobody has to ask again only to
learn what to do; all the rest is in the response that it links to. Words of agencies are not kept in the history of a
case, so they come from the decision itself.
"""

import msgspec

from gateway import decisions
from gateway.decisions import Answer
from gateway.lifecycle import CONFIRMATION
from gateway.notify.told import Mark, Told
from gateway.views import DocumentLine
from gateway.vocabulary import NotificationKind, NotificationState, RulingOutcome, ToldOutcome

CASE = "/v1/declarations/{mrn}"
RESPONSE = CASE + "/response"
ANSWER = CASE + "/queries/{query}/answer"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A query of the agency, whole; `items` are goods items' sequence numbers, `until` is the last day, `href` is where
    the answer goes.
    """

    id: str
    text: str
    reference: str | None
    items: tuple[int, ...]
    until: str | None
    href: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a case. `number` counts what the account was told, without gaps, and is the cursor of this place.

    `kind` is that of the event; of a `decision`, `agency`, `outcome`, `reason`, the `documents` wanted and the
    `queries` are told, of a `confirmation` the `outcome`, and the `reason` where it was declined, of a `ruling` on an
    appeal what it was, of an `attachment` and a `document-rejected` the `document_id`. `reference` is the sender's own;
    `case` and `response` are addresses. One that is `failed` was given up on its way to the trader's address, and
    `problem` says why.
    """

    number: int
    kind: NotificationKind
    at: str
    state: NotificationState
    problem: str | None
    mrn: str
    conversation_id: str
    reference: str | None
    agency: str | None
    outcome: ToldOutcome | None
    ruling: RulingOutcome | None
    reason: str | None
    documents: tuple[DocumentLine, ...]
    document_id: str | None
    queries: tuple[Asked, ...]
    case: str
    response: str


class Notifications(msgspec.Struct, frozen=True, kw_only=True):
    """A page, oldest first. `next` is the `after` to go on with, now if there is `more`, else later.

    Up to the number `acknowledged` all were; `last` is the last that there is.
    """

    notifications: tuple[Notification, ...]
    next: str
    more: bool
    acknowledged: int
    last: int


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which number all are acknowledged, and how many of those behind it are not."""

    acknowledged: int
    pending: int


class Redelivered(msgspec.Struct, frozen=True, kw_only=True):
    """So many notifications are sent again. Where there are `more`, `next` is the `after` to go on with."""

    queued: int
    next: str
    more: bool


def shown(told: Told) -> Notification:
    """A notification as its account sees it."""
    answer = None if told.decision is None else decisions.from_document(told.decision)
    declined_for = told.data.get("reason") if told.kind == CONFIRMATION else None
    return Notification(
        number=told.number,
        kind=told.kind,
        at=told.at,
        state=told.state,
        problem=told.problem,
        mrn=told.mrn,
        conversation_id=told.conversation_id,
        reference=told.reference,
        agency=told.data.get("agency"),
        outcome=told.data.get("outcome"),
        ruling=told.data.get("ruling"),
        reason=answer.reason if answer else declined_for,
        documents=tuple(DocumentLine(each.type, each.description) for each in answer.documents) if answer else (),
        document_id=told.data.get("document_id"),
        queries=_queries(told, answer) if answer else (),
        case=CASE.format(mrn=told.mrn),
        response=RESPONSE.format(mrn=told.mrn),
    )


def _queries(told: Told, answer: Answer) -> tuple[Asked, ...]:
    """The queries of a decision with the ids that they go by, which the event has."""
    return tuple(
        Asked(
            id=query_id,
            text=each.text,
            reference=each.reference,
            items=tuple(map(int, each.items)),
            until=each.until,
            href=ANSWER.format(mrn=told.mrn, query=query_id),
        )
        for query_id, each in zip(told.data.get("queries", ()), answer.questions, strict=True)
    )


def page(found: list[Told], limit: int, after: int, mark: Mark) -> Notifications:
    """A page of at most `limit`, of what was found for one more."""
    lines = tuple(map(shown, found[:limit]))
    return Notifications(
        notifications=lines,
        next=str(lines[-1].number if lines else after),
        more=len(found) > limit,
        acknowledged=mark.acknowledged,
        last=max([mark.last, *(line.number for line in lines[-1:])]),
    )


def acknowledged(mark: Mark) -> Acknowledged:
    """The answer to an acknowledgement."""
    behind = mark.last - max(mark.acknowledged, mark.first - 1)
    return Acknowledged(acknowledged=mark.acknowledged, pending=behind - mark.seen)
