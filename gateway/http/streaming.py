"""Writes an answer that has no end of its own, part by part.

Rule: a part is asked for when the one before is on its way, and a reader who does not take in time what was written to
it is let go, unless it is still sending. Reason: whatever is kept for a slow reader is kept for as many as like to be
slow. What the kernel would keep is made small too. Nothing is lost by it: the reader comes again with the id of what it
saw last.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

from aiohttp import web

from gateway.http.problems import Fault

log = logging.getLogger("gateway.http")

KERNEL_BYTES = 64 * 1024


async def stream(
    request: web.Request,
    parts: AsyncGenerator[bytes, None],
    headers: Mapping[str, str],
    *,
    patience: float,
    notice: float,
    welcome: Callable[[], Awaitable[object]],
    heard: Callable[[], float] = lambda: 0.0,
) -> web.StreamResponse:
    """The answer, when its parts have ended or its reader is gone, which is noticed within so many seconds.

    `welcome` is asked before each part, and raises Fault when the reader may read no more. `heard` says when something
    came from it last, by the clock of the loop. Raises what the first part raises: until then, nothing is written.
    """
    async with aclosing(parts):
        first = await anext(parts)
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            _keep_little(request)
            await _write(response, first, patience, heard)
            while (part := await _next(request, parts, notice)) is not None:
                await welcome()
                await _write(response, part, patience, heard)
            await response.write_eof()
        except (TimeoutError, ConnectionError, Fault) as end:
            _let_go(request, _ENDS.get(type(end), "the reader is gone"))
        except Exception:
            log.exception("a stream failed")
            _let_go(request, "it failed")
    return response


_ENDS: dict[type[BaseException], str] = {
    TimeoutError: "its reader is too slow",
    Fault: "its reader's key was withdrawn",
}


async def _next(request: web.Request, parts: AsyncGenerator[bytes, None], notice: float) -> bytes | None:
    """The next part, None at the end. Raises ConnectionError where nobody is there any more to wait for it."""
    coming = asyncio.ensure_future(anext(parts, None))
    while not coming.done():
        await asyncio.wait({coming}, timeout=notice)
        if request.transport is None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            raise ConnectionResetError
    return coming.result()


async def _write(response: web.StreamResponse, part: bytes, patience: float, heard: Callable[[], float]) -> None:
    """Many a sender reads nothing before it has sent all. Raises TimeoutError."""
    writing = asyncio.ensure_future(response.write(part))
    try:
        while not (await asyncio.wait({writing}, timeout=patience))[0]:
            if heard() < asyncio.get_running_loop().time() - patience:
                raise TimeoutError
        writing.result()
    finally:
        writing.cancel()


def _keep_little(request: web.Request) -> None:
    """The kernel grows what it keeps for a connection to megabytes, unless it is told how much."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)


def _let_go(request: web.Request, why: str) -> None:
    """End the connection at once, with whatever is still to be written to it."""
    log.info("a stream to %s ends: %s", request.remote, why)
    if request.transport is not None:
        request.transport.abort()
