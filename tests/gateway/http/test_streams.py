"""The stream of notifications: as it happens, from where the reader was, and none the worse for readers who stall."""

import asyncio
import re
import socket
from pathlib import Path

import aiohttp
import pytest

from gateway.settings import NotificationSettings
from gateway.store.sqlite import SqliteStore
from tests.gateway.http.conftest import housed
from tests.gateway.http.listening import STREAM, fill, heard, listening
from tests.gateway.http.test_notifications import DOCUMENTS, decide, pulled
from tests.gateway.ledger import admission
from tests.gateway.scripted import eventually

QUICK = NotificationSettings(look=0.01, heartbeat=0.05, patience=0.2, streams=50)
LONG = 8000  # more than all buffers on the way hold


@pytest.fixture
async def quick(tmp_path: Path):
    """A house in which nothing takes long."""
    async with housed(tmp_path, notifications=QUICK) as house:
        yield house


async def test_what_happens_is_told_as_it_happens_and_is_what_is_pulled(quick):
    async with heard(quick) as stream:
        assert stream.answer.status == 200
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        assert {"X-Conversation-ID", "Cache-Control"} <= set(stream.answer.headers)
        await quick.lodge("import-cut-flowers-kenya")
        first = await stream.next()
        assert (first.id, first.kind) == (1, "accepted")
        await decide(quick, "phs", DOCUMENTS)
        events = [first, *await stream.take(2)]
    assert [each.data for each in events] == (await pulled(quick))["notifications"]
    assert events[1].data["documents"][0]["description"] == "Health certificate for item 2"


async def test_what_another_process_records_is_told_too(quick, tmp_path):
    account = (await quick.gateway.accounts.authenticate(quick.keys["trader"])).account
    beside = SqliteStore(tmp_path / "guichet.db", exclusive=False)
    await beside.open()
    try:
        async with heard(quick) as stream:
            await stream.block()  # it is open
            await beside.accept(admission(account.id, 1, ()))
            assert (await stream.next()).data["reference"] == "LRN-1"
    finally:
        await beside.close()


async def test_it_goes_on_from_where_the_reader_was(quick):
    await fill(quick, 120)
    async with heard(quick) as stream:
        assert [each.id for each in await stream.take(70)] == list(range(1, 71))
    async with heard(quick, Last_Event_ID="70") as stream:
        assert [each.id for each in await stream.take(50)] == list(range(71, 121))
        await quick.lodge("import-machine-parts-germany")
        assert [each.id for each in await stream.take(2)] == [121, 122]
    async with heard(quick, "?after=118") as stream:
        assert (await stream.next()).id == 119
    await quick.call("POST", "/v1/notifications/acknowledgements?through=110", "trader")
    async with heard(quick) as stream:
        assert (await stream.next()).id == 111


async def test_a_trader_hears_of_its_own_cases_only(quick):
    async with heard(quick, caller="rival") as stream:
        await quick.lodge("import-cut-flowers-kenya")
        await quick.lodge("import-cut-flowers-kenya", caller="rival")
        event = await stream.next()
    assert (event.id, event.data["mrn"]) == (1, (await pulled(quick, "", "rival"))["notifications"][0]["mrn"])


async def test_there_are_signs_of_life(quick):
    async with heard(quick) as stream:
        assert await stream.block() == ["retry: 2000"]
        assert [await stream.block() for _ in range(3)] == [[":"]] * 3


async def test_a_reader_who_stalls_is_let_go_and_others_hear_all_meanwhile(quick, caplog):
    caplog.set_level("INFO", "gateway.http")
    await fill(quick, LONG)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (quick.host, quick.port))
    key = quick.keys["trader"]
    with connection:
        request = f"GET {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(connection, request.encode())
        async with heard(quick) as stream:
            assert [each.id for each in await stream.take(LONG)] == list(range(1, LONG + 1))
        await eventually(lambda: "its reader is too slow" in caplog.text)
        got = connection.recv(1024 * 1024)
    seen = int(re.findall(rb"id: (\d+)\nevent: \w+\ndata: .+\n\n", got)[-1])
    assert 0 < seen < LONG
    async with heard(quick, Last_Event_ID=str(seen)) as stream:
        assert (await stream.next()).id == seen + 1, "its cursor is as good as ever"


async def test_an_account_has_so_many_streams_and_gets_back_those_it_leaves(tmp_path):
    """Also where nothing is told meanwhile that a reader who has left would not take."""
    two = NotificationSettings(look=0.01, streams=2)
    async with housed(tmp_path, notifications=two) as house, heard(house) as first, heard(house):
        reply = await house.get(STREAM)
        assert (reply.status, reply.json["type"]) == (503, "urn:guichet:problem:busy")
        assert "2" in reply.json["detail"] and reply.headers["Retry-After"]
        async with heard(house, caller="rival") as theirs:
            assert theirs.answer.status == 200
        first.answer.close()
        async with asyncio.timeout(10):
            while (await house.call("HEAD", STREAM, "trader")).status != 200:
                pass  # the gateway has not noticed yet
        for _ in range(5):
            reply = await house.call("HEAD", STREAM, "trader")
            assert (reply.status, reply.media, reply.body) == (200, "text/event-stream", b""), "it takes no place"
        async with heard(house) as stream:
            assert stream.answer.status == 200


async def test_a_key_that_is_withdrawn_hears_nothing_more(quick):
    async with heard(quick) as stream:
        await stream.block()
        await quick.gateway.accounts.revoke("trader")
        with pytest.raises(aiohttp.ClientError):
            await stream.rest()
    assert (await quick.get(STREAM)).status == 401


@pytest.mark.parametrize("query", ["?after=6", "?after=x", "?from=2026-01-31"])
async def test_a_place_that_is_not_there_is_refused_and_not_waited_for(quick, query):
    await fill(quick, 5)
    reply = await quick.get(f"{STREAM}{query}")
    assert (reply.status, len(reply.rules)) == (400, 1)
    assert (await quick.get(STREAM, Last_Event_ID="6")).status == 400
    assert (await quick.get(STREAM, Accept="application/xml")).status == 406


async def test_it_ends_in_order_when_the_gateway_stops_and_goes_on_with_the_next(tmp_path):
    """An end in order, which a reader can tell from one that was cut off: the stream did not have to be broken off."""
    async with housed(tmp_path) as house:
        await house.lodge("import-machine-parts-germany")
        url, key = house.url, house.keys["trader"]
        opened = listening(url, key)
        stream = await opened.__aenter__()
        assert (await stream.next()).id == 1
        gateway = house.gateway
    try:
        assert (await stream.next()).id == 2
        assert await stream.rest() == b""
    finally:
        await opened.__aexit__(None, None, None)
    assert gateway.feed.closed
