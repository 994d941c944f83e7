"""A trader appeals against a decision: what it rests on is frozen, in one commit with the event that says so.

Legal against the last decision on a delivery that counts, where that is a refusal, or a grant with findings, which are
its conditions; within the days that the agency's profile gives. There is one appeal at most against a decision: the
same document again is answered as the first time, in whichever format, and another one is a conflict.
"""

from datetime import datetime
from typing import Final

import msgspec

from datamodel.codecs import read
from datamodel.issues import Issue, Refused
from datamodel.wording import issue, refused
from gateway import decisions, lifecycle
from gateway.acts import common
from gateway.acts.appeals import NewAppeal
from gateway.acts.common import Notice, Unchanged, always
from gateway.acts.once import perform
from gateway.acts.record import FIRST, RENEWING, AppealPart, Materials, freeze
from gateway.cases import Entry, live, plan
from gateway.clock import later, moment, stamp
from gateway.conflicts import Conflict
from gateway.intake import Lodgement
from gateway.media import format_of
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Decision, Delivery, Event
from gateway.requirements import DAYS_APPEAL
from gateway.service import Gateway

MESSAGE: Final = "guichet/1/Appeal"
_PLACE: Final = "/Appeal/DeliveryID"
_DAY: Final = 24 * 3600.0


class Appealed(msgspec.Struct, frozen=True, kw_only=True):
    """The appeal is on record, as number `appeal` of the case. `digest` is of its bytes as they came; `head` is the
    digest of the event that tells of it, which the frozen record can be held against; `replayed` says that it had been
    taken before. `issues` are warnings and advice on it.
    """

    mrn: str
    conversation_id: str
    digest: str
    appeal: int
    delivery: str
    agency: str
    lodged_at: str
    head: str
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


class _Said(msgspec.Struct, frozen=True, rename={"delivery_id": "DeliveryID"}):
    delivery_id: str


class _Envelope(msgspec.Struct, frozen=True, rename={"appeal": "Appeal"}):
    appeal: _Said


_DECODER: Final = msgspec.json.Decoder(_Envelope)


async def lodge_appeal(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Appealed:
    """Appeal against a decision on a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Conflict, Stale, and IllegalAct.
    """
    now, find = gateway.clock(), common.finder(gateway, mrn, lodgement.account.id)
    notice = await offload(gateway, len(lodgement.body), _read, lodgement, now)
    delivery_id = _DECODER.decode(notice.document).appeal.delivery_id
    kept: dict[int, Materials] = {}  # by version of the case

    async def find_and_look() -> CaseFile:
        file = await find()
        kept[file.case.version] = await _materials(gateway, file, delivery_id)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Appealed]:
        delivery, decision = _decided(file, delivery_id)
        earlier = _against(file, delivery.id, decision.digest)
        if earlier is not None:
            return None, _again(mrn, earlier, notice)
        common.check_legal(lifecycle.APPEAL, file, notice, unchanged)
        _check(gateway, decision, now)
        return _appeal(file, delivery, decision, kept[file.case.version], notice, lodgement, stamp(now))

    return await perform(gateway, lifecycle.APPEAL, lodgement, notice, find_and_look, step, Appealed)


def _read(gateway: Gateway, lodgement: Lodgement, now: datetime) -> Notice:
    """Raises Refused for what is no valid appeal."""
    form, limits = format_of(lodgement.media), gateway.settings.limits
    parsed = read(gateway.registry, lodgement.body, form, message=MESSAGE, limits=limits)
    return common.noticed(gateway, parsed, lodgement, now)


async def _materials(gateway: Gateway, file: CaseFile, delivery_id: str) -> Materials:
    """What the record needs of the store beside the case; nothing for a delivery that is not of the case."""
    desk = next((each.desk for each in file.deliveries if each.id == delivery_id), "")
    sent = await gateway.store.fetch(desk, delivery_id)
    if sent is None:
        return Materials(versions={}, request=b"")
    store, first = gateway.store, await gateway.store.message(file.case.id)
    versions = {FIRST: (file.case.message, first.media, first.digest, first.body)}
    for event in file.events:
        if event.kind in RENEWING:
            number = event.data["version"]
            later_one = await store.additional(file.case.id, event.kind, number)
            if later_one is None:
                raise LookupError(f"case {file.case.mrn} has no version {number}")
            versions[number] = (later_one.message, later_one.media, later_one.digest, later_one.body)
    return Materials(versions=versions, request=sent.body)


