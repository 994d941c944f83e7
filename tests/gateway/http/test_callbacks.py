"""A trader looks after its own address: set, shown, tried, changed, removed; and has told again what got lost."""

import asyncio
import hashlib
import hmac

import msgspec
import pytest
from aiohttp import web

from adapters.callback import HttpPoster
from gateway.access.quotas import Quota
from gateway.clock import utc_now
from gateway.notify.pushing import Pusher
from gateway.retry import RetryPolicy
from gateway.settings import NotificationSettings
from tests.gateway.http.conftest import House, housed
from tests.gateway.http.listening import fill
from tests.gateway.http.test_metrics import numbers as metrics
from tests.gateway.receiving import receiving
from tests.gateway.scripted import PATIENCE, eventually

PATH = "/v1/notifications"
CALLBACK = f"{PATH}/callback"
QUICK = NotificationSettings(
    look=0.01,
    send=0.5,
    private=True,
    retry=RetryPolicy(first=0.01, cap=0.02, attempts=2),
    tests=Quota(per_second=0.001, burst=2),
)


@pytest.fixture
async def house(tmp_path):
    async with housed(tmp_path, notifications=QUICK) as made:
        yield made


@pytest.fixture
async def receiver():
    async with receiving() as made:
        yield made


@pytest.fixture
async def pusher(house):
    gateway, poster = house.gateway, HttpPoster(timeout=QUICK.send, private=True)
    made = Pusher(gateway.store, poster, QUICK, utc_now, gateway.random, gateway.metrics, gateway.tracer)
    yield made
    await made.stop()


def address(url: str) -> bytes:
    return msgspec.json.encode({"Callback": {"URL": url}})


async def put(house: House, url: str, query: str = "", caller: str = "trader") -> dict:
    reply = await house.call("PUT", CALLBACK + query, caller, address(url), Content_Type="application/json")
    assert reply.status == 200, reply.body
    return reply.json


def genuine(secret: str, headers: dict, body: bytes) -> bool:
    signed = hmac.new(secret.encode(), headers["Guichet-Timestamp"].encode() + b"." + body, hashlib.sha256)
    return headers["Guichet-Signature"] == f"sha256={signed.hexdigest()}"


async def states(house: House, query: str = "?after=0") -> dict[int, str]:
    return {each["number"]: each["state"] for each in (await house.get(PATH + query)).json["notifications"]}


async def given_up(house: House) -> list[dict]:
    """What was given up, as soon as there is something."""
    async with asyncio.timeout(PATIENCE):
        while not (dead := (await house.get(f"{PATH}?state=failed")).json["notifications"]):
            pass
    return dead


async def test_an_address_is_set_shown_and_removed_and_its_secret_is_told_once(house, receiver, pusher):
    assert (await house.get(CALLBACK)).json["url"] is None
    first = await put(house, receiver.url)
    assert first["url"] == receiver.url and first["secret"].startswith("gs_")
    assert await put(house, receiver.url) == {"url": receiver.url, "secret": None}, "the secret stays"
    assert (await house.get(CALLBACK)).json == {"url": receiver.url, "waiting": 0, "failed": 0}
    assert (await house.get(CALLBACK, "rival")).json["url"] is None, "another's is its own"
    await fill(house, 1)
    await eventually(lambda: receiver.taken)
    assert genuine(first["secret"], *receiver.requests[0])
    second = await put(house, receiver.url, "?rotate=true")
    assert second["secret"] not in (None, first["secret"])
    removed = await house.call("DELETE", CALLBACK, "trader")
    assert (removed.status, removed.json) == (200, {"url": receiver.url, "dropped": 0})
    assert (await house.call("DELETE", CALLBACK, "trader")).json == {"url": None, "dropped": 0}
    assert (await house.get(CALLBACK)).json["url"] is None


async def test_an_address_comes_as_xml_as_well(house, receiver):
    body = f'<Callback xmlns="urn:guichet:trader:1"><URL>{receiver.url}</URL></Callback>'.encode()
    reply = await house.call("PUT", CALLBACK, "trader", body, Content_Type="application/xml")
    assert (reply.status, reply.xml.findtext("{urn:guichet:api:1}url")) == (200, receiver.url)


@pytest.mark.parametrize("url", ["https://10.0.0.1/in", "http://example.com/in", "https://a:b@example.com/", "in"])
async def test_a_private_address_is_refused_with_its_place_and_what_to_send(tmp_path, url):
    async with housed(tmp_path) as house:
        reply = await house.call("PUT", CALLBACK, "trader", address(url), Content_Type="application/json")
        assert (reply.status, reply.rules) == (422, ["callback.url"])
        [issue] = reply.json["issues"]
        assert (issue["json_pointer"], issue["value"]) == ("/Callback/URL", url)
        assert "https://" in issue["expected"]


