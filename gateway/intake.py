"""A lodgement becomes a case: read it, route it, write everything in one commit, and only then answer.

What was answered with an acceptance survives a crash, with every delivery that follows from it; what was not answered
was not taken. The same document again, under the same key or reference, gets the first answer, in whichever format.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from time import time_ns
from typing import Final

import msgspec

from datamodel.base_form import base_form
from datamodel.codecs import Parsed, read, write
from datamodel.findings import ERROR
from datamodel.issues import Refused, Report
from datamodel.structs import bare
from datamodel.versions import Days, in_force, none_in_force
from datamodel.wording import either, issue, refused
from gateway import audit, lifecycle
from gateway.acts import stages
from gateway.acts.stages import Stage
from gateway.cases import GATEWAY, Entry, chain
from gateway.clock import stamp
from gateway.identifiers import RANDOM_OF_DELIVERY, RANDOM_OF_MRN, new_delivery_id, new_mrn
from gateway.media import format_of
from gateway.offload import offload
from gateway.permit_requests import deliveries
from gateway.ports import Acceptance, Account, Admission, Conflict, Dispatch
from gateway.routing import Route, route
from gateway.service import Gateway
from gateway.traces.span import Facts, Span, place_in, root_of
from gateway.traces.tracer import Tracer

# The message types that can be lodged. Every agency's projection is made of each of them when the gateway starts.
LODGED: Final = ("wco-dms/3.6/DEC",)


class Lodgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender hands in. `media` is a media type; `message` a key, where the document alone could be several."""

    account: Account
    body: bytes
    media: str
    conversation_id: str
    message: str | None = None
    idempotency_key: str | None = None


async def lodge(gateway: Gateway, lodgement: Lodgement) -> Acceptance:
    """Take a declaration. Raises Refused with all that is wrong with it, and Conflict.

    What was taken once is not judged again: a code may have ended since.
    """
    message, result, begun = lodgement.message, "failed", time_ns()
    try:
        admission, report, laps = await offload(gateway, len(lodgement.body), _admit, lodgement, gateway.clock())
        message = admission.message
        acceptance = await _settle(gateway, msgspec.structs.replace(admission, body=lodgement.body), report)
        result = "replayed" if acceptance.replayed else "accepted"
        if gateway.tracer.on and not acceptance.replayed:
            _trace(gateway.tracer, admission, len(lodgement.body), begun, laps)
        return acceptance
    except (Refused, Conflict) as error:
        result = "refused" if isinstance(error, Refused) else "conflict"
        raise
    finally:
        gateway.metrics.lodged(message, format_of(lodgement.media), result)


async def _settle(gateway: Gateway, admission: Admission, report: Report) -> Acceptance:
    """Put an admission on record, or find that it is there already. Raises as `lodge`."""
    if any(issue.severity == ERROR for issue in report.issues):
        first = await gateway.store.repeated(admission)
        if first is None:
            raise Refused(report)
        return first
    acceptance = await gateway.store.accept(admission)
    if not acceptance.replayed:
        new = [each.delivery for each in admission.deliveries]
        gateway.doorbell.ring(each.agency for each in new if each.state == lifecycle.QUEUED)
    return msgspec.structs.replace(acceptance, issues=report.issues)


Laps = list[tuple[str, int]]  # stages, each with the time at which it ended


def _trace(tracer: Tracer, admission: Admission, size: int, begun: int, laps: Laps) -> None:
    """The spans of an acceptance. What is done elsewhere (in a thread, in a process) may have waited first."""
    facts: Facts = {
        "guichet.mrn": admission.mrn,
        "guichet.message": admission.message,
        "guichet.bytes": size,
        "guichet.agencies": [each.delivery.agency for each in admission.deliveries],
    }
    conversation_id, root = admission.conversation_id, root_of(admission.conversation_id)
    for (_, since), (stage, until) in pairwise([*laps, ("commit", time_ns())]):
        tracer.put(Span(name=stage, place=place_in(conversation_id), parent=root, begun=since, ended=until))
    tracer.put(Span(name="declaration", place=root, parent=None, begun=begun, facts=facts))


def _admit(gateway: Gateway, lodgement: Lodgement, now: datetime) -> tuple[Admission, Report, Laps]:
    """Without the body, which the gateway has, so that it need not come back from where this is done."""
    laps: Laps = [("begin", time_ns())]
    admission, report = admit(gateway, lodgement, now, laps)
    return msgspec.structs.replace(admission, body=b""), report, laps


