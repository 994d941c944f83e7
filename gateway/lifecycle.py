"""The life of a case and of its deliveries: one table for the steps, one for what they add up to.

A step that is not in the table is illegal. An outcome of a send that comes after an agency's answer changes nothing,
because a callback may overtake our own record of the send that caused it; in the table it is a step to the same state.
The same goes for a delivery that was withdrawn or superseded while a send of it was under way. A decision on it is
illegal, though: what it would say something of is there no longer, and its agency has to learn that.
"""

from collections.abc import Collection
from typing import Final

# States of a case.
ACCEPTED: Final = "accepted"
UNDER_CONTROL: Final = "under-control"
HELD: Final = "held"
READY: Final = "ready"
RELEASED: Final = "released"
REFUSED: Final = "refused"
INVALIDATED: Final = "invalidated"
AWAITING_CONFIRMATION: Final = "awaiting-confirmation"
DECLINED: Final = "declined"
CASE_STATES: Final = (
    ACCEPTED,
    UNDER_CONTROL,
    HELD,
    READY,
    RELEASED,
    REFUSED,
    INVALIDATED,
    AWAITING_CONFIRMATION,
    DECLINED,
)
# These do not follow from deliveries: a case that is in one of them stays there until an act leads out of it.
APART: Final = frozenset({INVALIDATED, AWAITING_CONFIRMATION, DECLINED})

# States of a delivery; `held` and `refused` are spelled as those of a case.
QUEUED: Final = "queued"
AWAITING: Final = "awaiting"
GRANTED: Final = "granted"
PARKED: Final = "parked"
WITHDRAWN: Final = "withdrawn"
SUPERSEDED: Final = "superseded"
DELIVERY_STATES: Final = (QUEUED, AWAITING, HELD, GRANTED, REFUSED, PARKED, WITHDRAWN, SUPERSEDED)
DECIDED: Final = frozenset({GRANTED, REFUSED})
FINAL: Final = DECIDED | {WITHDRAWN, SUPERSEDED}
UNDECIDED: Final = tuple(state for state in DELIVERY_STATES if state not in FINAL)

# Events of a delivery. The first three are outcomes of a send, `revived` is an operator's, the next three follow from
# an act of the trader, the rest are an agency's.
SENT: Final = "sent"
RETRY: Final = "retry"
REVIVED: Final = "revived"
PROVIDED: Final = "provided"
DELIVERY_EVENTS: Final = (SENT, RETRY, PARKED, REVIVED, WITHDRAWN, SUPERSEDED, PROVIDED, HELD, GRANTED, REFUSED)

# What a trader may do to a case, and the states in which it is legal: until the case is released, refused, declined or
# invalidated. What is released is no longer the trader's to change or take back; a declaration that was incomplete may
# be completed even then, which changes nothing that an agency decided on. Before the party that it was lodged for has
# confirmed it, goods do not arrive on it and nothing completes it: an amendment can. The confirmation is that party's,
# everything else is the sender's. An answer is to a query of an agency, which has a delivery before it then.
AMENDMENT: Final = "amendment"
INVALIDATION: Final = "invalidation"
ATTACHMENT: Final = "attachment"
CONFIRMATION: Final = "confirmation"
ARRIVAL: Final = "arrival"
SUPPLEMENT: Final = "supplement"
ANSWER: Final = "answer"
# An appeal is against a decision, and its ruling, which is the agency's, may change that, wherever there can be one.
APPEAL: Final = "appeal"
RULING: Final = "ruling"
_ASKED: Final = (ACCEPTED, UNDER_CONTROL, HELD)
_OPEN: Final = (*_ASKED, READY)
_DECIDED_ON: Final = (UNDER_CONTROL, HELD, READY, RELEASED, REFUSED, AWAITING_CONFIRMATION)
ACTS: Final = {
    AMENDMENT: (*_OPEN, AWAITING_CONFIRMATION),
    INVALIDATION: (*_OPEN, AWAITING_CONFIRMATION),
    ATTACHMENT: (*_ASKED, AWAITING_CONFIRMATION),
    CONFIRMATION: (AWAITING_CONFIRMATION,),
    APPEAL: _DECIDED_ON,
    RULING: _DECIDED_ON,
    ANSWER: (UNDER_CONTROL, HELD, AWAITING_CONFIRMATION),
    ARRIVAL: _OPEN,
    SUPPLEMENT: (*_OPEN, RELEASED),
}
# Those by which a new version of the declaration comes to count.
RENEWING: Final = (AMENDMENT, SUPPLEMENT)
OVERDUE: Final = "supplement-overdue"
# What else is told of a case that was lodged for another party: the mandate, and that nobody confirmed in time.
MANDATE: Final = "mandate"
CONFIRMED: Final = "confirmed"  # the other answer is `declined`, as the state that it leads to
UNCONFIRMED: Final = "unconfirmed"