def _decided(file: CaseFile, delivery_id: str) -> tuple[Delivery, Decision]:
    """The delivery and its last decision. Raises Refused where there is none that an appeal could be against."""
    delivery = next((each for each in live(file) if each.id == delivery_id), None)
    if delivery is None:
        decided = ", ".join(each.id for each in live(file) if each.state in lifecycle.DECIDED)
        raise _unfit("appeal.unknown-delivery", delivery_id, decided)
    made = [each for each in file.decisions if each.delivery_id == delivery_id]
    if not made or delivery.state not in lifecycle.DECIDED or not _burdens(made[-1]):
        raise _unfit("appeal.nothing-decided", delivery.state, lifecycle.REFUSED)
    return delivery, made[-1]


def _burdens(decision: Decision) -> bool:
    """Whether a decision is one that a trader may want to be rid of: a refusal, or a grant with conditions."""
    answer = decisions.from_document(decision.document)
    return decision.outcome == lifecycle.REFUSED or bool(answer.findings)


def _check(gateway: Gateway, decision: Decision, now: datetime) -> None:
    """Raises Refused where the days for an appeal are over."""
    agency = gateway.agencies.get(decision.agency)
    days = DAYS_APPEAL if agency is None else agency.days_appeal
    until = later(moment(decision.at), days * _DAY)
    if stamp(now) > until:
        raise _unfit("appeal.late", stamp(now), until)


def _unfit(rule: str, value: str, expected: str) -> Refused:
    return refused(issue(rule, xpath=_PLACE, json_pointer=_PLACE, value=value, expected=expected or common.ABSENT))


def _against(file: CaseFile, delivery_id: str, digest: str) -> Event | None:
    """The event of the appeal against that decision, if there was one."""
    for event in file.events:
        if event.kind == lifecycle.APPEAL and (event.data["delivery"], event.data["decision"]) == (delivery_id, digest):
            return event
    return None


def _again(mrn: str, earlier: Event, notice: Notice) -> Appealed:
    """The answer of the first time. Raises Conflict where that was to another document."""
    if earlier.data["document"] != notice.facts["document"]:
        raise Conflict("Appeal/DeliveryID", mrn, earlier.data["digest"], notice.facts["digest"])
    return _answer(mrn, earlier, notice, replayed=True)


def _appeal(
    file: CaseFile,
    delivery: Delivery,
    decision: Decision,
    materials: Materials,
    notice: Notice,
    lodgement: Lodgement,
    at: str,
) -> tuple[CaseChange, Appealed]:
    """The change that puts an appeal on record."""
    number = 1 + sum(event.kind == lifecycle.APPEAL for event in file.events)
    named = {"appeal": number, "delivery": delivery.id, "agency": delivery.agency, "decision": decision.digest}
    planned = plan(file, at, (), (Entry(lifecycle.APPEAL, common.sender(lodgement), {**notice.facts, **named}),))
    message = {"media": lodgement.media, "body": lodgement.body, "digest": notice.facts["digest"]}
    own, events = AppealPart(number=number, **message), (*file.events, *planned.events)
    appeal = NewAppeal(
        **message,
        number=number,
        delivery_id=delivery.id,
        desk=delivery.desk,
        document=notice.document,
        record=msgspec.json.encode(freeze(file.case.mrn, events, materials, delivery, decision, own)),
    )
    answer = _answer(file.case.mrn, planned.events[0], notice, replayed=False)
    return msgspec.structs.replace(planned, appeal=appeal), answer


def _answer(mrn: str, event: Event, notice: Notice, *, replayed: bool) -> Appealed:
    told = event.data
    return Appealed(
        mrn=mrn,
        conversation_id=told["conversation"],
        digest=told["digest"],
        appeal=told["appeal"],
        delivery=told["delivery"],
        agency=told["agency"],
        lodged_at=event.at,
        head=event.digest,
        replayed=replayed,
        issues=notice.report.issues,
    )
