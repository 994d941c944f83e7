"""The life of a case and of its deliveries: one table for the steps, one for what they add up to.

A step that is not in the table is illegal. An outcome of a send that comes after an agency's answer changes nothing,
because a callback may overtake our own record of the send that caused it; in the table it is a step to the same state.
"""

from collections.abc import Collection
from typing import Final

# States of a case.
ACCEPTED: Final = "accepted"
UNDER_CONTROL: Final = "under-control"
HELD: Final = "held"
RELEASED: Final = "released"
REFUSED: Final = "refused"
CASE_STATES: Final = (ACCEPTED, UNDER_CONTROL, HELD, RELEASED, REFUSED)

# States of a delivery; `held` and `refused` are spelled as those of a case.
QUEUED: Final = "queued"
AWAITING: Final = "awaiting"
GRANTED: Final = "granted"
PARKED: Final = "parked"
DELIVERY_STATES: Final = (QUEUED, AWAITING, HELD, GRANTED, REFUSED, PARKED)
FINAL: Final = frozenset({GRANTED, REFUSED})
UNDECIDED: Final = tuple(state for state in DELIVERY_STATES if state not in FINAL)

# Events of a delivery. The first three are outcomes of a send, `revived` is an operator's, the rest are an agency's.
SENT: Final = "sent"
RETRY: Final = "retry"
REVIVED: Final = "revived"
DELIVERY_EVENTS: Final = (SENT, RETRY, PARKED, REVIVED, HELD, GRANTED, REFUSED)

# Every kind of event in the history of a case, and what it tells.
EVENT_KINDS: Final = {
    "received": "a declaration came in",
    "validated": "it is a valid message of its type",
    "routed": "the agencies that have to see it were found, by the requirements in force",
    ACCEPTED: "it is on record, under its MRN",
    QUEUED: "a delivery waits to be sent to its agency",
    "offered": "a delivery waits for its agency to fetch it",
    SENT: "the agency has the delivery",
    RETRY: "the agency was not reached; another try follows",
    PARKED: "the agency declined the delivery, or its answer cannot be read; an operator has to look",
    REVIVED: "an operator has it sent again",
    "decision": "the agency answered",
    UNDER_CONTROL: "the case waits for agencies",
    HELD: "the case is held by an agency",
    RELEASED: "the case is released: every agency granted, or none had to see it",
    REFUSED: "the case is refused by an agency",
}

# The events that a trader is told of without asking. What else happens is in the history of the case.
TOLD: Final = (ACCEPTED, "decision", UNDER_CONTROL, HELD, RELEASED, REFUSED)

# What an agency may answer, and the event that it is for the delivery.
OUTCOME_EVENTS: Final = {"granted": GRANTED, "refused": REFUSED, "held": HELD, "documents": HELD}

_STEPS: Final[dict[str, tuple[str | None, ...]]] = {
    # state    sent      retry     parked    revived held  granted  refused
    QUEUED: (AWAITING, QUEUED, PARKED, None, HELD, GRANTED, REFUSED),
    AWAITING: (AWAITING, AWAITING, AWAITING, None, HELD, GRANTED, REFUSED),
    HELD: (HELD, HELD, HELD, None, HELD, GRANTED, REFUSED),
    PARKED: (AWAITING, PARKED, PARKED, QUEUED, HELD, GRANTED, REFUSED),
    GRANTED: (GRANTED, GRANTED, GRANTED, None, None, None, None),
    REFUSED: (REFUSED, REFUSED, REFUSED, None, None, None, None),
}
STEPS: Final = {
    (state, event): following
    for state, row in _STEPS.items()
    for event, following in zip(DELIVERY_EVENTS, row, strict=True)
    if following is not None
}

# The first of these that any delivery asks for is the state of the case.
_ASKS: Final = (
    (UNDER_CONTROL, frozenset({QUEUED, AWAITING, PARKED})),
    (HELD, frozenset({HELD})),
    (REFUSED, frozenset({REFUSED})),
    (RELEASED, frozenset({GRANTED})),
)


class IllegalStep(Exception):
    """This event cannot happen to a delivery in this state."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"a delivery that is {state} cannot be {event}")
        self.state, self.event = state, event


def next_delivery_state(state: str, event: str) -> str:
    """The state after an event. Raises IllegalStep."""
    following = STEPS.get((state, event))
    if following is None:
        raise IllegalStep(state, event)
    return following


def roll_up(delivery_states: Collection[str]) -> str:
    """The state of a case with deliveries in these states; one that no agency has to see is released."""
    for state, asked_by in _ASKS:
        if not asked_by.isdisjoint(delivery_states):
            return state
    return RELEASED


def opening_state(delivery_states: Collection[str]) -> str:
    """The state of a case at its acceptance: `accepted` while all its deliveries are still to be sent."""
    if delivery_states and all(state == QUEUED for state in delivery_states):
        return ACCEPTED
    return roll_up(delivery_states)
