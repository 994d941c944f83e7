"""The lifecycle, pair by pair. The expectation is written out again here, so that a slip in the table shows."""

from itertools import combinations_with_replacement

import pytest

from gateway import lifecycle
from gateway.lifecycle import (
    ACTS,
    CASE_STATES,
    DECIDED,
    DELIVERY_EVENTS,
    DELIVERY_STATES,
    FINAL,
    UNDECIDED,
    IllegalAct,
    IllegalStep,
)

EXPECTED = """
queued     + sent = awaiting, retry = queued, parked = parked, held = held, granted = granted, refused = refused
queued     + withdrawn = withdrawn, superseded = superseded
awaiting   + sent = awaiting, retry = awaiting, parked = awaiting, held = held, granted = granted, refused = refused
awaiting   + withdrawn = withdrawn, superseded = superseded
held       + sent = held, retry = held, parked = held, held = held, granted = granted, refused = refused
held       + withdrawn = withdrawn, superseded = superseded, provided = awaiting
parked     + sent = awaiting, retry = parked, parked = parked, revived = queued, held = held, granted = granted
parked     + refused = refused, withdrawn = withdrawn, superseded = superseded
granted    + sent = granted, retry = granted, parked = granted, superseded = superseded
refused    + sent = refused, retry = refused, parked = refused, superseded = superseded
withdrawn  + sent = withdrawn, retry = withdrawn, parked = withdrawn
superseded + sent = superseded, retry = superseded, parked = superseded
"""
LEGAL = {
    (line.split("+")[0].strip(), step.split("=")[0].strip()): step.split("=")[1].strip()
    for line in EXPECTED.strip().splitlines()
    for step in line.split("+")[1].split(",")
}


@pytest.mark.parametrize("state", DELIVERY_STATES)
@pytest.mark.parametrize("event", DELIVERY_EVENTS)
def test_every_event_in_every_state(state, event):
    if (state, event) in LEGAL:
        assert lifecycle.next_delivery_state(state, event) == LEGAL[state, event]
    else:
        with pytest.raises(IllegalStep, match=f"{state}.*{event}"):
            lifecycle.next_delivery_state(state, event)


def test_nothing_is_expected_that_is_not_a_state_or_an_event():
    assert {state for state, _ in LEGAL} == set(DELIVERY_STATES)
    assert {event for _, event in LEGAL} == set(DELIVERY_EVENTS)
    assert set(LEGAL.values()) == set(DELIVERY_STATES)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_state_is_never_left_but_for_a_decision_on_an_earlier_version(state):
    reached = {lifecycle.STEPS.get((state, event), state) for event in DELIVERY_EVENTS}
    assert reached == ({state, "superseded"} if state in DECIDED else {state})


@pytest.mark.parametrize(("state", "event"), [("no-such-state", "sent"), ("queued", "no-such-event")])
def test_unknown_names_are_illegal(state, event):
    with pytest.raises(IllegalStep):
        lifecycle.next_delivery_state(state, event)


def expected_roll_up(states: tuple[str, ...], goods_to_come: bool) -> str:
    if any(state in ("queued", "awaiting", "parked") for state in states):
        return "under-control"
    if "held" in states:
        return "held"
    if "refused" in states:
        return "refused"
    return "ready" if goods_to_come else "released"


@pytest.mark.parametrize("goods_to_come", [False, True])
@pytest.mark.parametrize("count", range(5))
def test_every_roll_up_of_up_to_four_deliveries(count, goods_to_come):
    for states in combinations_with_replacement(DELIVERY_STATES, count):
        assert roll_up(states, goods_to_come) == expected_roll_up(states, goods_to_come)
        assert roll_up(states[::-1], goods_to_come) == expected_roll_up(states, goods_to_come)


@pytest.mark.parametrize(
    ("states", "opening"),
    [
        ((), "released"),
        (("queued",), "accepted"),
        (("queued", "queued"), "accepted"),
        (("queued", "awaiting"), "under-control"),
        (("awaiting",), "under-control"),
    ],
)
def test_how_a_case_opens(states, opening):
    assert lifecycle.opening_state(states) == opening
    assert opening in CASE_STATES
    assert lifecycle.opening_state(states, goods_to_come=True) == {"released": "ready"}.get(opening, opening)


