"""A body of any kind that its handler takes as it comes, at its own pace and with a ceiling of its own."""

import asyncio
import io
from collections.abc import AsyncGenerator

from aiohttp import web

from gateway.http.bodies import SLOWEST, invite, next_chunk, too_large
from gateway.http.problems import Fault
from gateway.spool import BLOCK

_BROKEN = ("malformed", "too-slow")  # what came before is not lost with it


class Carried:
    """A body that its handler takes as it comes. `size` is what its sender says of it, if anything."""

    def __init__(self, request: web.Request, patience: float) -> None:
        self._request, self._patience = request, patience
        self.size = request.content_length

    async def blocks(self, ceiling: int) -> AsyncGenerator[bytes, None]:
        """The body in blocks. Nothing is read before it is asked for, so a slow disk slows the sender down.

        Raises Fault where it passes the ceiling, comes too slowly or breaks off; what came before is given first.
        """
        if (self.size or 0) > ceiling:
            raise too_large(ceiling)
        await invite(self._request)
        block, size, begun = io.BytesIO(), 0, asyncio.get_running_loop().time()
        waited = 0.0  # for whoever takes the blocks: no fault of the sender
        try:
            while some := await next_chunk(self._request, size, begun + waited + self._patience + size / SLOWEST):
                size += len(some)
                if size > ceiling:
                    raise too_large(ceiling)
                block.write(some)
                if block.tell() >= BLOCK:
                    given = asyncio.get_running_loop().time()
                    yield block.getvalue()
                    waited += asyncio.get_running_loop().time() - given
                    block = io.BytesIO()
        except Fault as fault:
            if fault.slug in _BROKEN and block.tell():
                yield block.getvalue()
            raise
        if block.tell():
            yield block.getvalue()
