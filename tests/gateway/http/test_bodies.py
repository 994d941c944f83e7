"""How bodies are read: what is refused unread, what is cut off, and how long a slow one is waited for."""

import asyncio
import zlib
from contextlib import AsyncExitStack
from hashlib import sha256

import pytest

from gateway.settings import BigSettings
from gateway.spool import BLOCK
from tests.gateway.big_messages import declaration
from tests.gateway.http.conftest import CEILING, canonical, housed, read_sample

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/validations"
SLOW = 0.2


def head(house, *lines: str) -> tuple[str, ...]:
    """The head of a request with a body of JSON."""
    key = f"Authorization: Bearer {house.keys['trader']}"
    return (f"POST {PATH} HTTP/1.1", "Host: x", key, "Content-Type: application/json", *lines, "")


async def called_for(house, length: int) -> bool:
    """Whether the gateway would take a body of that length now."""
    async with house.wire() as wire:
        await wire.send(*head(house, f"Content-Length: {length}", "Expect: 100-continue"))
        return b" 100 " in await wire.reader.readuntil(b"\r\n\r\n")


async def test_a_declared_length_over_the_ceiling_is_refused_before_any_body_comes(shared):
    async with shared.wire() as wire:
        await wire.send(*head(shared, f"Content-Length: {CEILING + 1}"))
        reply = await wire.reply()
        assert (reply.status, reply.rules) == (413, ["size.body"])
        assert reply.json["issues"][0]["expected"] == f"at most {CEILING} bytes"
        assert reply.headers["Connection"] == "close"
        assert await wire.closed()


async def test_a_body_of_the_ceilings_own_length_is_read(shared):
    reply = await shared.post(PATH, b" " * CEILING)
    assert (reply.status, reply.rules) == (400, ["body.empty"])


