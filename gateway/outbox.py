"""The outbox: takes what waits in the store to the agencies, each at its own pace.

Every agency has its own sender and its own bound of sends under way, so that a slow or dead one holds up no other.
What has to be sent is only ever known from the store, never from memory; so a start resumes where a crash left off.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from adapters.port import Adapter, Pickup, Unreachable
from datamodel.issues import Refused
from gateway.clock import later, moment, stamp
from gateway.collect import DecisionConflict, DeliveryClosed, UnknownDelivery, collect
from gateway.decisions import describe
from gateway.notices.messages import bell
from gateway.notices.records import ListedNotice
from gateway.notices.telling import tell
from gateway.ports import Claim
from gateway.requirements import Agency
from gateway.sending import send
from gateway.service import ALONE, Gateway, Seat

log = logging.getLogger(__name__)

# Channels on which decisions lie and wait; on the others the agency calls us.
PICKED_UP = frozenset({"folder"})
# Times are kept to the millisecond, so waiting for less than one would only spin.
_SHORTEST_WAIT = 0.001


class Outbox:
    """The tasks that send and pick up. Made in a running event loop.

    Where several processes share the work, each sends, within its part of what may be in flight; the first picks up.
    """

    def __init__(self, gateway: Gateway, seat: Seat = ALONE) -> None:
        self._gateway, self._seat = gateway, seat
        self._senders = [
            Sender(gateway, gateway.agencies[code], adapter, seat) for code, adapter in sorted(gateway.adapters.items())
        ]
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; who is alone takes over what a dead process left. With others about, that would take it from them."""
        if self._seat == ALONE:
            await self._gateway.store.release_claims(stamp(self._gateway.clock()))
        for sender in self._senders:
            self._loops += [asyncio.create_task(loop) for loop in sender.loops()]

    async def stop(self) -> None:
        """Begin nothing new, give what is under way its time, then give up on it: the store still has it."""
        await _cancel(self._loops)
        under_way = [task for sender in self._senders for task in (*sender.under_way, *sender.telling)]
        if under_way:
            await asyncio.wait(under_way, timeout=self._gateway.settings.outbox.stop)
        await _cancel(under_way)


class Sender:
    """All traffic with one agency that the gateway begins."""

    def __init__(self, gateway: Gateway, agency: Agency, adapter: Adapter, seat: Seat) -> None:
        self.under_way: set[asyncio.Task[None]] = set()
        self.telling: set[asyncio.Task[None]] = set()
        self._gateway, self._agency, self._adapter, self._seat = gateway, agency, adapter, seat
        self._in_flight = part(gateway.settings.outbox.in_flight, seat)

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for this agency as long as the gateway does."""
        idle = self._gateway.settings.outbox.idle
        loops = [self._forever(self._send_turn, idle), self._forever(self._tell_turn, idle)]
        if self._agency.channel in PICKED_UP and self._seat.number == 1:
            loops.append(self._forever(self._pick_up_turn, self._gateway.settings.outbox.pick_up))
        return loops

    async def _forever(self, turn: Callable[[], Awaitable[None]], pause: float) -> None:
        """Turn after turn; a fault (of the store, of a folder) must not end the traffic, nor fill the log."""
        failing = False
        while True:
            try:
                await turn()
            except Exception as error:
                if not failing:
                    text = "traffic with %(agency)s fails; trying again every %(pause)g s"
                    traced = None if isinstance(error, Unreachable) else error
                    log.error(text, {"agency": self._agency.code, "pause": pause}, exc_info=traced)
                failing = True
                await asyncio.sleep(pause)
            else:
                if failing:
                    log.warning("traffic with %(agency)s goes on", {"agency": self._agency.code})
                failing = False

    async def _send_turn(self) -> None:
        """Begin what is due and fits, then wait until more may be due or fit."""
        code, outbox = self._agency.code, self._gateway.settings.outbox
        room = self._in_flight - len(self.under_way)
        now = self._gateway.clock()
        claims = await self._gateway.store.claim(code, room, stamp(now), later(now, outbox.lease))
        for claim in claims:
            task = asyncio.create_task(self._send(claim))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
        if len(claims) == room:
            with self._gateway.doorbell.passed_on(code):
                await asyncio.wait(self.under_way, return_when=asyncio.FIRST_COMPLETED)
        else:
            await self._gateway.doorbell.wait(code, await self._seconds_to_next())

    async def _send(self, claim: Claim) -> None:
        try:
            await send(self._gateway, self._adapter, claim)
        except Exception:
            named = {"delivery": claim.delivery.id, "agency": self._agency.code}
            log.exception("delivery %(delivery)s to %(agency)s: its outcome is not recorded", named)

    async def _tell_turn(self) -> None:
        """Send the notices that are due, as many at a time as deliveries and beside them, or wait for some."""
        code, gateway = self._agency.code, self._gateway
        seconds = self._seconds_to(await gateway.store.next_notice_at(code))
        if seconds > 0:
            await gateway.doorbell.wait(bell(code), max(seconds, _SHORTEST_WAIT))
            return
        now = gateway.clock()
        lease_until = later(now, gateway.settings.outbox.lease)
        for claim in await gateway.store.claim_notices(code, self._in_flight, stamp(now), lease_until):
            task = asyncio.create_task(self._tell(claim))
            self.telling.add(task)
            task.add_done_callback(self.telling.discard)
        if self.telling:
            await asyncio.wait(self.telling)

    async def _tell(self, claim: ListedNotice) -> None:
        try:
            await tell(self._gateway, self._adapter, claim)
        except Exception:
            named = {"notice": claim.notice.id, "agency": self._agency.code}
            log.exception("notice %(notice)s to %(agency)s: its outcome is not recorded", named)

    async def _seconds_to_next(self) -> float:
        next_attempt_at = await self._gateway.store.next_attempt_at(self._agency.code)
        return max(self._seconds_to(next_attempt_at), _SHORTEST_WAIT)

    def _seconds_to(self, due_at: str | None) -> float:
        """How long to wait for what is due at that time; never longer than between two looks."""
        idle = self._gateway.settings.outbox.idle
        return idle if due_at is None else min((moment(due_at) - self._gateway.clock()).total_seconds(), idle)

    async def _pick_up_turn(self) -> None:
        """What cannot be recorded for a fault of ours stays where it lies, for the next turn, and holds up no other."""
        faults = []
        for pickup in await self._adapter.pick_up():
            try:
                await self._take(pickup)
            except Exception as error:
                faults.append(error)
        if faults:
            raise ExceptionGroup("decisions picked up and not recorded", faults)
        await asyncio.sleep(self._gateway.settings.outbox.pick_up)

    async def _take(self, pickup: Pickup) -> None:
        try:
            await collect(self._gateway, self._agency.code, pickup.body, pickup.media)
        except Refused as error:
            await self._adapter.settle(pickup.token, describe(error))
        except (UnknownDelivery, DecisionConflict, DeliveryClosed) as error:
            await self._adapter.settle(pickup.token, str(error))
        else:
            await self._adapter.settle(pickup.token, None)


def part(whole: int, seat: Seat) -> int:
    """The share of one process in what all of them together may have; the shares add up to the whole."""
    return whole // seat.of + (seat.number <= whole % seat.of)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    cancelled = [task for task in tasks if task.cancel()]
    await asyncio.gather(*cancelled, return_exceptions=True)
