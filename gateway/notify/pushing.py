"""Sends traders what they are told, to the addresses that they gave.

Rule: each account has its own few sends under way and nobody else's, and of each case one. Reason: who is slow, or
gone, then delays what is meant for it and nothing more; and a case is told in the order in which it happened. What has
to be sent is only ever known from the store, so a start goes on where the last one ended. What may have been taken
before the process died is sent again: a receiver knows it by its number.

One process of a gateway does it. A send that fails is tried again, less and less often; after about a day it is given
up, with the reason, for an operator to send again. The log that the trader can pull has it in any case.
"""

import asyncio
import logging
from functools import partial
from time import time_ns
from typing import Final

import msgspec

from adapters.port import NotTaken, Poster
from gateway import retry
from gateway.clock import Clock, later, stamp
from gateway.identifiers import Random
from gateway.notify.notifications import shown
from gateway.notify.told import Callback, Push
from gateway.ports import Store
from gateway.settings import NotificationSettings
from gateway.traces.span import Facts, Span, place_in, root_of
from gateway.traces.tracer import Tracer

log = logging.getLogger(__name__)

_JITTER_BYTES: Final = 4


class Pusher:
    """Sends for as long as it is not stopped. Made in a running event loop."""

    def __init__(
        self,
        store: Store,
        poster: Poster,
        chosen: NotificationSettings,
        clock: Clock,
        random: Random,
        tracer: Tracer,
    ) -> None:
        self._store, self._poster, self._chosen = store, poster, chosen
        self._clock, self._random, self._tracer = clock, random, tracer
        self._under_way: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._room = asyncio.Event()
        self._loop = asyncio.create_task(self._forever())

    async def stop(self) -> None:
        """Begin nothing new, and give up what is under way: the store still has it."""
        tasks = [self._loop, *self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._poster.close()

    async def _forever(self) -> None:
        """Look after look; a fault of the store must not end it, nor fill the log."""
        failing = False
        while True:
            self._room.clear()
            try:
                for callback in await self._store.due_callbacks(stamp(self._clock())):
                    await self._begin(callback)
            except Exception:
                if not failing:
                    log.exception("notifications cannot be sent; trying again every %g s", self._chosen.look)
                failing = True
                await asyncio.sleep(self._chosen.look)
            else:
                failing = False
                await _either(self._room, self._chosen.look)

    async def _begin(self, callback: Callback) -> None:
        """Begin what is due for an account and fits."""
        account_id, at_once = callback.account_id, self._chosen.at_once
        busy = [number for account, number in self._under_way if account == account_id]
        if len(busy) >= at_once:
            return
        due = await self._store.due_pushes(account_id, stamp(self._clock()), at_once + len(busy))
        fresh = [push for push in due if push.number not in busy]
        for push in fresh[: at_once - len(busy)]:
            key = account_id, push.number
            self._under_way[key] = task = asyncio.create_task(self._send(callback, push))
            task.add_done_callback(partial(self._end, key))

    def _end(self, key: tuple[int, int], task: asyncio.Task[None]) -> None:
        del self._under_way[key]
        self._room.set()

    async def _send(self, callback: Callback, push: Push) -> None:
        """One send, and what came of it. A fault of ours leaves it due, for the next look."""
        begun = time_ns()
        try:
            if push.told is not None:  # else it is older than what is kept
                body, at = msgspec.json.encode(shown(push.told, 0)), int(self._clock().timestamp())
                await self._poster.post(callback.url, callback.secret, push.number, at, body)
            await self._store.push_taken(callback.account_id, push.number, stamp(self._clock()))
            self._trace(push, begun)
        except NotTaken as error:
            self._trace(push, begun, "not taken")
            await self._put_off(callback, push, str(error))
        except Exception:
            log.exception(
                "notification %d of account %d: its outcome is not recorded", push.number, callback.account_id
            )
            await asyncio.sleep(self._chosen.look)

    def _trace(self, push: Push, begun: int, failed: str = "") -> None:
        told = push.told
        if told is not None and self._tracer.on:
            place, root = place_in(told.conversation_id), root_of(told.conversation_id)
            facts: Facts = {"guichet.mrn": told.mrn, "guichet.notification": push.number, "guichet.kind": told.kind}
            span = Span(name="push", place=place, parent=root, begun=begun, kind="client", facts=facts, failed=failed)
            self._tracer.put(span)

    async def _put_off(self, callback: Callback, push: Push, problem: str) -> None:
        now, attempt, policy = self._clock(), push.attempts + 1, self._chosen.retry
        jitter = int.from_bytes(self._random(_JITTER_BYTES)) / 256**_JITTER_BYTES
        again_at = None if attempt >= policy.attempts else later(now, retry.delay(policy, attempt, jitter))
        follows = "it is given up" if again_at is None else "it is tried again"
        level = logging.WARNING if again_at is None else logging.INFO
        place = callback.account_id, push.number
        log.log(level, "notification %d of account %d: attempt %d: %s: %s", *place[::-1], attempt, problem, follows)
        await self._store.push_failed(*place, stamp(now), again_at, problem)


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Returns when the event is set, or after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
