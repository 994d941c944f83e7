"""The floor for intake, as a server: aiohttp on uvloop; every declaration is parsed and validated, nothing is stored.

Nothing that takes declarations over HTTP with these libraries and checks them can be faster. Several processes share
one port (SO_REUSEPORT), as many as the gateway beside it has. With `--agencies` it is the floor of the full loop: each
declaration is followed by one POST to each address, and is released when all have answered; still nothing is stored.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
from itertools import count
from uuid import uuid4

import aiohttp
import uvloop
from aiohttp import web

from datamodel.registry import Registry
from perf.conversion import floor
from perf.data import DEC
from perf.options import SCHEMAS

IN_FLIGHT = 8  # exchanges with one agency at a time, as many as the gateway has


class Handler:
    """The two requests of a trader. `projection` is what an agency is sent."""

    def __init__(self, agencies: list[str], projection: bytes) -> None:
        self._check = floor(Registry.load(SCHEMAS).message(DEC))
        self._agencies, self._projection = agencies, projection
        self._numbers, self._series = count(1), uuid4().hex[:6].upper()
        self._open: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def lodge(self, request: web.Request) -> web.Response:
        """Check a declaration; with agencies, their part begins and is not waited for."""
        try:
            self._check(await request.read())
        except ValueError as error:
            return _json({"title": str(error)}, 422)
        mrn = f"{os.getpid()}-{self._series}-{next(self._numbers)}"
        if self._agencies:
            self._open[mrn] = asyncio.create_task(self._ask_all())
        return _json({"mrn": mrn}, 202)

    async def response(self, request: web.Request) -> web.Response:
        """Released once all agencies have answered. Another process cannot know: there is no store to ask."""
        task = self._open.get(request.match_info["mrn"])
        if task is None:
            return _json({"title": "no such declaration"}, 404)
        if not task.done():
            return _json({"FunctionCode": "05"})
        del self._open[request.match_info["mrn"]]
        await task
        return _json({"FunctionCode": "08"})

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(url) for url in self._agencies))

    async def _ask(self, url: str) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit_per_host=IN_FLIGHT, limit=0))
        headers = {"Content-Type": "application/xml", "Guichet-Delivery": str(uuid4())}
        async with self._session.post(url, data=self._projection, headers=headers) as answer:
            await answer.read()
            answer.raise_for_status()

    async def close(self, _app: web.Application) -> None:
        """Close the connections to the agencies."""
        if self._session is not None:
            await self._session.close()


def _json(content: dict[str, str], status: int = 200) -> web.Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, content_type="application/json")


async def serve(listener: socket.socket, handler: Handler) -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/declarations", handler.lodge)
    app.router.add_get("/v1/declarations/{mrn}/response", handler.response)
    app.on_cleanup.append(handler.close)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """Fork the processes, then serve in each."""
    options = argparse.ArgumentParser("python -m perf.peers.bare_handler", description=(__doc__ or "").splitlines()[0])
    options.add_argument("--workers", type=int, default=1, help="processes that share the port")
    options.add_argument("--agencies", nargs="*", default=[], metavar="URL", help="where each declaration is sent on")
    options.add_argument("--projection", type=int, default=4096, help="bytes that an agency is sent")
    chosen = options.parse_args()
    with _listener(0) as first:
        port = first.getsockname()[1]
        handler = Handler(chosen.agencies, b"<p>" + b" " * (chosen.projection - 7) + b"</p>")
        forked = [pid for pid in (_fork(port, handler) for _ in range(chosen.workers - 1)) if pid]
        print(f"ready at http://127.0.0.1:{port}", flush=True)
        uvloop.run(serve(first, handler))
    for pid in forked:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def _fork(port: int, handler: Handler) -> int:
    """A further process on the port. Returns in the parent only."""
    listener = _listener(port)  # before the fork, so that it takes connections from the moment that the port is told
    pid = os.fork()
    if not pid:
        uvloop.run(serve(listener, handler))
        os._exit(0)
    listener.close()
    return pid


def _listener(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=1024, reuse_port=True)


if __name__ == "__main__":
    main()
