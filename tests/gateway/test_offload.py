"""Where work on messages is done: small ones at once, bigger ones in a few threads, big ones in processes."""

import asyncio
import os
import threading
from contextlib import contextmanager

import pytest

from gateway.offload import PROCESS, THREAD, THREADS, offload
from gateway.service import Gateway
from tests.gateway.scripted import eventually

SIZES = (1, THREAD + 1, PROCESS + 1)


@contextmanager
def slow_work():
    """Work that lasts until the test is through; how much of it is under way."""
    over, running = threading.Event(), []

    def work(gateway: Gateway) -> str:
        running.append(threading.current_thread().name)
        over.wait(10)
        return "done"

    try:
        yield work, running, over
    finally:
        over.set()


def number(gateway: Gateway, text: str) -> int:
    return int(text)


def place(gateway: Gateway) -> tuple[int, str]:
    return os.getpid(), threading.current_thread().name


async def test_many_bigger_messages_take_no_more_than_their_threads(gateway):
    with slow_work() as (work, running, over):
        tasks = [asyncio.create_task(offload(gateway, THREAD + 1, work)) for _ in range(10)]
        await eventually(lambda: len(running) == THREADS)
        others = [asyncio.to_thread(threading.get_ident) for _ in range(20)]
        assert len(await asyncio.wait_for(asyncio.gather(*others), 5)) == 20, "nobody else has to wait"
        assert await asyncio.wait_for(offload(gateway, THREAD, number, "7"), 5) == 7, "nor do small messages"
        assert await asyncio.wait_for(offload(gateway, PROCESS + 1, number, "8"), 5) == 8, "nor do the biggest"
        assert len(running) == THREADS == 2
        over.set()
        assert await asyncio.gather(*tasks) == ["done"] * 10
    assert len(set(running)) == THREADS


async def test_the_size_says_where_the_work_is_done(gateway):
    here = os.getpid(), threading.current_thread().name
    small, bigger, big = [await offload(gateway, size, place) for size in SIZES]
    assert small == here
    assert bigger[0] == here[0] and bigger[1].startswith("guichet-message")
    assert big[0] != here[0]


async def test_without_a_workshop_the_biggest_are_worked_on_in_threads_too(built):
    pid, thread = await offload(built, PROCESS + 1, place)
    assert pid == os.getpid()
    assert thread.startswith("guichet-message")


@pytest.mark.parametrize("size", SIZES)
async def test_what_the_work_raises_is_raised(gateway, size):
    with pytest.raises(ValueError, match="invalid literal"):
        await offload(gateway, size, number, "no number")
