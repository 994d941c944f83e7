"""A trader amends a declaration: the whole of it again, under the same reference, becomes its next version.

Rule: an agency is asked again when what it would be shown differs from what it was shown, and then what it had decided
counts no more; all others keep their deliveries and decisions. Reason: a decision is on what its agency saw, and nobody
should have to decide twice on the same.

Legal until the case is released, refused, declined or invalidated. One that has to be confirmed asks no agency anything
before that. The bytes of every version are kept. The same document as the version that counts is answered as when that
was taken, in whichever format. Agencies whose deliveries count no more are told, in the same commit. Supplements become
the next version by the same rule; see `supplement`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final, NamedTuple

import msgspec

from datamodel.codecs import Parsed, read, write
from datamodel.issues import Issue
from datamodel.structs import bare
from gateway import lifecycle, permit_requests
from gateway.acts import common, stages
from gateway.acts.common import Notice, Unchanged, always
from gateway.acts.once import perform
from gateway.attachments.documents import Document, Gone
from gateway.attachments.references import Reference, faults, references, uses
from gateway.cases import GATEWAY, Entry, Stale, live, plan, rolled_up, version_of
from gateway.clock import stamp
from gateway.identifiers import RANDOM_OF_DELIVERY, new_delivery_id
from gateway.intake import Lodgement, delivery_entry, knowing, read_declaration, reference_of, route_facts
from gateway.mandates.authority import Authority, Filing, authorise
from gateway.mandates.roll import Roll
from gateway.mandates.standing import principal_of
from gateway.media import format_of
from gateway.notices import messages
from gateway.notices.records import NewNotice
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Delivery, DeliveryChange, Dispatch
from gateway.routing import route
from gateway.service import Gateway

ACT: Final = lifecycle.AMENDMENT
# What two requests differ in though they ask the same: which documents they list follows from the declaration.
_OF_THE_DELIVERY: Final = ("DeliveryID", "IssueDateTime", "DueDateTime", "Document")
# What a version has to have anew by what it is, and no agency decided on.
_ANEW: Final[Mapping[str, tuple[str, ...]]] = {
    lifecycle.AMENDMENT: (),
    lifecycle.SUPPLEMENT: ("TypeCode", "FunctionalReferenceID"),
}
_SHOWN: Final = "od:Declaration"
_EXACT: Final = msgspec.json.Decoder(float_hook=str)  # 1.0 and 1.00 are not the same to an agency
Requests = tuple[tuple[Dispatch, str], ...]


class Amended(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration is amended. `version` is its number, that of the lodged one being 1; `digest` is of its bytes as
    they came; `asked` are the agencies that are asked anew; `replayed` says that this version had been taken before.
    `issues` are warnings and advice on it.
    """

    mrn: str
    conversation_id: str
    digest: str
    version: int
    amended_at: str
    asked: tuple[str, ...] = ()
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """A new version that has been read: by what right it was sent, and what each agency would be sent, with what that
    asks, as a digest.
    """

    notice: Notice
    authority: Authority
    dispatches: Requests
    cited: tuple[Reference, ...]


async def amend(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Amended:
    """Amend a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Conflict, Stale, and IllegalAct.
    """
    now, find = gateway.clock(), common.finder(gateway, mrn, lodgement.account.id)
    roll, before = await gateway.rolls.current(), await find()
    held_for, reference = principal_of(before), before.case.reference

    async def read_apart(known: Lodgement) -> Amendment:
        return await offload(gateway, len(known.body), _read, mrn, reference, held_for, known, roll, now)

    amendment = await knowing(gateway, lodgement, read_apart)
    shown: dict[str, str] = {}  # what deliveries ask, by id
    told: list[NewNotice] = []

    async def find_and_look() -> CaseFile:
        file = await find()
        await look(gateway, file, shown, lifecycle.AMENDMENT)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Amended]:
        again = _again(file, amendment.notice)
        if again is not None:
            return None, again
        common.check_legal(lifecycle.AMENDMENT, file, amendment.notice, unchanged)
        if principal_of(file) != held_for:  # another amendment was quicker, and it is for somebody
            raise Stale(mrn, file.case.version)
        planned = renew(ACT, file, amendment, shown, lodgement, stamp(now))
        told[:] = notices(gateway, file, planned)
        planned = msgspec.structs.replace(planned, notices=tuple(told))
        return planned, _amended(planned, file, amendment, lodgement)

    try:
        amended = await perform(gateway, ACT, lodgement, amendment.notice, find_and_look, step, Amended)
    except Gone:  # a document ended after it was looked for: that is found when it is looked for again
        return await amend(gateway, mrn, lodgement, unchanged)
    gateway.doorbell.ring(amended.asked)
    messages.ring(gateway, told)
    return amended


