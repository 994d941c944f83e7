"""The record that an appeal freezes: all that the decision rests on, and whether a copy of it still holds together.

Rule: every part is told of by an event with its digest, and the events are a chain. Reason: whoever knows the digest of
the last event, as the trader does from the answer to its appeal, can tell for itself that nothing in the record was
changed, left out or put in, with nothing but SHA-256 and JSON:
- the chain begins with the SHA-256 of the MRN, in lower-case hexadecimal;
- the `text` of an event is the JSON array `[digest before, seq, at, kind, actor, data]`, and its `digest` the SHA-256
  of that text (UTF-8) as it stands; see `gateway.audit`;
- `body` of a version, the request, the decision and the appeal are bytes (base64), and `digest` is their SHA-256. It is
  in the event `received`, `amendment` and its like, `queued` or `offered`, `decision`, and `appeal`, which is the last.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any, Final

import msgspec

from gateway import audit, lifecycle
from gateway.ports import Decision, Delivery, Event

FIRST: Final = 1  # the version that was lodged
RENEWING: Final = lifecycle.RENEWING  # the events by which another one came to count
_OFFERED: Final = ("queued", "offered")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as they came or went, with their digest."""

    media: str
    body: bytes
    digest: str


class VersionPart(Part, frozen=True, kw_only=True):
    """A version of the declaration. `rules` is the digest of requirements and agencies, `checks` that of code lists and
    rules that it was held to, as of a day.
    """

    number: int
    message: str
    rules: str | None = None
    checks: str | None = None
    as_of: str | None = None


class RequestPart(Part, frozen=True, kw_only=True):
    """The permit request that the agency saw; `requirements` are ids of rows of the requirements table."""

    delivery: str
    agency: str
    requirements: tuple[str, ...]
    items: tuple[int, ...]


class DecisionPart(Part, frozen=True, kw_only=True):
    """The decision. `rules` and `checks` are the tables that were in force when it was made; none where older than
    the version of the gateway that keeps them.
    """

    outcome: str
    at: str
    rules: str | None = None
    checks: str | None = None


class AppealPart(Part, frozen=True, kw_only=True):
    """The appeal itself."""

    number: int


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain, as the very text that its digest covers."""

    seq: int
    kind: str
    text: str
    digest: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision rests on, as it was when the appeal came. `head` is the digest of the last event."""

    mrn: str
    head: str
    versions: tuple[VersionPart, ...]
    request: RequestPart
    decision: DecisionPart
    appeal: AppealPart
    events: tuple[RecordedEvent, ...]


class Materials(msgspec.Struct, frozen=True, kw_only=True):
    """What the store has of it beside the case: versions by number (type, media, digest, bytes), and the request."""

    versions: dict[int, tuple[str, str, str, bytes]]
    request: bytes


def freeze(
    mrn: str,
    events: tuple[Event, ...],
    materials: Materials,
    delivery: Delivery,
    decision: Decision,
    appeal: AppealPart,
) -> Record:
    """The record of an appeal whose event is the last of these. Pure."""
    made = next(each.data for each in reversed(events) if _tells_of(each, delivery.id, decision.digest))
    return Record(
        mrn=mrn,
        head=events[-1].digest,
        versions=tuple(_version(number, *kept, events) for number, kept in sorted(materials.versions.items())),
        request=RequestPart(
            media=delivery.media,
            body=materials.request,
            digest=sha256(materials.request).hexdigest(),
            delivery=delivery.id,
            agency=delivery.agency,
            requirements=delivery.requirements,
            items=delivery.items,
        ),
        decision=DecisionPart(
            media="application/json",
            body=decision.document,
            digest=decision.digest,
            outcome=decision.outcome,
            at=decision.at,
            rules=made.get("rules"),
            checks=made.get("checks"),
        ),
        appeal=appeal,
        events=tuple(_recorded(mrn, events)),
    )


def _tells_of(event: Event, delivery_id: str, digest: str) -> bool:
    data = event.data
    return event.kind == "decision" and (data.get("delivery"), data.get("digest")) == (delivery_id, digest)


def _version(number: int, message: str, media: str, digest: str, body: bytes, events: Iterable[Event]) -> VersionPart:
    """The events of a version's intake name the tables: three of the first, one of each later one."""
    told: dict[str, Any] = {}
    for event in events:
        first = event.kind in ("received", "validated", "routed")
        renewed = event.kind in RENEWING and event.data["version"] == number
        if (number == FIRST and first) or renewed:
            told |= event.data
    return VersionPart(
        media=media,
        body=body,
        digest=digest,
        number=number,
        message=message,
        rules=told.get("rules"),
        checks=told.get("checks"),
        as_of=told.get("as_of"),
    )


