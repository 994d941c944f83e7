"""Agencies that cost next to nothing: every permit request is granted in the answer, at once.

A decision is written once in each format through the simulator's own pen, which checks it, and then only told apart by
the id of its delivery: what is measured is the gateway and not the agencies. All of them answer from one process, each
at its own path.
"""

import argparse
import asyncio
import signal
import socket

import uvloop
from aiohttp import web

from adapters.simulator.papers import Format, Papers
from perf.options import SCHEMAS

MARK = "00000000-0000-0000-0000-000000000000"
_GRANTED = {
    "DeliveryID": MARK,
    "OutcomeCode": "granted",
    "LPCO": [{"TypeCode": "N851", "ID": "PERMIT-2026-000001", "ExpirationDate": "2027-06-30"}],
}
_FORMS: dict[str, Format] = {"application/json": "json", "application/xml": "xml"}


def application() -> web.Application:
    """POST to any path is a permit request; GET says how many there were."""
    papers = Papers(SCHEMAS)
    pieces = {media: papers.decision(_GRANTED, form).split(MARK.encode()) for media, form in _FORMS.items()}
    taken = 0

    async def decide(request: web.Request) -> web.Response:
        nonlocal taken
        await request.read()
        taken += 1
        delivery = request.headers["Guichet-Delivery"]
        body = delivery.encode().join(pieces[request.content_type])
        return web.Response(body=body, content_type=request.content_type, headers={"Guichet-Delivery": delivery})

    async def count(_request: web.Request) -> web.Response:
        return web.json_response({"taken": taken})

    made = web.Application(client_max_size=16 * 1024 * 1024)
    made.router.add_post("/{code}", decide)
    made.router.add_get("/", count)
    return made


async def serve(listener: socket.socket) -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    runner = web.AppRunner(application(), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    print(f"ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """Serve on a free port."""
    argparse.ArgumentParser("python -m perf.service.agencies", description=(__doc__ or "").splitlines()[0]).parse_args()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        uvloop.run(serve(listener))


if __name__ == "__main__":
    main()
