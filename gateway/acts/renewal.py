"""What amendments and supplements have in common: a whole declaration becomes the next version of a case's own.

Rule: an agency is asked again when what it would be shown differs from what it was shown, and then what it had decided
counts no more; all others keep their deliveries and decisions. Reason: a decision is on what its agency saw, and nobody
should have to decide twice on the same. After release nobody is asked any more.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final, NamedTuple

import msgspec

from datamodel.codecs import Parsed, read, write
from gateway import lifecycle, permit_requests
from gateway.acts import common, stages
from gateway.acts.common import Notice
from gateway.cases import GATEWAY, Entry, change, live, plan, version_of
from gateway.clock import stamp
from gateway.identifiers import RANDOM_OF_DELIVERY, new_delivery_id
from gateway.intake import Lodgement, delivery_entry, route_facts
from gateway.media import format_of
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Delivery, DeliveryChange, Dispatch
from gateway.routing import route
from gateway.service import Gateway

# What two requests differ in though they ask the same.
_OF_THE_DELIVERY: Final = ("DeliveryID", "IssueDateTime", "DueDateTime")
# What a version has to have anew by what it is, and no agency decided on.
_ANEW: Final[Mapping[str, tuple[str, ...]]] = {
    lifecycle.AMENDMENT: (),
    lifecycle.SUPPLEMENT: ("TypeCode", "FunctionalReferenceID"),
}
_SHOWN: Final = "od:Declaration"
_EXACT: Final = msgspec.json.Decoder(float_hook=str)  # 1.0 and 1.00 are not the same to an agency


class Renewal(NamedTuple):
    """A new version that has been read: what each agency would be sent, with what that asks, as a digest."""

    notice: Notice
    dispatches: tuple[tuple[Dispatch, str], ...]


class Settled(NamedTuple):
    """What came of a version: its number, when it came to count, and the agencies that were asked anew by this."""

    conversation_id: str
    digest: str
    number: int
    at: str
    asked: tuple[str, ...] = ()
    replayed: bool = False


def prepare(
    gateway: Gateway, act: str, mrn: str, parsed: Parsed, plain: Parsed, lodgement: Lodgement, now: datetime
) -> Renewal:
    """What a version that has been read would have to be, were it to count from now on."""
    notice = common.noticed(gateway, parsed, lodgement, now)
    routes = route(plain.document.Declaration, gateway.requirements, gateway.agencies, on=now.date())
    draw = BytesIO(gateway.random(RANDOM_OF_DELIVERY * len(routes))).read
    ids = tuple(new_delivery_id(now, draw) for _ in routes)
    made = permit_requests.deliveries(gateway, plain, routes, mrn, ids, now)
    notice.facts.update(rules=gateway.rules, agencies=[route_facts(each) for each in routes])
    notice.facts.update(stages.facts(gateway.stages.of(plain, now.date())))
    return Renewal(notice, tuple((each, _asked(gateway, each, act)) for each in made))


async def settle(
    gateway: Gateway,
    act: str,
    find: Callable[[], Awaitable[CaseFile]],
    renewal: Renewal,
    lodgement: Lodgement,
    check: Callable[[CaseFile], None],
    now: datetime,
) -> Settled:
    """Make a version the one that counts, if `check` does not raise, or find that it does already."""
    shown: dict[str, str] = {}  # what deliveries ask, by id

    async def find_and_look() -> CaseFile:
        file = await find()
        for each in live(file):
            if each.id not in shown:
                shown[each.id] = await _asked_by(gateway, each, act)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Settled]:
        counts = version_of(file)
        if counts.document == renewal.notice.facts["document"]:
            return None, Settled(counts.conversation_id, counts.digest, counts.number, counts.at, replayed=True)
        check(file)
        return _renew(act, file, renewal, shown, lodgement, stamp(now))

    settled = await change(gateway.store, find_and_look, step)
    gateway.doorbell.ring(settled.asked)
    return settled


async def _asked_by(gateway: Gateway, delivery: Delivery, act: str) -> str:
    sent = await gateway.store.fetch(delivery.agency, delivery.id)
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


def _renew(
    act: str, file: CaseFile, renewal: Renewal, shown: Mapping[str, str], lodgement: Lodgement, at: str
) -> tuple[CaseChange, Settled]:
    """The change by which a version comes to count."""
    notice, number = renewal.notice, version_of(file).number + 1
    added, old = ([], []) if file.case.state == lifecycle.RELEASED else _concerned(file, renewal, shown)
    superseded = lifecycle.SUPERSEDED
    moves = [
        DeliveryChange(
            id=each.id, state=lifecycle.next_delivery_state(each.state, superseded), decided_at=each.decided_at
        )
        for each in old
    ]
    entry = Entry(act, common.sender(lodgement), {**notice.facts, "version": number})
    entries = (
        entry,
        *(Entry(superseded, GATEWAY, {"delivery": each.id, "agency": each.agency}) for each in old),
        *map(delivery_entry, added),
    )
    planned = plan(file, at, moves, entries, added=added)
    due = stages.incomplete((*file.events, entry))
    is_new = due is not None and stages.incomplete(file.events) is None
    kept = common.kept(act, number, notice, lodgement)
    made = msgspec.structs.replace(planned, additional=kept, supplement_due=due.due if due and is_new else None)
    asked = tuple(each.delivery.agency for each in added)
    return made, Settled(lodgement.conversation_id, notice.facts["digest"], number, planned.updated_at, asked)


def _concerned(file: CaseFile, renewal: Renewal, shown: Mapping[str, str]) -> tuple[list[Dispatch], list[Delivery]]:
    """What is to be sent, and the deliveries that count no more."""
    before = {each.agency: each for each in live(file)}
    stay = {
        each.delivery.agency
        for each, asks in renewal.dispatches
        if each.delivery.agency in before and shown[before[each.delivery.agency].id] == asks
    }
    added = [each for each, _ in renewal.dispatches if each.delivery.agency not in stay]
    return added, [each for each in before.values() if each.agency not in stay]
