"""How a case changes: read it, work out the change in pure code, apply it if the case has not moved on, else again.

Every change goes through `change`, and every change's roll-up and events are made by `plan`, so that no caller can
forget one. The state of a case follows from its deliveries and its history; those of `lifecycle.APART`, which do not,
are set by the acts that lead there and out again, and by nothing else.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from gateway import audit, lifecycle
from gateway.acts import stages
from gateway.acts.stages import Happened
from gateway.ports import CaseChange, CaseFile, Decision, Delivery, DeliveryChange, Dispatch, Event, Store

GATEWAY: Final = "gateway"
# Each try that fails means that another change of the same case went through, so contention wears itself out.
MAX_TRIES: Final = 100

T = TypeVar("T")


class Entry(NamedTuple):
    """An event before it is linked into its case's chain."""

    kind: str
    actor: str
    data: dict[str, Any]


class Stale(Exception):
    """The case is no longer as its caller had seen it; `version` is the one that it is at now."""

    def __init__(self, mrn: str, version: int) -> None:
        super().__init__(f"case {mrn} has changed: it is at version {version}")
        self.mrn, self.version = mrn, version


class Contended(Exception):
    """A case changed under our hands again and again."""


def chain(digest: str, seq: int, at: str, entries: Iterable[Entry]) -> tuple[Event, ...]:
    """Events that follow the one with `digest`; `seq` is the number of the first of them."""
    events: list[Event] = []
    for number, entry in enumerate(entries, seq):
        event = audit.link(digest, number, at, entry.kind, entry.actor, entry.data)
        events.append(event)
        digest = event.digest
    return tuple(events)


def live(file: CaseFile) -> tuple[Delivery, ...]:
    """The deliveries that count: of each agency the last, unless the declaration concerns it no more."""
    return tuple(each for each in file.deliveries if each.state != lifecycle.SUPERSEDED)


class Version(NamedTuple):
    """A version of the declaration, as the history tells of it: its number from 1, when, and the digests of its bytes
    as they came and of its canonical JSON.
    """

    number: int
    at: str
    message: str
    digest: str
    document: str
    conversation_id: str


def version_of(file: CaseFile) -> Version:
    """The version of the declaration that counts: the last amendment or supplement, else what was lodged."""
    for event in reversed(file.events):
        if event.kind in lifecycle.RENEWING:
            told = event.data
            names = ("version", "message", "digest", "document", "conversation")
            number, *others = (told[name] for name in names)
            return Version(number, event.at, *others)
    first = next(event.data["document"] for event in file.events if event.kind == "validated")
    case = file.case
    return Version(1, case.accepted_at, case.message, case.digest, first, case.conversation_id)


def delivery_of(file: CaseFile, delivery_id: str) -> Delivery:
    """The delivery of that id. Raises LookupError."""
    for delivery in file.deliveries:
        if delivery.id == delivery_id:
            return delivery
    raise LookupError(f"case {file.case.mrn} has no delivery {delivery_id}")


def rolled_up(
    file: CaseFile,
    moves: Iterable[DeliveryChange] = (),
    added: Iterable[Dispatch] = (),
    entries: Iterable[Entry] = (),
) -> str:
    """The state that follows from deliveries and history of a case, when some of these have moved or were added, and
    `entries` have happened.
    """
    states = {each.id: each.state for each in file.deliveries} | {move.id: move.state for move in moves}
    happened: tuple[Happened, ...] = (*file.events, *entries)
    return lifecycle.roll_up(
        [*states.values(), *(each.delivery.state for each in added)], goods_to_come=stages.goods_to_come(happened)
    )


def plan(
    file: CaseFile,
    at: str,
    moves: Sequence[DeliveryChange],
    entries: Iterable[Entry],
    decision: Decision | None = None,
    added: Sequence[Dispatch] = (),
    state: str | None = None,
) -> CaseChange:
    """The change of a case in which deliveries move or are added: with the roll-up, and an event where the case moves.
    An act that leads into a state of `lifecycle.APART`, or out of one, says which `state` follows.

    The history's times never go back, though two changes may have raced, or the clock may have been set.
    """
    at = max(at, file.case.updated_at)
    events = list(entries)
    if state is None:
        state = file.case.state if file.case.state in lifecycle.APART else rolled_up(file, moves, added, events)
    if state != file.case.state:
        events.append(Entry(state, GATEWAY, {"from": file.case.state}))
    last = file.events[-1]
    return CaseChange(
        case_id=file.case.id,
        version=file.case.version,
        conversation_id=file.case.conversation_id,
        state=state,
        updated_at=at,
        deliveries=tuple(moves),
        decisions=(decision,) if decision else (),
        events=chain(last.digest, last.seq + 1, at, events),
        added=tuple(added),
    )


def withdrawal(file: CaseFile) -> tuple[list[DeliveryChange], list[Entry]]:
    """What becomes of the deliveries of a case that is over before every agency has decided, and the events of it."""
    withdrawn = lifecycle.WITHDRAWN
    undecided = [each for each in file.deliveries if each.state not in lifecycle.FINAL]
    moves = [
        DeliveryChange(id=each.id, state=lifecycle.next_delivery_state(each.state, withdrawn)) for each in undecided
    ]
    return moves, [Entry(withdrawn, GATEWAY, {"delivery": each.id, "agency": each.agency}) for each in undecided]


async def change(
    store: Store, find: Callable[[], Awaitable[CaseFile]], step: Callable[[CaseFile], tuple[CaseChange | None, T]]
) -> T:
    """Take one step of a case. `step` is pure and may run several times; with no change it only answers.

    Raises what `find` and `step` raise, and Contended.
    """
    for _ in range(MAX_TRIES):
        planned, answer = step(await find())
        if planned is None or await store.apply(planned):
            return answer
    raise Contended(f"a case changed {MAX_TRIES} times while one step of it was worked out")
