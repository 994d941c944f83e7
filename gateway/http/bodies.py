"""Request bodies: what is not taken is refused from the headers alone, and none is read further than the ceiling.

A body has a fixed time, and on top of it what a slow line needs for that which has arrived, so that neither a stalled
sender nor one that drips a byte at a time holds a connection for long.
"""

import asyncio
import io

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from datamodel.issues import Refused
from datamodel.wording import issue, phrase, refused
from gateway.http.negotiate import MediaType, media_type
from gateway.http.problems import Fault
from gateway.http.render import clean
from gateway.media import Format, format_of

SLOWEST = 16 * 1024  # bytes a second: less than any line that customs software runs on
CHARSETS = (None, "utf-8", "utf8", "us-ascii")
SHOWN = 60
NOTHING = ("", "identity")


class Body(msgspec.Struct, frozen=True):
    """A request's body, the media type that its sender gave it, and the format that stands for."""

    content: bytes
    media: MediaType
    form: Format


NO_BODY = Body(b"", MediaType(""), "json")


def likely_format(request: web.Request) -> Format:
    """The format of the request's body where it says so, else JSON: what the caller is presumed to want back."""
    try:
        return format_of(request.headers.get("Content-Type", ""))
    except Refused:
        return "json"


def check(request: web.Request, ceiling: int) -> None:
    """Raises Refused or Fault for what the headers alone rule out."""
    if not request.body_exists or request.content_length == 0:
        raise refused(issue("body.empty"), status=400)
    coding = clean(request.headers.get("Content-Encoding", "")).strip().lower()
    if coding not in NOTHING:
        raise refused(issue("media.coding", value=coding[:SHOWN], expected=phrase("body.coding")), status=415)
    media = media_type(clean(request.headers.get("Content-Type", "")))
    format_of(media.essence)
    if media.charset not in CHARSETS:
        raise refused(issue("media.charset", value=media.charset[:SHOWN], expected="UTF-8"), status=415)
    if (request.content_length or 0) > ceiling:
        raise too_large(ceiling)


async def read(request: web.Request, ceiling: int, patience: float) -> Body:
    """The whole body. Raises Fault where it passes the ceiling, comes too slowly or breaks off; Refused where empty."""
    await _invite(request)
    buffer, size = io.BytesIO(), 0
    begun = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(begun + patience) as deadline:
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > ceiling:
                    raise too_large(ceiling)
                buffer.write(chunk)
                deadline.reschedule(begun + patience + size / SLOWEST)
    except TimeoutError:
        raise _too_slow(size) from None
    except (RequestPayloadError, ConnectionError) as error:
        found = issue("body.broken")
        raise Fault("malformed", found.text, found, hang_up=True) from error
    if not size:
        raise refused(issue("body.empty"), status=400)
    media = media_type(request.headers["Content-Type"])
    return Body(buffer.getvalue(), media, format_of(media.essence))


async def leave_uninvited(request: web.Request) -> None:
    """Takes the place of the framework's answer to `Expect`, which would call for a body before anything is checked."""


async def _invite(request: web.Request) -> None:
    expectation = request.headers.get("Expect")
    if expectation is None:
        return
    if expectation.strip().lower() != "100-continue":
        raise web.HTTPExpectationFailed
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # an interim answer is no part of the answer


def too_large(ceiling: int) -> Fault:
    """The body passes the ceiling: what is left of it is not waited for."""
    found = issue("size.body", expected=phrase("size.bytes", count=ceiling))
    return Fault("too-large", phrase("detail.large", count=ceiling), found, hang_up=True)


def _too_slow(size: int) -> Fault:
    found = issue("body.slow", value=phrase("size.sent", count=size), expected=phrase("size.speed", count=SLOWEST))
    return Fault("too-slow", found.text, found, hang_up=True)
