"""Drives tasks over connections, closed (so many at a time) or open (so many a second), and times each of them.

A task is a generator: it yields a request, at once or for later, and is sent the answer; it returns None when all went
well, else what did not. At a fixed rate the time of a task counts from the moment at which it was meant
to begin, not from when a connection was free for it: a server that stalls is charged for everybody who had to wait.
"""

import heapq
import select
from collections import Counter, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from perf.service.connections import Answer, Connection


class Later(NamedTuple):
    """A request that goes out after a pause, during which its task holds no connection."""

    seconds: float
    request: bytes


Task = Generator[bytes | Later, Answer, str | None]
PATIENCE_SECONDS = 30.0  # for what is under way when no more is begun


@dataclass(slots=True, eq=False)
class _Run:
    """A task under way. `began` is when it was meant to begin."""

    task: Task
    began: float
    request: bytes = b""


@dataclass
class Outcome:
    """What came of a run. `seconds` are the times of the tasks that went well, in the order in which they ended.

    `span` is the time in which tasks were begun, and `within` how many went well by its end.
    """

    seconds: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    unfinished: int = 0
    within: int = 0
    span: float = 0.0


class Engine:
    """Holds the connections, so that several runs can follow one another over the same ones."""

    def __init__(self, address: tuple[str, int], connections: int) -> None:
        self._poll = select.epoll()
        made = [Connection(address, self._poll) for _ in range(connections)]
        self._by_descriptor = {each.fileno(): each for each in made}
        self._idle = deque(made)
        self._ready: deque[_Run] = deque()
        self._asleep: list[tuple[float, int, _Run]] = []
        self._outcome = Outcome()
        self._again: Callable[[], Task] | None = None
        self._count: int | None = None
        self._end = 0.0

    def close(self) -> None:
        """Close all connections."""
        for each in self._by_descriptor.values():
            each.close()
        self._poll.close()

    def closed(self, make: Callable[[], Task], in_flight: int, seconds: float, count: int | None = None) -> Outcome:
        """Keep `in_flight` tasks under way for a time, or until `count` were begun: the greatest rate there is."""
        start = self._begin(seconds, count)
        self._again = make
        for _ in range(min(in_flight, count or in_flight)):
            self._start(make(), start)
        self._until_done(lambda now: self._end)
        return self._finish(start)

    def open(self, make: Callable[[], Task], rate: float, seconds: float) -> Outcome:
        """Begin `rate` tasks a second, evenly, whatever becomes of those before."""
        start = self._begin(seconds)
        self._again = None
        due = start

        def begin(now: float) -> float:
            nonlocal due
            while due <= now and due < self._end:
                self._start(make(), due)
                due += 1 / rate
            return due if due < self._end else self._end

        self._until_done(begin)
        return self._finish(start)

    def _begin(self, seconds: float, count: int | None = None) -> float:
        self._outcome, self._count = Outcome(), count
        start = perf_counter()
        self._end = start + seconds
        return start

    def _finish(self, start: float) -> Outcome:
        outcome, self._outcome = self._outcome, Outcome()
        outcome.unfinished = outcome.begun - len(outcome.seconds) - outcome.faults.total()
        outcome.span = self._end - start
        self._ready.clear()
        self._asleep.clear()
        for each in self._by_descriptor.copy().values():
            if each.owner is not None:  # its answer, should it come, belongs to nobody
                self._renew(each)
        return outcome

    def _until_done(self, begin: Callable[[float], float]) -> None:
        """`begin` starts what is due and says when it wants to be asked again."""
        busy = len(self._by_descriptor)
        while True:
            now = perf_counter()
            due = begin(now)
            self._wake(now)
            while self._ready and self._idle:
                run, connection = self._ready.popleft(), self._idle.popleft()
                connection.owner = run
                connection.send(run.request)
            waiting = len(self._idle) < busy or self._ready or self._asleep
            if now >= self._end and (not waiting or now > self._end + PATIENCE_SECONDS):
                return
            wake = self._asleep[0][0] if self._asleep else now + 1
            self._listen(min(due if now < self._end else now + 1, wake) - perf_counter())

    def _wake(self, now: float) -> None:
        while self._asleep and self._asleep[0][0] <= now:
            self._ready.append(heapq.heappop(self._asleep)[2])

    def _listen(self, seconds: float) -> None:
        """Wait for answers. Through `select`, because `epoll` counts whole milliseconds, and a due time is finer."""
        if seconds > 0:
            select.select([self._poll], [], [], seconds)
        for descriptor, event in self._poll.poll(0):
            connection = self._by_descriptor[descriptor]
            answer = connection.turn(event)
            if answer is not None:
                self._answered(connection, answer)

    def _answered(self, connection: Connection, answer: Answer) -> None:
        run, connection.owner = connection.owner, None
        if answer.status:
            self._idle.append(connection)
        else:
            self._renew(connection)
        if run is not None:
            self._step(run, answer)

    def _renew(self, connection: Connection) -> None:
        del self._by_descriptor[connection.fileno()]
        if connection in self._idle:
            self._idle.remove(connection)
        connection.owner = None
        connection.renew()
        self._by_descriptor[connection.fileno()] = connection
        self._idle.append(connection)

    def _start(self, task: Task, began: float) -> None:
        self._outcome.begun += 1
        if self._outcome.begun == self._count:
            self._end = perf_counter()
        self._step(_Run(task, began), None)

    def _step(self, run: _Run, answer: Answer | None) -> None:
        """Give a task its answer, and see what it wants next."""
        try:
            wanted = next(run.task) if answer is None else run.task.send(answer)
        except StopIteration as end:
            self._ended(run, end.value)
            return
        if isinstance(wanted, Later):
            run.request = wanted.request
            heapq.heappush(self._asleep, (perf_counter() + wanted.seconds, id(run), run))
        else:
            run.request = wanted
            self._ready.append(run)

    def _ended(self, run: _Run, fault: str | None) -> None:
        now = perf_counter()
        if fault is None:
            self._outcome.seconds.append(now - run.began)
            self._outcome.within += now <= self._end
        else:
            self._outcome.faults[fault] += 1
        if self._again is not None and now < self._end:
            self._start(self._again(), now)
