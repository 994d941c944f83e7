"""Scripted agencies: raw sockets that answer byte for byte as a test says, so that they can misbehave in any way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from adapters.port import Outgoing, OutgoingNotice

BODY = b'{"PermitRequest":{}}'


class Peer:
    """What one scripted agency has seen. `heads` and `bodies` are of whole requests, in order of arrival."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[dict[str, str]] = []
        self.lines: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.written = 0

    async def request(self, reader: asyncio.StreamReader) -> None:
        """Read one request whole. Raises IncompleteReadError at the end of the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        self.bodies.append(await reader.readexactly(int(fields.get("Content-Length", "0"))))
        self.lines.append(head[0])
        self.heads.append(fields)

    async def write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Write and count."""
        writer.write(data)
        await writer.drain()
        self.written += len(data)


Script = Callable[[Peer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def peer(script: Script) -> AsyncIterator[Peer]:
    """Serve the script for each connection, and leave nothing running."""
    seen = Peer()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await script(seen, reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(connected(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"
    try:
        yield seen
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def reply(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def always(*parts: bytes) -> Script:
    """A script that reads a request and answers with these bytes, for as long as the connection lives."""

    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await seen.request(reader)
            for part in parts:
                await seen.write(writer, part)

    return script


def once(*parts: bytes) -> Script:
    """A script that reads one request, answers with these bytes and hangs up."""

    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await seen.request(reader)
        for part in parts:
            await seen.write(writer, part)

    return script


def outgoing(delivery_id: str = "D-1", media: str = "application/json", body: bytes = BODY) -> Outgoing:
    """A delivery to agency PHS."""
    return Outgoing(
        delivery_id=delivery_id,
        agency="PHS",
        media=media,
        body=body,
        due_at="2026-01-31T08:00:00.000Z",
        callback_url=f"http://gateway.example/v1/agency/deliveries/{delivery_id}/decision",
    )


def notice(number: int = 2, media: str = "application/json", body: bytes = b'{"AgencyNotice":{}}') -> OutgoingNotice:
    """A notice on delivery D-1 to agency PHS."""
    return OutgoingNotice(
        notice_id=f"D-1.{number}", delivery_id="D-1", agency="PHS", kind="amended", media=media, body=body
    )
