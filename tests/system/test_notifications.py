"""What a trader is told, by a gateway of several workers: the same to every listener, and nothing lost over a kill."""

import asyncio
import re
import signal
from contextlib import AsyncExitStack

import pytest

from gateway.demo.cases import lodgements
from gateway.demo.trader import Trader
from gateway.settings import SCHEMAS
from tests.gateway.http.listening import Event, Listener, listening
from tests.system.test_workers import AT_ONCE, house_of_two, log_when, stop

COUNT = 12
STREAMED = re.compile(r"INFO worker-(\d) \S+ GET /v1/notifications/stream 200")
FINAL = {"released", "refused"}


async def until_all_ended(stream: Listener, count: int) -> list[Event]:
    """Events until so many cases have ended."""
    events: list[Event] = []
    while sum(each.kind in FINAL for each in events) < count:
        events.append(await stream.next())
    return events


@pytest.mark.timeout(120)
async def test_listeners_at_all_workers_hear_all_in_one_order_and_are_sent_home_in_order(children, tmp_path):
    house = await house_of_two(children, tmp_path, AT_ONCE, {"GUICHET_NOTIFICATIONS__STREAMS": "8"})
    url, key = house.stage.url, house.stage.trader_key
    made = lodgements(SCHEMAS, COUNT)
    async with asyncio.timeout(90), AsyncExitStack() as open_streams:
        streams = [await open_streams.enter_async_context(listening(url, key)) for _ in range(6)]
        async with Trader(url, key) as trader:
            accepted = await asyncio.gather(*map(trader.lodge, made))
        heard = await asyncio.gather(*(until_all_ended(stream, COUNT) for stream in streams))
        assert all(events == heard[0] for events in heard)
        assert [event.id for event in heard[0]] == list(range(1, len(heard[0]) + 1))
        for answer in accepted:
            kinds = [event.kind for event in heard[0] if event.data["mrn"] == answer.mrn]
            assert kinds[0] == "accepted" and kinds[-1] in FINAL
        assert await stop(house.stage.gateway, signal.SIGTERM) == 0
        for stream in streams:
            assert await stream.rest() == b"", "the end of a stream is an end in order"
    assert set(await log_when(children, STREAMED, 6)) == {"1", "2"}


@pytest.mark.timeout(120)
async def test_whoever_was_listening_when_it_was_killed_hears_the_rest_from_the_next(children, tmp_path):
    house = await house_of_two(children, tmp_path, AT_ONCE, {})
    url, key = house.stage.url, house.stage.trader_key
    made = lodgements(SCHEMAS, COUNT)
    async with asyncio.timeout(90), Trader(url, key) as trader:
        async with listening(url, key) as stream:
            lodging = [asyncio.create_task(trader.lodge(each)) for each in made]
            heard = [await stream.next() for _ in range(3)]
            await asyncio.wait(lodging)
            await house.kill()
        await house.restart()
        async with listening(url, key, Last_Event_ID=str(heard[-1].id)) as stream:
            heard += await until_all_ended(stream, COUNT - sum(each.kind in FINAL for each in heard))
    assert [event.id for event in heard] == list(range(1, len(heard) + 1))
    accepted = {task.result().mrn for task in lodging if task.exception() is None}
    assert len(accepted) == COUNT
    assert {event.data["mrn"] for event in heard if event.kind in FINAL} == accepted
