"""What a trader is told, by a gateway of several workers: the same to every listener, and nothing lost over a kill."""

import asyncio
import hashlib
import hmac
import json
import re
import signal
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from gateway import bootstrap
from gateway.demo.cases import lodgements
from gateway.demo.trader import Trader
from gateway.retry import RetryPolicy
from gateway.settings import SCHEMAS, NotificationSettings, Settings
from tests.gateway.http.listening import Event, Listener, listening
from tests.gateway.receiving import receiving
from tests.gateway.scripted import eventually, lodge_sample
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


PUSHED = NotificationSettings(look=0.02, private=True, retry=RetryPolicy(first=0.01, cap=0.02, attempts=2))
USAGE = 2


async def test_an_operator_gives_a_trader_an_address_and_sends_again_what_was_given_up(guichet, tmp_path):
    database = f"sqlite:///{tmp_path / 'ledger.db'}"
    settings = Settings(database=database, notifications=PUSHED)

    async def command(*words: str, private: str = "true"):
        allowed = {"GUICHET_NOTIFICATIONS__PRIVATE": private}
        return await asyncio.to_thread(guichet, "notification", *words, "--database", database, **allowed)

    async with receiving() as receiver, bootstrap.running(bootstrap.build(settings, adapters={})) as gateway:
        trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
        refused = await command("callback", "Greengate Brokers", receiver.url, private="false")
        assert (refused.returncode, refused.stdout) == (USAGE, b"") and b"https://" in refused.stderr
        assert (await command("callback", "Nobody", receiver.url)).returncode == USAGE
        secret = (await command("callback", "Greengate Brokers", receiver.url)).stdout.strip()
        assert secret.startswith(b"gs_")
        assert (await command("list")).stdout == b"No notification was given up.\n"

        async def refuse(request, told):
            return web.Response(status=500) if told["kind"] == "accepted" else None

        receiver.misbehave = refuse
        accepted = await lodge_sample(gateway, trader, "import-machine-parts-germany.xml")
        await eventually(lambda: receiver.numbers() == [2])
        headers, body = receiver.requests[-1]
        signed = headers["Guichet-Timestamp"].encode() + b"." + body
        assert headers["Guichet-Signature"] == "sha256=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
        listed = json.loads((await command("list", "--format", "json")).stdout)
        told = {"account": "Greengate Brokers", "number": 1, "mrn": accepted.mrn, "attempts": 2}
        assert listed == told | {"problem": "answered 500"}
        receiver.misbehave = None
        assert (await command("redeliver", "Greengate Brokers")).returncode == 0
        await eventually(lambda: receiver.numbers() == [2, 1])
        assert (await command("redeliver", "Greengate Brokers")).returncode == USAGE
        assert (await command("silence", "Greengate Brokers")).returncode == 0
        assert (await command("silence", "Greengate Brokers")).returncode == USAGE
