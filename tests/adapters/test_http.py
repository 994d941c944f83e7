"""The http channel against well-behaved agencies: what is sent, and what each answer means."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.http import HttpAdapter
from adapters.port import Declined, Receipt, Unadmitted, Unreachable
from tests.adapters.peers import BODY, Peer, always, outgoing, peer, reply

JSON = "Content-Type: application/json"
DECISION = b'{"Decision":{"OutcomeCode":"granted"}}'


@contextlib.asynccontextmanager
async def adapter(url: str, **options: Any) -> AsyncIterator[HttpAdapter]:
    made = HttpAdapter(url, **{"timeout": 5.0} | options)
    try:
        yield made
    finally:
        await made.close()


async def test_a_delivery_arrives_with_everything_the_agency_needs() -> None:
    async with peer(always(reply(202))) as agency, adapter(agency.url, token="s3cret") as http:
        await http.send(outgoing("D-7", "application/xml", b"<PermitRequest/>"))
    head = agency.heads[0]
    assert agency.lines == ["POST /in HTTP/1.1"]
    assert agency.bodies == [b"<PermitRequest/>"]
    assert head["Content-Type"] == "application/xml"
    assert head["Guichet-Delivery"] == head["Idempotency-Key"] == "D-7"
    assert head["Guichet-Due"] == "2026-01-31T08:00:00.000Z"
    assert head["Guichet-Callback"] == "http://gateway.example/v1/agency/deliveries/D-7/decision"
    assert head["Authorization"] == "Bearer s3cret"
    assert head["User-Agent"].startswith("guichet")


async def test_a_retry_says_that_it_is_the_same_delivery() -> None:
    async with peer(always(reply(503))) as agency, adapter(agency.url) as http:
        for _ in range(2):
            with pytest.raises(Unreachable):
                await http.send(outgoing())
    assert [head["Idempotency-Key"] for head in agency.heads] == ["D-1", "D-1"]
    assert agency.bodies == [BODY, BODY]
    assert "Authorization" not in agency.heads[0]


@pytest.mark.parametrize("status", [200, 201])
async def test_a_body_is_the_decision_at_once(status: int) -> None:
    answer = reply(status, DECISION, JSON + "; charset=utf-8")
    async with peer(always(answer)) as agency, adapter(agency.url) as http:
        assert await http.send(outgoing()) == Receipt(DECISION, "application/json")


async def test_the_agency_may_decide_in_another_format_than_it_was_asked_in() -> None:
    answer = reply(200, b"<Decision/>", "Content-Type: application/xml")
    async with peer(always(answer)) as agency, adapter(agency.url) as http:
        assert await http.send(outgoing()) == Receipt(b"<Decision/>", "application/xml")


async def test_an_answer_without_content_type_is_taken_to_be_in_the_format_that_was_sent() -> None:
    async with peer(always(reply(200, b"<Decision/>"))) as agency, adapter(agency.url) as http:
        assert (await http.send(outgoing(media="application/xml"))).media == "application/xml"


@pytest.mark.parametrize("answer", [reply(200), reply(201), reply(202), reply(202, b'{"ok":1}', JSON), reply(204)])
async def test_no_decision_yet(answer: bytes) -> None:
    async with peer(always(answer)) as agency, adapter(agency.url) as http:
        assert await http.send(outgoing()) == Receipt()


@pytest.mark.parametrize("status", [206, 300, 301, 302, 303, 304, 307, 308, 408, 425, 429, 500, 502, 503, 504, 599])
async def test_worth_another_try(status: int) -> None:
    async with peer(always(reply(status))) as agency, adapter(agency.url) as http:
        with pytest.raises(Unreachable, match=str(status)):
            await http.send(outgoing())


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_key_or_an_address_that_is_wrong_today_is_worth_another_try(status: int) -> None:
    async with peer(always(reply(status, b"who are you?"))) as agency, adapter(agency.url) as http:
        with pytest.raises(Unadmitted, match=rf"^answered {status}: who are you") as caught:
            await http.send(outgoing())
    assert isinstance(caught.value, Unreachable)


@pytest.mark.parametrize("status", [400, 402, 405, 409, 410, 413, 415, 422, 451])
async def test_an_operator_must_look(status: int) -> None:
    refusal = reply(status, b'{"detail": "unknown importer"}', JSON)
    async with peer(always(refusal)) as agency, adapter(agency.url) as http:
        with pytest.raises(Declined, match=rf"^answered {status}: .*unknown importer") as caught:
            await http.send(outgoing())
    assert caught.value.cause == f"answered {status}", "a log may have this, and not what the agency echoes"


async def test_a_log_learns_why_there_is_no_connection_but_nothing_that_the_agency_wrote() -> None:
    async with peer(always(b"HTTP/9.9 Rosenhof\r\n\r\n")) as agency, adapter(agency.url) as http:
        with pytest.raises(Unreachable) as garbled:
            await http.send(outgoing())
    async with adapter(agency.url) as http:
        with pytest.raises(Unreachable) as closed:
            await http.send(outgoing())
    assert "Rosenhof" not in garbled.value.cause and garbled.value.cause
    assert "127.0.0.1" in closed.value.cause


async def test_the_text_of_a_refusal_is_made_safe() -> None:
    words = "\x1b[31mno\x1b[0m\r\n\x00 \u202e\tBearer s3cret <b>".encode() + b"\xff" + b"x" * 5000
    async with peer(always(reply(400, words))) as agency, adapter(agency.url, token="s3cret") as http:
        with pytest.raises(Declined) as refused:
            await http.send(outgoing())
    text = str(refused.value)
    assert text.isprintable() and len(text) < 250
    assert "s3cret" not in text and "Bearer ***" in text


async def test_deliveries_share_a_connection() -> None:
    async with peer(always(reply(200, DECISION, JSON))) as agency, adapter(agency.url) as http:
        for number in range(5):
            await http.send(outgoing(f"D-{number}"))
    assert agency.connections == 1 and len(agency.heads) == 5


async def test_connections_are_bounded() -> None:
    most = 3
    full, go_on = asyncio.Event(), asyncio.Event()

    async def script(seen: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await seen.request(reader)
            if len(seen.heads) == most:
                full.set()
            await go_on.wait()
            await seen.write(writer, reply(202))

    async with peer(script) as agency, adapter(agency.url, connections=most) as http:
        sends = [asyncio.create_task(http.send(outgoing(f"D-{number}"))) for number in range(30)]
        await asyncio.wait_for(full.wait(), 5)
        assert agency.connections == most
        go_on.set()
        assert await asyncio.gather(*sends) == [Receipt()] * 30
    assert agency.connections == most


def test_nothing_is_opened_before_the_first_send() -> None:
    made = HttpAdapter("http://127.0.0.1:9/", token="s3cret")
    asyncio.run(made.close())
    assert "s3cret" not in repr(made)


async def test_after_close_nothing_is_sent() -> None:
    async with peer(always(reply(202))) as agency:
        http = HttpAdapter(agency.url)
        await http.send(outgoing())
        await http.close()
        await http.close()
        with pytest.raises(Unreachable, match="closed"):
            await http.send(outgoing())
    assert len(agency.heads) == 1


async def test_nothing_is_ever_picked_up() -> None:
    http = HttpAdapter("http://127.0.0.1:9/")
    assert await http.pick_up() == []
    await http.settle("anything", None)


@pytest.mark.parametrize("url", ["", "agency.example", "ftp://agency.example/", "file:///etc/passwd", "http:///x"])
def test_an_address_that_cannot_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        HttpAdapter(url)


def test_secrets_do_not_belong_into_the_address() -> None:
    with pytest.raises(ValueError, match="token") as refused:
        HttpAdapter("https://user:hunter2@agency.example/")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("token", ["", "two words", "new\nline", "é"])
def test_a_token_that_cannot_be_a_header_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        HttpAdapter("https://agency.example/", token=token)