# What may come of a document after it was taken.
DOCUMENT_REJECTED: Final = "document-rejected"
# Outcomes of sending a notice to an agency. They move no delivery: what it tells of has happened already.
TOLD_AGENCY: Final = "told"
UNTOLD_AGENCY: Final = "untold"

# States of a query that an agency put to the trader: answered, or closed when its delivery came to its end before that.
OPEN: Final = "open"
ANSWERED: Final = "answered"
CLOSED: Final = "closed"
QUERY_STATES: Final = (OPEN, ANSWERED, CLOSED)

# Every kind of event in the history of a case, and what it tells.
EVENT_KINDS: Final = {
    "received": "a declaration came in",
    "validated": "it is a valid message of its type",
    MANDATE: "it is lodged for another party, by a mandate of that party",
    "routed": "the agencies that have to see it were found, by the requirements in force",
    ACCEPTED: "it is on record, under its MRN",
    QUEUED: "a delivery waits to be sent to its agency",
    "offered": "a delivery waits for its agency to fetch it",
    SENT: "the agency has the delivery",
    RETRY: "the agency was not reached; another try follows",
    PARKED: "the agency declined the delivery, or its answer cannot be read; an operator has to look",
    REVIVED: "an operator has it sent again",
    "decision": "the agency answered",
    AMENDMENT: "the trader lodged a new version of the declaration",
    SUPERSEDED: "a delivery is of an earlier version: it is no longer sent, and a decision on it counts no more",
    INVALIDATION: "the trader lodged an invalidation",
    ATTACHMENT: "the trader attached a supporting document, for the agencies that are named",
    PROVIDED: "an agency has every document that it asked for, and decides again",
    DOCUMENT_REJECTED: "the scanner found something in a document of the case, which nobody is given any more",
    ANSWER: "the trader answered a query of an agency",
    TOLD_AGENCY: "an agency was told what became of its delivery, or what the trader answered or provided",
    UNTOLD_AGENCY: "an agency declined to be told; an operator has to look",
    WITHDRAWN: "a delivery is no longer sent, and can no longer be decided",
    APPEAL: "the trader appealed against a decision; the record that it rests on is frozen",
    RULING: "the appeal was ruled on: the decision is upheld, or overturned by the decision that follows",
    ARRIVAL: "the trader declared that the goods have arrived",
    SUPPLEMENT: "the trader completed a declaration that was incomplete",
    OVERDUE: "the day for the supplement to an incomplete declaration has passed without one",
    UNDER_CONTROL: "the case waits for agencies",
    HELD: "the case is held by an agency",
    READY: "every agency granted, or none had to see it; the goods have still to arrive",
    RELEASED: "the case is released: every agency granted, or none had to see it, and the goods are there",
    REFUSED: "the case is refused by an agency",
    INVALIDATED: "the case is invalidated by its trader",
    AWAITING_CONFIRMATION: "the case waits for the party that it was lodged for to confirm it",
    CONFIRMATION: "the party that it was lodged for confirmed or declined it",
    UNCONFIRMED: "the time to confirm it ended",
    DECLINED: "the case is over: the party that it was lodged for declined it, or did not confirm it in time",
}

# The events that a trader is told of without asking. What else happens is in the history of the case.
TOLD: Final = (
    ACCEPTED,
    AMENDMENT,
    ARRIVAL,
    SUPPLEMENT,
    OVERDUE,
    "decision",
    ATTACHMENT,
    DOCUMENT_REJECTED,
    APPEAL,
    RULING,
    UNDER_CONTROL,
    HELD,
    READY,
    RELEASED,
    REFUSED,
    INVALIDATED,
    AWAITING_CONFIRMATION,
    CONFIRMATION,
    DECLINED,
)

# What an agency may answer, and the event that it is for the delivery.
QUERY: Final = "query"
OUTCOME_EVENTS: Final = {"granted": GRANTED, "refused": REFUSED, "held": HELD, "documents": HELD, QUERY: HELD}

