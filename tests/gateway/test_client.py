"""The client against a real gateway, and against one whose answers get lost on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest
from aiohttp import web

from gateway import client as module
from gateway.client import Client, Refusal, Unreachable
from gateway.lifecycle import ACTS, AMENDMENT, CASE_STATES
from tests.gateway.http.conftest import House, housed, read_sample
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.http.test_supplement import PARTS, supplement
from tests.gateway.scripted import altered, arrival, invalidation

ROSES = read_sample("import-cut-flowers-kenya.xml")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)


@pytest.fixture
async def house(tmp_path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


@pytest.fixture
async def client(house) -> AsyncIterator[Client]:
    async with Client(house.url, house.keys["trader"]) as made:
        yield made


class Between:
    """Stands between a client and the gateway; `answer` may put another answer in the place of the gateway's."""

    def __init__(self, target: str) -> None:
        self.target, self.asked, self.answer = target, [], None

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, self.target + request.path_qs, data=await request.read() or None, headers=headers
            ) as reply,
        ):
            if self.answer is not None and (other := await self.answer(request, reply, len(self.asked))) is not None:
                return other
            kept = {name: reply.headers[name] for name in ("Content-Type", "Retry-After") if name in reply.headers}
            return web.Response(status=reply.status, body=await reply.read(), headers=kept)


@asynccontextmanager
async def between(house: House) -> AsyncIterator[tuple[Between, Client]]:
    """A client that sees the gateway through somebody between them."""
    other = Between(house.url)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", other.pass_on)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with Client(url, house.keys["trader"], tries=4) as client:
            yield other, client
    finally:
        await runner.cleanup()


async def test_a_declaration_from_lodgement_to_its_end(house, client):
    accepted = await client.lodge(ROSES, key="order-1")
    assert (await client.lodge(ROSES, key="order-1")).replayed
    status = await client.status(accepted.mrn)
    assert (status.status, [each.code for each in status.agencies]) == ("accepted", ["PHS"])
    assert await client.message(accepted.mrn) == ROSES
    as_json = msgspec.json.decode(await client.message(accepted.mrn, "json"))
    items = as_json["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"]
    items[0]["Commodity"]["Description"] = "Roses of another colour"
    amended = await client.amend(accepted.mrn, as_json)
    assert amended.version == 2
    assert await client.message(accepted.mrn, version=1) == ROSES
    (waiting,) = await house.deliveries("phs")
    await house.post(f"/v1/agency/deliveries/{waiting['id']}/decision", GRANTED, caller="phs")
    kinds = [told.kind async for told in client.listen(accepted.mrn)]
    assert (kinds[0], kinds[-1]) == ("accepted", "released")
    assert b"Response" in await client.response(accepted.mrn, "xml")
    assert (await client.timeline(accepted.mrn)).intact
    page = await client.notifications()
    assert (await client.acknowledge(page.last)).pending == 0
    assert (await client.notifications()).notifications == ()
    assert [each.mrn async for each in client.declarations(status="released")] == [accepted.mrn]


async def test_a_query_is_answered(house, client):
    mrn = (await client.lodge(ROSES)).mrn
    [waiting] = await house.deliveries("phs")
    asking = {"Decision": {"OutcomeCode": "query", "Query": [{"Text": "Which field?"}]}}
    await house.post(f"{waiting['href']}/decision", msgspec.json.encode(asking), caller="phs")
    [query] = (await client.status(mrn)).queries
    assert (query.id, query.text, query.state) == ("PHS-1", "Which field?", "open")
    answer = {"QueryAnswer": {"Text": "Field 7"}}
    assert not (await client.answer(mrn, query.id, answer)).replayed
    assert (await client.answer(mrn, query.id, answer)).replayed
    with pytest.raises(Refusal, match="404"):
        await client.answer(mrn, "PHS-2", answer)


