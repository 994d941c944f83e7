"""Who may lodge for whom, in memory, so that accepting a declaration asks the store nothing.

Rule: what is in memory is at most `look` seconds old when it is used. Reason: a mandate may be granted or revoked by
any worker and by the command line. So the look into the store belongs to whoever wants to use the roll, not to a task
beside it: were the store out of reach, a task could fall behind unseen, and a revoked mandate would go on counting.
The look costs one row; identifiers and mandates are read again only when something has changed.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from time import monotonic

import msgspec

from gateway.clock import Clock
from gateway.mandates.kept import Mandate, MandateStore, RollReading
from gateway.mandates.parties import Parties


def normal(identifier: str) -> str:
    """An identifier as it is compared: without spaces around it, in capitals."""
    return identifier.strip().upper()


class Roll(msgspec.Struct, frozen=True):
    """`owners` are accounts by identifier, and `tests` those of them that are for trade test; `mandates` those of a
    principal to an agent, the last granted first.
    """

    owners: Mapping[str, int] = {}
    mandates: Mapping[tuple[int, int], tuple[Mandate, ...]] = {}
    tests: frozenset[int] = frozenset()

    def owner(self, identifier: str, test: bool) -> int | None:
        """Whose identifier it is. To who tests, a live account is nobody, and a test is nobody to who does not."""
        found = self.owners.get(normal(identifier))
        return found if (found in self.tests) == test else None

    def in_force(self, principal_id: int, agent_id: int, way: str, day: date) -> Mandate | None:
        """The mandate by which the agent may lodge on a day; of several the one that was granted last."""
        today = day.isoformat()
        for each in self.mandates.get((principal_id, agent_id), ()):
            if way in each.directions and each.first_day <= today <= (each.last_day or today):
                return each
        return None


EMPTY = Roll()


class Rolls:
    """Keeps the roll of one process. `parties` is the table of those that must have given a mandate."""

    def __init__(
        self,
        store: MandateStore,
        parties: Parties,
        look: float,
        clock: Clock,
        ticks: Callable[[], float] = monotonic,
    ) -> None:
        self.parties = parties
        self._store, self._look, self._clock, self._ticks = store, look, clock, ticks
        self._version: int | None = None
        self._roll = EMPTY
        self._good_until = float("-inf")
        self._turn = asyncio.Lock()

    async def current(self) -> Roll:
        """The roll as it is, or was a moment ago."""
        if self._ticks() >= self._good_until:
            async with self._turn:
                if (begun := self._ticks()) >= self._good_until:
                    read = await self._store.mandate_roll(self._version, self._clock().date().isoformat())
                    if read is not None:
                        self._version, self._roll = read.version, _roll(read)
                    self._good_until = begun + self._look
        return self._roll

    def forget(self) -> None:
        """Something was changed here, and must count at once."""
        self._good_until = float("-inf")


def _roll(read: RollReading) -> Roll:
    between: dict[tuple[int, int], tuple[Mandate, ...]] = {}
    for each in read.mandates:  # in the order in which they were granted
        pair = each.principal_id, each.agent_id
        between[pair] = (each, *between.get(pair, ()))
    return Roll(read.owners, between, read.tests)
