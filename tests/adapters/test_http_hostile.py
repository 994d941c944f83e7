"""The http channel against agencies that stall, truncate, repeat, redirect and flood: each ends soon and clearly."""

import asyncio
import socket
import struct
import time
import tracemalloc

import pytest

from adapters.http import MAX_ANSWER_BYTES, HttpAdapter
from adapters.port import Declined, Receipt, Unreachable
from tests.adapters.peers import Peer, Script, always, once, outgoing, peer, reply

GIGABYTE = 1024**3
SHORT = 0.3
OK_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def send(script: Script, seconds: float = 5.0) -> Receipt:
    async with peer(script) as agency:
        http = HttpAdapter(agency.url, timeout=seconds)
        try:
            return await http.send(outgoing())
        finally:
            await http.close()


def dripping(head: bytes, drop: bytes) -> Script:
    """Sends a byte or two often enough that no pause is ever long."""

    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await seen.request(reader)
        await seen.write(writer, head)
        while True:
            await seen.write(writer, drop)
            await asyncio.sleep(0.02)  # the drip itself, not a wait for anything

    return script


async def silent(seen: Peer, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await seen.request(reader)
    await asyncio.Event().wait()


async def deaf(_seen: Peer, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    "script",
    [
        silent,
        deaf,
        dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        dripping(OK_JSON + b"Content-Length: 100000\r\n\r\n", b"{"),
        dripping(OK_JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "deaf", "slow header", "slow body", "slow chunks", "endless 100"],
)
@pytest.mark.alone
async def test_a_slow_agency_gets_one_budget_of_time(script: Script) -> None:
    begin = time.monotonic()
    with pytest.raises(Unreachable, match=r"within 0\.3 s"):
        await send(script, SHORT)
    assert time.monotonic() - begin < SHORT + 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        OK_JSON + b'Content-Length: 50\r\n\r\n{"Decision":',
        OK_JSON + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"De\r\n',
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        OK_JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        OK_JSON + b"X-Big: " + b"a" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        OK_JSON + b"".join(b"X-%d: y\r\n" % number for number in range(100_000)) + b"\r\n",
        reply(200, b"\x1f\x8b\x08", "Content-Type: application/json", "Content-Encoding: gzip"),
        reply(200, b"{}", "Content-Type: application/json", "Guichet-Delivery: D-2"),
    ],
    ids=[
        "hangs up",
        "cut in the header",
        "cut in the body",
        "cut in a chunk",
        "another protocol",
        "two lengths",
        "long header",
        "many headers",
        "packed",
        "for another delivery",
    ],
)
async def test_an_answer_that_is_not_whole_and_clear_is_no_answer(answer: bytes) -> None:
    with pytest.raises(Unreachable) as problem:
        await send(once(answer))
    assert str(problem.value).isprintable() and 0 < len(str(problem.value)) <= 250


async def test_a_reset_connection() -> None:
    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await seen.request(reader)
        await seen.write(writer, OK_JSON + b"Content-Length: 50\r\n\r\n{")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    with pytest.raises(Unreachable):
        await send(script)


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        http = HttpAdapter(f"http://127.0.0.1:{taken.getsockname()[1]}/", timeout=5)
        with pytest.raises(Unreachable, match="[Cc]onnect"):
            await http.send(outgoing())
        await http.close()


def flood(head: bytes) -> Script:
    """A gigabyte, as fast as the other side takes it."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await seen.request(reader)
        await seen.write(writer, head)
        while seen.written < GIGABYTE:
            await seen.write(writer, chunk)

    return script


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (OK_JSON + b"Content-Length: %d\r\n\r\n" % GIGABYTE, Unreachable),
        (OK_JSON + b"Transfer-Encoding: chunked\r\n\r\n", Unreachable),
        (OK_JSON + b"Connection: close\r\n\r\n", Unreachable),
        (b"HTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\n", Declined),
        (b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", Unreachable),
    ],
    ids=["said length", "chunked", "until close", "refusal", "failure"],
)
@pytest.mark.alone
async def test_a_gigabyte_is_cut_off(head: bytes, expected: type[Exception]) -> None:
    tracemalloc.start()
    try:
        async with peer(flood(head)) as agency:
            http = HttpAdapter(agency.url, timeout=20)
            with pytest.raises(expected):
                await http.send(outgoing())
            await http.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert agency.written < GIGABYTE // 16
    assert peak < 16 * MAX_ANSWER_BYTES


async def test_the_ceiling_itself_is_still_an_answer() -> None:
    body = b" " * MAX_ANSWER_BYTES
    assert (await send(always(reply(200, body)))).body == body
    with pytest.raises(Unreachable, match="longer"):
        await send(always(reply(200, body + b" ")))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with peer(always(reply(202))) as elsewhere:
        with pytest.raises(Unreachable, match=str(status)):
            await send(always(reply(status, b"", f"Location: {elsewhere.url}")))
    assert elsewhere.connections == 0


@pytest.mark.alone
async def test_an_early_refusal_of_a_long_body_is_a_refusal() -> None:
    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await seen.write(writer, reply(413, b"too long"))
        await asyncio.Event().wait()

    async with peer(script) as agency:
        http = HttpAdapter(agency.url, timeout=5)
        begin = time.monotonic()
        with pytest.raises(Declined, match="413"):
            await http.send(outgoing(body=b"x" * 20_000_000))
        assert time.monotonic() - begin < 4
        await http.close()


async def test_a_repeated_answer_is_not_taken_for_the_next_delivery() -> None:
    """The agency answers the first delivery twice; the second answer lies in the connection when the next goes out."""
    repeat, repeated = asyncio.Event(), asyncio.Event()

    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await seen.request(reader)
            name = seen.heads[-1]["Guichet-Delivery"].encode()
            await seen.write(writer, reply(200, name))
            if name == b"D-1":
                await repeat.wait()
                await seen.write(writer, reply(200, name))
                repeated.set()

    async with peer(script) as agency:
        http = HttpAdapter(agency.url, timeout=5)
        assert (await http.send(outgoing("D-1"))).body == b"D-1"
        repeat.set()
        await asyncio.wait_for(repeated.wait(), 5)
        # The bytes are on loopback when drain() returned, and one more exchange through the loop has read them in.
        async with peer(always(reply(204))) as other:
            elsewhere = HttpAdapter(other.url, timeout=5)
            await elsewhere.send(outgoing("D-0"))
            await elsewhere.close()
        with pytest.raises(Unreachable, match="more than one answer"):
            await http.send(outgoing("D-2"))
        assert (await http.send(outgoing("D-2"))).body == b"D-2"
        await http.close()


async def test_a_send_that_is_cancelled_lets_go_of_its_connection() -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def script(seen: Peer, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await seen.request(reader)
        arrived.set()
        await reader.read()
        gone.set()

    async with peer(script) as agency:
        http = HttpAdapter(agency.url, timeout=30)
        sending = asyncio.create_task(http.send(outgoing()))
        await asyncio.wait_for(arrived.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.wait_for(gone.wait(), 5)
        await http.close()
