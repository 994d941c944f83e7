"""An agency's answer becomes a decision of the case: read it, check whose it is, record it once.

The same decision again is answered as the first time and changes nothing. After a final decision another one is a
conflict; after a hold, or a request for documents, any may follow. An agency can decide only what was sent to it, and
what is not its own looks to it like what does not exist.

A decision on a delivery that was withdrawn or superseded is refused, not recorded: a permit for what is no longer
declared would stand in the books as good, and the refusal is how an agency that was asked before learns that it need
not go on.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway import decisions, lifecycle
from gateway.cases import Entry, change, plan
from gateway.clock import stamp
from gateway.decisions import Answer
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Decision, Delivery, DeliveryChange
from gateway.service import Gateway
from gateway.vocabulary import Outcome


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an answer; `replayed` says that it had been recorded before."""

    mrn: str
    delivery_id: str
    outcome: Outcome
    replayed: bool = False


class UnknownDelivery(Exception):
    """This agency has no delivery of that id."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"there is no delivery {delivery_id}")
        self.delivery_id = delivery_id


class DecisionConflict(Exception):
    """Another final decision was recorded before."""

    def __init__(self, delivery_id: str, recorded: str, offered: str) -> None:
        super().__init__(f"delivery {delivery_id} was decided before as {recorded}; {offered} came too late")
        self.delivery_id, self.recorded, self.offered = delivery_id, recorded, offered


class DeliveryClosed(Exception):
    """What this agency was to decide is there no longer: `state` is withdrawn or superseded."""

    REASONS: Final = {
        lifecycle.WITHDRAWN: "its declaration {mrn} is invalidated",
        lifecycle.SUPERSEDED: "its declaration {mrn} was amended",
    }

    def __init__(self, delivery_id: str, mrn: str, state: str) -> None:
        super().__init__(f"delivery {delivery_id} was {state}: {self.REASONS[state].format(mrn=mrn)}")
        self.delivery_id, self.mrn, self.state = delivery_id, mrn, state


async def collect(
    gateway: Gateway, agency_code: str, body: bytes, media: str, delivery_id: str | None = None, actor: str = ""
) -> Collected:
    """Take a decision message from an agency; `actor` is its user, as the history names it, where one is known.

    Raises Refused, UnknownDelivery, DecisionConflict, DeliveryClosed.
    """
    return await record(gateway, agency_code, await read_answer(gateway, body, media, delivery_id), actor=actor)


async def read_answer(gateway: Gateway, body: bytes, media: str, delivery_id: str | None) -> Answer:
    """What an agency answered. Raises Refused."""
    return await offload(gateway, len(body), _read_answer, body, media, delivery_id)


def _read_answer(gateway: Gateway, body: bytes, media: str, delivery_id: str | None) -> Answer:
    return decisions.read_answer(gateway.registry, body, media, gateway.settings.limits, delivery_id)


async def record(
    gateway: Gateway, agency_code: str, answer: Answer, before: Iterable[Entry] = (), actor: str = ""
) -> Collected:
    """Record an answer that has been read, in one commit with the events that come `before` it. Raises as `collect`."""
    wanted = answer.delivery_id or ""

    async def find() -> CaseFile:
        file = await gateway.store.case_of_delivery(wanted)
        if file is None:
            raise UnknownDelivery(wanted)
        return file

    entries = tuple(before)
    at = stamp(gateway.clock())
    collected = await change(gateway.store, find, lambda file: decide(file, agency_code, answer, at, entries, actor))
    if not collected.replayed:
        gateway.metrics.decided(agency_code, collected.outcome)
    return collected


def decide(
    file: CaseFile, agency_code: str, answer: Answer, at: str, before: tuple[Entry, ...] = (), actor: str = ""
) -> tuple[CaseChange | None, Collected]:
    """The change that an answer makes to its case, or none where it was recorded before. Pure. Raises as `collect`."""
    delivery = _own_delivery(file, agency_code, answer.delivery_id or "")
    decisions.check(answer, delivery)
    kept = decisions.document(answer)
    decision = Decision(
        delivery_id=delivery.id,
        agency=delivery.agency,
        outcome=answer.outcome,
        at=at,
        reason=answer.reason,
        document=kept,
        digest=decisions.digest(kept),
    )
    made = [each for each in file.decisions if each.delivery_id == delivery.id]
    collected = Collected(mrn=file.case.mrn, delivery_id=delivery.id, outcome=answer.outcome)
    if _is_replay(decision, made, delivery.state):
        return None, msgspec.structs.replace(collected, replayed=True)
    try:
        state = lifecycle.next_delivery_state(delivery.state, lifecycle.OUTCOME_EVENTS[answer.outcome])
    except lifecycle.IllegalStep:
        if delivery.state in DeliveryClosed.REASONS:
            raise DeliveryClosed(delivery.id, file.case.mrn, delivery.state) from None
        raise DecisionConflict(delivery.id, made[-1].outcome, answer.outcome) from None
    moved = DeliveryChange(id=delivery.id, state=state, decided_at=at if state in lifecycle.FINAL else None)
    entry = Entry("decision", actor or f"agency:{delivery.agency}", _facts(decision, answer))
    return plan(file, at, (moved,), (*before, entry), decision), collected


def _own_delivery(file: CaseFile, agency_code: str, delivery_id: str) -> Delivery:
    for delivery in file.deliveries:
        if delivery.id == delivery_id and delivery.agency == agency_code:
            return delivery
    raise UnknownDelivery(delivery_id)


def _is_replay(decision: Decision, made: list[Decision], state: str) -> bool:
    """Whether this is the last decision again, or a late copy of one that led up to a final one."""
    if state == lifecycle.AWAITING:  # what was asked for has been provided since, and is asked for again
        return False
    counted = made if state in lifecycle.FINAL else made[-1:]
    return any(each.digest == decision.digest for each in counted)


def _facts(decision: Decision, answer: Answer) -> dict[str, object]:
    """What the history keeps of a decision: no free text, so that erasing one leaves the chain of events whole."""
    return {
        "delivery": decision.delivery_id,
        "agency": decision.agency,
        "outcome": decision.outcome,
        "digest": decision.digest,
        "permits": [f"{permit.type} {permit.id}" for permit in answer.permits],
        "documents": [document.type for document in answer.documents],
        "findings": [finding.code for finding in answer.findings],
    }