async def test_a_stream_is_cut_off_at_the_ceiling(shared):
    """The sender would go on for ever; it is answered while it sends, and then hung up on."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    async with shared.wire() as wire:
        await wire.send(*head(shared, "Transfer-Encoding: chunked"))

        async def pour() -> None:
            while True:
                await wire.send(chunk)

        pouring = asyncio.create_task(pour())
        reply = await wire.reply()
        assert (reply.status, reply.rules) == (413, ["size.body"])
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(pouring, 10)
    assert (await shared.get("/healthz")).status == 200


async def test_a_body_in_many_small_chunks_is_read_whole(shared):
    body = read_sample("import-cut-flowers-kenya.json")
    async with shared.wire() as wire:
        await wire.send(*head(shared, "Transfer-Encoding: chunked"))
        await wire.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert (await wire.reply()).json["valid"] is True
        await wire.send("GET /healthz HTTP/1.1", "Host: x", "")
        assert (await wire.reply()).status == 200


@pytest.mark.parametrize("chunks", [b"zz\r\nabc\r\n", b"-1\r\nabc\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"3\r\nabcdef"])
async def test_malformed_chunks_are_a_bad_request(shared, chunks):
    async with shared.wire() as wire:
        await wire.send(*head(shared, "Transfer-Encoding: chunked"), chunks)
        reply = await wire.reply()
        assert reply.status == 400
        assert reply.media == "application/problem+json"
        assert await wire.closed()


async def test_a_body_that_stops_coming_times_out(tmp_path):
    async with housed(tmp_path, patience=SLOW) as house, house.wire() as wire:
        await wire.send(*head(house, "Content-Length: 100"), b'{"half":')
        reply = await wire.reply()
        assert (reply.status, reply.rules) == (408, ["body.slow"])
        assert await wire.closed()


async def test_a_body_that_drips_times_out_too(tmp_path):
    """Each byte comes in time for a timeout that starts anew, so only the whole time can stop this sender."""
    async with housed(tmp_path, patience=SLOW) as house, house.wire() as wire:
        await wire.send(*head(house, "Content-Length: 100000"))
        answer = asyncio.create_task(wire.reply())
        while not answer.done():
            await wire.send(b" ")
            await asyncio.wait([answer], timeout=SLOW / 20)
        assert (await answer).status == 408


async def test_bodies_find_room_or_are_told_when_to_come_again(tmp_path):
    """Two that are half sent leave no room for a third; small ones need none, and one that goes makes some."""
    half = b" " * (CEILING // 2)
    async with housed(tmp_path, big=BigSettings(room=CEILING + len(half))) as house, AsyncExitStack() as wires:
        first, second, third, fourth = [await wires.enter_async_context(house.wire()) for _ in range(4)]
        for wire in first, second:
            await wire.send(*head(house, f"Content-Length: {CEILING}"), half)
        while await called_for(house, CEILING):  # until what was sent has come
            pass
        await third.send(*head(house, "Transfer-Encoding: chunked"), b"100000\r\n", half, half, b"\r\n")
        await fourth.send(*head(house, f"Content-Length: {CEILING}", "Accept-Language: fr"))
        for wire in third, fourth:
            reply = await wire.reply()
            assert (reply.status, reply.rules) == (503, ["body.crowded"])
            assert reply.json["type"] == "urn:guichet:problem:busy"
            assert (reply.headers["Retry-After"], reply.headers["Connection"]) == ("10", "close")
        assert reply.json["issues"][0]["remedy"] == "Renvoyez-le dans 10 secondes."
        assert (await house.post(PATH, read_sample("import-cut-flowers-kenya.json"))).json["valid"] is True
        await first.send(half)
        assert (await first.reply()).rules == ["body.empty"]
        assert (await house.post(PATH, b" " * CEILING)).rules == ["body.empty"]


async def test_a_body_that_is_announced_and_does_not_come_takes_nothing_from_the_others(tmp_path):
    async with housed(tmp_path, big=BigSettings(room=CEILING)) as house, AsyncExitStack() as wires:
        for _ in range(20):
            wire = await wires.enter_async_context(house.wire())
            await wire.send(*head(house, f"Content-Length: {CEILING}"), b"{")
        assert (await house.post(PATH, b" " * CEILING)).rules == ["body.empty"]


async def test_a_body_longer_than_a_block_is_the_same_as_a_short_one(tmp_path):
    """It lies in a file, from where it is read for each of the ways."""
    ceiling = 4 * CEILING
    async with housed(tmp_path, ceiling=ceiling) as house:
        body = declaration(999)
        assert BLOCK < len(body) < ceiling
        as_json = await house.post("/v1/conversions", body, "application/xml")
        assert as_json.body == canonical(house, body, "xml")
        assert (await house.post(PATH, body, "application/xml", Accept="application/json")).json["valid"] is True
        lodged = await house.post("/v1/declarations", body, "application/xml", Accept="application/json")
        assert (lodged.status, lodged.json["digest"]) == (202, sha256(body).hexdigest())
        kept = await house.get(f"{lodged.headers['Location']}/message", Accept="application/xml")
        assert kept.body == body
        broken = await house.post(PATH, body.replace(b"<TypeCode>IMA<", b"<TypeCode>?<"), "application/xml")
        assert broken.status == 422


async def test_a_sender_who_goes_away_is_not_waited_for(shared, caplog):
    async with shared.wire() as wire:
        await wire.send(*head(shared, "Content-Length: 100"), b'{"half":')
    assert (await shared.get("/healthz")).status == 200
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("length", ["Content-Length: 0", "Transfer-Encoding: chunked"])
async def test_no_body_and_an_empty_one_are_the_same(shared, length):
    async with shared.wire() as wire:
        end = b"0\r\n\r\n" if "chunked" in length else b""
        await wire.send(*head(shared, length), end)
        reply = await wire.reply()
        assert (reply.status, reply.rules) == (400, ["body.empty"])


async def test_whoever_asks_first_is_called_on_only_if_the_body_can_be_taken(shared):
    body = read_sample("import-cut-flowers-kenya.json")
    async with shared.wire() as wire:
        await wire.send(*head(shared, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert (await wire.reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(body)
        assert (await wire.reply()).status == 200
    async with shared.wire() as wire:
        await wire.send(*head(shared, f"Content-Length: {CEILING + 1}", "Expect: 100-continue"))
        assert (await wire.reply()).status == 413


@pytest.mark.parametrize(
    ("media", "rule"),
    [
        ("text/csv", "media.unsupported"),
        ("application/octet-stream", "media.unsupported"),
        ("multipart/form-data; boundary=x", "media.unsupported"),
        ("json", "media.unsupported"),
        ("", "media.unsupported"),
        ("application/json, application/xml", "media.unsupported"),
        ("application/xml; charset=iso-8859-1", "media.charset"),
        ("application/json; charset=utf-16", "media.charset"),
        ("text/xml; charset=caf\u00e9", "media.charset"),
    ],
)
async def test_other_media_and_charsets_are_not_taken(shared, media, rule):
    reply = await shared.post(PATH, b"{}", media, Accept="application/json")
    assert (reply.status, reply.rules) == (415, [rule])
    assert reply.json["issues"][0]["expected"]


@pytest.mark.parametrize(
    ("header", "status", "rule"),
    [
        (b"Content-Encoding: \xff", 415, "media.coding"),
        (b"Content-Type: application/json; charset=\xff", 415, "media.charset"),
        (b"Content-Type: application/\xff", 415, "media.unsupported"),
        (b"Content-Type: application/json\r\nGuichet-Message: \xff", 422, "message.no-such-type"),
        (b"Content-Type: application/json\r\nIdempotency-Key: \xff", 400, "header.idempotency-key"),
        (b"Content-Type: application/json\r\nIdempotency-Key: a\r\nIdempotency-Key: a", 400, "header.idempotency-key"),
    ],
)
async def test_headers_that_are_no_text_are_refused_like_others(shared, header, status, rule):
    key = f"Authorization: Bearer {shared.keys['trader']}"
    async with shared.wire() as wire:
        await wire.send(
            "POST /v1/declarations HTTP/1.1", "Host: x", key, "Content-Length: 2", header + b"\r\n", "", b"{}"
        )
        reply = await wire.reply()
        assert (reply.status, reply.rules) == (status, [rule])


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x-unknown"])
async def test_a_compressed_body_is_not_taken_and_not_inflated(shared, coding):
    bomb = zlib.compress(b" " * CEILING)
    reply = await shared.post(PATH, bomb, Content_Encoding=coding)
    assert (reply.status, reply.rules) == (415, ["media.coding"])
    assert reply.headers["Accept-Encoding"] == "identity"
    assert (await shared.post(PATH, b"{}", Content_Encoding="identity")).status == 422
