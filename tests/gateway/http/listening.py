"""A reader of a stream of notifications, and logs that are long enough to be slow over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp
import msgspec

from gateway import audit
from tests.gateway.http.conftest import House
from tests.gateway.ledger import admission, at, mrn

STREAM = "/v1/notifications/stream"


class Event(NamedTuple):
    id: int
    kind: str
    data: dict


class Listener:
    """What comes in a stream, event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def block(self) -> list[str]:
        """The lines up to the next empty one; none at the end."""
        lines = []
        while line := (await self.answer.content.readline()).decode().removesuffix("\n"):
            lines.append(line)
        return lines

    async def next(self) -> Event:
        """The next event; signs of life are passed over."""
        while lines := await self.block():
            if lines[0].startswith("id: "):
                fields = dict(line.split(": ", 1) for line in lines)
                return Event(int(fields["id"]), fields["event"], msgspec.json.decode(fields["data"]))
        raise EOFError("the stream has ended")

    async def take(self, count: int) -> list[Event]:
        return [await self.next() for _ in range(count)]

    async def rest(self) -> bytes:
        """What is left, when the stream has ended in order. Raises aiohttp.ClientError where it was cut off."""
        return await self.answer.content.read()


@asynccontextmanager
async def listening(url: str, key: str, query: str = "", **headers: str) -> AsyncIterator[Listener]:
    """A stream over a connection of its own."""
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(read_bufsize=1024) as session,
        session.get(f"{url}{STREAM}{query}", headers=named) as answer,
    ):
        yield Listener(answer)


def heard(house: House, query: str = "", caller: str = "trader", **headers: str):
    """A stream for one of the house's callers."""
    return listening(house.url, house.keys[caller], query, **headers)


async def fill(house: House, count: int, caller: str = "trader") -> None:
    """Tell an account so many things at once."""
    account = (await house.gateway.accounts.authenticate(house.keys[caller])).account
    digest, events = audit.genesis(mrn(account.id)), []
    for seq in range(1, count + 1):
        events.append(audit.link(digest, seq, at(seq), "accepted", "trader", {}))
        digest = events[-1].digest
    await house.gateway.store.accept(admission(account.id, account.id, (), events=tuple(events)))
