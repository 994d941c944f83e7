"""Time as the gateway writes it: RFC 3339 in UTC with milliseconds, so that stored times sort as text.

The clock is an argument everywhere, because what depends on time must be testable without waiting for it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of a running gateway."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`2026-01-31T08:00:00.000Z` of an aware moment; what is below a millisecond is cut off."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The aware moment that a stamp stands for."""
    return datetime.fromisoformat(text)


def later(start: datetime, seconds: float) -> str:
    """The stamp of `seconds` after `start`."""
    return stamp(start + timedelta(seconds=seconds))
