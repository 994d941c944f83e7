"""Works on the items of a batch, several at a time, and gives what became of them in their order.

Items that are worked on at one time share a commit. What is done waits for its turn as bytes, and no further item is
begun while too many of those wait: a reader that is behind holds up its own batch. When the reader is gone, no further
item is begun, and those under way end as if it were there: what was lodged is on record, and a repeat finds it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from gateway.bulk.desk import Desk
from gateway.bulk.items import Item, given_back

Work = Callable[[Item], Awaitable[bytes]]
Pace = Callable[[], Awaitable[None]]


class Running:
    """One batch under way. `ended` says why it stopped before its end, if it did."""

    def __init__(self, desk: Desk, items: AsyncGenerator[Item, None], work: Work, pace: Pace) -> None:
        self.ended: BaseException | None = None
        self._desk, self._items, self._work, self._pace = desk, items, work, pace
        self._free = asyncio.Semaphore(desk.settings.in_flight)
        self._tasks: deque[asyncio.Task[bytes]] = deque()
        self._news, self._taken = asyncio.Event(), asyncio.Event()
        self._waiting = 0  # bytes that are done and not yet read
        self._taken.set()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """What became of the items: of as many at a time as are done."""
        feeding = asyncio.create_task(self._feed())
        try:
            while self._tasks or not feeding.done():
                if not self._tasks:
                    await self._until_news(feeding)
                    continue
                await asyncio.wait({self._tasks[0]})
                done = []
                while self._tasks and self._tasks[0].done():
                    done.append(self._tasks.popleft().result())
                yield b"".join(done)
                self._count(-sum(map(len, done)))
            self.ended = feeding.result()
        finally:
            feeding.cancel()
            await asyncio.wait({feeding, *self._tasks})

    async def _until_news(self, feeding: asyncio.Task[BaseException | None]) -> None:
        """Until an item is begun, or no more will be."""
        self._news.clear()
        news = asyncio.create_task(self._news.wait())
        await asyncio.wait({news, feeding}, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()

    async def _feed(self) -> BaseException | None:
        """Begin the items; what stopped that before their end."""
        closing = asyncio.create_task(self._desk.closing.wait())
        feeding = asyncio.create_task(self._begin_all())
        try:
            await asyncio.wait({closing, feeding}, timeout=self._desk.settings.seconds, return_when="FIRST_COMPLETED")
            if feeding.done():
                return feeding.exception()
            return Stopped() if closing.done() else TimeoutError()
        finally:
            closing.cancel()
            feeding.cancel()
            await asyncio.wait({feeding})

    async def _begin_all(self) -> None:
        async with aclosing(self._items) as items:
            async for item in items:
                with given_back(item.held):
                    await self._pace()
                    await self._free.acquire()
                    await self._taken.wait()
                    await self._desk.turn()
                self._tasks.append(asyncio.create_task(self._one(item)))
                self._news.set()

    async def _one(self, item: Item) -> bytes:
        try:
            part = await self._work(item)
        finally:
            item.held.release()
            self._free.release()
        self._count(len(part))
        return part

    def _count(self, more: int) -> None:
        self._waiting += more
        if self._waiting < self._desk.settings.unread:
            self._taken.set()
        else:
            self._taken.clear()


class Stopped(Exception):
    """The gateway stops, and begins no further item."""
