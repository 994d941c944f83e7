"""A lodgement becomes a case: read it, route it, write everything in one commit, and only then answer.

What was answered with an acceptance survives a crash, with every delivery that follows from it; what was not answered
was not taken. The same document again, under the same key or reference, gets the first answer, in whichever format.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from time import time_ns
from typing import Final, NamedTuple, TypeVar

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
from gateway.attachments.documents import Document, Gone
from gateway.attachments.references import Reference, Wanted, faults, may_refer, references, uses
from gateway.cases import GATEWAY, Entry, chain
from gateway.clock import stamp
from gateway.conflicts import Conflict
from gateway.identifiers import RANDOM_OF_DELIVERY, RANDOM_OF_MRN, new_delivery_id, new_mrn
from gateway.mandates.authority import Authority, Filing, authorise
from gateway.mandates.roll import EMPTY, Roll
from gateway.media import format_of
from gateway.offload import offload
from gateway.permit_requests import deliveries
from gateway.ports import Acceptance, Account, Admission, Dispatch
from gateway.routing import Route, route
from gateway.service import Gateway
from gateway.traces.span import Facts, Span, place_in, root_of
from gateway.traces.tracer import Tracer

T = TypeVar("T")
Laps = list[tuple[str, int]]  # stages, each with the time at which it ended

# The message types that can be lodged. Every agency's projection is made of each of them when the gateway starts.
LODGED: Final = ("wco-dms/3.6/DEC",)
KEY: Final = "Idempotency-Key"


class Lodgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender hands in. `media` is a media type; `message` a key, where the document alone could be several.

    `documents` are those of its account that it refers to, by id; None before it is known which these are.
    `actor` is who acts for the account, as the history names it; where nobody is named it is the account.

    A test may be held to the rules of the day `as_of`, and its agencies act as in a `scenario`.
    """

    account: Account
    body: bytes
    media: str
    conversation_id: str
    message: str | None = None
    idempotency_key: str | None = None
    documents: Mapping[str, Document] | None = None
    actor: str = ""

    @property
    def sender(self) -> str:
        """Who sends it, as the history names it."""
        return self.actor or f"{self.account.role}:{self.account.id}"

    as_of: date | None = None
    scenario: str | None = None

    def day(self, now: datetime) -> date:
        """Whose lists, rules and requirements it is held to."""
        return self.as_of or now.date()


async def lodge(gateway: Gateway, lodgement: Lodgement) -> Acceptance:
    """Take a declaration. Raises Refused with all that is wrong with it, and Conflict.

    What was taken once is not judged again: a code may have ended since.
    """
    message, result, begun = lodgement.message, "failed", time_ns()
    try:
        try:
            while True:
                read_now = partial(_read_apart, gateway, gateway.clock(), await gateway.rolls.current())
                admission, report, laps = await knowing(gateway, lodgement, read_now)
                message = admission.message
                with suppress(Gone):  # a document ended after it was looked for: it is looked for again
                    acceptance = await _settle(gateway, msgspec.structs.replace(admission, body=lodgement.body), report)
                    break
        except Refused:
            first = await _taken_before(gateway, lodgement)
            if first is None:
                raise
            acceptance = first
        result = "replayed" if acceptance.replayed else "accepted"
        if gateway.tracer.on and not acceptance.replayed:
            _trace(gateway.tracer, admission, len(lodgement.body), begun, laps)
        return acceptance
    except (Refused, Conflict) as error:
        result = "refused" if isinstance(error, Refused) else "conflict"
        raise
    finally:
        if not lodgement.account.test:
            gateway.metrics.lodged(message, format_of(lodgement.media), result)


async def knowing(gateway: Gateway, lodgement: Lodgement, work: Callable[[Lodgement], Awaitable[T]]) -> T:
    """What `work` makes of a lodgement, with the documents that it refers to, which only reading it tells."""
    try:
        return await work(lodgement)
    except Wanted as wanted:
        known = await gateway.store.documents_named(lodgement.account.id, wanted.ids)
        return await work(msgspec.structs.replace(lodgement, documents=known))