def notices(gateway: Gateway, file: CaseFile, planned: CaseChange) -> tuple[NewNotice, ...]:
    """What agencies are told whose deliveries count no more, because another version counts."""
    moved, added = {each.id for each in planned.deliveries}, [each.delivery for each in planned.added]
    old = [each for each in file.deliveries if each.id in moved]
    return messages.amended(gateway, file, old, added, planned.updated_at)


def _read(
    gateway: Gateway,
    mrn: str,
    reference: str | None,
    held_for: int | None,
    lodgement: Lodgement,
    roll: Roll,
    now: datetime,
) -> Amendment:
    """Raises Refused for what is no valid version of this declaration."""
    parsed, plain = read_declaration(gateway, lodgement, now)
    declaration, limits = plain.document.Declaration, gateway.settings.limits
    named, own = str(bare(declaration.ID) or "").strip() or mrn, reference_of(declaration)
    if named != mrn:
        raise common.misnamed("act.other-declaration", named, mrn, parsed, common.ID, lodgement.body, limits)
    if own != reference:
        raise common.misnamed("act.other-reference", own, reference, parsed, common.REFERENCE, lodgement.body, limits)
    filing = Filing(parsed, plain, lodgement.body, held_for)
    return judge(gateway, lifecycle.AMENDMENT, mrn, filing, lodgement, roll, now)


def judge(
    gateway: Gateway, act: str, mrn: str, filing: Filing, lodgement: Lodgement, roll: Roll, now: datetime
) -> Amendment:
    """What a version that has been read would be, were it to count from now on. Raises Wanted."""
    plain, known, limits = filing.plain, lodgement.documents, gateway.settings.limits
    cited = references(plain.document.Declaration)
    notice = common.noticed(gateway, filing.parsed, lodgement, now, faults(cited, known, gateway.settings.documents))
    authority = authorise(gateway, roll, lodgement.account, filing, now)
    notice = msgspec.structs.replace(notice, report=authority.over(notice.report, limits.max_issues))
    notice.facts.update(stages.facts(gateway.stages.of(plain, lodgement.day(now))))
    if authority.waits:
        return Amendment(notice=notice, authority=authority, dispatches=(), cited=cited)
    dispatches, facts = requests(gateway, plain, mrn, (now, lodgement.day(now)), known or {}, act)
    notice.facts.update(facts)
    return Amendment(notice=notice, authority=authority, dispatches=dispatches, cited=cited)


Moment = tuple[datetime, date]  # what time it is, and the day whose rules hold


def requests(
    gateway: Gateway, plain: Parsed, mrn: str, at: Moment, known: Mapping[str, Document], act: str
) -> tuple[Requests, dict[str, Any]]:
    """What each agency would be sent of a declaration now, with what that asks; and what the history keeps of it.

    `known` are the documents that it refers to, `act` is that by which it comes to count.
    """
    now, day = at
    declaration = plain.document.Declaration
    routes = route(declaration, gateway.requirements, gateway.agencies, on=day)
    draw = BytesIO(gateway.random(RANDOM_OF_DELIVERY * len(routes))).read
    ids = tuple(new_delivery_id(now, draw) for _ in routes)
    made = permit_requests.deliveries(gateway, plain, routes, mrn, ids, now, known)
    facts = {"rules": gateway.rules, "agencies": [route_facts(each) for each in routes]}
    return tuple((each, _asked(gateway, each, act)) for each in made), facts


async def look(gateway: Gateway, file: CaseFile, shown: dict[str, str], act: str) -> None:
    """Find out what each delivery that counts asks, by that act, where that is not in `shown` yet."""
    for each in live(file):
        if each.id not in shown:
            shown[each.id] = await _asked_by(gateway, each, act)


async def _asked_by(gateway: Gateway, delivery: Delivery, act: str) -> str:
    sent = await gateway.store.fetch(delivery.desk, delivery.id)
    if sent is None:
        raise LookupError(f"delivery {delivery.id} has no message")
    return await offload(gateway, len(sent.body), _asked, sent, act)