_STEPS: Final[dict[str, tuple[str | None, ...]]] = {
    # state    sent      retry     parked    revived withdrawn superseded provided held granted  refused
    QUEUED: (AWAITING, QUEUED, PARKED, None, WITHDRAWN, SUPERSEDED, None, HELD, GRANTED, REFUSED),
    AWAITING: (AWAITING, AWAITING, AWAITING, None, WITHDRAWN, SUPERSEDED, None, HELD, GRANTED, REFUSED),
    HELD: (HELD, HELD, HELD, None, WITHDRAWN, SUPERSEDED, AWAITING, HELD, GRANTED, REFUSED),
    PARKED: (AWAITING, PARKED, PARKED, QUEUED, WITHDRAWN, SUPERSEDED, None, HELD, GRANTED, REFUSED),
    GRANTED: (GRANTED, GRANTED, GRANTED, None, None, SUPERSEDED, None, None, None, None),
    REFUSED: (REFUSED, REFUSED, REFUSED, None, None, SUPERSEDED, None, None, None, None),
    WITHDRAWN: (WITHDRAWN, WITHDRAWN, WITHDRAWN, None, None, None, None, None, None, None),
    SUPERSEDED: (SUPERSEDED, SUPERSEDED, SUPERSEDED, None, None, None, None, None, None, None),
}
STEPS: Final = {
    (state, event): following
    for state, row in _STEPS.items()
    for event, following in zip(DELIVERY_EVENTS, row, strict=True)
    if following is not None
}

# What becomes of a delivery when its decision is overturned: the new decision takes the place of the old, and a case
# that was refused is open again as far as that asks for it. It may be better for the trader, and not worse.
REVIEWS: Final = {(REFUSED, GRANTED): GRANTED, (REFUSED, HELD): HELD, (GRANTED, GRANTED): GRANTED}
UPHELD: Final = "upheld"
OVERTURNED: Final = "overturned"
RULINGS: Final = (UPHELD, OVERTURNED)
# What a ruling is for the trader who asked for it.
APPEAL_ANSWERS: Final = {UPHELD: REFUSED, OVERTURNED: GRANTED}
# An appeal lapses with what it was against: the delivery is superseded, or the case invalidated, before the ruling.
APPEAL_STATES: Final = ("lodged", *RULINGS, "lapsed")

# The first of these that any delivery asks for is the state of the case. One that is superseded asks for nothing.
_ASKS: Final = (
    (UNDER_CONTROL, frozenset({QUEUED, AWAITING, PARKED})),
    (HELD, frozenset({HELD})),
    (REFUSED, frozenset({REFUSED})),
)


class IllegalStep(Exception):
    """This event cannot happen to a delivery in this state."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"a delivery that is {state} cannot be {event}")
        self.state, self.event = state, event


class IllegalAct(Exception):
    """A trader may not do this to a case in this state; `legal` are the states in which it may."""

    def __init__(self, act: str, mrn: str, state: str) -> None:
        self.act, self.mrn, self.state, self.legal = act, mrn, state, ACTS[act]
        super().__init__(f"an {act} is for a case that is {' or '.join(self.legal)}; {mrn} is {state}")


def check_act(act: str, mrn: str, state: str) -> None:
    """Raises IllegalAct where a case in this state does not allow it."""
    if state not in ACTS[act]:
        raise IllegalAct(act, mrn, state)


def next_delivery_state(state: str, event: str) -> str:
    """The state after an event. Raises IllegalStep."""
    following = STEPS.get((state, event))
    if following is None:
        raise IllegalStep(state, event)
    return following


def state_after_review(state: str, event: str) -> str:
    """The state of a delivery whose decision is overturned by another. Raises IllegalStep."""
    following = REVIEWS.get((state, event))
    if following is None:
        raise IllegalStep(state, event)
    return following


def roll_up(delivery_states: Collection[str], *, goods_to_come: bool = False) -> str:
    """The state of a case with deliveries in these states: the first that one of them asks for. One that no agency is
    left to decide on is released, as soon as its goods are there.
    """
    for state, asked_by in _ASKS:
        if not asked_by.isdisjoint(delivery_states):
            return state
    return READY if goods_to_come else RELEASED


def opening_state(delivery_states: Collection[str], *, waits: bool = False, goods_to_come: bool = False) -> str:
    """The state of a case at its acceptance: `accepted` while all its deliveries are still to be sent.

    One that `waits` has none before it is confirmed.
    """
    if waits:
        return AWAITING_CONFIRMATION
    if delivery_states and all(state == QUEUED for state in delivery_states):
        return ACCEPTED
    return roll_up(delivery_states, goods_to_come=goods_to_come)
