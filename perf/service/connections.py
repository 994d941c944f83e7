"""Keep-alive HTTP/1.1 connections that do not block, and as little as a load tool needs of the protocol.

Rule: a request is bytes that are ready; of an answer only the status and the body are looked at. Reason: what the tool
spends, the server beside it on the same machine lacks. Our own servers state a Content-Length; an answer without one
is a fault.
"""

import re
import select
import socket
from typing import Any, NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"
_PIECE = 256 * 1024
READING = select.EPOLLIN | select.EPOLLRDHUP
WRITING = READING | select.EPOLLOUT


class Answer(NamedTuple):
    """Status and body; status 0 where the connection broke, and the body then says how."""

    status: int
    body: bytes


class Connection:
    """One connection: at most one request is under way. `owner` is whoever waits for its answer."""

    __slots__ = ("_buffer", "_left", "_need", "_poll", "_socket", "address", "owner")

    def __init__(self, address: tuple[str, int], poll: select.epoll) -> None:
        self.address, self._poll = address, poll
        self.owner: Any = None
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(self.address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._poll.register(self._socket, READING)
        self._buffer, self._need, self._left = bytearray(), 0, memoryview(b"")

    def fileno(self) -> int:
        """The descriptor that the poll names."""
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Begin a request. What the socket does not take at once goes out from `turn`."""
        self._left = memoryview(request)
        self._write()
        if self._left:
            self._poll.modify(self._socket, WRITING)

    def turn(self, event: int) -> Answer | None:
        """Go on with what the poll says is possible; the answer, once it is whole. Broken connections stay closed."""
        try:
            if event & select.EPOLLOUT:
                self._write()
                if not self._left:
                    self._poll.modify(self._socket, READING)
            return self._read() if event & ~select.EPOLLOUT else None
        except (OSError, ValueError) as error:
            return Answer(0, f"{type(error).__name__}: {error}".encode())

    def renew(self) -> None:
        """A fresh connection in place of this one."""
        self.close()
        self._open()

    def close(self) -> None:
        """Closing takes the socket out of the poll too."""
        self._socket.close()

    def _write(self) -> None:
        try:
            self._left = self._left[self._socket.send(self._left) :]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._left = memoryview(b"")  # an answer may lie in the socket; if none does, reading tells

    def _read(self) -> Answer | None:
        try:
            piece = self._socket.recv(_PIECE)
        except BlockingIOError:
            return None
        if not piece:
            raise ConnectionError("closed by the server")
        buffer = self._buffer
        buffer += piece
        if not self._need:
            end = buffer.find(_END)
            if end < 0:
                return None
            length = _LENGTH.search(buffer, 0, end)
            if length is None:
                raise ValueError("an answer without Content-Length")
            self._need = end + len(_END) + int(length[1])
        if len(buffer) < self._need:
            return None
        start = buffer.find(_END) + len(_END)
        answer = Answer(int(buffer[9:12]), bytes(buffer[start : self._need]))
        del buffer[: self._need]
        self._need = 0
        return answer
