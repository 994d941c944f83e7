"""The agency's door: a POST to one of `PATHS` is a permit request, or with the header Guichet-Notice a notice; `GET
/ledger` shows what was done with them.

Faults are drawn here, one per request from a seeded stream, so that a run can be repeated. A status fault turns the
request away unread; the other three strike after the decision is on record, which is the case that tells whether the
gateway's retries are safe: the work was done and the answer was lost.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiohttp import web

from adapters.simulator.agency import Agency, NotOurs
from adapters.simulator.ledger import File
from adapters.simulator.papers import Format
from datamodel.issues import Issue, Refused

MAX_REQUEST_BYTES = 16 * 1024 * 1024
# The bare address, and the path that the agencies' profiles use.
PATHS = ("/", "/deliveries")
FORMATS: dict[str, Format] = {
    "application/xml": "xml",
    "text/xml": "xml",
    "application/json": "json",
}


class _Away(Exception):
    """Why a request is turned away, with the status that says so."""

    def __init__(self, status: int, detail: str, issues: tuple[Issue, ...] = ()) -> None:
        super().__init__(detail)
        self.status, self.detail, self.issues = status, detail, issues


class Door:
    """Handlers for one agency."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency
        self._random = random.Random(agency.behaviour.seed)
        self._spoil: dict[str, Callable[[web.Request, File], Awaitable[web.StreamResponse]]] = {
            "stall": self._stall,
            "truncate": self._truncate,
            "reset": self._reset,
        }

    def application(self) -> web.Application:
        """The agency as a web application."""
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        for path in PATHS:
            app.router.add_post(path, self.deliver)
        app.router.add_get("/ledger", self.ledger)
        return app

    async def ledger(self, _request: web.Request) -> web.Response:
        """Everything in the book: requests, decisions and answers, each in the order in which they happened."""
        entries = {f"{kind}s": lines for kind, lines in self._agency.ledger.entries.items()}
        return _json({"code": self._agency.code} | entries)

    async def deliver(self, request: web.Request) -> web.StreamResponse:
        """Take one delivery: decide, then answer as the behaviour says."""
        if "Guichet-Notice" in request.headers:
            return await self._hear(request)
        fault = self._fault()
        self._agency.ledger.request(request.headers.get("Guichet-Delivery"), "post", fault)
        if fault is not None and fault.isdigit():
            return _problem(_Away(int(fault), "this agency plays a fault"))
        try:
            file = await self._take(request)
        except _Away as away:
            return _problem(away)
        if self._agency.behaviour.answer == "callback":
            self._agency.repeat(file)
        return await (self._spoil[fault](request, file) if fault else self._answer(file))

    async def _hear(self, request: web.Request) -> web.Response:
        """Take one notice. Faults are for requests alone."""
        try:
            form = _form(request)
            with _reasons():
                told = self._agency.hear(await request.read(), form, "post")
        except _Away as away:
            return _problem(away)
        return web.Response(status=204, headers={"Guichet-Delivery": told.delivery_id})

    async def _take(self, request: web.Request) -> File:
        form = _form(request)
        if self._agency.behaviour.answer == "poll":
            raise _Away(404, "this agency fetches its deliveries from the gateway and takes none here")
        body = await request.read()
        with _reasons():
            return self._agency.take(body, form, request.headers.get("Guichet-Callback", ""))

    async def _answer(self, file: File) -> web.Response:
        echo = {"Guichet-Delivery": file.delivery_id}
        if self._agency.behaviour.answer == "callback":
            return web.Response(status=202, headers=echo)
        if not file.told:
            await asyncio.sleep(file.steps[0].after)
        body = self._agency.answer(file)
        if not file.told:
            self._agency.ledger.answer(file, 0, "answer", 200)
        self._agency.tell(file)
        return web.Response(body=body, content_type=self._agency.media_type, headers=echo)

    def _fault(self) -> str | None:
        behaviour = self._agency.behaviour
        return behaviour.fault if behaviour.fault and self._random.random() < behaviour.fault_rate else None

    async def _stall(self, _request: web.Request, _file: File) -> web.StreamResponse:
        """Say nothing until the caller hangs up, which cancels this."""
        await asyncio.Event().wait()
        return web.Response()

    async def _truncate(self, request: web.Request, file: File) -> web.StreamResponse:
        """Promise a whole answer and hang up in the middle of it."""
        body = self._agency.answer(file)
        answer = web.StreamResponse(headers={"Content-Type": self._agency.media_type, "Content-Length": str(len(body))})
        await answer.prepare(request)
        await answer.write(body[: len(body) // 2])
        answer.force_close()
        if request.transport is not None:
            request.transport.close()
        return answer

    async def _reset(self, request: web.Request, _file: File) -> web.StreamResponse:
        """Drop the connection the hard way: no lingering, so that the caller sees a reset."""
        if request.transport is not None:
            raw = request.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
        return web.Response(status=500)


def _form(request: web.Request) -> Format:
    form = FORMATS.get(request.content_type)
    if form is None:
        raise _Away(415, f"send {' or '.join(sorted(FORMATS))}, not {request.content_type}")
    return form


@contextmanager
def _reasons() -> Iterator[None]:
    """Turns what the agency cannot take into the status that says so."""
    try:
        yield
    except Refused as refused:
        raise _Away(refused.status, str(refused), refused.report.issues) from refused
    except NotOurs as problem:
        raise _Away(409, str(problem)) from problem
    except OSError as error:
        raise _Away(503, f"the ledger cannot be written: {error.strerror}") from error


def _json(content: Any, status: int = 200, media: str = "application/json") -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content), content_type=media)


def _problem(away: _Away) -> web.Response:
    """A problem document (RFC 9457)."""
    content = {"title": "the agency did not take the delivery", "status": away.status, "detail": away.detail}
    return _json(content | {"issues": away.issues}, away.status, "application/problem+json")
