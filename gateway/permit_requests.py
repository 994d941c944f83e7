"""What each agency is sent: a permit request with its requirements and its projection of the declaration. Pure."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from datamodel.codecs import Parsed, write
from gateway.attachments.documents import Document
from gateway.attachments.references import listed, references
from gateway.clock import later, stamp
from gateway.lifecycle import AWAITING, QUEUED
from gateway.media import MEDIA_TYPES
from gateway.ports import Delivery, Dispatch
from gateway.routing import Route
from gateway.service import Gateway

MESSAGE = "guichet/1/PermitRequest"

Known = Mapping[str, Document]  # documents by id

# A delivery over a channel that carries nothing waits for the agency's answer from the start: the agency comes to
# fetch it, and there is no send that could fail or be tried again.
OPENING_STATES = {"http": QUEUED, "folder": QUEUED, "inbox": AWAITING}


def deliveries(
    gateway: Gateway,
    parsed: Parsed,
    routes: tuple[Route, ...],
    mrn: str,
    ids: tuple[str, ...],
    now: datetime,
    known: Known,
) -> tuple[Dispatch, ...]:
    """One delivery per route, in its order, with the ids given; `known` are the documents that are referred to."""
    return tuple(
        _dispatch(gateway, parsed, route, mrn, delivery_id, now, known)
        for route, delivery_id in zip(routes, ids, strict=True)
    )


def _dispatch(
    gateway: Gateway, parsed: Parsed, route: Route, mrn: str, delivery_id: str, now: datetime, known: Known
) -> Dispatch:
    agency = route.agency
    created_at, due_at = stamp(now), later(now, agency.hours_due * 3600)
    state = OPENING_STATES[agency.channel]
    projected = gateway.projectors[parsed.message.key, agency.code].project(
        parsed.document.Declaration, items=route.items
    )
    named = references(projected) if known else ()
    message = gateway.registry.message(MESSAGE)
    requirement = message.struct("Requirement")
    request = message.root_struct(
        DeliveryID=delivery_id,
        DeclarationID=mrn,
        AgencyCode=agency.code,
        IssueDateTime=created_at,
        DueDateTime=due_at,
        Requirement=tuple(_requirement(requirement, row, items) for row, items in route.requirements),
        Document=listed(message.struct("Document"), named, known, _address(gateway, delivery_id)) if named else (),
        od_Declaration=projected,
    )
    delivery = Delivery(
        id=delivery_id,
        agency=agency.code,
        state=state,
        media=MEDIA_TYPES[agency.media],
        requirements=tuple(row.id for row, _ in route.requirements),
        items=route.items,
        created_at=created_at,
        due_at=due_at,
        next_attempt_at=created_at if state == QUEUED else None,
    )
    return Dispatch(
        delivery, write(Parsed(message, request), agency.media), tuple(each.id for each in named if each.id in known)
    )


def _address(gateway: Gateway, delivery_id: str) -> str:
    return f"{gateway.settings.base_url}/v1/agency/deliveries/{delivery_id}/documents"


def _requirement(kind: type[msgspec.Struct], row: Any, items: tuple[int, ...]) -> msgspec.Struct:
    return kind(
        ID=row.id,
        LPCOTypeCode=row.lpco_type,
        Purpose=row.purpose,
        LegalBasis=row.legal_basis,
        SequenceNumeric=tuple(map(Decimal, items)),
    )
