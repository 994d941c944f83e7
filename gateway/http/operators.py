"""Routes for an operator: what Prometheus collects.

It asks for a key of the role: a page open to all would tell strangers how busy which agency is, and a second address
would be one more to guard.
"""

import asyncio

from gateway.clock import stamp
from gateway.http import exposition
from gateway.http.routes import Answer, Call, Route


async def metrics(call: Call) -> Answer:
    """All numbers, from whichever worker is asked. To write them down takes milliseconds, which nobody should wait."""
    gateway = call.gateway
    now = gateway.clock()
    census = await gateway.store.census(stamp(now))
    text = await asyncio.to_thread(exposition.text, gateway.metrics, census, now, gateway.settings.workers)
    return Answer(value=text, media=exposition.MEDIA)


# Not there where the settings have turned the numbers off.
METRICS = Route(
    name="metrics",
    method="GET",
    path="/metrics",
    handler=metrics,
    summary="What the gateway counts, for Prometheus.",
    says="The numbers, in Prometheus' text format 0.0.4, of all workers together.",
    media=("text/plain",),
)
ROUTES = (METRICS,)
