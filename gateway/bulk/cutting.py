"""Cuts what comes in at marks, and holds no more of it than one piece.

A piece that grows too big is dropped while it comes, up to the mark that ends it: the pieces behind it are good.
"""

from collections.abc import Awaitable, Callable

import msgspec

from gateway.bulk.items import Grow

Source = Callable[[], Awaitable[bytes]]  # what has come next, or nothing at the end


class Piece(msgspec.Struct, frozen=True):
    """What stood before a mark; `marked` is false where the end came first. With a `fault`, it was dropped."""

    body: bytes
    marked: bool
    fault: Exception | None = None


class Cutter:
    """Reads a source. `begun` is put before it."""

    def __init__(self, source: Source, begun: bytes = b"") -> None:
        self._source, self._buffer = source, bytearray(begun)

    async def piece(self, mark: bytes, grow: Grow) -> Piece:
        """All up to the next mark, which is passed over. `grow` is told its size as it comes, and may raise."""
        fault, searched, dropped = None, 0, False
        while (at := self._buffer.find(mark, searched)) < 0:
            searched = max(0, len(self._buffer) - len(mark) + 1)
            fault = fault or _outgrown(grow, searched)
            if fault:
                del self._buffer[:searched]
                searched, dropped = 0, True
            chunk = await self._source()
            if not chunk:
                return self._cut(len(self._buffer), 0, False, fault or _outgrown(grow, len(self._buffer)))
            self._buffer += chunk
        return self._cut(at, len(mark), True, fault or (None if dropped else _outgrown(grow, at)))

    async def take(self, count: int) -> bytes:
        """The next bytes; fewer where the end comes first."""
        while len(self._buffer) < count and (chunk := await self._source()):
            self._buffer += chunk
        return self._cut(min(count, len(self._buffer)), 0, True, None).body

    def put_back(self, taken: bytes) -> None:
        """What comes next begins with these bytes."""
        self._buffer[:0] = taken

    def _cut(self, at: int, over: int, marked: bool, fault: Exception | None) -> Piece:
        body = b"" if fault else bytes(memoryview(self._buffer)[:at])
        del self._buffer[: at + over]
        return Piece(body, marked, fault)


def _outgrown(grow: Grow, size: int) -> Exception | None:
    try:
        grow(size)
    except Exception as fault:  # told of the item, whatever it is
        return fault
    return None
