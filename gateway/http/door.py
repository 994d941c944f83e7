"""The door of a gateway with several workers: one listening socket, from which each takes connections.

Rule: who has more connections than another lets it go first, for a moment; then takes what is still there. Reason: the
kernel wakes all workers, the quickest takes all that waits, and because connections are kept, a sender's eight stay
for good with one worker while another is idle. With a socket for each worker (SO_REUSEPORT) chance divides them, which
is uneven too where they are few; and a second program could listen on the same port beside us and have part of the
messages. On one socket a worker that dies or is busy leaves what waits to the others.
"""

import asyncio
import logging
import mmap
import socket
import ssl

from aiohttp import web

log = logging.getLogger("gateway.http")

# Long enough for an idle worker to wake up, too short for a sender to notice.
GIVE_WAY_SECONDS = 0.005
AT_ONCE = 64  # connections taken before the others in the loop have their turn
REFRESH_SECONDS = 1.0
SHORT_OF_MEANS_SECONDS = 1.0
HANDSHAKE_SECONDS = 10.0  # for TLS; who takes longer is not let in
ABSENT = 2**32 - 1  # nobody has so many, so nobody gives way to a worker that is not there


class Board:
    """How many connections each worker has, numbered from 1; memory that processes forked from this one share."""

    def __init__(self, count: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * count)).cast("I")
        for number in range(1, count + 1):
            self.absent(number)

    def post(self, number: int, connections: int) -> None:
        """Only the worker of that number does this, so no two ever write to one place."""
        self._counts[number - 1] = connections

    def absent(self, number: int) -> None:
        """The worker takes no connections."""
        self._counts[number - 1] = ABSENT

    def fewest(self) -> int:
        """The least that any of them has."""
        return min(self._counts)


class Door(web.BaseSite):
    """One worker's place at the door."""

    def __init__(
        self,
        runner: web.AppRunner,
        listener: socket.socket,
        board: Board,
        number: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(runner, ssl_context=tls)
        self._listener, self._board, self._number = listener, board, number
        self._loop = asyncio.get_running_loop()
        self._patience = {"ssl_handshake_timeout": HANDSHAKE_SECONDS} if tls else {}
        self._coming: set[asyncio.Task[object]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def name(self) -> str:
        """Where it is, for aiohttp's own messages."""
        host, port = self._listener.getsockname()[:2]
        return f"{'http' if self._ssl_context is None else 'https'}://{host}:{port}"

    async def start(self) -> None:
        """Begin to take connections."""
        await super().start()
        self._listener.setblocking(False)
        self._refresh()
        self._loop.add_reader(self._listener, self._answer)

    async def stop(self) -> None:
        """Take no more. The socket listens on for as long as another process has it open."""
        for timer in self._timers.values():
            timer.cancel()
        self._loop.remove_reader(self._listener)
        self._board.absent(self._number)
        self._listener.close()
        await asyncio.gather(*self._coming, return_exceptions=True)
        await super().stop()

    def _has_more_than_another(self) -> bool:
        """In a crowd, an eighth more does not count."""
        mine, fewest = self._count(), self._board.fewest()
        return mine > fewest + fewest // 8

    def _count(self) -> int:
        """Own connections, posted for the others too."""
        server = self._runner.server
        count = len(self._coming) + (len(server.connections) if server else 0)
        self._board.post(self._number, count)
        return count

    def _refresh(self) -> None:
        """Connections that end knock at no door, so the count is posted now and then besides."""
        self._count()
        self._timers["refresh"] = self._loop.call_later(REFRESH_SECONDS, self._refresh)

    def _answer(self, gave_way: bool = False) -> None:
        """Somebody knocks."""
        for _ in range(AT_ONCE):
            if not gave_way and self._has_more_than_another():
                self._step_back(GIVE_WAY_SECONDS, gave_way=True)
                return
            gave_way = False
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):  # another worker was quicker; the caller thought better
                return
            except OSError as error:
                log.error("no connection can be taken: %s", error.strerror)
                self._step_back(SHORT_OF_MEANS_SECONDS, gave_way=False)
                return
            self._let_in(connection)

    def _step_back(self, seconds: float, *, gave_way: bool) -> None:
        def return_to_door() -> None:
            self._loop.add_reader(self._listener, self._answer)
            self._answer(gave_way)

        self._loop.remove_reader(self._listener)
        self._timers["back"] = self._loop.call_later(seconds, return_to_door)

    def _let_in(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        server = self._runner.server
        assert server is not None  # the runner was set up before it got a site

        async def connect() -> None:
            try:
                await self._loop.connect_accepted_socket(server, connection, ssl=self._ssl_context, **self._patience)
            except OSError as error:
                log.info("a connection ended as it began: %s", error.strerror)
                connection.close()

        coming = asyncio.create_task(connect())
        self._coming.add(coming)
        coming.add_done_callback(self._coming.discard)
