"""Passes: every step takes every sample as often as any other, and ratios compare what belongs together."""

from collections import Counter

import pytest

from perf.results import Row
from perf.timing import Times, interleave, local


def test_all_steps_go_over_all_samples_in_orders_that_a_seed_decides():
    def run(seed):
        calls = []
        steps = {name: (lambda order, name=name: calls.append((name, tuple(order))) or 1.0) for name in ("a", "b", "c")}
        interleave(steps, samples=4, passes=5, seed=seed, warm=1, repeat=2)
        return calls

    calls = run(seed=1)
    assert Counter(name for name, _ in calls) == {"a": 6, "b": 6, "c": 6}
    assert all(sorted(order) == [0, 0, 1, 1, 2, 2, 3, 3] for _, order in calls)
    assert len({order for _, order in calls}) > 1
    assert calls == run(seed=1) != run(seed=2)


def test_the_first_passes_do_not_count():
    seconds = iter((100.0, 100.0, 1.0, 2.0, 3.0))
    times = interleave({"a": lambda order: next(seconds)}, samples=1, passes=3, seed=1, warm=2)
    assert times.seconds == {"a": [1.0, 2.0, 3.0]}


def test_a_ratio_is_that_of_the_same_passes():
    # The machine is ten times slower in two of the passes: medians would compare 10 with 2.
    times = Times({"floor": [1, 10, 1, 10, 1], "ours": [2, 20, 20, 20, 2]}, per_pass=2)
    assert times.ratio("ours", "floor") == 2
    row = times.row("codecs", "ours", "small", "floor")
    assert (row.value, row.unit, row.ratio, row.against) == (10e6, "µs", 2, "floor")
    assert row.low <= row.value <= row.high


def test_a_floor_has_no_ratio():
    assert Times({"floor": [1.0]}).row("g", "floor", "c", None) == Row("g", "floor", "c", 1e6, "µs", 1e6, 1e6)


def test_a_local_step_works_on_the_samples_in_order_and_takes_time():
    seen = []
    assert local(seen.append, ["x", "y", "z"])([2, 0, 1]) > 0
    assert seen == ["z", "z", "x", "y"], "one goes first to warm up, then all in order"


def test_a_step_that_fails_fails_the_measurement():
    with pytest.raises(ZeroDivisionError):
        interleave({"a": local(lambda sample: 1 / sample, [0])}, samples=1, passes=1, seed=1)
