"""The floor for documents: a bare aiohttp handler that writes a body to a file while it hashes it, and reads it back.

What comes is written and hashed in a thread, a block of one MiB at a time, and is on the disk before the answer. There
is no account, type, limit or record: whoever takes documents over HTTP with these libraries has at least this.
"""

import argparse
import asyncio
import hashlib
import os
import signal
import socket
from itertools import count
from pathlib import Path

import uvloop
from aiohttp import web

BLOCK = 1024 * 1024


def application(folder: Path) -> web.Application:
    """POST keeps a document, GET gives it back, DELETE removes it."""
    numbers = count(1)

    async def keep(request: web.Request) -> web.Response:
        number = next(numbers)
        digest, block = hashlib.sha256(), bytearray()
        with (folder / str(number)).open("wb", buffering=0) as file:

            def write(whole: bytes) -> None:
                file.write(whole)
                digest.update(whole)

            async for chunk in request.content.iter_any():
                block += chunk
                if len(block) >= BLOCK:
                    await asyncio.to_thread(write, bytes(block))
                    block.clear()
            await asyncio.to_thread(write, bytes(block))
            await asyncio.to_thread(os.fsync, file.fileno())
        return web.json_response({"content": f"/{number}", "digest": digest.hexdigest()}, status=201)

    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        with (folder / request.match_info["number"]).open("rb") as file:
            response.content_length = os.fstat(file.fileno()).st_size
            await response.prepare(request)
            while block := await asyncio.to_thread(file.read, BLOCK // 4):
                await response.write(block)
        return response

    async def remove(request: web.Request) -> web.Response:
        (folder / request.match_info["number"]).unlink()
        return web.Response(status=204)

    made = web.Application(client_max_size=1 << 40)
    made.router.add_post("/", keep)
    made.router.add_get("/{number}", give)
    made.router.add_delete("/{number}", remove)
    return made


async def serve(listener: socket.socket, folder: Path) -> None:
    """Until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    runner = web.AppRunner(application(folder), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    print(f"ready at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """Serve on a free port."""
    parser = argparse.ArgumentParser("python -m perf.service.shelf", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the documents lie")
    folder = parser.parse_args().folder
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        uvloop.run(serve(listener, folder))


if __name__ == "__main__":
    main()
