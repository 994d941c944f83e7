"""The aiohttp server, taught to answer as the house does where a request reaches no route, and to log no payload.

What is no HTTP is answered by the connection itself; here that answer becomes a problem document with a conversation
id too, and one line in the log instead of a stack of calls for every hostile byte. The access log names the path
without its query: a query may hold what a trader typed.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, cast

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web_protocol import RequestHandler

from datamodel.wording import phrase
from gateway.http import problems
from gateway.http.problems import Fault
from gateway.http.routes import CONVERSATION
from gateway.identifiers import new_conversation_id

log = logging.getLogger("gateway.http")

ALWAYS: Final[Mapping[str, str]] = {
    "Server": "guichet",
    "Vary": "Accept",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
# What an application answers to a request that was refused before it came to any middleware.
REFUSE: Final[web.AppKey[Callable[[web.Request, Exception], Awaitable[web.StreamResponse]]]] = web.AppKey("refuse")


class AccessLog(AbstractAccessLogger):
    """One line an answer: method, path, status, bytes sent, milliseconds, conversation id."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write the line."""
        self.logger.info(
            "%(method)s %(path)s %(status)d %(bytes)dB %(milliseconds).1fms %(conversation)s",
            {
                "method": request.method,
                "path": request.rel_url.raw_path,
                "status": response.status,
                "bytes": response.body_length,
                "milliseconds": time * 1000,
                "conversation": response.headers.get(CONVERSATION, "-"),
            },
        )

    @property
    def enabled(self) -> bool:
        """Whether anybody reads it; aiohttp takes no time where nobody does."""
        return self.logger.isEnabledFor(logging.INFO)


class Connection(RequestHandler):
    """One connection. aiohttp calls `handle_error` for what is no HTTP, and for what no middleware caught."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer, after which the connection is closed. Raises ConnectionError where an answer was begun."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun, and no other can follow it")
        if 400 <= status < 500:
            fault = Fault("malformed", phrase("detail.no-http"), hang_up=True)
        else:
            fault = Fault("internal", phrase("detail.internal"), hang_up=True)
            log.error("the connection failed", exc_info=exc)
        return _answer(request, fault)


class Server(web.Server):
    """Makes our connections in place of aiohttp's own."""

    def __call__(self) -> RequestHandler:
        """A connection for a socket that was accepted."""
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on a `Server`."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            """aiohttp refuses an expectation that it does not know before any middleware is asked."""
            try:
                return await made.request_handler(request)
            except web.HTTPException as error:
                return await self.app[REFUSE](cast(web.Request, request), error)

        return Server(
            handle,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )


def _answer(request: web.BaseRequest, fault: Fault) -> web.Response:
    """A problem document for what never reached the application."""
    conversation_id = new_conversation_id(os.urandom)
    told = {"conversation": conversation_id, "address": request.remote}
    log.info("conversation %(conversation)s: not HTTP as it is spoken here, from %(address)s", told)
    response = problems.answer(fault, request.rel_url.raw_path, conversation_id, "json")
    response.headers[CONVERSATION] = conversation_id
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    return response
