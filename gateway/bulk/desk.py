"""What all batches of one worker share: places, and the turns of the event loop.

Rule: one item is begun in a turn of the loop, whatever there are of batches. Reason: in between, the loop looks after
everybody else; were a group of items begun at once, a single declaration would wait for all of them.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.bulk.settings import BulkSettings


class Full(Exception):
    """There is no place for another batch now; `count` are under way."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} batches are under way")
        self.count = count


class Desk:
    """The places of one worker."""

    def __init__(self, settings: BulkSettings) -> None:
        self.settings = settings
        self.closing = asyncio.Event()
        self._of: Counter[int] = Counter()
        self._turn = asyncio.Lock()

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
