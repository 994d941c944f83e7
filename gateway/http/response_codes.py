"""Routes that publish the codes of responses, from the table that responses are made with."""

import asyncio

import msgspec

from gateway.codes import ResponseCode
from gateway.http.caching import KEEP
from gateway.http.publication import HTML, html
from gateway.http.routes import Answer, Call, Route


class ResponseCodeTable(msgspec.Struct, frozen=True):
    """The codes of a response (RES)."""

    codes: tuple[ResponseCode, ...]


async def response_codes(call: Call) -> Answer:
    """The table."""
    return Answer(value=ResponseCodeTable(call.library.response_codes))


async def response_codes_page(call: Call) -> Answer:
    """The page of the table."""
    return html(await asyncio.to_thread(lambda: call.library.response_codes_page))


ROUTES = (
    Route(
        name="response_codes",
        method="GET",
        path="/v1/response-codes",
        handler=response_codes,
        summary="What the codes in a response mean: function codes, sent and reserved, and all others.",
        says="The codes.",
        returns=ResponseCodeTable,
        root="response-codes",
        fresh=KEEP,
    ),
    Route(
        name="response_codes_page",
        method="GET",
        path="/v1/response-codes.html",
        handler=response_codes_page,
        summary="A page for people: the codes in a response.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
    ),
)
