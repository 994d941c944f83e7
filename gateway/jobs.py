"""How work crosses to another process and its outcome comes back: by the name of a function, and by value.

Nothing is put together in memory first: what is long is written to the socket from where it lies, and read to where it
stays. A body that lies in a file goes as that file.
"""

import pickle
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from gateway.spool import Spool

MOST_FILES: Final = 8


class Job(NamedTuple):
    """A function of a module, what it is given after the host, and the language to speak."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    language: str


class Outcome(NamedTuple):
    """What a work returned, or what it raised."""

    value: Any = None
    error: BaseException | None = None


def send(link: socket.socket, job: Job) -> None:
    """Files go first, because a stream that is read ahead would lose them."""
    spools = [each for each in job.args if isinstance(each, Spool)]
    socket.send_fds(link, [b"!"], [each.descriptor for each in spools])
    with link.makefile("wb") as stream:
        _Packer(stream, spools).dump(job)


def receive(link: socket.socket) -> Job:
    """The job that `send` wrote to the other end. Raises EOFError where that end is closed."""
    _, files, _, _ = socket.recv_fds(link, 1, MOST_FILES)
    with link.makefile("rb") as stream:
        job: Job = _Unpacker(stream, [Spool(each) for each in files]).load()
    return job


def answer(link: socket.socket, outcome: Outcome) -> None:
    """Raises OSError where nobody waits any more, and whatever pickle raises for what cannot cross."""
    with link.makefile("wb") as stream:
        pickle.dump(outcome, stream, pickle.HIGHEST_PROTOCOL)


def await_answer(link: socket.socket) -> Outcome:
    """What the other end answered. Raises whatever pickle raises where it did not, or not to the end."""
    with link.makefile("rb") as stream:
        outcome: Outcome = pickle.load(stream)
    return outcome


class _Packer(pickle.Pickler):
    def __init__(self, stream: Any, spools: list[Spool]) -> None:
        super().__init__(stream, pickle.HIGHEST_PROTOCOL)
        self.spools = spools

    def persistent_id(self, each: Any) -> int | None:
        """The place of a spooled body among the files; None for everything else."""
        return self.spools.index(each) if isinstance(each, Spool) else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, stream: Any, spools: list[Spool]) -> None:
        super().__init__(stream)
        self.spools = spools

    def persistent_load(self, place: Any) -> Spool:
        """The spooled body at a place."""
        found: Spool = self.spools[place]
        return found
