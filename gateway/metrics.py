"""What the gateway counts of its own doings, in memory that all its workers share.

Rule: every series has its place before it is counted, and each worker writes to a row of its own; who asks is told the
sums. Reason: to count is then one addition, with no lock, no label to look up and no file, so that it can be done for
every request; any worker can answer for all of them; and a worker that takes the place of another goes on where that
one ended, so that no counter ever goes backwards.

Places are given in the order in which they are asked for, which is the same in all processes forked from one. A place
has one thread that writes to it.
"""

import asyncio
import mmap
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from gateway import lifecycle

LOOK_SECONDS: Final = 0.25  # between two looks at the event loop
PLACES: Final = 32 * 1024  # of one worker; memory that nobody has written to costs nothing
_SIZE: Final = 8  # bytes of a number
_QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COUNTS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
UNREAD: Final = "unread"  # stands for the type of a message that was not found out

Kind = Literal["counter", "gauge", "histogram"]


class Family(NamedTuple):
    """Series that differ in their labels only. `bounds` are the upper ones of a histogram's buckets."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Numbers of one series: a histogram has one for each bucket, one for what is beyond, and the sum."""
        return len(self.bounds) + 2 if self.bounds else 1


REQUESTS: Final = Family("guichet_requests", "counter", "Answers given.", ("route", "status"))
REQUEST_SECONDS: Final = Family(
    "guichet_request_seconds", "histogram", "From a request's head to its answer.", ("route",), _QUICK
)
READING: Final = Family("guichet_bodies_reading", "gauge", "Bodies that are being read.")
DECLARATIONS: Final = Family(
    "guichet_declarations", "counter", "Declarations handed in.", ("message", "format", "result")
)
COMMIT_SIZE: Final = Family("guichet_commit_size", "histogram", "Pieces of work in one commit.", (), _COUNTS)
COMMIT_SECONDS: Final = Family(
    "guichet_commit_seconds", "histogram", "From the begin of a commit until it is on disk.", (), _QUICK
)
SENDS: Final = Family("guichet_sends", "counter", "Deliveries sent to agencies.", ("agency", "outcome"))
SEND_SECONDS: Final = Family("guichet_send_seconds", "histogram", "One exchange with an agency.", ("agency",), _QUICK)
DECISIONS: Final = Family("guichet_decisions", "counter", "Decisions recorded.", ("agency", "outcome"))
PUSHES: Final = Family("guichet_pushes", "counter", "Notifications sent to traders' addresses.", ("outcome",))
BIG: Final = Family("guichet_big_messages_working", "gauge", "Processes at work on big messages.")
LAG: Final = Family("guichet_loop_lag_seconds", "histogram", "How late the event loop comes to a task.", (), _QUICK)

RESULTS: Final = ("accepted", "replayed", "conflict", "refused", "failed")
OUTCOMES: Final = (
    "taken",
    "decided",
    "unreachable",
    "unadmitted",
    "failed",
    "declined",
    "unreadable",
    "contradicted",
    "closed",
)
PUSH_OUTCOMES: Final = ("taken", "failed", "given-up")


class Sheet:
    """A row of numbers for each worker. Made before the first fork; a process writes to the row of its seat."""

    def __init__(self, workers: int = 1) -> None:
        self._numbers = memoryview(mmap.mmap(-1, _SIZE * PLACES * workers)).cast("d")
        self._taken = 0
        self.series: dict[Family, dict[tuple[str, ...], int]] = {}
        self.take_seat(1)

    def take_seat(self, number: int) -> None:
        """This process is the worker of that number, from 1. Raises ValueError where there is no row for it."""
        if not 1 <= number <= len(self._numbers) // PLACES:
            raise ValueError(f"there is no worker {number}: the settings have {len(self._numbers) // PLACES}")
        self.row = self._numbers[(number - 1) * PLACES : number * PLACES]

    def leave(self, number: int) -> None:
        """The worker is gone, and with it what it was doing; what it had done stays done."""
        for family, places in self.series.items():
            for place in places.values() if family.kind == "gauge" else ():
                self._numbers[(number - 1) * PLACES + place] = 0.0

    def place(self, family: Family, *labels: str) -> int:
        """Where a series is counted: the first of its numbers. Raises RuntimeError when there is no more room."""
        places = self.series.setdefault(family, {})
        if labels not in places:
            if self._taken + family.width > PLACES:
                raise RuntimeError(f"there are too many series for {PLACES} places; {family.name} has no more")
            places[labels] = self._taken
            self._taken += family.width
        return places[labels]

    def observe(self, family: Family, place: int, value: float) -> None:
        """Count a value in a histogram's series."""
        row, bounds = self.row, family.bounds
        row[place + bisect_left(bounds, value)] += 1.0
        row[place + len(bounds) + 1] += value

    def total(self, place: int) -> float:
        """What all workers together have at a place."""
        return sum(self._numbers[place::PLACES])


