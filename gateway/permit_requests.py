"""What each agency is sent: a permit request with its requirements and its projection of the declaration. Pure."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from datamodel.codecs import Parsed, write
from gateway.clock import later, stamp
from gateway.identifiers import is_test
from gateway.lifecycle import AWAITING, QUEUED
from gateway.media import MEDIA_TYPES
from gateway.ports import Delivery, Dispatch
from gateway.routing import Route
from gateway.service import Gateway

MESSAGE = "guichet/1/PermitRequest"

# A delivery over a channel that carries nothing waits for the agency's answer from the start: the agency comes to
# fetch it, and there is no send that could fail or be tried again. Virtual agencies are all sent what is for them.
OPENING_STATES = {"http": QUEUED, "folder": QUEUED, "inbox": AWAITING}


def deliveries(
    gateway: Gateway, parsed: Parsed, routes: tuple[Route, ...], mrn: str, ids: tuple[str, ...], now: datetime
) -> tuple[Dispatch, ...]:
    """One delivery per route, in its order, with the ids given."""
    return tuple(
        _dispatch(gateway, parsed, route, mrn, delivery_id, now) for route, delivery_id in zip(routes, ids, strict=True)
    )


def _dispatch(gateway: Gateway, parsed: Parsed, route: Route, mrn: str, delivery_id: str, now: datetime) -> Dispatch:
    agency = route.agency
    created_at = stamp(now)
    due_at = later(now, agency.hours_due * 3600)
    test = is_test(mrn)
    state = QUEUED if test else OPENING_STATES[agency.channel]
    projector = gateway.projectors[parsed.message.key, agency.code]
    message = gateway.registry.message(MESSAGE)
    requirement = message.struct("Requirement")
    request = message.root_struct(
        DeliveryID=delivery_id,
        DeclarationID=mrn,
        AgencyCode=agency.code,
        IssueDateTime=created_at,
        DueDateTime=due_at,
        Requirement=tuple(_requirement(requirement, row, items) for row, items in route.requirements),
        od_Declaration=projector.project(parsed.document.Declaration, items=route.items),
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
        test=test,
    )
    return Dispatch(delivery, write(Parsed(message, request), agency.media))


def _requirement(kind: type[msgspec.Struct], row: Any, items: tuple[int, ...]) -> msgspec.Struct:
    return kind(
        ID=row.id,
        LPCOTypeCode=row.lpco_type,
        Purpose=row.purpose,
        LegalBasis=row.legal_basis,
        SequenceNumeric=tuple(map(Decimal, items)),
    )
