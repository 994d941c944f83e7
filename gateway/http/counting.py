"""Counts requests: a meter for each route, made when the route is registered and found by its handler.

It stands before everything else, so that what is counted is what was answered. What is no HTTP reaches no meter.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import perf_counter
from typing import Final

from aiohttp import web

from gateway.metrics import REQUEST_SECONDS, REQUESTS, Metrics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NO_ROUTE: Final = "none"  # stands for the route of what has none
OTHER: Final = "other"  # and for a status that the description does not have

SCRIPTED: Final = web.RequestKey("scripted", bool)  # an answer that a test asked for, which is no sign of trouble


class Meter:
    """What one route answers, and how quickly."""

    def __init__(self, metrics: Metrics, route: str, statuses: Iterable[int]) -> None:
        self._metrics = metrics
        self._places = {status: metrics.place(REQUESTS, route, str(status)) for status in sorted(statuses)}
        self._other = metrics.place(REQUESTS, route, OTHER)
        self._seconds = metrics.place(REQUEST_SECONDS, route)

    def count(self, status: int, seconds: float) -> None:
        """An answer was given."""
        self._metrics.row[self._places.get(status, self._other)] += 1.0
        self._metrics.observe(REQUEST_SECONDS, self._seconds, seconds)


def counting(meters: Mapping[object, Meter], stranger: Meter) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The middleware; `meters` are by handler, `stranger` is for what has no route."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = perf_counter()
        response = await handler(request)
        if SCRIPTED not in request:
            meters.get(request.match_info.handler, stranger).count(response.status, perf_counter() - begun)
        return response

    return count
