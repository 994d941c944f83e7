"""What a trader is shown of a case: one status with a line per agency, and the history. Pure, as to the clock too.

Why a send failed is the operator's: it may name addresses of the inside. A trader learns what follows from it.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from gateway import audit, lifecycle
from gateway.acts.queries import Query, queries
from gateway.acts.standing import ArrivalStatus, SupplementStatus, arrival_status, supplement_status
from gateway.cases import live, version_of
from gateway.clock import stamp
from gateway.decisions import Answer, DocumentRequest, Finding, Permit
from gateway.identifiers import is_test
from gateway.mandates.standing import MandateStanding, standing
from gateway.ports import CaseFile, Delivery, Event
from gateway.requirements import Agency
from gateway.responses import last_answers
from gateway.vocabulary import CaseState, DeliveryState, QueryState


class PermitLine(msgspec.Struct, frozen=True):
    """A permit that the agency issued; `expires` is its last day, YYYY-MM-DD."""

    type: str
    id: str
    expires: str | None


class DocumentLine(msgspec.Struct, frozen=True):
    """A document that the agency wants to see first."""

    type: str
    description: str | None


class FindingLine(msgspec.Struct, frozen=True):
    """What the agency found wrong; `items` are sequence numbers of goods items."""

    code: str
    description: str | None
    items: tuple[int, ...]


class QueryLine(msgspec.Struct, frozen=True, kw_only=True):
    """What an agency asks the trader. `reference` is the agency's own, `items` are sequence numbers of goods items,
    `until` is the last day for the answer, YYYY-MM-DD; `overdue` says that it is past, and the query still open.
    """

    id: str
    agency: str
    state: QueryState
    text: str
    reference: str | None
    items: tuple[int, ...]
    until: str | None
    overdue: bool
    asked_at: str
    answered_at: str | None


class AgencyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one agency stands. `delivery` is the id of what it is sent, `status` where that is; `overdue` says that its
    time is up and it has not decided.

    `requirements` are ids, `items` sequence numbers of goods items; `problem` says that the agency was not reached yet,
    or did not take the delivery, and what happens next.
    """

    code: str
    name: str
    delivery: str
    status: DeliveryState
    due_at: str
    overdue: bool
    decided_at: str | None
    reason: str | None
    requirements: tuple[str, ...]
    items: tuple[int, ...]
    permits: tuple[PermitLine, ...]
    documents: tuple[DocumentLine, ...]
    findings: tuple[FindingLine, ...]
    problem: str | None


class CaseStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case stands. `version` is the number of the declaration's version that counts, from 1; `message` is its
    type, `digest` of its bytes as they came. A `test` reaches no agency. Only what was lodged before arrival has an
    `arrival`, only what was incomplete a `supplement`.
    """

    mrn: str
    conversation_id: str
    status: CaseState
    accepted_at: str
    updated_at: str
    version: int
    message: str
    reference: str | None
    digest: str
    test: bool
    agencies: tuple[AgencyStatus, ...]
    queries: tuple[QueryLine, ...]
    mandate: MandateStanding | None
    arrival: ArrivalStatus | None = None
    supplement: SupplementStatus | None = None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The history of a case, oldest first. `intact` says that the chain of digests holds."""

    mrn: str
    intact: bool
    events: tuple[Event, ...]


def status(file: CaseFile, agencies: Mapping[str, Agency], now: datetime) -> CaseStatus:
    """The roll-up. An agency that is no longer in the country's list goes by its code."""
    answers = last_answers(file)
    at = stamp(now)
    case, counts = file.case, version_of(file)
    return CaseStatus(
        mrn=case.mrn,
        conversation_id=case.conversation_id,
        status=case.state,
        accepted_at=case.accepted_at,
        updated_at=case.updated_at,
        version=counts.number,
        message=counts.message,
        reference=case.reference,
        digest=counts.digest,
        test=is_test(case.mrn),
        agencies=tuple(
            _agency_status(each, agencies.get(each.agency), answers.get(each.id), at) for each in live(file)
        ),
        queries=tuple(_query(each, at) for each in queries(file)),
        arrival=arrival_status(file),
        supplement=supplement_status(file, now),
        mandate=standing(file),
    )


def timeline(file: CaseFile) -> Timeline:
    """Every step that was recorded."""
    return Timeline(mrn=file.case.mrn, intact=audit.verify(file.case.mrn, file.events) is None, events=file.events)


def _agency_status(delivery: Delivery, agency: Agency | None, answer: Answer | None, at: str) -> AgencyStatus:
    return AgencyStatus(
        code=delivery.agency,
        name=agency.name if agency else delivery.agency,
        delivery=delivery.id,
        status=delivery.state,
        due_at=delivery.due_at,
        overdue=delivery.state not in lifecycle.FINAL and delivery.due_at < at,
        decided_at=delivery.decided_at,
        reason=answer.reason if answer else None,
        requirements=delivery.requirements,
        items=delivery.items,
        permits=tuple(map(_permit, answer.permits)) if answer else (),
        documents=tuple(map(_document, answer.documents)) if answer else (),
        findings=tuple(map(_finding, answer.findings)) if answer else (),
        problem=_problem(delivery),
    )


def _query(query: Query, at: str) -> QueryLine:
    question = query.question
    return QueryLine(
        id=query.id,
        agency=query.agency,
        state=query.state,
        text=question.text,
        reference=question.reference,
        items=tuple(map(int, question.items)),
        until=question.until,
        overdue=query.state == lifecycle.OPEN and question.until is not None and question.until < at[:10],
        asked_at=query.asked_at,
        answered_at=query.answer.at if query.answer else None,
    )


def _problem(delivery: Delivery) -> str | None:
    if delivery.state == lifecycle.PARKED:
        return "declined by the agency, an operator has been told"
    if delivery.state == lifecycle.QUEUED and delivery.problem is not None:
        return f"not reached yet, next attempt at {delivery.next_attempt_at}"
    return None


def _permit(permit: Permit) -> PermitLine:
    return PermitLine(permit.type, permit.id, permit.expires)


def _document(document: DocumentRequest) -> DocumentLine:
    return DocumentLine(document.type, document.description)


def _finding(finding: Finding) -> FindingLine:
    return FindingLine(finding.code, finding.description, tuple(map(int, finding.items)))