async def _read_apart(
    gateway: Gateway, now: datetime, roll: Roll, lodgement: Lodgement
) -> tuple[Admission, Report, Laps]:
    return await offload(gateway, len(lodgement.body), _admit, lodgement, now, roll)


async def _taken_before(gateway: Gateway, lodgement: Lodgement) -> Acceptance | None:
    """The first answer to these very bytes under this key, though they are taken no more: a package has ended since, or
    a ceiling was lowered. None where they never were.

    It is not told of the refusal: a frame that holds an error which passed through it keeps the body from being freed.
    """
    key = lodgement.idempotency_key
    use = None if key is None else await gateway.store.under_key(lodgement.account.id, key)
    if use is None or use.act is not None or use.body_digest != sha256(lodgement.body).hexdigest():
        return None
    return Acceptance(
        mrn=use.mrn,
        conversation_id=use.conversation_id,
        digest=use.body_digest,
        accepted_at=use.accepted_at,
        replayed=True,
    )


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
        gateway.doorbell.ring(each.desk for each in new if each.state == lifecycle.QUEUED)
    return msgspec.structs.replace(acceptance, issues=report.issues)


Admitted = tuple[Admission, Report]


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


def _admit(gateway: Gateway, lodgement: Lodgement, now: datetime, roll: Roll) -> tuple[Admission, Report, Laps]:
    """Without the body, which the gateway has, so that it need not come back from where this is done."""
    laps: Laps = [("begin", time_ns())]
    admission, report = admit(gateway, lodgement, now, laps, roll)
    return msgspec.structs.replace(admission, body=b""), report, laps


def admit(gateway: Gateway, lodgement: Lodgement, now: datetime, laps: Laps, roll: Roll = EMPTY) -> Admitted:
    """All that an acceptance at this moment would write, and what lists, rules and mandates find in the declaration.

    Pure but for its ids, and the times of its stages in `laps`. Raises Refused for no valid declaration, and Wanted.
    """
    parsed, plain, document, named, authority, report = _found(gateway, lodgement, now, laps, roll)
    day = lodgement.day(now)
    routes, stage = _routes(gateway, plain, authority, day), gateway.stages.of(plain, day)
    mrn, to_agencies = _numbered(gateway, plain, routes, now, lodgement)
    laps.append(("route", time_ns()))
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
        state=_opening(to_agencies, authority, stage),
        accepted_at=stamp(now),
        deliveries=to_agencies,
        events=(),
        uses=uses(named, {each.delivery.id: each.documents for each in to_agencies}),
        telling=gateway.scenarios.telling(lodgement.scenario),
        declared_for=authority.declared_for,
        supplement_due=stage.due,
    )
    judged = {"as_of": day.isoformat(), "checks": gateway.checks.digest, "issues": report.total}
    entries = _history(admission, lodgement, routes, gateway.rules, judged | stages.facts(stage), authority)
    events = chain(audit.genesis(mrn), 1, admission.accepted_at, entries)
    laps.append(("write", time_ns()))
    return msgspec.structs.replace(admission, events=events), report


class _Found(NamedTuple):
    """A declaration that was read, as it is and as agencies know it; its documents, and what was found."""

    parsed: Parsed
    plain: Parsed
    document: bytes
    named: tuple[Reference, ...]
    authority: Authority
    report: Report


def _found(gateway: Gateway, lodgement: Lodgement, now: datetime, laps: Laps, roll: Roll) -> _Found:
    """Raises as `admit`."""
    parsed, plain = read_declaration(gateway, lodgement, now)
    laps.append(("read", time_ns()))
    document = write(parsed, "json")
    named = references(plain.document.Declaration) if may_refer(document) else ()
    authority = authorise(gateway, roll, lodgement.account, Filing(parsed, plain, lodgement.body), now)
    report = _judged(gateway, parsed, named, lodgement, lodgement.day(now))
    laps.append(("check", time_ns()))
    report = authority.over(report, gateway.settings.limits.max_issues)
    return _Found(parsed, plain, document, named, authority, report)


