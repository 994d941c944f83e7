"""Request bodies: what is not taken is refused from the headers alone, and none is read further than the ceiling.

A body has a fixed time, and on top of it what a slow line needs for that which has arrived, so that neither a stalled
sender nor one that drips a byte at a time holds a connection for long. A big one goes to a file as it comes, so that
the gateway's memory does not grow with it; all together have so much room and no more.
"""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from datamodel.issues import Refused
from datamodel.wording import either, issue, phrase, refused
from gateway.http.negotiate import MediaType, media_type
from gateway.http.problems import Fault
from gateway.http.render import clean
from gateway.media import Format, format_of
from gateway.spool import BLOCK, Kept, Spool

SLOWEST = 16 * 1024  # bytes a second: less than any line that customs software runs on
CHARSETS = (None, "utf-8", "utf8", "us-ascii")
FREE = 64 * 1024  # bytes of each body that need no room: as much as a connection has anyway
LATER = 10  # seconds until there may be room again
SHOWN = 60
NOTHING = ("", "identity")


class Body(msgspec.Struct, frozen=True):
    """A request's body, the media type that its sender gave it, and the format that stands for."""

    kept: Kept
    media: MediaType
    form: Format

    async def content(self) -> bytes:
        """All of it, in memory."""
        return self.kept if isinstance(self.kept, bytes) else await asyncio.to_thread(self.kept.read)


# What a form may have; its body is not XML or JSON, and who takes it reads it by itself.
FORM_CEILING = 16 * 1024
NO_BODY = Body(b"", MediaType(""), "json")


def likely_format(request: web.Request) -> Format:
    """The format of the request's body where it says so, else JSON: what the caller is presumed to want back."""
    try:
        return format_of(request.headers.get("Content-Type", ""))
    except Refused:
        return "json"


def check(request: web.Request, ceiling: int, feeds: tuple[str, ...] = ()) -> None:
    """Raises Refused or Fault for what the headers alone rule out; `feeds` are media types instead of a message's."""
    if not request.body_exists or request.content_length == 0:
        raise refused(issue("body.empty"), status=400)
    check_form(request, ceiling)
    header = clean(request.headers.get("Content-Type", ""))
    if not feeds:
        message_media(header)
    elif (essence := media_type(header).essence) not in feeds:
        found = issue("media.unsupported", value=essence[:SHOWN], expected=either(feeds))
        raise Fault("unsupported-media", found.text, found, headers={"Accept": ", ".join(feeds)})


def check_form(request: web.Request, ceiling: int = FORM_CEILING) -> None:
    """Raises Refused or Fault for what the headers alone rule out, whatever the format."""
    coding = clean(request.headers.get("Content-Encoding", "")).strip().lower()
    if coding not in NOTHING:
        raise refused(issue("media.coding", value=coding[:SHOWN], expected=phrase("body.coding")), status=415)
    if (request.content_length or 0) > ceiling:
        raise too_large(ceiling)


def message_media(header: str) -> MediaType:
    """The media type of a message. Raises Refused for what is neither XML nor JSON, and not UTF-8."""
    media = media_type(header)
    format_of(media.essence)
    if media.charset not in CHARSETS:
        raise refused(issue("media.charset", value=media.charset[:SHOWN], expected="UTF-8"), status=415)
    return media


def check_coding(request: web.Request) -> None:
    """Raises Refused where there is no body, or one that would have to be unpacked."""
    if not request.body_exists or request.content_length == 0:
        raise refused(issue("body.empty"), status=400)
    coding = clean(request.headers.get("Content-Encoding", "")).strip().lower()
    if coding not in NOTHING:
        raise refused(issue("media.coding", value=coding[:SHOWN], expected=phrase("body.coding")), status=415)


class Share:
    """What one body takes of the room."""

    def __init__(self, room: "Room") -> None:
        self.taken, self._room = 0, room

    def grow(self, size: int) -> None:
        """The body has so many bytes by now. Raises Fault where there is no room for them."""
        more = self.more(size)
        self._room.left -= more
        self.taken += more

    def more(self, size: int) -> int:
        """How much more a body of so many bytes takes. Raises Fault where there is no room for that now."""
        more = max(0, size - FREE - self.taken)
        if more > self._room.left:
            raise _crowded()
        return more

    def release(self) -> None:
        """Give it back; to do so again does no harm."""
        self._room.left += self.taken
        self.taken = 0


class Room:
    """The bytes that all bodies may have together which are held at one time, whoever sends them.

    They count as they come, not as they are announced: who only announces many takes nothing from the others.
    """

    def __init__(self, size: int) -> None:
        self.left = size

    @contextmanager
    def share(self) -> Iterator[Share]:
        """For one body, until it is let go of."""
        share = Share(self)
        try:
            yield share
        finally:
            share.release()


async def read(request: web.Request, ceiling: int, patience: float, share: Share) -> Body:
    """The whole body. Raises Refused where it is empty, and as `gather`."""
    kept = await gather(request, ceiling, patience, share)
    if kept == b"":
        raise refused(issue("body.empty"), status=400)
    media = media_type(request.headers["Content-Type"])
    return Body(kept, media, format_of(media.essence))


async def read_form(request: web.Request, patience: float, share: Share) -> Body:
    """The body of a form, which may be empty, and of another type. Raises as `gather`."""
    kept = await gather(request, FORM_CEILING, patience, share)
    return Body(kept, MediaType(clean(request.content_type)), "json")


async def gather(request: web.Request, ceiling: int, patience: float, share: Share) -> Kept:
    """The bytes of a body. Raises Fault where it passes the ceiling, finds no room, comes too slowly or breaks off."""
    share.more(request.content_length or 0)
    await invite(request)
    block, spool, size = io.BytesIO(), None, 0
    begun = asyncio.get_running_loop().time()
    while chunk := await next_chunk(request, size, begun + patience + size / SLOWEST):
        size += len(chunk)
        if size > ceiling:
            raise too_large(ceiling)
        share.grow(size)
        block.write(chunk)
        if block.tell() >= BLOCK:
            spool = spool or Spool()
            await asyncio.to_thread(spool.write, block.getbuffer())
            block = io.BytesIO()
    if spool:
        await asyncio.to_thread(spool.write, block.getbuffer())
    return spool or block.getvalue()


async def next_chunk(request: web.Request, size: int, deadline: float) -> bytes:
    """What has come, or nothing at the body's end; `size` bytes came before. Raises Fault."""
    content = request.content
    try:
        if content.is_eof():  # all of it is here, as a small body mostly is
            return content.read_nowait()
        async with asyncio.timeout_at(deadline):
            return await content.readany()
    except TimeoutError:
        raise _too_slow(size) from None
    except (RequestPayloadError, ConnectionError) as error:
        found = issue("body.broken")
        raise Fault("malformed", found.text, found, hang_up=True) from error


async def leave_uninvited(request: web.Request) -> None:
    """Takes the place of the framework's answer to `Expect`, which would call for a body before anything is checked."""


async def invite(request: web.Request) -> None:
    """Call for the body, where its sender waits to be told. Raises for another expectation."""
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


def _crowded() -> Fault:
    found = issue("body.crowded", expected=phrase("size.later", count=LATER))
    return Fault("busy", found.text, found, headers={"Retry-After": str(LATER)}, hang_up=True)


def _too_slow(size: int) -> Fault:
    found = issue("body.slow", value=phrase("size.sent", count=size), expected=phrase("size.speed", count=SLOWEST))
    return Fault("too-slow", found.text, found, hang_up=True)
