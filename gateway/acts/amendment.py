"""A trader amends a declaration: the whole of it again, under the same reference, becomes its next version.

Rule: an agency is asked again when what it would be shown differs from what it was shown, and then what it had decided
counts no more; all others keep their deliveries and decisions. Reason: a decision is on what its agency saw, and nobody
should have to decide twice on the same.

Legal while an agency has still to decide. The bytes of every version are kept. The same document as the version that
counts is answered as when that was taken, in whichever format. Agencies whose deliveries count no more are told, in the
same commit.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import msgspec

from datamodel.codecs import read, write
from datamodel.issues import Issue
from datamodel.structs import bare
from gateway import lifecycle, permit_requests
from gateway.acts import common
from gateway.acts.common import Notice, Unchanged, always
from gateway.cases import GATEWAY, Entry, change, live, plan, version_of
from gateway.clock import stamp
from gateway.identifiers import RANDOM_OF_DELIVERY, new_delivery_id
from gateway.intake import Lodgement, delivery_entry, read_declaration, reference_of, route_facts
from gateway.media import format_of
from gateway.notices import messages
from gateway.notices.records import NewNotice
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Delivery, DeliveryChange, Dispatch
from gateway.routing import route
from gateway.service import Gateway

# What two requests differ in though they ask the same.
_OF_THE_DELIVERY: Final = ("DeliveryID", "IssueDateTime", "DueDateTime")
_EXACT: Final = msgspec.json.Decoder(float_hook=str)  # 1.0 and 1.00 are not the same to an agency


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
    """A new version that has been read: what each agency would be sent, with what that asks, as a digest."""

    notice: Notice
    dispatches: tuple[tuple[Dispatch, str], ...]


async def amend(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Amended:
    """Amend a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Stale, and IllegalAct.
    """
    now, find = gateway.clock(), common.finder(gateway, mrn, lodgement.account.id)
    reference = (await find()).case.reference
    amendment = await offload(gateway, len(lodgement.body), _read, mrn, reference, lodgement, now)
    shown: dict[str, str] = {}  # what deliveries ask, by id

    async def find_and_look() -> CaseFile:
        file = await find()
        for each in live(file):
            if each.id not in shown:
                shown[each.id] = await _asked_by(gateway, each)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, tuple[Amended, tuple[NewNotice, ...]]]:
        again = _again(file, amendment.notice)
        if again is not None:
            return None, (again, ())
        common.check_legal(lifecycle.AMENDMENT, file, amendment.notice, unchanged)
        planned, done = _amend(file, amendment, shown, lodgement, stamp(now))
        moved, added = {each.id for each in planned.deliveries}, [each.delivery for each in planned.added]
        old = [each for each in file.deliveries if each.id in moved]
        told = messages.amended(gateway, file, old, added, planned.updated_at)
        return msgspec.structs.replace(planned, notices=told), (done, told)

    amended, told = await change(gateway.store, find_and_look, step)
    gateway.doorbell.ring(amended.asked)
    messages.ring(gateway, told)
    return amended


def _read(gateway: Gateway, mrn: str, reference: str | None, lodgement: Lodgement, now: datetime) -> Amendment:
    """Raises Refused for what is no valid version of this declaration."""
    parsed, plain = read_declaration(gateway, lodgement, now)
    declaration, limits = plain.document.Declaration, gateway.settings.limits
    named, own = str(bare(declaration.ID) or "").strip() or mrn, reference_of(declaration)
    if named != mrn:
        raise common.misnamed("act.other-declaration", named, mrn, parsed, common.ID, lodgement.body, limits)
    if own != reference:
        raise common.misnamed("act.other-reference", own, reference, parsed, common.REFERENCE, lodgement.body, limits)
    notice = common.noticed(gateway, parsed, lodgement, now)
    routes = route(declaration, gateway.requirements, gateway.agencies, on=now.date())
    draw = BytesIO(gateway.random(RANDOM_OF_DELIVERY * len(routes))).read
    ids = tuple(new_delivery_id(now, draw) for _ in routes)
    made = permit_requests.deliveries(gateway, plain, routes, mrn, ids, now)
    notice.facts.update(rules=gateway.rules, agencies=[route_facts(each) for each in routes])
    return Amendment(notice=notice, dispatches=tuple((each, _asked(gateway, each)) for each in made))


async def _asked_by(gateway: Gateway, delivery: Delivery) -> str:
    sent = await gateway.store.fetch(delivery.agency, delivery.id)
    if sent is None:
        raise LookupError(f"delivery {delivery.id} has no message")
    return await offload(gateway, len(sent.body), _asked, sent)


def _asked(gateway: Gateway, sent: Dispatch) -> str:
    """What a request asks and shows, as a digest: the same in either format, and whichever delivery carries it."""
    document, form = sent.body, format_of(sent.delivery.media)
    if form != "json":
        message, limits = permit_requests.MESSAGE, gateway.settings.limits
        document = write(read(gateway.registry, document, form, message=message, limits=limits), "json")
    request: dict[str, Any] = _EXACT.decode(document)["PermitRequest"]
    asks = {name: value for name, value in request.items() if name not in _OF_THE_DELIVERY}
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


def _amend(
    file: CaseFile, amendment: Amendment, shown: Mapping[str, str], lodgement: Lodgement, at: str
) -> tuple[CaseChange, Amended]:
    """The change that makes the next version of a declaration the one that counts."""
    notice, number = amendment.notice, version_of(file).number + 1
    before = {each.agency: each for each in live(file)}
    stay = {
        each.delivery.agency
        for each, asks in amendment.dispatches
        if each.delivery.agency in before and shown[before[each.delivery.agency].id] == asks
    }
    added = [each for each, _ in amendment.dispatches if each.delivery.agency not in stay]
    old = [each for each in before.values() if each.agency not in stay]
    superseded = lifecycle.SUPERSEDED
    moves = [
        DeliveryChange(
            id=each.id, state=lifecycle.next_delivery_state(each.state, superseded), decided_at=each.decided_at
        )
        for each in old
    ]
    entries = (
        Entry(lifecycle.AMENDMENT, common.sender(lodgement), {**notice.facts, "version": number}),
        *(Entry(superseded, GATEWAY, {"delivery": each.id, "agency": each.agency}) for each in old),
        *map(delivery_entry, added),
    )
    planned = plan(file, at, moves, entries, added=added)
    kept = common.kept(lifecycle.AMENDMENT, number, notice, lodgement)
    return msgspec.structs.replace(planned, additional=kept), Amended(
        mrn=file.case.mrn,
        conversation_id=lodgement.conversation_id,
        digest=notice.facts["digest"],
        version=number,
        amended_at=planned.updated_at,
        asked=tuple(each.delivery.agency for each in added),
        issues=notice.report.issues,
    )
