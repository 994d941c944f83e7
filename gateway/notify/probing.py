"""Tries an address that a trader gave: whether it would do, and how it answers to a message that says nothing.

Rule: a try is one post, made as every notification is, and an account has only so many. Reason: who sets an address
wants to know at once whether it works, and nobody should be able to have the gateway knock at a stranger's door.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Final

import msgspec

from adapters.port import NotTaken, Poster
from gateway.access.quotas import Buckets
from gateway.clock import Clock, stamp
from gateway.ports import Store
from gateway.settings import NotificationSettings

NUMBER: Final = 0  # no notification has it


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted to try an address: signed like a notification, and about no case."""

    number: int = NUMBER
    kind: str = "test"
    at: str


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """How the address answered: with a `status`, where it did, and after so many milliseconds; `problem` is why the
    message counts as not taken.
    """

    taken: bool
    status: int | None
    problem: str | None
    milliseconds: int


class NoAddress(Exception):
    """The account gave no address."""


class TooSoon(Exception):
    """The account has used up its tries; the next is granted after so many seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"the next try is granted in {wait} s")
        self.wait = wait


class Probe:
    """The tries of one worker. `poster` makes what posts; it is let go of after each try."""

    def __init__(
        self, store: Store, poster: Callable[[], Poster], chosen: NotificationSettings, workers: int, clock: Clock
    ) -> None:
        self._store, self._poster, self._clock = store, poster, clock
        self._buckets = Buckets(chosen.tests.part(workers)) if chosen.tests.per_second else None

    def check(self, url: str) -> None:
        """Raises ValueError for an address that would never be posted to."""
        self._poster().check(url)

    async def test(self, account_id: int) -> Tested:
        """Post a message to the account's address. Raises NoAddress and TooSoon."""
        callback = await self._store.callback(account_id)
        if callback is None:
            raise NoAddress
        if self._buckets is not None and not (standing := self._buckets.take(account_id)).granted:
            raise TooSoon(max(1, standing.wait))
        poster, now, begun = self._poster(), self._clock(), perf_counter()
        status, problem = None, None
        try:
            body = msgspec.json.encode(Trial(at=stamp(now)))
            status = await poster.post(callback.url, callback.secret, NUMBER, int(now.timestamp()), body)
        except NotTaken as error:
            status, problem = error.status, str(error)
        finally:
            await poster.close()
        spent = int((perf_counter() - begun) * 1000)
        return Tested(taken=problem is None, status=status, problem=problem, milliseconds=spent)
