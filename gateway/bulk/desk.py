"""What all batches of one worker share: places, and the turns of the event loop.

Rule: one item is begun in a turn of the loop, however many batches there are, and none while other requests are worked
on, for a moment that has an end. Reason: in between, the loop looks after everybody else; were a group of items begun
at once, a single declaration would wait for all of them, and for a commit that holds them. The end of the moment leaves
batches a share that nobody can take from them.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from gateway.bulk.settings import BulkSettings

YIELD_SECONDS: Final = 0.01  # an accept takes a quarter of it on an idle machine


class Full(Exception):
    """There is no place for another batch now; `count` are under way."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} batches are under way")
        self.count = count


class Others:
    """How many requests are worked on that are no batches: each is within this context meanwhile."""

    def __init__(self) -> None:
        self.count, self._quiet = 0, asyncio.Event()

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1
        if not self.count:
            self._quiet.set()

    async def give_way(self) -> None:
        """Wait until there are none, for a moment at most."""
        self._quiet.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(YIELD_SECONDS):
                await self._quiet.wait()


class Desk:
    """The places of one worker."""

    def __init__(self, settings: BulkSettings) -> None:
        self.settings = settings
        self.closing = asyncio.Event()
        self._of: Counter[int] = Counter()
        self._turn = asyncio.Lock()
        self.others = Others()

    @contextmanager
    def place(self, account_id: int) -> Iterator[None]:
        """A place for a batch of that account. Raises Full."""
        for taken, most in (
            (self._of[account_id], self.settings.per_account),
            (self._of.total(), self.settings.at_once),
        ):
            if taken >= most:
                raise Full(taken)
        self._of[account_id] += 1
        try:
            yield
        finally:
            self._of[account_id] -= 1
            self._of += Counter()  # forgets who has none

    async def turn(self) -> None:
        """Wait until an item may be begun."""
        async with self._turn:
            await asyncio.sleep(0)
            if self.others.count:
                await self.others.give_way()
