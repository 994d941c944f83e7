"""The back-off: what it may be, at any attempt and for any jitter."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.retry import RetryPolicy, delay

POLICY = RetryPolicy(first=1.0, cap=60.0, attempts=10)
JITTER = some.floats(min_value=0.0, max_value=1.0, exclude_max=True)


@given(attempt=some.integers(1, 1_000_000), jitter=JITTER)
def test_a_pause_is_never_negative_and_never_above_the_cap(attempt, jitter):
    assert 0.0 <= delay(POLICY, attempt, jitter) <= POLICY.cap


@given(attempt=some.integers(1, 9), jitter=JITTER)
def test_full_jitter_spreads_over_all_of_a_doubling_range(attempt, jitter):
    ceiling = min(60.0, 2.0 ** (attempt - 1))
    assert delay(POLICY, attempt, 0.0) == 0.0
    assert delay(POLICY, attempt, jitter) == pytest.approx(jitter * ceiling)


@given(attempt=some.integers(10, 10_000), jitter=JITTER)
def test_after_many_attempts_it_goes_on_at_the_cap(attempt, jitter):
    assert delay(POLICY, attempt, jitter) == 60.0


@pytest.mark.parametrize("wrong", [{"first": 0.0}, {"first": 9.0, "cap": 5.0}, {"attempts": 0}])
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**wrong)
