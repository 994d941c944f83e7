"""Processes for big messages: each is worked on in a process of its own, which begins with the work and ends with it.

Rule: what one message takes (memory, time, names in libxml2's dictionary, even a crash) ends with its process, and the
gateway's own process goes on answering. Reason: a thread would hold up all others while msgspec decodes twenty
megabytes, and would leave behind what it took.

`Workshop.open` forks a template of this process, before there are threads. The template has all that a gateway reads at
its start (tables, compiled types, rules), so that its verdicts are the gateway's own; it does nothing but fork again
for each message, which costs milliseconds. What happens in these processes is in `bench`.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from datamodel.wording import spoken
from gateway import bench, jobs
from gateway.jobs import Job, Outcome
from gateway.settings import BigSettings

log = logging.getLogger(__name__)

PATIENCE: Final = 10  # times the processor's time that a work may take: so long it may take with a busy machine

P = ParamSpec("P")
R = TypeVar("R")


class WorkLost(RuntimeError):
    """The process that worked on a message ended before it had an answer."""

    def __init__(self) -> None:
        super().__init__("the process that worked on a message ended before it had an answer")


class Workshop:
    """Made closed; what is opened must be closed. At most `at_once` messages are worked on; others wait their turn.

    `at_work` is told how many are worked on, whenever that changes.
    """

    def __init__(self, settings: BigSettings, at_work: Callable[[int], None] = lambda count: None) -> None:
        self._settings, self._at_work = settings, at_work
        self._calls: socket.socket | None = None
        self._template = 0
        self._links: set[socket.socket] = set()
        self._lock = Lock()  # over all of the above
        self._waiters = ThreadPoolExecutor(settings.at_once, thread_name_prefix="guichet-workshop")

    @property
    def is_open(self) -> bool:
        """Whether work can be given to it."""
        return self._calls is not None

    def open(self, host: bench.Host, prepare: Callable[[], None] = lambda: None) -> None:
        """Fork the template, in which `host` is the first argument of all work. For a process without threads.

        What can wait until this process serves, and would have to be made for every message, `prepare` makes there.
        """
        ours, theirs = socket.socketpair()
        self._template = os.fork()
        if self._template == 0:
            bench.stand_by(theirs, host, prepare, self._settings)
        theirs.close()
        self._calls = ours

    async def run(self, work: Callable[Concatenate[Any, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns or raises. Raises WorkLost, and Refused for what passes a ceiling of memory or time."""
        if not self.is_open:
            raise WorkLost
        job = Job(work, args, kwargs, spoken().language)
        outcome = await asyncio.get_running_loop().run_in_executor(self._waiters, self._hand_over, job)
        try:
            if outcome.error is not None:
                raise outcome.error
            return outcome.value  # type: ignore[no-any-return]
        finally:
            del outcome, job  # an error that this frame names would keep frame and body alive

    async def close(self) -> None:
        """End what is under way; whoever waits for it gets WorkLost."""
        with self._lock:
            self._hang_up()
            for link in self._links:
                link.shutdown(socket.SHUT_RDWR)
        if self._template:
            await asyncio.to_thread(os.waitpid, self._template, 0)
            self._template = 0
        self._waiters.shutdown()

    def _hang_up(self) -> None:
        calls, self._calls = self._calls, None
        if calls is not None:
            calls.close()

    def _hand_over(self, job: Job) -> Outcome:
        """In a thread, which waits without holding anybody up."""
        link = self._call()
        link.settimeout(PATIENCE * self._settings.seconds)
        try:
            jobs.send(link, job)
            return jobs.await_answer(link)
        except Exception as error:  # the link broke, or what came over it is no answer
            raise WorkLost from error
        finally:
            with self._lock:
                self._links.discard(link)
                link.close()
                self._at_work(len(self._links))

    def _call(self) -> socket.socket:
        """A link to a new process. Raises WorkLost."""
        ours, theirs = socket.socketpair()
        with self._lock, theirs:
            if self._calls is None:
                ours.close()
                raise WorkLost
            try:
                socket.send_fds(self._calls, [b"!"], [theirs.fileno()])
            except OSError as error:
                log.error("no more processes for big messages: they have threads now, until the gateway starts again")
                self._hang_up()
                ours.close()
                raise WorkLost from error
            self._links.add(ours)
            self._at_work(len(self._links))
        return ours