def _opening(to_agencies: tuple[Dispatch, ...], authority: Authority, stage: Stage) -> str:
    """The state in which a case begins."""
    states = [each.delivery.state for each in to_agencies]
    return lifecycle.opening_state(states, waits=authority.waits, goods_to_come=stage.before_arrival)


def _judged(gateway: Gateway, parsed: Parsed, named: tuple[Reference, ...], lodgement: Lodgement, day: date) -> Report:
    """What lists and rules find in a declaration, and what is wrong with its references. Raises Wanted."""
    others, limits = faults(named, lodgement.documents, gateway.settings.documents), gateway.settings.limits
    return gateway.checks.examine(parsed, lodgement.body, day, limits, others)


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
        days=Days(as_of=lodgement.day(now)),
    )
    plain = base_form(gateway.registry, parsed)
    if plain.message.key not in keys:
        raise refused(issue(rule, value=parsed.message.key, expected=either(keys)))
    if not in_force(parsed.message, lodgement.day(now)):
        raise none_in_force([parsed.message], lodgement.day(now))
    return parsed, plain


def reference_of(declaration: msgspec.Struct) -> str | None:
    """The sender's own reference; a blank one is none."""
    return str(bare(declaration.FunctionalReferenceID) or "").strip() or None  # type: ignore[attr-defined]


def _numbered(
    gateway: Gateway, plain: Parsed, routes: tuple[Route, ...], now: datetime, lodgement: Lodgement
) -> tuple[str, tuple[Dispatch, ...]]:
    """An MRN, and the deliveries of its case with ids of theirs."""
    draw = BytesIO(gateway.random(RANDOM_OF_MRN + RANDOM_OF_DELIVERY * len(routes))).read  # one call of the system
    mrn = new_mrn(now, gateway.settings.country, draw, lodgement.account.test)
    ids = tuple(new_delivery_id(now, draw) for _ in routes)
    return mrn, deliveries(gateway, plain, routes, mrn, ids, now, lodgement.documents or {})


def _routes(gateway: Gateway, plain: Parsed, authority: Authority, day: date) -> tuple[Route, ...]:
    """What has to be confirmed is routed then, by the rules of that day."""
    if authority.waits:
        return ()
    return route(plain.document.Declaration, gateway.requirements, gateway.agencies, on=day)


def _history(
    admission: Admission,
    sent: Lodgement,
    routes: tuple[Route, ...],
    rules: str,
    judged: dict[str, object],
    authority: Authority,
) -> Iterator[Entry]:
    """The first events of a case. They name rules and digests, so that all can be worked out again."""
    size = len(admission.body)
    yield Entry("received", sent.sender, {"media": admission.media, "bytes": size, "digest": admission.body_digest})
    yield Entry("validated", GATEWAY, {"message": admission.message, "document": admission.document_digest, **judged})
    yield from authority.entries
    if not authority.waits:
        yield Entry("routed", GATEWAY, {"rules": rules, "agencies": [route_facts(each) for each in routes]})
    told = {"mrn": admission.mrn, "conversation": admission.conversation_id, **played(sent)}
    yield Entry("accepted", GATEWAY, told)
    for dispatch in admission.deliveries:
        yield delivery_entry(dispatch)
    if admission.state in (lifecycle.READY, lifecycle.RELEASED):
        yield Entry(admission.state, GATEWAY, {"from": lifecycle.ACCEPTED, "reason": "routed, no intervention"})
    if authority.waits:
        yield Entry(lifecycle.AWAITING_CONFIRMATION, GATEWAY, {"from": lifecycle.ACCEPTED})


def played(sent: Lodgement) -> dict[str, str]:
    """What the history keeps of how the agencies of a test are to act."""
    return {"scenario": sent.scenario} if sent.scenario else {}


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
