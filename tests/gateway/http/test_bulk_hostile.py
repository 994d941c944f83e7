"""Batches that are too big or too slow, and clients that do not read, hang up, or never end: the records hold."""

import asyncio
import socket

import pytest

from gateway.bulk.settings import BulkSettings
from gateway.settings import BigSettings, NotificationSettings
from tests.gateway.http.batches import (
    NDJSON,
    PATH,
    as_json,
    chunk,
    envelope,
    head,
    lines,
    multipart,
    records,
    send,
    sent,
    until,
    zipped,
)
from tests.gateway.http.conftest import CEILING, Wire, housed

CONTAINERS = {
    NDJSON: lambda parts: b"\n".join(envelope(name, body) for name, body in parts.items()),
    "multipart/mixed; boundary=limit": multipart,
    "application/zip": zipped,
}


def numbered(count: int, prefix: str = "N") -> dict[str, bytes]:
    return {f"{prefix}{number}.json": as_json(f"{prefix}{number}") for number in range(count)}


@pytest.mark.parametrize("media", CONTAINERS)
async def test_an_item_over_the_ceiling_is_refused_as_it_would_be_alone_and_the_next_is_taken(house, media):
    big = b'{"MetaData":"%s"}' % (b"A" * (3 * CEILING))
    alone = await house.post("/v1/declarations", big)
    parts = {"first.json": as_json("FIRST"), "big.json": big, "last.json": as_json("LAST")}
    if media == "application/zip":
        big = b'{"MetaData":"%s"}' % bytes(range(35, 91)) * (CEILING // 40)  # packs, and not too well
        parts["big.json"] = big
    items, end = await sent(house, CONTAINERS[media](parts), media)
    assert [each["status"] for each in items] == [202, 413, 202]
    assert items[1]["problem"]["issues"] == alone.json["issues"] or media == "application/zip"
    assert end["complete"]


@pytest.mark.parametrize("media", CONTAINERS)
async def test_the_batch_ends_at_the_item_that_is_one_too_many_and_says_so(tmp_path, media):
    async with housed(tmp_path, bulk=BulkSettings(items=3)) as house:
        reply = await send(house, CONTAINERS[media](numbered(4)), media)
        if media == "application/zip":  # its directory tells beforehand
            assert (reply.status, reply.rules) == (413, ["batch.items"])
        else:
            *items, end = records(reply.body)
            assert [each["status"] for each in items] == [202, 202, 202]
            assert (end["complete"], end["items"], end["problem"]["status"]) == (False, 3, 413)
            assert end["problem"]["issues"][0]["rule"] == "batch.items"
        await sent(house, CONTAINERS[media](numbered(3)), media)


async def test_a_line_without_an_end_is_cut_off_where_the_batch_may_have_no_more(tmp_path):
    async def endless():
        yield envelope("first", as_json("FIRST")) + b"\n"
        while True:
            yield b"A" * 65536

    async with housed(tmp_path, bulk=BulkSettings(max_bytes=4 * CEILING)) as house, house.wire() as wire:
        await wire.send(*head(house))
        sending = asyncio.create_task(pour(wire, endless()))
        first, end = records(await until(wire, b'"acceptance"') + await until(wire, b'"complete"'))
        assert (first["status"], end["complete"], end["problem"]["status"]) == (202, False, 413)
        sending.cancel()


async def pour(wire, parts):
    """Sends as fast as it is taken."""
    async for part in parts:
        await wire.send(chunk(part))


async def test_items_that_find_no_room_are_told_to_come_again_and_come_again(tmp_path):
    room = BigSettings(room=CEILING)
    padded = b" " * 200_000
    async with housed(tmp_path, big=room) as house:
        body = b"\n".join(as_json(f"R{number}").replace(b"{", b"{" + padded, 1) for number in range(12))
        items, end = await sent(house, body, key="room")
        assert {each["status"] for each in items} <= {202, 503}
        while end["refused"]:
            items, end = await sent(house, body, key="room")
        assert end["accepted"] + end["replayed"] == 12
        assert len((await house.get(f"{PATH}/room")).json["items"]) == 12


@pytest.mark.parametrize("media", [NDJSON, "multipart/mixed; boundary=limit", "application/zip"])
async def test_who_hangs_up_within_an_item_leaves_its_room_to_others_and_no_fault_in_the_log(tmp_path, media, caplog):
    most, padding = CEILING * 9 // 10, b" " * (CEILING * 8 // 10)
    async with housed(tmp_path, big=BigSettings(room=CEILING)) as house:
        for _ in range(3):
            async with house.wire() as wire:
                await wire.send(*head(house, media=media), chunk(b"--limit\r\n\r\n" + b"A" * most))
                wire.writer.write_eof()
                assert await wire.closed()
            await settled(house, "none")
            reply = await house.post("/v1/validations", padding + as_json("V"))
            assert reply.status == 200, reply.body
    assert "internal" not in caplog.text, "nobody there to read is no fault of ours"


async def test_who_sends_all_before_it_reads_gets_all(house):
    count = 1500  # two megabytes of answers, a tenth of which fits between the two
    body = (b'{"MetaData":{}}' + b" " * 2000 + b"\n") * count
    reader, writer = await asyncio.open_connection(house.host, house.port, limit=65536)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    writer.write("\r\n".join(head(house)).encode() + b"\r\n")
    for start in range(0, len(body), 1024):
        writer.write(chunk(body[start : start + 1024]))
        await writer.drain()
    writer.write(chunk(b""))
    await writer.drain()
    answer = b""
    while b'"complete":true' not in answer[-400:]:
        answer += await reader.read(65536)
    assert answer.count(b'"status":4') >= count
    writer.close()


@pytest.mark.parametrize("leave", ["stop reading", "hang up", "half-close"])
async def test_who_leaves_in_the_middle_finds_on_record_what_was_taken_and_can_go_on(tmp_path, leave):
    references = [f"L{number}" for number in range(300)]
    small = BulkSettings(unread=2048, in_flight=4)
    told = NotificationSettings(patience=0.3)
    async with housed(tmp_path, patience=2.0, bulk=small, notifications=told) as house:
        async with house.wire() as wire:
            wire.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await wire.send(*head(house), chunk(lines(*references[:150]) + b"\n"))
            await until(wire, b'"acceptance"')
            if leave == "hang up":
                wire.writer.transport.abort()
            elif leave == "half-close":
                wire.writer.write_eof()
            else:
                wire.writer.transport.pause_reading()
        taken = await settled(house, "wire")
        assert 1 <= len(taken) <= 150
        assert taken <= set(references)
        items, end = await sent(house, lines(*references), key="wire")
        assert (end["replayed"], end["accepted"], end["refused"]) == (len(taken), 300 - len(taken), 0)
        assert len({each["acceptance"]["mrn"] for each in items}) == 300


async def settled(house, key: str) -> set[str]:
    """The items on record once the batch has ended: there is a place again for as many as an account may have."""
    desk = house.gateway.settings.bulk
    while True:
        replies = await asyncio.gather(*(send(house, b"{}") for _ in range(desk.per_account)))
        if all(reply.status == 200 for reply in replies):
            return {each["key"] for each in (await house.get(f"{PATH}/{key}")).json.get("items", ())}


async def test_a_sender_that_stalls_is_told_what_was_taken(tmp_path):
    async with housed(tmp_path, patience=0.3) as house, house.wire() as wire:
        await wire.send(*head(house), chunk(envelope("A", as_json("A")) + b"\n"))
        await until(wire, b'"acceptance"')
        [end] = records(await until(wire, b'"complete":false'))
        assert (end["accepted"], end["problem"]["status"]) == (1, 408)


async def test_a_batch_that_lasts_too_long_ends_in_order(tmp_path):
    async with housed(tmp_path, bulk=BulkSettings(seconds=0.4)) as house, house.wire() as wire:
        await wire.send(*head(house), chunk(envelope("A", as_json("A")) + b"\n"))
        [end] = records(await until(wire, b'"complete":false'))
        assert (end["accepted"], end["problem"]["type"]) == (1, "urn:guichet:problem:too-slow")


async def test_the_gateway_ends_a_batch_in_order_when_it_stops(tmp_path):
    async with housed(tmp_path) as house:
        wire = Wire(*await asyncio.open_connection(house.host, house.port))
        await wire.send(*head(house), chunk(envelope("A", as_json("A")) + b"\n"))
        await until(wire, b'"acceptance"')
    [end] = records(await until(wire, b'"complete":false'))
    assert (end["accepted"], end["problem"]["type"]) == (1, "urn:guichet:problem:not-ready")
    wire.writer.close()