OPEN = ("accepted", "under-control", "held", "ready")
ALLOWED = {(act, state) for act in ("amendment", "invalidation", "arrival", "supplement") for state in OPEN} | {
    ("supplement", "released"),
    ("attachment", "accepted"),
    ("attachment", "under-control"),
    ("attachment", "held"),
    ("attachment", "awaiting-confirmation"),
    *(
        (act, state)
        for act in ("appeal", "ruling")
        for state in ("under-control", "held", "ready", "released", "refused", "awaiting-confirmation")
    ),
    ("answer", "under-control"),
    ("answer", "held"),
    ("answer", "awaiting-confirmation"),
    ("amendment", "awaiting-confirmation"),
    ("invalidation", "awaiting-confirmation"),
    ("confirmation", "awaiting-confirmation"),
}


@pytest.mark.parametrize("state", CASE_STATES)
@pytest.mark.parametrize("act", ACTS)
def test_every_act_of_a_trader_in_every_state(act, state):
    if (act, state) in ALLOWED:
        lifecycle.check_act(act, "M-1", state)
    else:
        with pytest.raises(IllegalAct, match=f"M-1 is {state}$") as caught:
            lifecycle.check_act(act, "M-1", state)
        assert {(act, legal) for legal in caught.value.legal} == {each for each in ALLOWED if each[0] == act}


def test_no_act_is_allowed_that_is_not_in_the_table():
    assert {act for act, _ in ALLOWED} == set(ACTS)


@pytest.mark.parametrize("goods_to_come", [False, True])
@pytest.mark.parametrize("count", range(5))
def test_acts_keep_the_life_of_a_case_in_order_from_wherever_it_stands(count, goods_to_come):
    for states in combinations_with_replacement([each for each in DELIVERY_STATES if each != "withdrawn"], count):
        for state in {roll_up(states, goods_to_come), lifecycle.opening_state(states, goods_to_come=goods_to_come)}:
            undecided = any(each in UNDECIDED for each in states)
            open_to_acts = state in ACTS["invalidation"]
            assert open_to_acts == (undecided or state == "ready"), "nothing that is over is the trader's to change"
            after = [each if each in FINAL else "withdrawn" for each in states]
            assert open_to_acts or roll_up(after, goods_to_come) == state, "what is over moves nowhere"
            if goods_to_come:
                assert state != "released", "nothing is released before it has arrived"
                arrived = roll_up(states, False)
                assert arrived == ("released" if state == "ready" else roll_up(states, True)), "arrival changes no more"


REVIEWED = {("refused", "granted"): "granted", ("refused", "held"): "held", ("granted", "granted"): "granted"}


@pytest.mark.parametrize("state", DELIVERY_STATES)
@pytest.mark.parametrize("event", DELIVERY_EVENTS)
def test_every_new_decision_in_every_state(state, event):
    """Nothing becomes worse by an appeal, and nothing is reviewed that was not decided."""
    if (state, event) in REVIEWED:
        assert lifecycle.state_after_review(state, event) == REVIEWED[state, event]
    else:
        with pytest.raises(IllegalStep, match=f"{state}.*{event}"):
            lifecycle.state_after_review(state, event)


@pytest.mark.parametrize("count", range(1, 5))
def test_an_overturned_refusal_opens_the_case_as_far_as_the_new_decision_asks_for_it(count):
    for states in combinations_with_replacement(DELIVERY_STATES, count):
        if "refused" not in states or lifecycle.roll_up(states) not in ACTS["ruling"]:
            continue
        others = list(states)
        others.remove("refused")
        for event, state in (("granted", "granted"), ("held", "held")):
            after = lifecycle.roll_up([*others, lifecycle.state_after_review("refused", event)])
            assert after == expected_roll_up((*others, state), goods_to_come=False)
            assert after != "refused" or "refused" in others, "another agency's refusal stands"


def roll_up(states: tuple[str, ...], goods_to_come: bool) -> str:
    return lifecycle.roll_up(states, goods_to_come=goods_to_come)
