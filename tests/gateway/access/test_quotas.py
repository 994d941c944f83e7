"""Token buckets: a burst at once, then a steady rate, for each caller alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.quotas import Buckets, Quota, Standing


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_granted_at_once_and_then_one_by_one():
    clock = Clock()
    buckets = Buckets(Quota(per_second=0.5, burst=2), clock)
    assert [buckets.take("a").granted for _ in range(3)] == [True, True, False]
    assert buckets.take("b") == Standing(True, 1, 0, 2), "another has a bucket of its own"
    assert buckets.take("a") == Standing(False, 0, 2, 4), "what is refused costs nothing"
    clock.now += 2
    assert buckets.take("a") == Standing(True, 0, 2, 4)
    clock.now += 1000
    assert buckets.look("a") == Standing(True, 2, 0, 0), "no more than the brim"
    assert buckets.look("a") == buckets.look("a")


@given(st.floats(0.01, 100), st.integers(1, 50), st.lists(st.floats(0, 30), max_size=60))
def test_nobody_ever_has_more_than_a_burst_and_the_rate_of_the_time_since(rate, burst, pauses):
    clock = Clock()
    buckets = Buckets(Quota(per_second=rate, burst=burst), clock)
    granted = 0
    for pause in pauses:
        clock.now += pause
        standing = buckets.take("a")
        granted += standing.granted
        assert standing.granted or standing.wait > 0
        assert granted <= burst + (clock.now - 1000) * rate + 1e-6
        assert 0 <= standing.left <= burst


def test_after_the_wait_that_was_told_it_is_granted():
    clock = Clock()
    buckets = Buckets(Quota(per_second=0.3, burst=1), clock)
    buckets.take("a")
    clock.now += buckets.take("a").wait
    assert buckets.take("a").granted


def test_only_so_many_callers_are_kept_and_the_newest_stay():
    clock = Clock()
    buckets = Buckets(Quota(per_second=0.001, burst=1), clock, most=2)
    for who in "abcbd":
        buckets.take(who)
    assert not buckets.look("b").granted and not buckets.look("d").granted
    assert buckets.look("a").granted and buckets.look("c").granted


def test_workers_give_a_part_each():
    assert Quota(per_second=10, burst=100).part(4) == Quota(per_second=2.5, burst=25)
    assert Quota(per_second=10, burst=3).part(4).burst == 1


@pytest.mark.parametrize("wrong", [{"per_second": -1.0}, {"burst": 0}])
def test_a_quota_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        Quota(**wrong)
