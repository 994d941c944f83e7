"""Sends a file in blocks: all of it, a part of it that was asked for, or word that the caller has it.

Rule: the next block is read when the one before has gone, and who does not take one in time is let go. Reason: memory
then does not grow with a file or with how slow its reader is; with Range (RFC 9110, section 14) nothing is lost by it.
What is downloaded is never shown in a browser as a page of ours, whatever it is.
"""

import asyncio
import base64
import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from aiohttp import web

from datamodel.wording import phrase
from gateway.http.caching import unchanged
from gateway.http.problems import Fault

log = logging.getLogger("gateway.http")

_RANGE = re.compile(r"\s*bytes\s*=\s*(?:([0-9]{1,18})\s*-\s*([0-9]{1,18})?|-\s*([0-9]{1,18}))\s*")
_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent. `digest` is its SHA-256 in hexadecimal; `read` gives the bytes from one place to another."""

    name: str
    media: str
    size: int
    digest: str
    read: Callable[[int, int], AsyncGenerator[bytes, None]]


class Span(NamedTuple):
    """Bytes from `start` up to `end`, and whether that is a part that was asked for."""

    start: int
    end: int
    partial: bool


async def send(request: web.Request, file: File, headers: Mapping[str, str], patience: float) -> web.StreamResponse:
    """The answer, when all of it has gone or its reader is gone. Raises Fault, and what the first block raises."""
    tag = f'"{file.digest}"'
    own = {**headers, "ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if unchanged(request.headers.get("If-None-Match", ""), tag):
        return web.Response(status=304, headers=own)
    span = span_of(request.headers, file.size, tag)
    own |= _about(file, span)
    async with aclosing(file.read(span.start, span.end)) as blocks:
        first = await anext(blocks) if request.method != "HEAD" else b""
        response = web.StreamResponse(status=206 if span.partial else 200, headers=own)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            await _write(response, first, patience)
            async for block in blocks:
                await _write(response, block, patience)
            await response.write_eof()
        except Exception as end:  # the head has gone, so breaking off is all that is left to say
            expected = isinstance(end, TimeoutError | ConnectionError)
            log.log(logging.INFO if expected else logging.ERROR, "a file to %s breaks off: %r", request.remote, end)
            if request.transport is not None:
                request.transport.abort()
    return response


def span_of(asked: Mapping[str, str], size: int, tag: str) -> Span:
    """Which bytes the headers ask for. What is no single range of bytes is passed over, as RFC 9110 allows.

    Raises Fault for one that begins beyond the end.
    """
    found = _RANGE.fullmatch(asked.get("Range", ""))
    if found is None or asked.get("If-Range", tag) != tag:
        return Span(0, size, partial=False)
    first, last, tail = found.groups()
    start, end = (int(first), int(last or size - 1) + 1) if tail is None else (max(0, size - int(tail)), size)
    if last is not None and end <= start:  # a range that ends before it begins is none
        return Span(0, size, partial=False)
    if start >= size:
        detail = phrase("detail.range", count=size)
        raise Fault("range", detail, headers={"Content-Range": f"bytes */{size}"})
    return Span(start, min(end, size), partial=True)


def _about(file: File, span: Span) -> dict[str, str]:
    name = _PLAIN.sub("_", file.name)
    whole = base64.b64encode(bytes.fromhex(file.digest)).decode()
    headers = {
        "Content-Type": file.media,
        "Content-Length": str(span.end - span.start),
        "Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(file.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Repr-Digest": f"sha-256=:{whole}:",
    }
    if span.partial:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{file.size}"
    return headers


async def _write(response: web.StreamResponse, block: bytes, patience: float) -> None:
    async with asyncio.timeout(patience):
        await response.write(block)
