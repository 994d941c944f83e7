"""Work that is done now and then, in a real event loop."""

import asyncio
import logging

from gateway.rounds import Rounds


async def test_a_round_that_fails_is_logged_with_its_name_and_the_next_one_is_made(caplog):
    done, worked = [], asyncio.Event()

    async def work():
        done.append(1)
        if len(done) == 1:
            raise OSError("disk full")
        worked.set()

    with caplog.at_level(logging.ERROR):
        rounds = Rounds("the ledger cannot be swept", work, 0.001)
        await asyncio.wait_for(worked.wait(), 10)
        await rounds.stop()
    assert "the ledger cannot be swept; trying again in 0.001 s" in caplog.text
    assert "disk full" in caplog.text


async def test_no_round_begins_once_they_are_stopped():
    begun = asyncio.Event()
    held = asyncio.Event()

    async def work():
        assert not begun.is_set(), "a round after the end"
        begun.set()
        await held.wait()

    rounds = Rounds("it cannot be done", work, 0.0)
    await asyncio.wait_for(begun.wait(), 10)
    await asyncio.wait_for(rounds.stop(), 10)
    held.set()
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
