"""The trader's one answer: a case as it stands now, as a response message (RES) of the data model. Pure.

It is made as a plain document and goes through the same door as any message from outside, so that what the gateway
sends is valid by the very check that it applies to others. An invalid one is our fault, and says so.
A Status has no place for its agency: they stand in the order of the lines of the agencies that decided for good.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from datamodel.codecs import Parsed, read
from datamodel.issues import Refused
from datamodel.registry import Registry
from gateway import decisions, lifecycle
from gateway.acts.appeals import Appeal
from gateway.acts.queries import Query, queries
from gateway.acts.standing import arrival_status, supplement_status
from gateway.cases import live, version_of
from gateway.clock import moment
from gateway.codes import ResponseCodes
from gateway.decisions import Answer, Finding
from gateway.mandates.standing import AWAITED, standing
from gateway.ports import CaseFile, Delivery

MESSAGE = "wco-dms/3.6/RES"
ARRIVAL_TYPE = "GPR"  # of the notification that the goods have arrived
LONGEST_TEXT = 512
_DAY = re.compile("(20[0-9]{2})-([0-9]{2})-([0-9]{2})Z?")
TAKEN_BACK = (lifecycle.INVALIDATED, lifecycle.DECLINED)
LONGEST_VALIDATION_CODE = 8

Fields = dict[str, Any]

# What an agency may have said last that holds a case, and the name that the table of codes has for it.
_HOLDING: Final = (("documents", "documents"), (lifecycle.QUERY, "query-answered"))


def response(file: CaseFile, registry: Registry, now: datetime, codes: ResponseCodes) -> Parsed:
    """The response for a case. `FunctionalReferenceID`, MRN and version, is one per change of the case."""
    answers = last_answers(file)
    case, shown = file.case, live(file)
    asked = [query for query in queries(file) if query.state == lifecycle.OPEN]
    refusals = [answers[each.id] for each in file.deliveries if each.state == lifecycle.REFUSED]
    body = _filled(
        FunctionCode=codes.function[function(file, answers, bool(asked))],
        FunctionalReferenceID=f"{case.mrn}-{case.version}",
        IssueDateTime=_date_time(now),
        AdditionalInformation=[
            *_confirmation(file, codes),
            *(line for each in shown for line in _lines(each, answers.get(each.id), codes)),
            *(_query(each, codes) for each in asked),
            *_stages(file, now, codes),
        ],
        Error=[error for answer in refusals for finding in answer.findings for error in _errors(finding, codes)],
        Status=[_status(each, codes) for each in shown if each.state in lifecycle.DECIDED],
        Declaration=_filled(
            AcceptanceDateTime=_date_time(moment(case.accepted_at)),
            CancellationDateTime=_date_time(moment(case.updated_at)) if case.state in TAKEN_BACK else None,
            FunctionalReferenceID=case.reference,
            ID=case.mrn,
            RejectionDateTime=_date_time(moment(case.updated_at)) if case.state == lifecycle.REFUSED else None,
            VersionID=str(version_of(file).number),
        ),
    )
    return _valid(body, case.mrn, registry)


def on_request(
    file: CaseFile,
    appeal: Appeal,
    ruling: tuple[str, str] | None,
    registry: Registry,
    now: datetime,
    codes: ResponseCodes,
) -> Parsed:
    """The response to an appeal: it is received, or was decided by the ruling given (outcome and reason)."""
    case, at = file.case, appeal.ruled_at or appeal.lodged_at
    outcome, reason = ruling or (lifecycle.APPEAL_STATES[0], "")
    text = f"appeal {appeal.number}: {outcome}" + (f": {reason}" if reason else "")
    name = None if ruling is None else codes.status[lifecycle.APPEAL_ANSWERS[outcome]]
    body = _filled(
        FunctionCode=codes.function["request-received" if ruling is None else "request-decided"],
        FunctionalReferenceID=f"{case.mrn}-A{appeal.number}" + ("-R" if ruling else ""),
        IssueDateTime=_date_time(now),
        AdditionalInformation=[_statement(codes.statement["agency"], appeal.agency, text, None)],
        Status=[_filled(EffectiveDateTime=_date_time(moment(at)), NameCode=name)] if ruling else None,
        Declaration=_filled(
            AcceptanceDateTime=_date_time(moment(case.accepted_at)),
            FunctionalReferenceID=case.reference,
            ID=case.mrn,
            VersionID=str(version_of(file).number),
        ),
    )
    return _valid(body, case.mrn, registry)


def _valid(body: Fields, mrn: str, registry: Registry) -> Parsed:
    """The message around its payload, through the door that all go through."""
    _, version, kind = MESSAGE.split("/")
    envelope = {"WCODataModelVersionCode": version, "WCOTypeName": kind, "Response": [body]}
    try:
        return read(registry, msgspec.json.encode({"MetaData": envelope}), "json", message=MESSAGE)
    except Refused as error:
        raise RuntimeError(f"the response for {mrn} is not valid: {decisions.describe(error)}") from error


_PAST: Final = (lifecycle.WITHDRAWN, lifecycle.SUPERSEDED, lifecycle.AWAITING)


def last_answers(file: CaseFile) -> dict[str, Answer]:
    """What each agency said last, by delivery. What was said of one that is closed counts no more, nor what asked for
    documents that have been provided since.
    """
    past = {each.id for each in file.deliveries if each.state in _PAST}
    said = (each for each in file.decisions if each.delivery_id not in past)
    return {each.delivery_id: decisions.from_document(each.document) for each in said}


def function(file: CaseFile, answers: dict[str, Answer], asked: bool) -> str:
    """The name under which the table of codes has the case: its state, or what holds it up.

    A query that is open, `asked`, comes first, also while other agencies are at work: it is the trader's turn.
    """
    if asked:
        return lifecycle.QUERY
    if file.case.state != lifecycle.HELD:
        return file.case.state
    said = {answers[each.id].outcome for each in file.deliveries if each.state == lifecycle.HELD}
    return next((name for outcome, name in _HOLDING if outcome in said), lifecycle.HELD)


def _confirmation(file: CaseFile, codes: ResponseCodes) -> Iterator[Fields]:
    """What the party that the case was lodged for said, or until when it may, where it has to confirm."""
    found = standing(file)
    if found is not None and found.outcome is not None:
        until = moment(found.confirm_by) if found.confirm_by and found.outcome == AWAITED else None
        limit = _date_time(until) if until else None
        yield _statement(codes.statement["confirmation"], found.outcome, found.reason or found.outcome, limit)


def _lines(delivery: Delivery, answer: Answer | None, codes: ResponseCodes) -> Iterator[Fields]:
    """Where an agency stands, then what it issued, then what it wants to see."""
    text = delivery.state if answer is None else answer.outcome
    open_until = None if delivery.state in lifecycle.FINAL else _date_time(moment(delivery.due_at))
    reason = answer.reason if answer else None
    yield _statement(codes.statement["agency"], delivery.agency, f"{text}: {reason}" if reason else text, open_until)
    for permit in answer.permits if answer else ():
        yield _statement(codes.statement["permit"], permit.type, permit.id, _day(permit.expires))
    for document in answer.documents if answer else ():
        yield _statement(codes.statement["document"], document.type, document.description, open_until)


def _query(query: Query, codes: ResponseCodes) -> Fields:
    question = query.question
    return _statement(codes.statement[lifecycle.QUERY], query.id, question.text, _day(question.until))


def _stages(file: CaseFile, now: datetime, codes: ResponseCodes) -> Iterator[Fields]:
    """Whether the goods have arrived, and whether the declaration is complete, where either was to come."""
    arrival, supplement = arrival_status(file), supplement_status(file, now)
    if arrival is not None:
        text = "awaited" if arrival.awaited else f"arrived {arrival.arrived_at}: {arrival.location}"
        yield _statement(codes.statement["arrival"], ARRIVAL_TYPE, text, None)
    if supplement is not None:
        text = "overdue" if supplement.overdue else "awaited" if supplement.awaited else "taken"
        for kind in supplement.types:
            yield _statement(codes.statement["supplement"], kind, text, _day(supplement.due_on))


def _statement(kind: str, code: str, text: str | None, limit: Fields | None) -> Fields:
    return _filled(
        StatementCode=code,
        StatementDescription=_text(text or ""),
        LimitDateTime=limit,
        StatementTypeCode=kind,
    )


def _errors(finding: Finding, codes: ResponseCodes) -> Iterator[Fields]:
    """An error for each goods item of a finding, or one for the declaration; each points down from the declaration."""
    fits = len(finding.code) <= LONGEST_VALIDATION_CODE
    parts = (None if fits else finding.code, finding.description)
    text = _text(": ".join(part for part in parts if part))
    for item in finding.items or (None,):
        yield _filled(
            Description=text,
            ValidationCode=finding.code if fits else codes.validation["unlisted"],
            Pointer=_pointers(None if item is None else int(item), codes),
        )


def _pointers(item: int | None, codes: ResponseCodes) -> list[Fields]:
    declaration = {"SequenceNumeric": 1, "DocumentSectionCode": codes.section["declaration"]}
    if item is None:
        return [declaration]
    shipment = {"SequenceNumeric": 1, "DocumentSectionCode": codes.section["shipment"]}
    return [declaration, shipment, {"SequenceNumeric": item, "DocumentSectionCode": codes.section["item"]}]


def _status(delivery: Delivery, codes: ResponseCodes) -> Fields:
    decided = _date_time(moment(delivery.decided_at)) if delivery.decided_at else None
    return _filled(EffectiveDateTime=decided, NameCode=codes.status[delivery.state])


def _text(text: str) -> str:
    """An agency's words on one line: what it may write and what a response may carry are not the same."""
    return " ".join(text.split())[:LONGEST_TEXT]


def _date_time(at: datetime) -> Fields:
    """Format 304: CCYYMMDDHHMMSSZZZ. All our times are UTC."""
    return {"DateTimeString": {"@formatCode": "304", "value": f"{at:%Y%m%d%H%M%S}+00"}}


def _day(day: str | None) -> Fields | None:
    """Format 102: CCYYMMDD, of this century: a response has no place for another day, or for a zone."""
    fits = day is not None and _DAY.fullmatch(day)
    return {"DateTimeString": {"@formatCode": "102", "value": "".join(fits.groups())}} if fits else None


def _filled(**fields: Any) -> Fields:
    """Without what is absent."""
    return {name: value for name, value in fields.items() if value}
