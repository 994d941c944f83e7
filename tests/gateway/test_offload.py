"""Where work on messages is done: small ones at once, big ones in a few threads that are nobody else's."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from gateway.offload import THREADS, THRESHOLD, offload
from tests.gateway.scripted import eventually


@contextmanager
def slow_work():
    """Work that lasts until the test is through; how much of it is under way."""
    over, running = threading.Event(), []

    def work() -> str:
        running.append(threading.current_thread().name)
        over.wait(10)
        return "done"

    try:
        yield work, running, over
    finally:
        over.set()


async def test_many_big_messages_take_no_more_than_their_threads():
    with slow_work() as (work, running, over):
        tasks = [asyncio.create_task(offload(THRESHOLD + 1, work)) for _ in range(10)]
        await eventually(lambda: len(running) == THREADS)
        others = [asyncio.to_thread(threading.get_ident) for _ in range(20)]
        assert len(await asyncio.wait_for(asyncio.gather(*others), 5)) == 20, "nobody else has to wait"
        assert await asyncio.wait_for(offload(THRESHOLD, str, 7), 5) == "7", "nor do small messages"
        assert len(running) == THREADS == 2
        over.set()
        assert await asyncio.gather(*tasks) == ["done"] * 10
    assert len(set(running)) == THREADS


async def test_what_the_work_raises_is_raised():
    for size in 1, THRESHOLD + 1:
        with pytest.raises(ValueError, match="invalid literal"):
            await offload(size, int, "no number")
