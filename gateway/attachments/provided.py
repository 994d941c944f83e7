"""A trader attaches a document to a case of its own, and so gives an agency what it asked for. Pure but for `attach`.

Rule: it goes to each agency that asked for its type, or that a requirement of its delivery says needs that type, and
has still to decide; no other may have it. What the last agency's answer asked for is provided when there is a document
of every type that it named, attached after it asked; the delivery then waits for the agency's decision again.

Each of them is told with a notice.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec

from gateway import lifecycle
from gateway.acts.common import Unchanged, always, finder
from gateway.attachments.documents import KEPT, SHOWN, Document, Use
from gateway.cases import GATEWAY, Entry, Stale, change, live, plan
from gateway.clock import stamp
from gateway.notices import messages
from gateway.notices.records import NewNotice
from gateway.ports import CaseChange, CaseFile, Delivery, DeliveryChange
from gateway.service import Gateway


class Sender(NamedTuple):
    """Whose case and document it is, and who acts for that account, as the history names it."""

    account_id: int
    actor: str


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A document is attached to a case. `agencies` may have it; those `answered` have now all that they asked for.

    `replayed` says that it had been attached before, and that nobody new may have it.
    """

    mrn: str
    document: str
    type: str
    attached_at: str
    agencies: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    replayed: bool = False


class UnknownDocument(Exception):
    """This account has no document of that id that could be attached; `rejected` says that it is harmful."""

    def __init__(self, document_id: str, rejected: bool) -> None:
        super().__init__(document_id)
        self.document_id, self.rejected = document_id, rejected


class TooMany(Exception):
    """The case has as many documents as it may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a case has at most {most} documents")
        self.most = most


async def attach(
    gateway: Gateway, sender: Sender, mrn: str, document_id: str, kind: str, unchanged: Unchanged = always
) -> Attached:
    """Attach a document as one of that type. Raises UnknownCase, UnknownDocument, TooMany, Stale, and IllegalAct."""
    store, most = gateway.store, gateway.settings.documents.per_case
    find = finder(gateway, mrn, sender.account_id)
    await find()
    document = await store.document(document_id, sender.account_id)
    if document is None or document.state not in KEPT:
        raise UnknownDocument(document_id, document is not None and document.state in SHOWN)
    demands = {row.id: row.lpco_type for row in gateway.requirements.rows}
    at, used = stamp(gateway.clock()), set[str]()

    told: list[NewNotice] = []

    async def find_and_count() -> CaseFile:
        file = await find()
        used.update(each.document.id for each in await store.documents_of_case(mrn))
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Attached]:
        chosen = [each for each in live(file) if kind in _wants(file, each, demands)]
        done = next((event for event in reversed(file.events) if _is(event.data, event.kind, document_id, kind)), None)
        if done is not None and {each.id for each in chosen} <= _given(file, document_id):
            return None, _attached(mrn, document, kind, done.at, chosen, replayed=True)
        if not unchanged(file.case.version):
            raise Stale(mrn, file.case.version)
        lifecycle.check_act(lifecycle.ATTACHMENT, mrn, file.case.state)
        if document_id not in used and len(used) >= most:
            raise TooMany(most)
        planned, attached = _attach(file, document, kind, chosen, sender.actor, at)
        told[:] = _notices(gateway, file, document, kind, chosen, planned.updated_at)
        return msgspec.structs.replace(planned, notices=tuple(told)), attached

    attached = await change(store, find_and_count, step)
    messages.ring(gateway, told)
    return attached


def _notices(
    gateway: Gateway, file: CaseFile, document: Document, kind: str, chosen: list[Delivery], at: str
) -> list[NewNotice]:
    """What the agencies are told that may have the document."""
    shown = [{"TypeCode": kind, "ID": document.id}]
    return [messages.documents_provided(gateway, file, each, shown, at) for each in chosen]


def _attach(
    file: CaseFile, document: Document, kind: str, chosen: list[Delivery], actor: str, at: str
) -> tuple[CaseChange, Attached]:
    """The change that attaches a document."""
    to = tuple(each.id for each in chosen)
    facts = {"document_id": document.id, "type": kind, "digest": document.digest, "deliveries": list(to)}
    moves, entries = _answered(file, chosen, kind)
    planned = plan(file, at, moves, (Entry(lifecycle.ATTACHMENT, actor, facts), *entries))
    uses = (Use(document.id, kind), *(Use(document.id, kind, each) for each in to))
    answered = {move.id for move in moves}
    told = _attached(file.case.mrn, document, kind, planned.updated_at, chosen)
    return msgspec.structs.replace(planned, uses=uses), msgspec.structs.replace(
        told, answered=tuple(each.agency for each in chosen if each.id in answered)
    )


def _answered(file: CaseFile, chosen: Collection[Delivery], kind: str) -> tuple[list[DeliveryChange], list[Entry]]:
    """What follows for the deliveries whose agencies have all that they asked for when they get one more of a type."""
    moves, entries = [], []
    for each in chosen:
        asked, since = _asked(file, each)
        missing = asked - {kind} - {event.data["type"] for event in file.events if _was_given(event, each, since)}
        if each.state == lifecycle.HELD and asked and not missing:
            state = lifecycle.next_delivery_state(each.state, lifecycle.PROVIDED)
            moves.append(DeliveryChange(id=each.id, state=state, next_attempt_at=each.next_attempt_at))
            entries.append(Entry(lifecycle.PROVIDED, GATEWAY, {"delivery": each.id, "agency": each.agency}))
    return moves, entries


def _wants(file: CaseFile, delivery: Delivery, demands: Mapping[str, str]) -> set[str]:
    """The types of documents that an agency may have by its delivery; none when it has decided."""
    if delivery.state in lifecycle.FINAL:
        return set()
    asked, _ = _asked(file, delivery)
    return asked | {demands[row] for row in delivery.requirements if row in demands}


def _asked(file: CaseFile, delivery: Delivery) -> tuple[set[str], int]:
    """The types that an agency asked for with its last answer, and the number of the event that this was."""
    for event in reversed(file.events):
        if event.kind == "decision" and event.data["delivery"] == delivery.id:
            return (set(event.data["documents"]) if event.data["outcome"] == "documents" else set()), event.seq
    return set(), 0


def _was_given(event: Any, delivery: Delivery, since: int) -> bool:
    return event.kind == lifecycle.ATTACHMENT and event.seq > since and delivery.id in event.data["deliveries"]


def _given(file: CaseFile, document_id: str) -> set[str]:
    """The deliveries whose agencies may have a document because it was attached, and have not asked again since."""
    return {
        delivery.id
        for delivery in file.deliveries
        for event in file.events
        if _was_given(event, delivery, _asked(file, delivery)[1]) and event.data["document_id"] == document_id
    }


def _is(data: Mapping[str, Any], event: str, document_id: str, kind: str) -> bool:
    return event == lifecycle.ATTACHMENT and (data["document_id"], data["type"]) == (document_id, kind)


def _attached(
    mrn: str, document: Document, kind: str, at: str, chosen: Collection[Delivery], replayed: bool = False
) -> Attached:
    agencies = tuple(each.agency for each in chosen)
    return Attached(mrn=mrn, document=document.id, type=kind, attached_at=at, agencies=agencies, replayed=replayed)
