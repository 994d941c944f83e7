"""Answers as gzip, for callers who ask for it, where there is something to gain.

Rule: a body under a kilobyte goes as it is, and so does whatever is not a whole body (a stream must not wait until it
is worth packing). Reason: an acceptance fits into one packet anyway, and packing it would only cost time. What is
packed has a weak ETag: the bytes are others, what they say is the same.
"""

import asyncio
import gzip
from functools import lru_cache
from typing import Final

from aiohttp import web

from gateway.http.negotiate import REMEMBERED, quality_of

LEAST: Final = 1024  # bytes
AT_ONCE: Final = 64 * 1024  # what is bigger is packed beside the event loop
_LEVEL: Final = 4  # most of the gain for a third of the time


async def compress(request: web.Request, response: web.StreamResponse) -> None:
    """Pack the body of an answer, if that is wanted and worth it."""
    if not isinstance(response, web.Response):
        return
    body, unchanged = response.body, response.status == 304
    if not unchanged and (not isinstance(body, bytes) or len(body) < LEAST):
        return
    headers = response.headers
    headers["Vary"] = f"{headers['Vary']}, Accept-Encoding"
    if not wants_gzip(", ".join(request.headers.getall("Accept-Encoding", ()))):
        return
    if "ETag" in headers:
        headers["ETag"] = f"W/{headers['ETag']}"
    if isinstance(body, bytes) and not unchanged:
        headers["Content-Encoding"] = "gzip"
        response.body = _pack(body) if len(body) <= AT_ONCE else await asyncio.to_thread(_pack, body)


@lru_cache(REMEMBERED)
def wants_gzip(accept: str) -> bool:
    """Whether an Accept-Encoding header prefers gzip to the body as it is (RFC 9110, section 12.5.3)."""
    named = {}
    for element in accept.split(","):
        name, *parameters = element.split(";")
        named[name.strip().lower()] = quality_of(parameters) or 0.0
    packed = max(named.get(name, -1.0) for name in ("gzip", "x-gzip"))
    packed = named.get("*", 0.0) if packed < 0 else packed
    return packed > 0 and packed >= named.get("identity", 0.0)


def _pack(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)
