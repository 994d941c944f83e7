"""One declaration in a collector's eyes: all its stages are one trace, which its conversation id names."""

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway import bootstrap
from gateway.http.app import create
from gateway.http.server import Runner
from gateway.settings import AgencySettings, NotificationSettings, Settings
from gateway.traces.settings import TraceSettings
from gateway.traces.tracer import Tracer
from tests.gateway.http.conftest import read_sample
from tests.gateway.http.listening import listening
from tests.gateway.receiving import receiving

CONVERSATION = "66f726e1-d7e1-4cda-8ec4-9eaef1a01723"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GRANTED = b'{"Decision": {"OutcomeCode": "granted", "LPCO": [{"TypeCode": "N853", "ID": "XZ-1"}]}}'
STAGES = {
    "read",
    "check",
    "route",
    "write",
    "commit",
    "POST /v1/declarations",
    "sent",
    "send FSA",
    "push",
}


@asynccontextmanager
async def listens(path: str, answer) -> AsyncIterator[str]:
    """A server of its own; its address."""
    application = web.Application()
    application.router.add_post(path, answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def house(folder, agency: str, endpoint: str, share: float = 1.0) -> AsyncIterator[tuple[str, str, object]]:
    """A gateway at work, whose agencies are all at one address; its own address, a trader's key and name."""
    settings = Settings(
        database=f"sqlite:///{folder / 'guichet.db'}",
        notifications=NotificationSettings(look=0.02, private=True),
        agencies={code: AgencySettings(url=agency) for code in ("FSA", "MED", "PHS", "WLD")},
        traces=TraceSettings(endpoint=endpoint, share=share),
    )
    async with bootstrap.running(bootstrap.build(settings)) as gateway:
        _, key = await gateway.accounts.register("Greengate Brokers", "trader")
        runner = Runner(create(gateway), shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}", key, gateway
        finally:
            await runner.cleanup()


async def lodge(url: str, key: str, **headers: str) -> aiohttp.ClientResponse:
    named = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} | headers
    body = read_sample("import-chilled-beef-argentina.json")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/declarations", data=body, headers=named) as it,
    ):
        await it.read()
        return it


async def test_a_declaration_is_one_trace_through_all_stages(tmp_path):
    spans, asked = [], []

    async def collect(request: web.Request) -> web.Response:
        batch = ExportTraceServiceRequest.FromString(await request.read())
        spans.extend(
            span for resource in batch.resource_spans for scope in resource.scope_spans for span in scope.spans
        )
        return web.Response()

    async def decide(request: web.Request) -> web.Response:
        asked.append(request.headers["traceparent"])
        return web.Response(body=GRANTED, content_type="application/json")

    async with (
        listens("/v1/traces", collect) as endpoint,
        listens("/permits", decide) as agency,
        receiving() as receiver,
        house(tmp_path, agency, endpoint) as (url, key, gateway),
    ):
        await gateway.store.set_callback("Greengate Brokers", receiver.url, "secret")
        answer = await lodge(url, key, **{"X-Conversation-ID": CONVERSATION, "traceparent": CALLER})
        assert answer.status == 202
        async with listening(url, key) as listener:
            while (await listener.next()).kind != "released":
                pass
        repeated = await lodge(url, key)
        assert repeated.status == 202
    of_it = [span for span in spans if span.trace_id.hex() == CONVERSATION.replace("-", "")]
    assert {span.name for span in of_it} == STAGES | {"declaration"}
    (root,) = [span for span in of_it if span.name == "declaration"]
    assert not root.parent_span_id
    assert {span.parent_span_id for span in of_it if span is not root} == {root.span_id}
    (sent,) = [span for span in of_it if span.name == "send FSA"]
    assert asked == [f"00-{sent.trace_id.hex()}-{sent.span_id.hex()}-01"], "the agency can go on with the trace"
    request = next(span for span in of_it if span.name == "POST /v1/declarations")
    assert request.links[0].span_id.hex() == CALLER.split("-")[2], "who called finds its own trace"
    told = {(fact.key, fact.value.string_value) for span in of_it for fact in span.attributes}
    assert {("guichet.outcome", "decided"), ("guichet.state", "released")} <= told
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in of_it)


async def test_a_dead_collector_costs_nobody_anything(tmp_path, unused_tcp_port):
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async with (
        listens("/permits", refuse) as agency,
        house(tmp_path, agency, f"http://127.0.0.1:{unused_tcp_port}/v1/traces") as (url, key, _),
    ):
        assert (await lodge(url, key)).status == 202


def test_a_share_of_conversations_is_traced_each_whole_or_not_at_all():
    half = TraceSettings(endpoint="http://localhost:4318/v1/traces", share=0.5)
    taken = [half.takes(number << 64) for number in range(1000)]
    assert taken == [half.takes(number << 64) for number in range(1000)]
    assert 400 < sum(taken) < 600


@pytest.mark.parametrize(
    ("values", "told"), [({"endpoint": "collector:4318"}, "http"), ({"share": 0.0}, "above 0"), ({"share": 2.0}, "1")]
)
def test_settings_that_make_no_sense_are_refused(values, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        TraceSettings(**values)


def test_without_its_library_traces_are_refused_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "gateway.traces.otlp", None)
    with pytest.raises(ValueError, match=re.escape("pip install '.[traces]'")):
        Tracer(TraceSettings(endpoint="http://localhost:4318/v1/traces"))
