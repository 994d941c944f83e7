"""Virtual agencies: what is for them is played, step by step as the scenario of the case says.

Rule: what has been played is read from the history of the case, and when the next step is due from its delivery; both
are written in the commit of the step. Reason: a gateway that dies goes on where it was, and whoever plays a step that
another has played meanwhile changes nothing. Each step is recorded at the time at which it was due, not at which it was
come to; so the same scenario gives the same history, however its clock was put forward.

Decisions are messages that go through `gateway.collect`, as those of any agency do.
"""

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import msgspec

from datamodel.issues import Refused
from gateway import lifecycle
from gateway.cases import GATEWAY, Entry, change, delivery_of, plan
from gateway.clock import later, moment, stamp
from gateway.collect import DecisionConflict, DeliveryClosed, UnknownDelivery, read_answer, record
from gateway.media import MEDIA_TYPES
from gateway.ports import CaseChange, CaseFile, Delivery, DeliveryChange
from gateway.service import Gateway
from gateway.trial.kept import MARK, Turn
from gateway.trial.scenarios import USUAL, Act, Step, Unfit

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0  # the longest pause before the player looks by itself
PAGE: Final = 200
OPERATOR: Final = "operator:trade test"
NOT_REACHED: Final = "the virtual agency cannot be reached"
DECLINED: Final = "the virtual agency declined the delivery"
# The events of a delivery that tell that a step of its script was played. Each step has one.
_PLAYED: Final = (lifecycle.SENT, lifecycle.RETRY, lifecycle.PARKED, lifecycle.REVIVED, "decision")
_SENDS: Final = (lifecycle.SENT, lifecycle.RETRY, lifecycle.PARKED)
# What is no decision, as the event of the delivery that it is, and what the delivery keeps of it.
_MOVES: Final[dict[Act, tuple[str, str | None]]] = {
    "sent": (lifecycle.SENT, None),
    "unreachable": (lifecycle.RETRY, NOT_REACHED),
    "declined": (lifecycle.PARKED, DECLINED),
    "revived": (lifecycle.REVIVED, None),
}