def admit(gateway: Gateway, lodgement: Lodgement, now: datetime, laps: Laps) -> tuple[Admission, Report]:
    """All that an acceptance at this moment would write, and what lists and rules find in the declaration.

    Pure but for the ids it draws, and the times of its stages in `laps`. Raises Refused for what is no valid
    declaration.
    """
    parsed, plain = read_declaration(gateway, lodgement, now)
    laps.append(("read", time_ns()))
    report = gateway.checks.examine(parsed, lodgement.body, now.date(), gateway.settings.limits)
    laps.append(("check", time_ns()))
    routes = route(plain.document.Declaration, gateway.requirements, gateway.agencies, on=now.date())
    draw = BytesIO(gateway.random(RANDOM_OF_MRN + RANDOM_OF_DELIVERY * len(routes))).read  # one call of the system
    mrn = new_mrn(now, gateway.settings.country, draw)
    to_agencies = deliveries(gateway, plain, routes, mrn, tuple(new_delivery_id(now, draw) for _ in routes), now)
    laps.append(("route", time_ns()))
    document = write(parsed, "json")
    stage = gateway.stages.of(plain, now.date())
    admission = Admission(
        account_id=lodgement.account.id,
        idempotency_key=lodgement.idempotency_key,
        reference=reference_of(plain.document.Declaration),
        mrn=mrn,
        conversation_id=lodgement.conversation_id,
        message=parsed.message.key,
        media=lodgement.media,
        body=lodgement.body,
        body_digest=sha256(lodgement.body).hexdigest(),
        document=document,
        document_digest=sha256(document).hexdigest(),
        state=_opening(to_agencies, stage),
        accepted_at=stamp(now),
        deliveries=to_agencies,
        events=(),
        supplement_due=stage.due,
    )
    judged = _judged(gateway, now, report, stage)
    entries = _history(admission, f"{lodgement.account.role}:{lodgement.account.id}", routes, gateway.rules, judged)
    events = chain(audit.genesis(mrn), 1, admission.accepted_at, entries)
    laps.append(("write", time_ns()))
    return msgspec.structs.replace(admission, events=events), report


def _opening(to_agencies: tuple[Dispatch, ...], stage: Stage) -> str:
    """The state in which a case begins."""
    states = [each.delivery.state for each in to_agencies]
    return lifecycle.opening_state(states, goods_to_come=stage.before_arrival)


def _judged(gateway: Gateway, now: datetime, report: Report, stage: Stage) -> dict[str, object]:
    """What the tables in force say of a declaration, and which they were."""
    judged = {"as_of": now.date().isoformat(), "checks": gateway.checks.digest, "issues": report.total}
    return judged | stages.facts(stage)


def read_declaration(gateway: Gateway, lodgement: Lodgement, now: datetime) -> tuple[Parsed, Parsed]:
    """The declaration in a lodgement, and the same as a message type that can be lodged, which is what agencies know.

    They differ for a package that derives from one of LODGED: its extensions are kept, and go no further. Raises
    Refused, also for a valid message that is not a declaration, and for a package that is not in force.
    """
    return read_one_of(gateway, lodgement, now, LODGED, "message.not-lodged-here")


def read_one_of(
    gateway: Gateway, lodgement: Lodgement, now: datetime, keys: tuple[str, ...], rule: str
) -> tuple[Parsed, Parsed]:
    """A message as it is, and as that of the message types `keys` which it derives from. Raises Refused; by `rule`
    for a valid message of another type.
    """
    parsed = read(
        gateway.registry,
        lodgement.body,
        format_of(lodgement.media),
        message=lodgement.message,
        limits=gateway.settings.limits,
        days=Days(as_of=now.date()),
    )
    plain = base_form(gateway.registry, parsed)
    if plain.message.key not in keys:
        raise refused(issue(rule, value=parsed.message.key, expected=either(keys)))
    if not in_force(parsed.message, now.date()):
        raise none_in_force([parsed.message], now.date())
    return parsed, plain


def reference_of(declaration: msgspec.Struct) -> str | None:
    """The sender's own reference; a blank one is none."""
    return str(bare(declaration.FunctionalReferenceID) or "").strip() or None  # type: ignore[attr-defined]


def _history(
    admission: Admission, sender: str, routes: tuple[Route, ...], rules: str, judged: dict[str, object]
) -> Iterator[Entry]:
    """The first events of a case. They name rules and digests, so that all can be worked out again."""
    size = len(admission.body)
    yield Entry("received", sender, {"media": admission.media, "bytes": size, "digest": admission.body_digest})
    yield Entry("validated", GATEWAY, {"message": admission.message, "document": admission.document_digest, **judged})
    yield Entry("routed", GATEWAY, {"rules": rules, "agencies": [route_facts(each) for each in routes]})
    yield Entry("accepted", GATEWAY, {"mrn": admission.mrn, "conversation": admission.conversation_id})
    for dispatch in admission.deliveries:
        yield delivery_entry(dispatch)
    if admission.state in (lifecycle.READY, lifecycle.RELEASED):
        yield Entry(admission.state, GATEWAY, {"from": lifecycle.ACCEPTED, "reason": "routed, no intervention"})


# `offered` is what is told of a delivery that its agency comes to fetch.
_DELIVERY_EVENTS: Final = {lifecycle.QUEUED: "queued", lifecycle.AWAITING: "offered"}


def route_facts(each: Route) -> dict[str, object]:
    """What the history keeps of a route."""
    return {
        "agency": each.agency.code,
        "requirements": [row.id for row, _ in each.requirements],
        "items": list(each.items),
    }


def delivery_entry(dispatch: Dispatch) -> Entry:
    """The event that tells of a new delivery."""
    delivery = dispatch.delivery
    facts = {
        "delivery": delivery.id,
        "agency": delivery.agency,
        "due": delivery.due_at,
        "digest": sha256(dispatch.body).hexdigest(),
    }
    return Entry(_DELIVERY_EVENTS[delivery.state], GATEWAY, facts)
