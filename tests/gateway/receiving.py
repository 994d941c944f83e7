"""A trader's receiver of notifications that does what a test tells it, well or badly."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web


class Receiver:
    """Takes what comes, unless `misbehave` says otherwise: given a notification, it answers something else or None."""

    def __init__(self) -> None:
        self.url = ""
        self.taken: list[dict] = []
        self.asked: list[dict] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.now: dict[str, int] = defaultdict(int)
        self.most: dict[str, int] = defaultdict(int)
        self.elsewhere = 0
        self.misbehave = None
        self.over = asyncio.Event()

    def numbers(self, mrn: str | None = None) -> list[int]:
        return [each["number"] for each in self.taken if mrn in (None, each["mrn"])]

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        told = msgspec.json.decode(body)
        self.requests.append((dict(request.headers), body))
        self.asked.append(told)
        case = told.get("mrn", "")  # a test message is about none
        self.now[case] += 1
        self.most[case] = max(self.most[case], self.now[case])
        try:
            answer = await self.misbehave(request, told) if self.misbehave else None
            if answer is None:
                self.taken.append(told)
                answer = web.Response(status=204)
            return answer
        finally:
            self.now[case] -= 1

    async def lure(self, request: web.Request) -> web.Response:
        """Where a redirect leads: nobody should ever come."""
        self.elsewhere += 1
        return web.Response(status=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on an address of this machine."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/in", receiver.take)
    application.router.add_route("*", "/elsewhere", receiver.lure)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    receiver.url = f"http://{host}:{port}/in"
    try:
        yield receiver
    finally:
        receiver.over.set()
        await runner.cleanup()
