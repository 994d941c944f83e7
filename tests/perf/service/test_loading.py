"""From times to rows: percentiles, ratios within rounds, and runs that must not count."""

from collections import Counter

import pytest

from perf.options import Options
from perf.service.load import Load, percentile
from perf.service.loading import Driver, Run, rate_row, rounds, spent_row, time_rows
from perf.service.references import declaration


def run(rate=100.0, micros=(1000,), spent=0.001):
    ordered = sorted(micros)
    load = Load(
        rate=rate, lodged=len(ordered), begun=len(ordered), faults={}, unfinished=0, polls=0, share=0.1, micros=ordered
    )
    return Run(load, spent)


@pytest.mark.parametrize(("point", "value"), [(50, 50), (95, 95), (99, 99), (100, 100), (0.1, 1)])
def test_a_percentile_is_a_time_that_was_seen(point, value):
    assert percentile(list(range(1, 101)), point) == value


def test_a_ratio_is_taken_within_each_round():
    """The machine was twice as fast in the second round, for both; their ratio does not move."""
    row = rate_row("g", "ours", "c", [run(100), run(200)], [run(50), run(100)], "theirs")
    assert (row.ratio, row.against) == (2, "theirs")
    assert spent_row("g", "ours", "c", [run(spent=0.002)], [run(spent=0.001)], "theirs").ratio == 2


def test_times_are_those_of_a_round_in_the_middle():
    """One round in which the machine was busy does not count."""
    runs = [run(micros=[1000] * 9 + [3000]), run(micros=[2000] * 9 + [6000]), run(micros=[500_000] * 10)]
    rows = time_rows("g", "accept", "c", runs)
    assert [row.value for row in rows] == [2, 6, 6]
    assert (rows[-1].ratio, rows[-1].against) == (3, "accept, p50")


def test_the_slowest_times_are_held_against_other_runs():
    *_, last = time_rows("g", "busy", "c", [run(micros=[8000])], [run(micros=[2000])], "alone")
    assert (last.value, last.ratio, last.against) == (8, 4, "alone, p99")


def test_rounds_do_everything_once_each_in_changing_order():
    order = []

    def done(name):
        order.append(name)
        return run()

    found = rounds({name: lambda name=name: done(name) for name in "abc"}, 6, seed=1)
    assert {name: len(runs) for name, runs in found.items()} == {"a": 6, "b": 6, "c": 6}
    assert all(Counter(order[at : at + 3]) == Counter("abc") for at in range(0, 18, 3))
    assert len({tuple(order[at : at + 3]) for at in range(0, 18, 3)}) > 1


def test_a_group_says_when_the_tool_took_too_much(tmp_path):
    driver, options = (
        Driver([declaration("one", b"<FunctionalReferenceID></FunctionalReferenceID>")], tmp_path / "one"),
        Options(),
    )
    driver.share = 0.3
    assert driver.share_row("g", "c", options).value == pytest.approx(30)
    assert "30%" in options.notes[0]
