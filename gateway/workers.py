"""Several processes that are one program: started, watched, replaced and stopped by one that does nothing else.

Rule: all that can be shared is read before the first fork, and by then nothing is open that a fork would break: no
thread, no event loop, no database. Reason: a worker is then ready at once, also one that replaces another; the tables
lie in memory once; and all workers surely have the same. Workers that were spawned would each read everything anew,
for most of a second, and might read what somebody has edited meanwhile. The supervisor itself never opens any of it,
so that it can fork at any time.

Between the supervisor and each worker there is a line, on which the worker says that it is ready. Its end is how each
learns that the other is gone: the kernel closes it, whatever the reason. A supervisor that is killed takes its workers
with it at once (by the line, where the kernel has no leash), because nobody would replace or stop them any more.
"""

import logging
import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final, NoReturn, Protocol

from gateway.leash import leash

log = logging.getLogger(__name__)

# A worker that ends is replaced after the first pause; each that ends before it had run steadily doubles it.
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 10.0
STEADY_SECONDS: Final = 30.0
READY: Final = b"+"
_STOP: Final = (signal.SIGINT, signal.SIGTERM)


class Crew(Protocol):
    """What the workers do, and what their supervisor does for them. Numbers count from 1."""

    def work(self, number: int, line: socket.socket) -> None:
        """The life of a worker, in a process of its own. `line` is its end of the line; it writes READY to it."""

    def ready(self) -> None:
        """All workers are ready for the first time."""

    def gone(self, number: int) -> None:
        """A worker has ended."""

    def stopping(self) -> None:
        """All workers are about to be told to end."""


class NotStarted(RuntimeError):
    """A worker ended before it was ready for the first time."""


@dataclass(slots=True)
class _Worker:
    number: int
    pid: int
    line: socket.socket
    since: float
    ready: bool = False


class Supervisor:
    """Keeps `count` workers of a crew at work, until SIGINT or SIGTERM; then gives them `grace` seconds to end.

    A worker is asked to end by SIGTERM. Ctrl-C in a terminal reaches it too and means nothing to it, because its
    supervisor passes it on.
    """

    def __init__(self, crew: Crew, count: int, *, grace: float) -> None:
        self._crew, self._count, self._grace = crew, count, grace
        self._workers: dict[int, _Worker] = {}
        self._due: dict[int, float] = {}  # when who is missing is to be replaced
        self._short_lives = dict.fromkeys(range(1, count + 1), 0)
        self._stopping = self._announced = False
        self._selector = selectors.DefaultSelector()
        self._alarm, self._alarm_rope = socket.socketpair()

    def run(self) -> None:
        """Returns when all workers have ended because they were told to. Raises NotStarted."""
        with self._heeding_signals():
            try:
                for number in range(1, self._count + 1):
                    self._start(number)
                while not self._stopping:
                    self._listen(self._seconds_to_next_start())
                    self._start_missing()
            finally:
                self._stop_all()

    @contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        """A signal wakes the selector, and is remembered."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._stopping = True

        self._alarm_rope.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._alarm_rope.fileno(), warn_on_full_buffer=False)
        before = [(number, signal.signal(number, stop)) for number in _STOP]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            self._selector.close()
            self._alarm.close()
            self._alarm_rope.close()

    def _start(self, number: int) -> None:
        if threading.active_count() != 1:
            raise RuntimeError("a process with threads must not fork: a lock that one of them holds would stay locked")
        ours, theirs = socket.socketpair()
        tie, mask = leash(os.getpid()), signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
        pid = os.fork()  # no signal now: the child would pull its supervisor's alarm
        if pid == 0:
            ours.close()
            self._live(number, theirs, tie, mask)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        worker = self._workers[number] = _Worker(number, pid, ours, time.monotonic())
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _live(
        self, number: int, line: socket.socket, tie: Callable[[], None] | None, mask: set[int | signal.Signals]
    ) -> NoReturn:
        """The worker's own life. It ends here, and never returns into what its supervisor was doing."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if tie is not None:
                tie()
            # Whoever else held an end of a line would hide that its holder is gone.
            self._selector.close()
            for kept in [self._alarm, self._alarm_rope, *(each.line for each in self._workers.values())]:
                kept.close()
            self._crew.work(number, line)
            code = 0
        except BaseException:
            log.exception("worker %d failed", number)
        finally:
            logging.shutdown()
            os._exit(code)

    def _seconds_to_next_start(self) -> float | None:
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def _start_missing(self) -> None:
        for number in [number for number, due in self._due.items() if due <= time.monotonic()]:
            if self._stopping:
                return
            del self._due[number]
            self._start(number)

    def _listen(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                self._alarm.recv(64)
            elif _heard(key.data.line):
                self._count_ready(key.data)
            else:
                self._replace(key.data)

    def _count_ready(self, worker: _Worker) -> None:
        worker.ready = True
        log.info("worker %d (process %d) is ready", worker.number, worker.pid)
        if not self._announced and sum(each.ready for each in self._workers.values()) == self._count:
            self._announced = True
            self._crew.ready()

    def _replace(self, worker: _Worker) -> None:
        """See to a worker that has ended: there will be another, unless all are to end."""
        how = self._bury(worker)
        if self._stopping:
            return
        if not self._announced:
            raise NotStarted(f"worker {worker.number} {how} before it was ready")
        number, lived = worker.number, time.monotonic() - worker.since
        self._short_lives[number] = 0 if lived >= STEADY_SECONDS else self._short_lives[number] + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** max(0, self._short_lives[number] - 1))
        self._due[number] = time.monotonic() + pause
        log.error("worker %d (process %d) %s; another takes its place in %g s", number, worker.pid, how, pause)

    def _bury(self, worker: _Worker) -> str:
        """How a worker ended. One that only hung up is of no use any more, and is ended."""
        self._selector.unregister(worker.line)
        worker.line.close()
        del self._workers[worker.number]
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        self._crew.gone(worker.number)
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    def _stop_all(self) -> None:
        self._stopping = True
        self._crew.stopping()
        for worker in self._workers.values():
            os.kill(worker.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while self._workers and (left := deadline - time.monotonic()) > 0:
            self._listen(left)
        for worker in list(self._workers.values()):
            log.error("worker %d (process %d) did not end within %g s", worker.number, worker.pid, self._grace)
            self._bury(worker)


def _heard(line: socket.socket) -> bool:
    """Whether a word came; otherwise it is the end of the line."""
    try:
        return bool(line.recv(1))
    except ConnectionError:
        return False
