"""Documents streamed in and out, against a bare handler that writes them to a file and hashes them, by turns.

Some senders at a time, each with documents of its own, because the same bytes again would not be stored. What is sent
is read back and compared in length. The memory of the gateway is watched while all of that goes through.
"""

import http.client
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit

from perf.options import Options
from perf.results import Row
from perf.service import processes
from perf.service.loading import quartiles
from perf.service.processes import Server

GROUP, FLOOR = "documents", "bare handler"
SENDERS = 4
MB = 1_000_000
PATHS = {"gateway": "/v1/documents", FLOOR: "/"}


def run(options: Options) -> list[Row]:
    """Both ways, and the memory."""
    size = options.choose(16, 64) * MB
    each = options.choose(1, 2, 4)  # documents of one sender in a pass
    case = f"{SENDERS} senders, {size // MB} MB"
    with processes.work_folder() as place, ExitStack() as servers:
        options.note(f"documents on {processes.disk(place)}, {each} of each sender in a pass, each synced")
        body = place / "body"
        body.write_bytes(os.urandom(MB) * (size // MB))
        ours = servers.enter_context(processes.gateway(place / "gateway", options.workers))
        command = [sys.executable, "-m", "perf.service.shelf", place / "shelf"]
        floor = servers.enter_context(processes.running(FLOOR, command, place / "shelf.log"))
        found: dict[tuple[str, str], list[float]] = {}
        for server in ours, floor:
            _pass(server, body, 1, {})
        ours.forget_peak()
        level = ours.memory()
        for at in range(options.choose(1, 3, 7)):
            options.say(f"  pass {at + 1}")
            for server in (ours, floor) if at % 2 else (floor, ours):
                _pass(server, body, each, found)
        growth = max(0.0, ours.peak() - level)
    rows = [row for way in ("sent", "read") for row in _rows(way, case, found)]
    return [*rows, Row(GROUP, "growth of memory at its peak", case, growth, "MB")]


def _rows(way: str, case: str, found: dict[tuple[str, str], list[float]]) -> list[Row]:
    own, floor = found[way, "gateway"], found[way, FLOOR]
    ratio = median(ours / its for ours, its in zip(own, floor, strict=True))
    (low, middle, high), (floor_low, floor_middle, floor_high) = quartiles(own), quartiles(floor)
    return [
        Row(GROUP, f"{way}, {FLOOR}", case, floor_middle, "MB/s", floor_low, floor_high),
        Row(GROUP, way, case, middle, "MB/s", low, high, ratio, f"{way}, {FLOOR}"),
    ]


def _pass(server: Server, body: Path, each: int, found: dict[tuple[str, str], list[float]]) -> None:
    """Send, read, and remove: what was sent before makes no pass slower."""
    size = body.stat().st_size
    with ThreadPoolExecutor(SENDERS) as senders:

        def timed(work: Callable[..., object], *items: list[str]) -> tuple[list[object], float]:
            begun = perf_counter()
            done = list(senders.map(work, *items))
            return done, SENDERS * each * size / MB / (perf_counter() - begun)

        names = [str(number) for number in range(SENDERS * each)]
        places, rate = timed(partial(_send, server, body), names)
        found.setdefault(("sent", server.name), []).append(rate)
        addresses = [str(place) for place in places]
        _, rate = timed(partial(_read, server, size), addresses)
        found.setdefault(("read", server.name), []).append(rate)
        list(senders.map(partial(_remove, server), addresses))


def _send(server: Server, body: Path, _name: str) -> str:
    """A document that begins as a PDF does, and goes on as no other; where it can be read."""
    head = b"%PDF-1.7\n%" + os.urandom(16).hex().encode() + b"\n"
    line = _line(server)
    line.putrequest("POST", PATHS[server.name])
    line.putheader("Authorization", f"Bearer {server.key}")
    line.putheader("Content-Length", str(body.stat().st_size))
    line.endheaders(head)
    with body.open("rb") as file:
        file.seek(len(head))
        line.sock.sendfile(file, len(head))
    answer = line.getresponse()
    told = json.loads(answer.read())
    line.close()
    if answer.status != 201:
        raise RuntimeError(f"{server.name} answered {answer.status}: {told}")
    return str(told["content"])


def _read(server: Server, size: int, address: str) -> None:
    line = _line(server)
    line.request("GET", address, headers={"Authorization": f"Bearer {server.key}"})
    answer, read = line.getresponse(), 0
    while block := answer.read(256 * 1024):
        read += len(block)
    line.close()
    if (answer.status, read) != (200, size):
        raise RuntimeError(f"{server.name} answered {answer.status} with {read} bytes, not {size}")


def _remove(server: Server, address: str) -> None:
    line = _line(server)
    line.request("DELETE", address.removesuffix("/content"), headers={"Authorization": f"Bearer {server.key}"})
    status = line.getresponse().status
    line.close()
    if status not in (200, 204):
        raise RuntimeError(f"{server.name} answered {status} to the end of {address}")


def _line(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)
