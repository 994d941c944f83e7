"""A body that is far too long, streamed at a server until it says no."""

import re
import select
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from perf.service.processes import Server

_PIECE = b"<!-- " + b"-" * (1024 * 1024 - 5)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
PATIENCE_SECONDS = 60.0


class Refusal(NamedTuple):
    """The answer's status, how much was sent by then, and how far the server's memory grew at its peak, both in MB."""

    status: int
    sent: float
    growth: float


def stream(server: Server, path: str, size: int, chunked: bool) -> Refusal:
    """Send `size` bytes with Content-Length or in chunks. Raises RuntimeError where no answer comes."""
    address = urlsplit(server.url)
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {server.key}\r\n"
        f"Content-Type: application/xml\r\n{framing}\r\n\r\n"
    )
    server.forget_peak()
    before = server.memory()
    with socket.create_connection((address.hostname or "", address.port or 80), PATIENCE_SECONDS) as line:
        line.sendall(head.encode())
        sent = _send(line, size, chunked)
        answer = _answer(line)
    found = _STATUS.match(answer)
    if found is None:
        raise RuntimeError(f"no answer to {sent / 1e6:,.0f} MB: {answer[:80]!r}")
    return Refusal(int(found[1]), sent / 1e6, max(0.0, server.peak() - before))


def _send(line: socket.socket, size: int, chunked: bool) -> int:
    """Bytes sent until all are, or an answer or an end comes back."""
    sent = 0
    piece = b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE) if chunked else _PIECE
    while sent < size:
        if select.select([line], [], [], 0)[0]:
            return sent
        try:
            line.sendall(piece)
        except ConnectionError:
            return sent
        sent += len(_PIECE)
    if chunked:
        line.sendall(b"0\r\n\r\n")
    return sent


def _answer(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except ConnectionError as error:
        return str(error).encode()
