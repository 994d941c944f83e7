"""Routes that need no account: is the gateway alive, is it ready, and how to speak to it."""

import asyncio

import msgspec

from datamodel.wording import phrase
from gateway.http.caching import KEEP
from gateway.http.problems import Fault
from gateway.http.publication import HTML, html
from gateway.http.routes import Answer, Call, Route

PATIENCE = 2.0  # seconds for the store to answer; a probe that waits longer has had its answer


class Health(msgspec.Struct, frozen=True):
    """Whether the gateway is well."""

    status: str


async def alive(call: Call) -> Answer:
    """The process runs and answers."""
    return Answer(value=Health("ok"))


async def ready(call: Call) -> Answer:
    """The store takes writes. Whatever is wrong with it, the answer is the same: not now."""
    try:
        async with asyncio.timeout(PATIENCE):
            await call.gateway.store.ping()
    except Exception as error:
        raise Fault("not-ready", phrase("detail.store"), headers={"Retry-After": "5"}) from error
    return Answer(value=Health("ready"))


async def describe(call: Call) -> Answer:
    """The OpenAPI document, made once from the route table."""
    return Answer(value=call.openapi, media=call.media)


async def api_page(call: Call) -> Answer:
    """The page of the interface, made once from the description."""
    return html(await asyncio.to_thread(call.library.api_page, call.openapi, "../openapi.json"))


ROUTES = (
    Route(
        name="alive",
        method="GET",
        path="/healthz",
        handler=alive,
        summary="Does the process answer?",
        says="It does.",
        returns=Health,
        root="health",
    ),
    Route(
        name="ready",
        method="GET",
        path="/readyz",
        handler=ready,
        summary="Can the gateway take declarations now?",
        says="It can.",
        returns=Health,
        root="health",
        problems=(503,),
    ),
    Route(
        name="describe",
        method="GET",
        path="/openapi.json",
        handler=describe,
        summary="This description, as OpenAPI 3.1.",
        says="The description.",
        media=("application/json",),
    ),
    Route(
        name="api_page",
        method="GET",
        path="/v1/api.html",
        handler=api_page,
        summary="A page for people: every call of this interface, and the objects in it.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
    ),
)
