"""The messages that agencies are told with: guichet/1/AgencyNotice, in the format of the delivery that each is about.

A notice is made with the change that it tells of, for every delivery concerned; the store keeps those whose deliveries
have gone out. One change makes one notice of a delivery at most, so that the case's version tells them apart.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from datamodel.codecs import read, write
from gateway import lifecycle
from gateway.acts.queries import Query
from gateway.media import format_of
from gateway.notices import records
from gateway.notices.records import NewNotice, Notice
from gateway.permit_requests import OPENING_STATES
from gateway.ports import CaseFile, Delivery
from gateway.service import Gateway

MESSAGE: Final = "guichet/1/AgencyNotice"
WHAT: Final = {
    records.INVALIDATED: "The declaration was taken back. Nothing has to be decided any more.",
    records.AMENDED: "The trader amended the declaration. This delivery counts no more.",
    records.ANSWER: "The trader answered the query.",
    records.DOCUMENTS: "The trader provided documents.",
}
# A notice waits as a delivery does: to be sent, or to be fetched; the latter also where nothing is known of the agency.
_OPENING: Final = {lifecycle.QUEUED: records.QUEUED, lifecycle.AWAITING: records.OFFERED}

Fields = dict[str, Any]


def bell(agency: str) -> str:
    """The bell of the doorbell that rings for an agency's notices."""
    return f"{agency} notices"


def ring(gateway: Gateway, notices: Iterable[NewNotice]) -> None:
    """Have notices that are on record sent without waiting for the next look."""
    gateway.doorbell.ring({bell(each.notice.agency) for each in notices})


def invalidated(gateway: Gateway, file: CaseFile, deliveries: Iterable[Delivery], at: str) -> tuple[NewNotice, ...]:
    """That the declaration was taken back, or declined by the party that it was lodged for."""
    return tuple(_notice(gateway, file, each, records.INVALIDATED, at) for each in deliveries)


def amended(
    gateway: Gateway, file: CaseFile, deliveries: Iterable[Delivery], added: Iterable[Delivery], at: str
) -> tuple[NewNotice, ...]:
    """That these deliveries are of an earlier version; of those `added` an agency learns which asks it anew."""
    anew = {each.agency: each.id for each in added}
    return tuple(
        _notice(gateway, file, each, records.AMENDED, at, NextDeliveryID=anew.get(each.agency)) for each in deliveries
    )


def answered(
    gateway: Gateway, file: CaseFile, delivery: Delivery, query: Query, text: str, documents: Sequence[Fields], at: str
) -> NewNotice:
    """What the trader answered to a query, with the question, so that an agency need not have kept it."""
    asked = _filled(ID=query.id, ReferenceID=query.question.reference, Text=query.question.text)
    return _notice(gateway, file, delivery, records.ANSWER, at, Query=asked, AnswerText=text, Document=documents)


def documents_provided(
    gateway: Gateway, file: CaseFile, delivery: Delivery, documents: Sequence[Fields], at: str
) -> NewNotice:
    """That the trader provided documents for a delivery: of each `TypeCode`, `ID`, and `Description` if there is one.

    It goes into the `notices` of the change of the case that records them; when that is applied, `ring` for it.
    """
    return _notice(gateway, file, delivery, records.DOCUMENTS, at, Document=documents)


def _notice(gateway: Gateway, file: CaseFile, delivery: Delivery, kind: str, at: str, **more: Any) -> NewNotice:
    notice_id, agency = f"{delivery.id}.{file.case.version + 1}", gateway.agencies.get(delivery.agency)
    content = _filled(
        NoticeID=notice_id,
        NoticeCode=kind,
        DeliveryID=delivery.id,
        DeclarationID=file.case.mrn,
        AgencyCode=delivery.agency,
        IssueDateTime=at,
        Description=WHAT[kind],
        **more,
    )
    notice = Notice(
        id=notice_id,
        delivery_id=delivery.id,
        agency=delivery.agency,
        kind=kind,
        state=_OPENING[OPENING_STATES[agency.channel]] if agency else records.OFFERED,
        media=delivery.media,
        created_at=at,
    )
    parsed = read(gateway.registry, msgspec.json.encode({"AgencyNotice": content}), "json", message=MESSAGE)
    return NewNotice(notice, write(parsed, format_of(delivery.media)))


def _filled(**fields: Any) -> Fields:
    """Without what is absent."""
    return {name: value for name, value in fields.items() if value}
