"""How intake tells the outbox that a delivery waits, without either knowing the other.

The ring is a hint and may be lost with the process: what must happen is in the store, and the outbox also looks there
by itself.
"""

import asyncio
from collections.abc import Iterable


class Doorbell:
    """One bell per agency."""

    def __init__(self) -> None:
        self._bells: dict[str, asyncio.Event] = {}

    def ring(self, agencies: Iterable[str]) -> None:
        """Wake whoever waits for these agencies, now or at their next wait."""
        for agency in agencies:
            self._bell(agency).set()

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
