"""A request body that its handler reads as it comes, because it is more than anybody holds at one time.

It has the same time as another body, on which the gateway's own pauses do not count: while it reads no further, the
sender can do nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.bulk.desk import Desk
from gateway.http import bodies
from gateway.spool import Kept


class Held:
    """The room of one item, which may have so many bytes, and `beside` what is not its own."""

    def __init__(self, room: bodies.Room, ceiling: int, beside: int) -> None:
        self._share, self._ceiling, self._beside = bodies.Share(room), ceiling, beside

    def grow(self, size: int) -> None:
        """It has so many bytes by now. Raises Fault."""
        if size > self._ceiling + self._beside:
            raise bodies.too_large(self._ceiling)
        self._share.grow(size)

    def release(self) -> None:
        """Give it back."""
        self._share.release()


class Incoming:
    """The body of one request; `heard` is when something of it came last, by the clock of the loop."""

    def __init__(
        self,
        request: web.Request,
        desk: Desk,
        room: bodies.Room,
        patience: float,
        item_ceiling: int,
        pace: Callable[[], Awaitable[None]],
    ) -> None:
        self.desk, self.pace = desk, pace
        self.media = request.headers.get("Content-Type", "")
        self.heard = asyncio.get_running_loop().time()
        self._request, self._room, self._patience, self._item_ceiling = request, room, patience, item_ceiling
        self._size, self._waited, self._invited = 0, 0.0, False

    async def chunk(self) -> bytes:
        """What has come, or nothing at the end. Raises Fault where it is too much, comes too slowly or breaks off."""
        if not self._invited:
            self._invited = True
            await bodies.invite(self._request)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        deadline = begun + self._patience + self._size / bodies.SLOWEST - self._waited
        chunk = await bodies.next_chunk(self._request, self._size, deadline)
        self.heard = loop.time()
        self._waited += self.heard - begun
        self._size += len(chunk)
        if self._size > self.desk.settings.max_bytes:
            raise bodies.too_large(self.desk.settings.max_bytes)
        return chunk

    async def whole(self, held: bodies.Share) -> Kept:
        """All of it. Raises as `bodies.read`."""
        return await bodies.gather(self._request, self.desk.settings.max_bytes, self._patience, held)

    def share(self) -> bodies.Share:
        """Room for all of it."""
        return bodies.Share(self._room)

    def hold(self, beside: int) -> Held:
        """Room for one item."""
        return Held(self._room, self._item_ceiling, beside)
