"""An appeal is ruled on: the decision is upheld, or overturned by a new one, from which the case follows.

The agency rules by a message, or whoever it named does on the command line, with a reason and a name. It is ruled once:
the same again is answered as the first time, another ruling is a conflict. What a new decision may be, and so whether a
case that was refused is open again, is in the lifecycle's table of reviews.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from datamodel.codecs import read, write
from datamodel.issues import Refused
from datamodel.limits import Limits
from datamodel.registry import Registry
from datamodel.wording import either, issue, refused
from gateway import decisions, lifecycle
from gateway.acts.appeals import NewRuling
from gateway.cases import Entry, change, plan
from gateway.clock import stamp
from gateway.collect import DecisionConflict, DeliveryClosed, UnknownDelivery, decided, facts_of, own_delivery
from gateway.decisions import Answer
from gateway.media import format_of
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Delivery, DeliveryChange, Event, Store
from gateway.service import Gateway
from gateway.vocabulary import RulingOutcome

MESSAGE: Final = "guichet/1/Ruling"
# Places in the message.
_NEW: Final = "/Ruling/Decision"
_NEW_OUTCOME: Final = "/Ruling/Decision/OutcomeCode"
_NEW_DELIVERY: Final = "/Ruling/Decision/DeliveryID"


class Ruling(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"outcome": "OutcomeCode", "reason": "Reason", "decision": "Decision"},
):
    """What was ruled, why, and the new decision where the old one is overturned."""

    outcome: str
    reason: str
    decision: Answer | None = None


class _Envelope(msgspec.Struct, frozen=True, rename={"ruling": "Ruling"}):
    ruling: Ruling


class Ruled(msgspec.Struct, frozen=True, kw_only=True):
    """The ruling is on record; `replayed` says that it had been before."""

    mrn: str
    delivery_id: str
    appeal: int
    outcome: RulingOutcome
    replayed: bool = False


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """Who rules for which agency, when, and the digests of the tables that are in force."""

    agency: str
    actor: str
    at: str
    tables: Mapping[str, str]


_DECODER: Final = msgspec.json.Decoder(_Envelope)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


async def rule(gateway: Gateway, agency: str, delivery_id: str, body: bytes, media: str, actor: str) -> Ruled:
    """Take a ruling message of an agency; `actor` is its user, as the history names it.

    Raises Refused, UnknownDelivery, DecisionConflict, DeliveryClosed, IllegalAct.
    """
    ruling = await offload(gateway, len(body), _read, body, media)
    tables = {"rules": gateway.rules, "checks": gateway.checks.digest}
    way = Way(agency=agency, actor=actor, at=stamp(gateway.clock()), tables=tables)
    return await record_ruling(gateway.store, delivery_id, ruling, way)


def _read(gateway: Gateway, body: bytes, media: str) -> Ruling:
    return read_ruling(gateway.registry, body, media, gateway.settings.limits)


def read_ruling(registry: Registry, body: bytes, media: str, limits: Limits) -> Ruling:
    """The ruling in a message. Raises Refused."""
    return checked(from_document(write(read(registry, body, format_of(media), message=MESSAGE, limits=limits), "json")))


def checked(ruling: Ruling) -> Ruling:
    """The ruling, if it has a new decision where it needs one and nowhere else. Raises Refused."""
    if (ruling.decision is None) == (ruling.outcome == lifecycle.OVERTURNED):
        raise _unfit("appeal.decision", _NEW, ruling.outcome, lifecycle.OVERTURNED)
    return ruling


def from_document(kept: bytes) -> Ruling:
    """The ruling that canonical JSON says."""
    return _DECODER.decode(kept).ruling


async def record_ruling(store: Store, delivery_id: str, ruling: Ruling, way: Way) -> Ruled:
    """Record a ruling that has been read on the last appeal about a delivery. Raises as `rule`."""

    async def find() -> CaseFile:
        file = await store.case_of_delivery(delivery_id)
        if file is None:
            raise UnknownDelivery(delivery_id)
        return file

    return await change(store, find, lambda file: _step(file, delivery_id, ruling, way))


def _step(file: CaseFile, delivery_id: str, ruling: Ruling, way: Way) -> tuple[CaseChange | None, Ruled]:
    """The change that a ruling makes to its case, or none where it was recorded before. Pure."""
    delivery = own_delivery(file, way.agency, delivery_id)
    appeal = _last(file, lifecycle.APPEAL, {"delivery": delivery_id})
    if appeal is None:
        raise UnknownDelivery(delivery_id)
    number, mrn = appeal.data["appeal"], file.case.mrn
    kept = _ENCODER.encode(_Envelope(_filled(ruling, delivery_id)))
    ruled = Ruled(mrn=mrn, delivery_id=delivery_id, appeal=number, outcome=ruling.outcome)
    earlier = _last(file, lifecycle.RULING, {"appeal": number})
    if earlier is not None and earlier.data["digest"] != decisions.digest(kept):
        raise DecisionConflict(delivery_id, earlier.data["ruling"], ruling.outcome)
    if earlier is not None:
        return None, msgspec.structs.replace(ruled, replayed=True)
    if delivery.state in DeliveryClosed.REASONS:
        raise DeliveryClosed(delivery_id, mrn, delivery.state)
    lifecycle.check_act(lifecycle.RULING, mrn, file.case.state)
    facts = {"appeal": number, "delivery": delivery_id, "agency": way.agency, "ruling": ruling.outcome}
    entry = Entry(lifecycle.RULING, way.actor, {**facts, "digest": decisions.digest(kept)})
    planned = _planned(file, delivery, ruling, entry, way)
    new = NewRuling(number=number, ruling=kept, ruled_by=way.actor)
    return msgspec.structs.replace(planned, ruling=new), ruled


def _planned(file: CaseFile, delivery: Delivery, ruling: Ruling, entry: Entry, way: Way) -> CaseChange:
    """The step of the case: none of a delivery where the decision is upheld. Raises Refused."""
    if ruling.decision is None:
        return plan(file, way.at, (), (entry,))
    answer = msgspec.structs.replace(ruling.decision, delivery_id=delivery.id)
    decisions.check(answer, delivery)
    try:
        state = lifecycle.state_after_review(delivery.state, lifecycle.OUTCOME_EVENTS[answer.outcome])
    except lifecycle.IllegalStep:
        fitting = (outcome for outcome, event in lifecycle.OUTCOME_EVENTS.items() if _may(delivery, event))
        raise _unfit("appeal.outcome", _NEW_OUTCOME, answer.outcome, either(tuple(fitting))) from None
    decision = decided(delivery, answer, way.at)
    moved = DeliveryChange(id=delivery.id, state=state, decided_at=way.at if state in lifecycle.FINAL else None)
    facts = {**facts_of(decision, answer), **way.tables}
    return plan(file, way.at, (moved,), (entry, Entry("decision", way.actor, facts)), decision)


def _may(delivery: Delivery, event: str) -> bool:
    return (delivery.state, event) in lifecycle.REVIEWS


def _filled(ruling: Ruling, delivery_id: str) -> Ruling:
    """With the delivery's id in the new decision, as decisions are kept. Raises Refused where it names another one."""
    if ruling.decision is None:
        return ruling
    named = ruling.decision.delivery_id
    if named not in (None, delivery_id):
        raise _unfit("decision.delivery-mismatch", _NEW_DELIVERY, str(named), delivery_id)
    return msgspec.structs.replace(ruling, decision=msgspec.structs.replace(ruling.decision, delivery_id=delivery_id))


def _last(file: CaseFile, kind: str, wanted: Mapping[str, Any]) -> Event | None:
    """The last event of a kind that says this."""
    for event in reversed(file.events):
        if event.kind == kind and all(event.data[name] == value for name, value in wanted.items()):
            return event
    return None


def _unfit(rule_id: str, place: str, value: str, expected: str) -> Refused:
    return refused(issue(rule_id, xpath=place, json_pointer=place, value=value, expected=expected))