def _recorded(mrn: str, events: Iterable[Event]) -> Iterator[RecordedEvent]:
    before = audit.genesis(mrn)
    for each in events:
        text = audit.covered(before, each.seq, each.at, each.kind, each.actor, each.data)
        yield RecordedEvent(seq=each.seq, kind=each.kind, text=text.decode(), digest=each.digest)
        before = each.digest


# From here on: whether a copy holds together.


def verify(record: Record) -> list[str]:
    """All that does not match in a record, a line each; none where it holds. Pure."""
    faults = list(_chain_faults(record))
    told = [(each.kind, _data(each)) for each in record.events]
    for where, part in _parts(record):
        if sha256(part.body).hexdigest() != part.digest:
            faults.append(f"{where}: its bytes do not have the digest {part.digest}")
    faults += _untold(record, told)
    return faults


def _chain_faults(record: Record) -> Iterator[str]:
    before = audit.genesis(record.mrn)
    for seq, each in enumerate(record.events, audit.FIRST_SEQ):
        covered = _covered(each)
        if sha256(each.text.encode()).hexdigest() != each.digest:
            yield f"event {seq}: its text does not have the digest {each.digest}"
        if covered[:2] != [before, seq] or each.seq != seq:
            yield f"event {seq}: it does not follow the one before it"
        if len(covered) > 3 and covered[3] != each.kind:
            yield f"event {seq}: it is {covered[3]}, and not {each.kind}"
        before = each.digest
    if record.head != before:
        yield f"head: it is not the digest of the last event, which is {before}"


def _parts(record: Record) -> Iterator[tuple[str, Part]]:
    for version in record.versions:
        yield f"version {version.number}", version
    yield from (("request", record.request), ("decision", record.decision), ("appeal", record.appeal))


def _untold(record: Record, told: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Parts that no event tells of as they are, and versions that are told of and not there."""
    request, decision, appeal = record.request, record.decision, record.appeal

    def tells(where: str, fits: Callable[[str, dict[str, Any]], bool]) -> Iterator[str]:
        if not any(fits(kind, data) for kind, data in told):
            yield f"{where}: no event tells of it as it is here"

    numbers = {FIRST, *(data["version"] for kind, data in told if kind in RENEWING and "version" in data)}
    if numbers != {each.number for each in record.versions}:
        yield f"versions: the events tell of {_listed(numbers)}"
    for each in record.versions:
        yield from tells(f"version {each.number}", partial(_is_version, each))
    wanted = {"delivery": request.delivery, "agency": request.agency}
    yield from tells("request", lambda kind, data: kind in _OFFERED and _has(data, digest=request.digest, **wanted))
    made = {"digest": decision.digest, "outcome": decision.outcome, **wanted}
    tables = {name: value for name in ("rules", "checks") if (value := getattr(decision, name)) is not None}
    yield from tells("decision", lambda kind, data: kind == "decision" and _has(data, **made, **tables))
    named = {"digest": appeal.digest, "appeal": appeal.number, "decision": decision.digest, **wanted}
    kind, data = told[-1] if told else ("", {})
    if kind != lifecycle.APPEAL or not _has(data, **named):
        yield "appeal: the last event does not tell of it as it is here"


def _is_version(version: VersionPart, kind: str, data: dict[str, Any]) -> bool:
    if version.number == FIRST:
        return kind == "received" and _has(data, digest=version.digest)
    tables = {"rules": version.rules, "checks": version.checks, "as_of": version.as_of}
    told = {"version": version.number, "digest": version.digest, "message": version.message}
    return kind in RENEWING and _has(data, **told, **tables)


def _has(data: dict[str, Any], **wanted: Any) -> bool:
    return all(data.get(name) == value for name, value in wanted.items())


def _covered(event: RecordedEvent) -> list[Any]:
    """What the text of an event says; nothing where it is not what it should be."""
    try:
        return msgspec.json.decode(event.text, type=list[Any])
    except msgspec.DecodeError:
        return []


def _data(event: RecordedEvent) -> dict[str, Any]:
    data = _covered(event)[5:6]
    return data[0] if data and isinstance(data[0], dict) else {}


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