async def test_a_declaration_is_taken_back(client):
    mrn = (await client.lodge(ROSES)).mrn
    assert (await client.invalidate(mrn, invalidation(mrn))).mrn == mrn
    assert [told.kind async for told in client.listen(mrn)][-1] == "invalidated"


async def test_goods_arrive_and_a_declaration_is_completed(client):
    mrn = (await client.lodge(altered(PARTS, ('"TypeCode": "IMA"', '"TypeCode": "IMF"')))).mrn
    assert (await client.supplement(mrn, supplement(PARTS, number=mrn))).version == 2
    assert (await client.status(mrn)).status == "ready"
    assert (await client.arrive(mrn, arrival(mrn))).location == "XZALMQUAY4"
    assert [told.kind async for told in client.listen(mrn)][-2:] == ["arrival", "released"]


def test_a_case_is_over_for_a_listener_when_its_sender_can_do_nothing_about_it():
    assert {*CASE_STATES} - {*ACTS[AMENDMENT]} == module.OVER


async def test_a_dry_run_and_a_conversion(client):
    assert (await client.validate(ROSES)).valid
    assert msgspec.json.decode(await client.convert(ROSES, "json"))["MetaData"]["Declaration"]


async def test_a_refusal_has_all_issues_and_is_not_asked_for_again(house):
    async with between(house) as (other, client):
        with pytest.raises(Refusal, match="element.unknown") as refused:
            await client.lodge(ROSES.replace(b"TypeCode>", b"TypoCode>"))
    assert refused.value.problem.status == 422
    assert refused.value.problem.issues[0].line
    assert len(other.asked) == 1


async def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_lodged_twice(house):
    async def lose(request: web.Request, reply: aiohttp.ClientResponse, number: int) -> web.StreamResponse | None:
        if number <= 2:
            request.transport.close()
        return None

    async with between(house) as (other, client):
        other.answer = lose
        accepted = await client.lodge(
            {"MetaData": msgspec.json.decode(read_sample("import-hotel-supplies.json"))["MetaData"]}
        )
        assert accepted.replayed
        assert len(other.asked) == 3
        other.answer = None
        assert [each.mrn async for each in client.declarations()] == [accepted.mrn]


async def test_who_is_told_to_wait_waits_and_comes_again(house, monkeypatch):
    waited = []
    monkeypatch.setattr(module, "_pause", lambda number, told=None: waited.append(told) or 0)

    async def busy(request: web.Request, reply: aiohttp.ClientResponse, number: int) -> web.StreamResponse | None:
        return None if number > 1 else web.Response(status=503, headers={"Retry-After": "7"})

    async with between(house) as (other, client):
        other.answer = busy
        assert (await client.lodge(ROSES)).mrn
    assert waited == ["7"]


async def test_what_is_no_gateway_is_unreachable_in_the_end(house):
    async def down(request: web.Request, reply: aiohttp.ClientResponse, number: int) -> web.StreamResponse | None:
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")

    async with between(house) as (other, client):
        other.answer = down
        with pytest.raises(Unreachable, match="status 502"):
            await client.status("26XZ00000000000000")
        assert len(other.asked) == 4


async def test_a_stream_that_breaks_goes_on_where_it_was(house):
    """Whoever stands between lets two notifications through each time, and then drops the connection."""
    for sample in ("import-hotel-supplies", "import-cut-flowers-kenya", "export-wooden-furniture-norway"):
        await house.lodge(sample)

    async def cut(request: web.Request, reply: aiohttp.ClientResponse, number: int) -> web.StreamResponse | None:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        told = 0
        async for line in reply.content:
            await answer.write(line)
            told += line.startswith(b"data:")
            if told == 2:
                break
        request.transport.close()
        return answer

    async with between(house) as (other, client):
        other.answer = cut
        numbers = []
        async for told in client.listen(after=0):
            numbers.append(told.number)
            if told.number == 4:
                break
        assert numbers == [1, 2, 3, 4]
        assert len(other.asked) >= 2
