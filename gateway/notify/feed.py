"""News for whoever waits for notifications, and the end of those that are old.

Rule: what is new is learnt from the store, by one look now and then for all who wait in this process. Reason: any
process may have recorded it (another worker, an operator's command), and a look costs one lookup in an index for each
account, however many streams are open. Where nobody waits, nobody looks.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from gateway.clock import Clock, stamp
from gateway.ports import Store

log = logging.getLogger(__name__)

BITE: Final = 200  # notifications removed in one write, so that an acceptance never waits long behind them


class Crowded(Exception):
    """An account has as many places as it may have."""


class Feed:
    """Tells those who wait in this process that there is more in an account's log than they have seen."""

    def __init__(self, store: Store, pause: float) -> None:
        self.closed = False
        self._store, self._pause = store, pause
        self._waiting: dict[asyncio.Future[bool], tuple[int, int]] = {}
        self._places: Counter[int] = Counter()
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def place(self, account_id: int, most: int) -> Iterator[None]:
        """One of the places that an account has. Raises Crowded."""
        if self._places[account_id] >= most:
            raise Crowded
        self._places[account_id] += 1
        try:
            yield
        finally:
            self._places[account_id] -= 1
            self._places += Counter()  # forgets who has none

    async def wait(self, account_id: int, seen: int, seconds: float) -> bool:
        """Whether there is more than number `seen`: True as soon as there is, False after `seconds` or at the end."""
        if self.closed:
            return False
        news: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[news] = account_id, seen
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                return await news
        except TimeoutError:
            return False
        finally:
            del self._waiting[news]

    def close(self) -> None:
        """Send all home who wait, and whoever comes."""
        self.closed = True
        for news in self._waiting:
            _tell(news, False)
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        """As long as anybody waits. A fault of the store is told once and not to them: they go on waiting."""
        failing = False
        while self._waiting and not self.closed:
            try:
                last = await self._store.latest_notifications({account for account, _ in self._waiting.values()})
            except Exception:
                if not failing:
                    log.exception("notifications cannot be looked for; trying again every %g s", self._pause)
                failing = True
            else:
                failing = False
                for news, (account_id, seen) in self._waiting.items():
                    if last.get(account_id, 0) > seen:
                        _tell(news, True)
            await asyncio.sleep(self._pause)


async def prune(store: Store, days: int, clock: Clock) -> None:
    """Remove what is older than so many days, and say so."""
    before = stamp(clock() - timedelta(days=days))
    count = await store.prune_notifications(before, BITE)
    if count:
        log.info("%d notifications from before %s were removed", count, before)


def _tell(news: asyncio.Future[bool], more: bool) -> None:
    if not news.done():
        news.set_result(more)
