"""When to try again: exponential back-off with a cap and full jitter. Pure; the jitter is an argument.

Full jitter spreads the retries of many deliveries after one outage. No number of attempts drops a delivery: an
agency's outage must never force paper, so the pause stays at its cap for as long as the outage lasts.
"""

import msgspec

_LARGEST_EXPONENT = 32


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`first` and `cap` are seconds. From the send number `attempts` on, the pause is the cap itself, without jitter,
    and a further failure is no event of the case, because it tells its history nothing new.
    """

    first: float = 1.0
    cap: float = 300.0
    attempts: int = 12

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.cap:
            raise ValueError("first must be above 0 and not above cap")
        if self.attempts < 1:
            raise ValueError("attempts must be at least 1")


def delay(policy: RetryPolicy, attempt: int, jitter: float) -> float:
    """Seconds to wait after the failed send number `attempt` (from 1); `jitter` is in [0, 1)."""
    if attempt >= policy.attempts:
        return policy.cap
    return jitter * min(policy.cap, policy.first * 2.0 ** min(attempt - 1, _LARGEST_EXPONENT))
