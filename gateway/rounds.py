"""Work that one process of a gateway does now and then: what is old is removed, what is late is ended or told of."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class Rounds:
    """Does `work` at once and then every `seconds`, until stopped. Made in a running event loop.

    A failure is logged with `named`, which says what is not done, and the next round tries again.
    """

    def __init__(self, named: str, work: Callable[[], Awaitable[object]], seconds: float) -> None:
        self._named, self._work, self._seconds = named, work, seconds
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """What was done is done; the rest waits for the next start."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            try:
                await self._work()
            except Exception:
                log.exception("%s; trying again in %g s", self._named, self._seconds)
            await asyncio.sleep(self._seconds)