class Player:
    """Plays what is due by the clocks of all accounts, for as long as it is not stopped. Made in an event loop."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._loop = asyncio.create_task(self._forever())

    async def stop(self) -> None:
        """Play no more: what is left is in the store."""
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)

    async def _forever(self) -> None:
        """Look after look; a fault of the store must not end it, nor fill the log."""
        failing, gateway = False, self._gateway
        while True:
            try:
                while turns := await gateway.store.due_turns(stamp(gateway.clock()), PAGE):
                    await play(gateway, turns)
                failing = False
            except Exception:
                if not failing:
                    log.exception("virtual agencies cannot act; trying again every %g s", LOOK_SECONDS)
                failing = True
            await gateway.doorbell.wait(MARK, LOOK_SECONDS)


def wake(gateway: Gateway) -> None:
    """A test account did something: the player looks now, in whichever process it is."""
    gateway.doorbell.ring_here(MARK)
    gateway.doorbell.call_others(MARK)


async def play(gateway: Gateway, turns: Iterable[Turn]) -> None:
    """Play one step of each of these deliveries, in their order."""
    for turn in turns:
        try:
            await _play(gateway, turn)
        except (Unfit, Refused, UnknownDelivery, DecisionConflict, DeliveryClosed, lifecycle.IllegalStep) as error:
            # The table is another one by now, or the case has moved on meanwhile.
            log.info("the virtual agency of delivery %s stops: %s", turn.delivery_id, error)
            await _change(gateway, turn, None, partial(_silence, turn=turn))


async def _play(gateway: Gateway, turn: Turn) -> None:
    file = await _case_of(gateway, turn)
    delivery = delivery_of(file, turn.delivery_id)
    if delivery.next_attempt_at != turn.at:
        return
    done = _played(file, delivery)
    script = gateway.scenarios.steps(_scenario(file, delivery), delivery.agency)[done:]
    if not script:
        await _change(gateway, turn, done, lambda found: _silence(found, turn))
        return
    (step, *rest) = script
    next_at = later(moment(turn.at), rest[0].after - step.after) if rest else None
    if step.act in _MOVES:
        await _change(gateway, turn, done, lambda found: _move(found, turn, step.act, next_at))
        return
    body = msgspec.json.encode({"Decision": _decision(gateway, file, delivery, step)})
    then = dataclasses.replace(gateway, clock=lambda: moment(turn.at))
    answer = await read_answer(then, body, MEDIA_TYPES["json"], delivery.id)
    await record(then, delivery.desk, answer, next_at=next_at)


async def _case_of(gateway: Gateway, turn: Turn) -> CaseFile:
    file = await gateway.store.case_of_delivery(turn.delivery_id)
    if file is None:
        raise UnknownDelivery(turn.delivery_id)
    return file


def _scenario(file: CaseFile, delivery: Delivery) -> str:
    """The scenario of the message that the delivery is of: the last that was asked for before it."""
    scenario = USUAL
    for event in file.events:
        scenario = event.data.get("scenario", scenario)
        if event.kind == lifecycle.QUEUED and event.data["delivery"] == delivery.id:
            break
    return scenario


def _played(file: CaseFile, delivery: Delivery, kinds: tuple[str, ...] = _PLAYED) -> int:
    return sum(event.kind in kinds and event.data["delivery"] == delivery.id for event in file.events)


def _move(file: CaseFile, turn: Turn, act: Act, next_at: str | None) -> CaseChange:
    """The step of a script that is no decision. Pure."""
    delivery = delivery_of(file, turn.delivery_id)
    event, problem = _MOVES[act]
    state = lifecycle.next_delivery_state(delivery.state, event)
    facts: dict[str, Any] = {"delivery": delivery.id, "agency": delivery.agency}
    if event == lifecycle.REVIVED:
        facts["reason"] = "The scenario says so."
    else:
        facts["attempt"] = _played(file, delivery, _SENDS) + 1
    if event == lifecycle.RETRY:
        facts["next_attempt"] = next_at
    moved = DeliveryChange(id=delivery.id, state=state, next_attempt_at=next_at, problem=problem)
    entry = Entry(event, OPERATOR if event == lifecycle.REVIVED else GATEWAY, facts)
    return plan(file, turn.at, (moved,), (entry,))


def _silence(file: CaseFile, turn: Turn) -> CaseChange:
    """The virtual agency does nothing more. What waits to be sent would be due again, so it is sent."""
    delivery = delivery_of(file, turn.delivery_id)
    if delivery.state == lifecycle.QUEUED:
        return _move(file, turn, "sent", None)
    moved = DeliveryChange(id=delivery.id, state=delivery.state, problem=delivery.problem)
    return plan(file, turn.at, (moved,), ())


async def _change(gateway: Gateway, turn: Turn, done: int | None, make: Callable[[CaseFile], CaseChange]) -> None:
    """Make a change, unless the delivery is due at another time by now, or more than `done` steps have been played."""

    def step(file: CaseFile) -> tuple[CaseChange | None, None]:
        delivery = delivery_of(file, turn.delivery_id)
        as_read = delivery.next_attempt_at == turn.at and done in (None, _played(file, delivery))
        return (make(file) if as_read else None), None

    await change(gateway.store, lambda: _case_of(gateway, turn), step)


def _decision(gateway: Gateway, file: CaseFile, delivery: Delivery, step: Step) -> dict[str, Any]:
    """What a virtual agency decides: about its own requirements and goods items, the same whenever it is asked."""
    rows = {row.id: row for row in gateway.requirements.rows}
    wanted = [rows[each].lpco_type for each in delivery.requirements if each in rows]
    types = list(dict.fromkeys(wanted))
    said: dict[str, Any] = {"OutcomeCode": step.act}
    if step.reason and step.act != "granted":
        said["Reason"] = step.reason
    if step.act == "granted":
        said["LPCO"] = [{"TypeCode": each, "ID": f"{delivery.agency}-{each}-{file.case.mrn}"} for each in types]
    elif step.act == "documents":
        said["DocumentRequest"] = [{"TypeCode": each, "Description": step.reason} for each in types]
    elif step.act == "refused":
        said["Finding"] = [{"Code": "TEST", "Description": step.reason, "SequenceNumeric": [delivery.items[0]]}]
    return said
