"""A crowd of callers who mean no good: `python -m tests.system.crowd HOST PORT KEY`, a process of its own.

It says `here` when all are at it, and goes on until it is killed. None of them is fast by itself but the flood, which
asks again as soon as it is refused.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count

import aiohttp

PAUSE = 0.5  # seconds between two bytes of those who drip
MANY = 32
FLOOD = 16
POST = b"POST /v1/declarations HTTP/1.1\r\nHost: x\r\nContent-Type: application/xml\r\nAuthorization: Bearer %s\r\n"

Attack = Callable[[str, int, str], Awaitable[None]]


async def slow_heads(host: str, port: int, key: str) -> None:
    """A request whose head comes byte by byte."""
    reader, writer = await asyncio.open_connection(host, port)
    for byte in b"GET /v1/declarations HTTP/1.1\r\nX-Padding: " + b"x" * 4000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(PAUSE)


async def slow_bodies(host: str, port: int, key: str) -> None:
    """A body that is announced whole and drips in."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(POST % key.encode() + b"Content-Length: 60000000\r\n\r\n<MetaData")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(PAUSE)


async def half_closed(host: str, port: int, key: str) -> None:
    """Asks, says that no more will come, and never reads the answer."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(POST % key.encode() + b"Content-Length: 100\r\n\r\n<MetaData")
    writer.write_eof()
    await asyncio.sleep(20 * PAUSE)
    writer.close()


async def nobody(host: str, port: int, key: str) -> None:
    """Bytes that are no HTTP, and a connection that is left open."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20)
    await reader.read()


async def deaf_listeners(host: str, port: int, key: str) -> None:
    """Opens a stream and never takes a byte of it."""
    reader, writer = await asyncio.open_connection(host, port)
    head = f"GET /v1/notifications/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    writer.write(head.encode())
    await asyncio.sleep(20 * PAUSE)


async def guessers(host: str, port: int, key: str) -> None:
    """A key that nobody has, and then another one."""
    async with aiohttp.ClientSession() as session:
        for number in count():
            headers = {"Authorization": f"Bearer gk_{number:043d}"}
            async with session.get(f"http://{host}:{port}/v1/declarations", headers=headers) as answer:
                await answer.read()
            await asyncio.sleep(PAUSE / 10)


async def flood(host: str, port: int, key: str) -> None:
    """One account far over its limit."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        while True:
            async with session.get(f"http://{host}:{port}/v1/declarations?limit=1") as answer:
                await answer.read()


ATTACKS: dict[Attack, int] = {
    slow_heads: MANY,
    slow_bodies: MANY,
    half_closed: MANY,
    nobody: MANY,
    deaf_listeners: MANY,
    guessers: 4,
    flood: FLOOD,
}


async def again_and_again(attack: Attack, host: str, port: int, key: str) -> None:
    """Whoever is thrown out comes back."""
    while True:
        with suppress(OSError, aiohttp.ClientError, asyncio.IncompleteReadError):
            await attack(host, port, key)
        await asyncio.sleep(PAUSE / 10)


async def main(host: str, port: int, key: str) -> None:
    attacks = [each for each, how_many in ATTACKS.items() for _ in range(how_many)]
    tasks = [asyncio.create_task(again_and_again(each, host, port, key)) for each in attacks]
    await asyncio.sleep(PAUSE)
    print("here", flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