async def test_a_test_message_tells_how_the_address_answered_and_is_not_given_without_end(house, receiver):
    assert (await house.call("POST", f"{CALLBACK}/test", "trader")).json["type"] == "urn:guichet:problem:no-address"
    secret = (await put(house, receiver.url))["secret"]
    good = await house.call("POST", f"{CALLBACK}/test", "trader")
    assert (good.json["taken"], good.json["status"], good.json["problem"]) == (True, 204, None)
    [(headers, body)] = receiver.requests
    assert genuine(secret, headers, body) and headers["Guichet-Notification"] == "0"
    assert msgspec.json.decode(body)["kind"] == "test"

    async def refuse(request, told):
        return web.Response(status=503)

    receiver.misbehave = refuse
    bad = await house.call("POST", f"{CALLBACK}/test", "trader")
    assert (bad.json["taken"], bad.json["status"], bad.json["problem"]) == (False, 503, "answered 503")
    reply = await house.call("POST", f"{CALLBACK}/test", "trader")
    assert reply.status == 429 and int(reply.headers["Retry-After"]) > 0
    assert (await house.call("POST", f"{CALLBACK}/test", "rival")).status == 409, "one account's tries are its own"


async def test_what_was_given_up_is_listed_with_its_reason_and_sent_again(house, receiver, pusher):
    async def refuse(request, told):
        return web.Response(status=500) if told["number"] == 2 else None

    receiver.misbehave = refuse
    await put(house, receiver.url)
    mrn = (await house.lodge("import-machine-parts-germany"))["mrn"]
    await fill(house, 1)
    await eventually(lambda: len(receiver.asked) >= 4)
    dead = await given_up(house)
    assert [(each["number"], each["state"], each["problem"]) for each in dead] == [(2, "failed", "answered 500")]
    assert (await house.get(CALLBACK)).json["failed"] == 1
    found = await metrics(house)
    assert (found("pushes_dead"), found("pushes_total", outcome="given-up")) == (1, 1)
    assert found("pushes_total", outcome="failed") == 1, "it was tried twice"
    receiver.misbehave = None
    reply = await house.call("POST", f"{PATH}/redeliveries?state=failed", "trader")
    assert (reply.status, reply.json) == (200, {"queued": 1, "next": "2", "more": False})
    await eventually(lambda: 2 in receiver.numbers())
    assert (await house.get(f"{PATH}?state=failed")).json["notifications"] == []
    receiver.taken.clear()
    assert (await house.call("POST", f"{PATH}/redeliveries?mrn={mrn}", "trader")).json["queued"] == 2
    await eventually(lambda: receiver.numbers() == [1, 2])
    assert (await house.call("POST", f"{PATH}/redeliveries?from=2026-01-01&after=1", "trader")).json["queued"] >= 2
    assert (await house.call("POST", f"{PATH}/redeliveries?to=2026-01-01", "trader")).json["queued"] == 0
    reply = await house.call("POST", f"{PATH}/redeliveries", "trader")
    assert (reply.status, reply.rules) == (400, ["query.filter"]), "everything is not asked for by accident"
    assert (await house.call("POST", f"{PATH}/redeliveries?state=failed", "rival")).status == 409


async def test_a_dead_letter_that_is_acknowledged_is_settled(house, receiver, pusher):
    async def refuse(request, told):
        return web.Response(status=500)

    receiver.misbehave = refuse
    await put(house, receiver.url)
    await fill(house, 1)
    await given_up(house)
    await house.call("POST", f"{PATH}/acknowledgements?numbers=1", "trader")
    assert (await states(house))[1] == "acknowledged"
    assert (await house.get(f"{PATH}?state=failed")).json["notifications"] == []


async def test_single_ones_are_acknowledged_and_the_mark_moves_when_nothing_is_left_before_it(house):
    await fill(house, 5)

    async def acknowledge(query: str) -> dict:
        reply = await house.call("POST", f"{PATH}/acknowledgements?{query}", "trader")
        assert reply.status == 200, reply.body
        return reply.json

    assert await acknowledge("numbers=4,2") == {"acknowledged": 0, "pending": 3}
    pending, seen = "pending", "acknowledged"
    assert await states(house) == {1: pending, 2: seen, 3: pending, 4: seen, 5: pending}
    assert list(await states(house, "?state=pending")) == [1, 3, 5]
    assert list(await states(house, "?state=acknowledged")) == [2, 4]
    assert list(await states(house, "")) == [1, 2, 3, 4, 5], "the log begins where all before is acknowledged"
    assert await acknowledge("numbers=1") == {"acknowledged": 2, "pending": 2}
    assert await acknowledge("through=3&numbers=5") == {"acknowledged": 5, "pending": 0}
    assert list(await states(house, "?state=pending")) == []


@pytest.mark.parametrize("query", ["numbers=6", "numbers=", "numbers=1,,2", "numbers=-1", "number=1", "state=lost", ""])
async def test_what_cannot_be_acknowledged_is_refused(house, query):
    await fill(house, 5)
    path = PATH if query.startswith("state") else f"{PATH}/acknowledgements"
    reply = await house.call("GET" if path == PATH else "POST", f"{path}?{query}", "trader")
    assert reply.status == 400, reply.body
