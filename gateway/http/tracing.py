"""Traces requests: one span for each that reaches a route, in the trace of the conversation that it is answered with.

It stands before everything else, as counting does, and only where the settings name a collector.
"""

from collections.abc import Awaitable, Callable, Mapping
from time import time_ns

from aiohttp import web

from gateway.http import render
from gateway.http.counting import Handler
from gateway.http.routes import CONVERSATION, Route
from gateway.traces.span import Span, place_in, place_of, root_of
from gateway.traces.tracer import Tracer

OPENING = "lodge"  # the route that opens a case, when it answers 202
ACCEPTED, INTERNAL = 202, 500


def tracing(routes: Mapping[object, Route], tracer: Tracer) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware; `routes` are by handler."""

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = time_ns()
        response = await handler(request)
        route = routes.get(request.match_info.handler)
        if tracer.on and route is not None:
            tracer.put(_span(request, route, response, begun))
        return response

    return trace


def _span(request: web.Request, route: Route, response: web.StreamResponse, begun: int) -> Span:
    """It hangs from its case's root where it opened the case, else from nothing."""
    conversation_id, status = response.headers[CONVERSATION], response.status
    facts: dict[str, str | int] = {"http.request.method": request.method, "http.route": route.path}
    facts["http.response.status_code"] = status
    if mrn := request.match_info.get("mrn"):
        facts["guichet.mrn"] = render.clean(mrn)
    return Span(
        name=f"{request.method} {route.path}",
        place=place_in(conversation_id),
        parent=root_of(conversation_id) if route.name == OPENING and status == ACCEPTED else None,
        begun=begun,
        kind="server",
        facts=facts,
        failed=f"status {status}" if status >= INTERNAL else "",
        caller=place_of(request.headers.get("traceparent", "")),
    )
