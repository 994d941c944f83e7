"""Nothing changes between two days of change, so the days of one period share what is made for them.

What is prepared for a day is kept by its period. There are only as many as the tables have days of change, whatever
days are asked for, so that nobody fills the memory by asking for many.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta

Span = tuple[date | None, date | None]  # first and last day, both included; None is without end


class Periods:
    """The periods into which some spans of days divide the calendar."""

    def __init__(self, spans: Iterable[Span]) -> None:
        turns: set[date] = set()
        for first, last in spans:
            turns |= {first} if first else set()
            turns |= {last + timedelta(days=1)} if last and last < date.max else set()
        self._turns = sorted(turns)

    def of(self, day: date) -> int:
        """The number of the period that a day lies in."""
        return bisect_right(self._turns, day)