def _asked(gateway: Gateway, sent: Dispatch, act: str) -> str:
    """What a request asks and shows, as a digest: the same in either format, and whichever delivery carries it."""
    document, form = sent.body, format_of(sent.delivery.media)
    if form != "json":
        message, limits = permit_requests.MESSAGE, gateway.settings.limits
        document = write(read(gateway.registry, document, form, message=message, limits=limits), "json")
    request: dict[str, Any] = _EXACT.decode(document)["PermitRequest"]
    asks = {name: value for name, value in request.items() if name not in _OF_THE_DELIVERY}
    asks[_SHOWN] = {name: value for name, value in request[_SHOWN].items() if name not in _ANEW[act]}
    return sha256(msgspec.json.encode(asks, order="sorted")).hexdigest()


def _again(file: CaseFile, notice: Notice) -> Amended | None:
    """The answer to a document that is the version that counts already."""
    counts = version_of(file)
    if counts.document != notice.facts["document"]:
        return None
    return Amended(
        mrn=file.case.mrn,
        conversation_id=counts.conversation_id,
        digest=counts.digest,
        version=counts.number,
        amended_at=counts.at,
        replayed=True,
        issues=notice.report.issues,
    )


def _amended(planned: CaseChange, file: CaseFile, amendment: Amendment, lodgement: Lodgement) -> Amended:
    """The answer to a document that comes to count now."""
    return Amended(
        mrn=file.case.mrn,
        conversation_id=lodgement.conversation_id,
        digest=amendment.notice.facts["digest"],
        version=version_of(file).number + 1,
        amended_at=planned.updated_at,
        asked=tuple(each.delivery.agency for each in planned.added),
        issues=amendment.notice.report.issues,
    )


class Anew(NamedTuple):
    """What becomes of deliveries when another version counts: those that move, those that are added, and the events."""

    moves: Sequence[DeliveryChange] = ()
    entries: Sequence[Entry] = ()
    added: Sequence[Dispatch] = ()


def ask_anew(file: CaseFile, dispatches: Requests, shown: Mapping[str, str]) -> Anew:
    """Only agencies for which something changed are asked again."""
    before = {each.agency: each for each in live(file)}
    stay = {
        each.delivery.agency
        for each, asks in dispatches
        if each.delivery.agency in before and shown[before[each.delivery.agency].id] == asks
    }
    added = [each for each, _ in dispatches if each.delivery.agency not in stay]
    old = [each for each in before.values() if each.agency not in stay]
    superseded = lifecycle.SUPERSEDED
    moves = [
        DeliveryChange(
            id=each.id, state=lifecycle.next_delivery_state(each.state, superseded), decided_at=each.decided_at
        )
        for each in old
    ]
    told = (Entry(superseded, GATEWAY, {"delivery": each.id, "agency": each.agency}) for each in old)
    return Anew(moves, [*told, *map(delivery_entry, added)], added)


def renew(
    act: str, file: CaseFile, amendment: Amendment, shown: Mapping[str, str], lodgement: Lodgement, at: str
) -> CaseChange:
    """The change by which the next version of a declaration comes to count.

    One that has to be confirmed leaves deliveries as they are: what the version before asked stays asked until then.
    After release nobody is asked any more, and there is nothing to confirm.
    """
    released = file.case.state == lifecycle.RELEASED
    notice, number = amendment.notice, version_of(file).number + 1
    authority = amendment.authority.settled() if released else amendment.authority
    waits, anew = lifecycle.AWAITING_CONFIRMATION, Anew()
    if not authority.waits:
        anew = Anew() if released else ask_anew(file, amendment.dispatches, shown)
    elif file.case.state == waits:  # it is said again, because it is another version that waits
        anew = Anew(entries=(Entry(waits, GATEWAY, {"from": waits}),))
    moves, told, added = anew
    renewed = Entry(act, common.sender(lodgement), {**notice.facts, "version": number})
    entries = (renewed, *authority.entries, *told)
    state = waits if authority.waits else rolled_up(file, moves, added, entries)
    planned = plan(file, at, moves, entries, added=added, state=state)
    return msgspec.structs.replace(
        planned,
        additional=common.kept(act, number, notice, lodgement),
        declared_for=authority.declared_for,
        uses=uses(amendment.cited, {each.delivery.id: each.documents for each in added}),
        supplement_due=stages.newly_due(file.events, renewed),
    )
