"""An HTTP server that does with each request what it is told: answers whole, in pieces, late, or hangs up."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"
Script = Callable[[int, socket.socket, bytes], None]


class Scripted:
    """Runs `script(number, connection, request)` for each request, from 1 on, one at a time for each connection."""

    def __init__(self, script: Script) -> None:
        self.requests: list[bytes] = []
        self._script, self._lock = script, threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            while head := self._head(stream):
                length = next((int(line[15:]) for line in head if line.lower().startswith(b"content-length:")), 0)
                request = b"".join(head) + stream.read(length)
                with self._lock:
                    self.requests.append(request)
                    number = len(self.requests)
                self._script(number, connection, request)

    @staticmethod
    def _head(stream) -> list[bytes]:
        lines = []
        while (line := stream.readline()) not in (b"\r\n", b""):
            lines.append(line)
        return lines


@contextmanager
def scripted(script: Script) -> Iterator[Scripted]:
    server = Scripted(script)
    try:
        yield server
    finally:
        server.close()


def answer(_number: int, connection: socket.socket, _request: bytes) -> None:
    connection.sendall(ANSWER)
