"""How much one caller may ask for: token buckets in memory, one for each caller, all of one size.

Rule: a bucket begins full, a request takes one token, and tokens come back at a steady rate up to the brim. Reason: a
burst after a quiet while harms nobody, and what is taken for long is bounded all the same. Buckets are kept for those
who came last, and only so many: one that is forgotten would mostly have been full again.
Pure but for the clock, which is an argument.
"""

from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import Final, NamedTuple

import msgspec

MOST: Final = 10_000  # buckets of one kind


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """`per_second` requests for as long as one likes, and `burst` at once. 0 per second is no limit."""

    per_second: float = 0.0
    burst: int = 100

    def __post_init__(self) -> None:
        if self.per_second < 0 or self.burst < 1:
            raise ValueError("per_second must not be below 0, and burst must be at least 1")

    def part(self, workers: int) -> "Quota":
        """What each of so many workers gives of it; at least one request at a time."""
        return Quota(per_second=self.per_second / workers, burst=max(1, self.burst // workers))

    @property
    def window(self) -> int:
        """Seconds in which an empty bucket is full again."""
        return ceil(self.burst / self.per_second)


class Standing(NamedTuple):
    """Where a caller stands: whether this request is granted, and how many more would be now.

    `wait` is how many seconds until there is one again, `full` until all are.
    """

    granted: bool
    left: int
    wait: int
    full: int


class Buckets:
    """The buckets of one quota, which must have a limit."""

    def __init__(self, quota: Quota, clock: Callable[[], float] = monotonic, most: int = MOST) -> None:
        self.quota = quota
        self._clock, self._most = clock, most
        self._levels: dict[object, tuple[float, float]] = {}  # tokens, and when there were so many

    def take(self, who: object) -> Standing:
        """A request of that caller."""
        level, now = self._level(who)
        granted = level >= 1
        level -= granted
        self._levels.pop(who, None)
        if len(self._levels) >= self._most:
            del self._levels[next(iter(self._levels))]  # who came longest ago
        self._levels[who] = level, now
        return self._standing(granted, level)

    def spare(self, who: object) -> float:
        """Take one of what the caller can spare: 0 when it is taken, else in how many seconds to ask again.

        It spares half of what it may ask at once, so that work which can wait never uses up all.
        """
        level, now = self._level(who)
        lacking = 1 + self.quota.burst // 2 - level
        if lacking > 0:
            return lacking / self.quota.per_second
        self._levels[who] = level - 1, now
        return 0.0

    def look(self, who: object) -> Standing:
        """How a request would fare; nothing is taken."""
        level, _ = self._level(who)
        return self._standing(level >= 1, level)

    def _level(self, who: object) -> tuple[float, float]:
        now, burst = self._clock(), float(self.quota.burst)
        level, since = self._levels.get(who, (burst, now))
        return min(burst, level + (now - since) * self.quota.per_second), now

    def _standing(self, granted: bool, level: float) -> Standing:
        rate, burst = self.quota.per_second, self.quota.burst
        wait = 0 if level >= 1 else ceil((1 - level) / rate)
        return Standing(granted, int(level), wait, ceil((burst - level) / rate))
