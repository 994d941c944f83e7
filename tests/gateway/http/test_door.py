"""The door that several workers share: who takes which connection, and that nobody is left outside."""

import asyncio
import socket
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from gateway.http.door import ABSENT, Board, Door


class House:
    """Workers that each say their number; they share one socket, one event loop and one board."""

    def __init__(self, count):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[:2]
        self.board = Board(count)
        self.runners = {}
        self._open = []

    async def enter(self, number):
        async def say(request):
            return web.Response(text=str(number))

        application = web.Application()
        application.router.add_get("/", say)
        self.runners[number] = runner = web.AppRunner(application)
        await runner.setup()
        # One event loop knows a descriptor once, so each worker gets its own, as each forked one has.
        await Door(runner, self.listener.dup(), self.board, number).start()

    async def leave(self, number):
        await self.runners.pop(number).cleanup()

    async def call(self):
        """A connection that is kept; the number of the worker that it came to."""
        reader, writer = await asyncio.open_connection(*self.address)
        self._open.append(writer)
        writer.write(b"GET / HTTP/1.1\r\nHost: guichet\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 200")
        return int(await reader.readexactly(1))

    def hang_up(self):
        for writer in self._open:
            writer.close()


@asynccontextmanager
async def house(count, present=None):
    async with AsyncExitStack() as closing:
        made = House(count)
        closing.callback(made.listener.close)
        closing.callback(made.hang_up)
        for number in present or range(1, count + 1):
            await made.enter(number)
            closing.push_async_callback(_leave_if_there, made, number)
        yield made


async def _leave_if_there(made, number):
    if number in made.runners:
        await made.leave(number)


@pytest.mark.parametrize("count", [2, 3])
async def test_connections_that_are_kept_are_shared_evenly(count):
    async with house(count) as made:
        came = Counter([await made.call() for _ in range(4 * count)])
    assert came == dict.fromkeys(range(1, count + 1), 4)


async def test_a_crowd_at_once_is_let_in_whole():
    async with house(2) as made:
        came = Counter(await asyncio.gather(*(made.call() for _ in range(100))))
    assert came.total() == 100
    assert min(came[1], came[2]) > 25


async def test_nobody_waits_for_a_worker_that_is_not_there():
    async with house(2, present=[1]) as made:
        assert [await made.call() for _ in range(5)] == [1] * 5
        made.board.post(2, 0)  # there, with nothing to do, and yet it never comes to the door
        assert [await made.call() for _ in range(3)] == [1] * 3


async def test_what_one_leaves_outside_another_lets_in():
    async with house(2) as made:
        await made.leave(1)
        assert [await made.call() for _ in range(4)] == [2] * 4
        await made.enter(1)
        assert [await made.call() for _ in range(4)] == [1] * 4


def test_the_board_says_who_has_fewest():
    board = Board(3)
    assert board.fewest() == ABSENT
    board.post(1, 5)
    board.post(3, 2)
    assert board.fewest() == 2
    board.absent(3)
    assert board.fewest() == 5
