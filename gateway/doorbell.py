"""How intake tells the outbox that a delivery waits, without either knowing the other.

The ring is a hint and may be lost with the process: what must happen is in the store, and the outbox also looks there
by itself. Several processes of one gateway ring each for itself, because who accepts also sends; one that has more to
send than it may at a time calls the others, so that they help before their own next look.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

_LONGEST_CODE = 256


def _nobody(agency: str) -> None:
    """There is no other process to call."""


class Doorbell:
    """One bell per agency. `call_others` rings those of the gateway's other processes."""

    def __init__(self) -> None:
        self._bells: dict[str, asyncio.Event] = {}
        self._passed_on: set[str] = set()
        self.call_others: Callable[[str], None] = _nobody

    def ring(self, agencies: Iterable[str]) -> None:
        """Wake whoever waits for these agencies, now or at their next wait."""
        for agency in agencies:
            self.ring_here(agency)
            if agency in self._passed_on:
                self.call_others(agency)

    def ring_here(self, agency: str) -> None:
        """The same, and tell nobody else: for what was heard from others, which would come back to them."""
        self._bell(agency).set()

    @contextmanager
    def passed_on(self, agency: str) -> Iterator[None]:
        """As long as it lasts, this process has its hands full: the others are called, now and at every ring."""
        self.call_others(agency)
        self._passed_on.add(agency)
        try:
            yield
        finally:
            self._passed_on.discard(agency)

    async def wait(self, agency: str, seconds: float) -> None:
        """Returns at the next ring, or after `seconds`. A ring since the last wait counts."""
        bell = self._bell(agency)
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            return
        bell.clear()

    def _bell(self, agency: str) -> asyncio.Event:
        return self._bells.setdefault(agency, asyncio.Event())


class Chime:
    """Joins the doorbells of processes, numbered from 1, that are forked after it was made."""

    def __init__(self, count: int) -> None:
        self._wires = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
        for end in (end for wire in self._wires for end in wire):
            end.setblocking(False)

    def join(self, number: int, doorbell: Doorbell) -> None:
        """In the process of that number, in its event loop: hear the others, and be heard by them."""
        inside = self._wires[number - 1][0]
        others = [outside for at, (_, outside) in enumerate(self._wires, 1) if at != number]

        def hear() -> None:
            with suppress(BlockingIOError):
                doorbell.ring_here(inside.recv(_LONGEST_CODE).decode())

        def call(agency: str) -> None:
            for outside in others:
                with suppress(OSError):  # who does not listen has rings enough to come to
                    outside.send(agency.encode())

        asyncio.get_running_loop().add_reader(inside, hear)
        doorbell.call_others = call