class Metrics(Sheet):
    """What is counted, with all that is known of it at the start: the agencies' codes, the types that can be lodged."""

    def __init__(self, workers: int, agencies: Iterable[str], lodged: Iterable[str]) -> None:
        super().__init__(workers)
        self.agencies = tuple(agencies)
        self.reading, self._big = self.place(READING), self.place(BIG)
        self._commit_size, self._commit_seconds = self.place(COMMIT_SIZE), self.place(COMMIT_SECONDS)
        self._lag = self.place(LAG)
        self._pushes = {outcome: self.place(PUSHES, outcome) for outcome in PUSH_OUTCOMES}
        self._lodged = frozenset(lodged)
        self._declarations = {
            (message, form, result): self.place(DECLARATIONS, message, form, result)
            for message in (*sorted(self._lodged), UNREAD)
            for form in ("xml", "json")
            for result in RESULTS
        }
        self._sends = self._by_agency(SENDS, OUTCOMES)
        self._decisions = self._by_agency(DECISIONS, lifecycle.OUTCOME_EVENTS)
        self._send_seconds = {code: self.place(SEND_SECONDS, code) for code in self.agencies}

    def lodged(self, message: str | None, form: str, result: str) -> None:
        """A declaration was handed in; one of RESULTS came of it. Its type may be unknown, or only claimed."""
        known = message if message in self._lodged else UNREAD
        self.row[self._declarations[known, form, result]] += 1.0

    def committed(self, size: int, seconds: float) -> None:
        """A commit of so many pieces of work is on disk. The thread that writes calls this."""
        self.observe(COMMIT_SIZE, self._commit_size, size)
        self.observe(COMMIT_SECONDS, self._commit_seconds, seconds)

    def sent(self, agency: str, outcome: str) -> None:
        """A send has ended as one of OUTCOMES."""
        self.row[self._sends[agency, outcome]] += 1.0

    def exchanged(self, agency: str, seconds: float) -> None:
        """An agency answered, or did not, in that time."""
        self.observe(SEND_SECONDS, self._send_seconds[agency], seconds)

    def decided(self, agency: str, outcome: str) -> None:
        """An agency's decision is on record. One that is no partner any more may still decide what it was sent."""
        place = self._decisions.get((agency, outcome))
        if place is not None:
            self.row[place] += 1.0

    def pushed(self, outcome: str) -> None:
        """A notification was sent to a trader's address; one of PUSH_OUTCOMES came of it."""
        self.row[self._pushes[outcome]] += 1.0

    def work_on_big(self, count: int) -> None:
        """So many processes of this worker are at work. Only one thread at a time may call this."""
        self.row[self._big] = count

    def late(self, seconds: float) -> None:
        """The event loop came so late to a task."""
        self.observe(LAG, self._lag, seconds)

    def _by_agency(self, family: Family, words: Iterable[str]) -> Mapping[tuple[str, str], int]:
        words = tuple(words)
        return {(code, word): self.place(family, code, word) for code in self.agencies for word in words}


async def watch_loop(metrics: Metrics) -> None:
    """Look again and again how late the event loop comes: all that waits in this process waits as long."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        metrics.late(max(0.0, loop.time() - due))
