"""The chain of events: what was tampered with is found, and others can compute the same digests."""

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import audit
from gateway.ports import Event

MRN = "26XZ00000000000001"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=4)


def chain(*data: dict, mrn: str = MRN) -> list[Event]:
    events: list[Event] = []
    previous = audit.genesis(mrn)
    for seq, told in enumerate(data, 1):
        events.append(audit.link(previous, seq, f"2026-01-31T08:00:0{seq}.000Z", f"kind-{seq}", "FSA", told))
        previous = events[-1].digest
    return events


def changed(events: list[Event], index: int, **fields) -> list[Event]:
    return [*events[:index], msgspec.structs.replace(events[index], **fields), *events[index + 1 :]]


def test_an_untouched_chain_holds():
    assert audit.verify(MRN, chain({}, {"a": 1}, {"b": ["c"]})) is None
    assert audit.verify(MRN, []) is None


@pytest.mark.parametrize(
    "field", [{"seq": 9}, {"at": "2026-01-31T09:00:00.000Z"}, {"kind": "x"}, {"actor": "x"}, {"data": {"a": 2}}]
)
def test_a_changed_field_is_found_where_it_was_changed(field):
    assert audit.verify(MRN, changed(chain({}, {"a": 1}, {}), 1, **field)) == 2


def test_an_event_that_was_changed_and_signed_anew_breaks_the_next():
    events = chain({}, {"a": 1}, {})
    forged = audit.link(events[0].digest, 2, events[1].at, events[1].kind, events[1].actor, {"a": 2})
    assert audit.verify(MRN, [events[0], forged, events[2]]) == 3


def test_events_taken_out_put_in_or_moved_are_found():
    one, two, three = chain({}, {}, {})
    assert audit.verify(MRN, [two, three]) == 1
    assert audit.verify(MRN, [one, three]) == 2
    assert audit.verify(MRN, [one, one, two, three]) == 2
    assert audit.verify(MRN, [one, three, two]) == 2


def test_the_chain_of_another_case_does_not_hold():
    assert audit.verify("26XZ00000000000002", chain({}, {})) == 1


def test_anybody_can_compute_the_digests_with_the_standard_library():
    data = {"ü": "žluťoučký", "a": [1, {"y": None, "b": True}], "Z": 'quote " and \\ and \n'}
    event = chain(data)[0]
    fields = [hashlib.sha256(MRN.encode()).hexdigest(), 1, event.at, event.kind, event.actor, data]
    written = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert event.digest == hashlib.sha256(written.encode()).hexdigest()


def test_what_json_cannot_carry_is_refused():
    with pytest.raises(TypeError):
        audit.link(audit.genesis(MRN), 1, "", "", "", {"a": object()})


@given(json_objects)
def test_data_that_was_stored_and_read_again_still_verifies(data):
    event = chain(data)[0]
    stored = msgspec.json.encode(event)
    assert audit.verify(MRN, [msgspec.json.decode(stored, type=Event)]) is None


@given(json_objects, json_objects)
def test_other_data_has_another_digest(first, second):
    same = msgspec.json.encode(first, order="sorted") == msgspec.json.encode(second, order="sorted")
    assert (chain(first)[0].digest == chain(second)[0].digest) == same
