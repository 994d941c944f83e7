"""The other end of the workshop: the template that forks, and the process that works on one message and ends.

A process may take only so much memory and processor time; what passes that is refused as too large, which costs nobody
but its sender. It stands back when the machine is busy, is the first to go when memory runs out, and ends at once when
nobody waits for it any more.
"""

import gc
import os
import resource
import signal
import socket
import traceback
from _thread import start_new_thread
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn, Protocol

from lxml import etree

from datamodel.issues import Refused
from datamodel.wording import Wording, issue, phrase, refused, speaking
from gateway import jobs
from gateway.jobs import Job, Outcome
from gateway.settings import BigSettings

NICE: Final = 5  # small messages go first
GRACE: Final = 5  # seconds for what is not stopped by a signal, until it is killed
FIRST_TO_GO: Final = "500"  # of 1000, among all that the kernel may end when the machine's memory runs out
STANDARD_ERROR: Final = 2
MEBIBYTE: Final = 1024 * 1024


class Host(Protocol):
    """What all work is given first; it knows its languages."""

    @property
    def words(self) -> Mapping[str, Wording]:
        """The languages by code."""


class TooLong(Exception):
    """The time of this process is up."""


def stand_by(calls: socket.socket, host: Host, prepare: Callable[[], None], settings: BigSettings) -> NoReturn:
    """Be the template: a process for each link that comes, until the other end of `calls` is closed."""
    try:
        _settle(calls.fileno())
        prepare()
        gc.freeze()
        while link := _next_link(calls):
            with suppress(OSError):  # no more processes; the link is closed, and its other end knows
                if os.fork() == 0:
                    calls.close()
                    _serve(link, host, settings)
            link.close()
    finally:
        os._exit(0)  # whatever happens, nothing of the process that this one is a copy of may go on


def _settle(kept: int) -> None:
    """Let go of what the gateway has open, and keep still what it has read, so that memory stays shared with it."""
    gc.disable()
    os.nice(NICE)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # both are for the gateway, and this ends with it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a process ended
    nowhere = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  numbers, which are no paths
        if int(name) > STANDARD_ERROR and int(name) != kept:
            os.dup2(nowhere, int(name))  # taken, so that nobody who still writes there meets what is opened later


def _next_link(calls: socket.socket) -> socket.socket | None:
    _, files, _, _ = socket.recv_fds(calls, 1, 1)
    return socket.socket(fileno=files[0]) if files else None


def _serve(link: socket.socket, host: Host, settings: BigSettings) -> NoReturn:
    """One job, then the end."""
    try:
        _confine(settings)
        job = jobs.receive(link)
        start_new_thread(_end_with, (link,))  # which is not waited for: there may be no memory for it
        with speaking(host.words[job.language]):
            outcome = _outcome(job, host, settings)
        jobs.answer(link, outcome)
    finally:
        os._exit(0)


def _confine(settings: BigSettings) -> None:
    """Ceilings for this process; where a system does not know one, the others hold."""
    seconds, memory = settings.seconds, _data() + settings.memory
    signal.signal(signal.SIGXCPU, _stop)
    for kind, soft, hard in (
        (resource.RLIMIT_DATA, memory, memory),
        (resource.RLIMIT_CPU, seconds, seconds + GRACE),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")


def _data() -> int:
    """Bytes that this process has for its data now; none where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def _stop(number: int, frame: object) -> None:
    raise TooLong


def _end_with(link: socket.socket) -> None:
    """Nothing more comes over a link but its end."""
    link.recv(1)
    os._exit(1)


def _outcome(job: Job, host: Host, settings: BigSettings) -> Outcome:
    try:
        return Outcome(job.work(host, *job.args, **job.kwargs))
    except TooLong:
        return Outcome(error=refused(issue("size.time", expected=_seconds(settings)), status=413))
    except BaseException as error:
        if _out_of_memory(error):
            return Outcome(error=refused(issue("size.memory", expected=_memory(settings)), status=413))
        if not isinstance(error, Refused):
            error.add_note("".join(traceback.format_exception(error)))  # which does not cross by itself
        return Outcome(error=error)


def _out_of_memory(error: BaseException) -> bool:
    """libxml2 tells it as a fault of the document's form."""
    cause = error.__context__ if isinstance(error, Refused) else error
    return isinstance(cause, MemoryError) or getattr(cause, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY


def _memory(settings: BigSettings) -> str:
    return phrase("size.memory", count=settings.memory // MEBIBYTE)


def _seconds(settings: BigSettings) -> str:
    return phrase("size.seconds", count=settings.seconds)
