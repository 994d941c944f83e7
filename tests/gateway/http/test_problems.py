"""Every error is a problem document in the format that the caller reads, under the exchange's conversation id."""

import logging
from uuid import UUID, uuid4

import pytest
from lxml import etree

from datamodel.wording import catalogue

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROBLEM = "{urn:ietf:rfc:7807}"
MEMBERS = {"type", "title", "status", "detail", "instance", "conversation_id", "blame", "issues", "issues_total"}

# Each row is a request that must fail, and how.
FAILURES = [
    ("GET", "/nowhere", "trader", None, {}, 404, "unknown"),
    ("GET", "/v1/declarations/26XZ00000000000000", "trader", None, {}, 404, "unknown"),
    ("GET", "/v1/declarations/%00%FF%F0%9F%93%A6", "trader", None, {}, 404, "unknown"),
    ("GET", "/v1/agency/deliveries/%ED%A0%80", "fsa", None, {}, 404, "unknown"),
    ("GET", "/v1/validations", "trader", None, {}, 405, "method"),
    ("DELETE", "/v1/declarations/26XZ00000000000000", "trader", None, {}, 405, "method"),
    ("OPTIONS", "/healthz", None, None, {}, 405, "method"),
    ("GET", "/v1/agency/deliveries", None, None, {}, 401, "unauthenticated"),
    ("GET", "/v1/agency/deliveries", "trader", None, {}, 403, "forbidden"),
    ("GET", "/v1/agency/deliveries?limit=x", "fsa", None, {}, 400, "malformed"),
    ("POST", "/v1/validations", "trader", b"", {"Content_Type": "application/json"}, 400, "malformed"),
    ("POST", "/v1/validations", "trader", b"{}", {}, 415, "unsupported-media"),
    ("POST", "/v1/validations", "trader", b"{}", {"Content_Type": "text/csv"}, 415, "unsupported-media"),
    ("POST", "/v1/validations", "trader", b"{}", {"Content_Type": "application/json"}, 422, "invalid"),
    ("POST", "/v1/validations", "trader", b"<a", {"Content_Type": "text/xml"}, 400, "malformed"),
    (
        "POST",
        "/v1/validations",
        "trader",
        b"{}",
        {"Expect": "miracles", "Content_Type": "text/xml"},
        417,
        "expectation",
    ),
    ("GET", "/v1/declarations/26XZ00000000000000", "trader", None, {"Expect": "miracles"}, 404, "unknown"),
    ("POST", "/v1/conversions", "trader", b"x" * 2_000_000, {"Content_Type": "text/xml"}, 413, "too-large"),
]


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(("method", "path", "caller", "body", "headers", "status", "slug"), FAILURES)
async def test_a_failure_is_a_problem_document(shared, form, method, path, caller, body, headers, status, slug):
    conversation_id = str(uuid4())
    accept = {"Accept": f"application/{form}", "X_Conversation_ID": conversation_id}
    reply = await shared.call(method, path, caller, body, **accept, **headers)
    assert (reply.status, reply.media) == (status, f"application/problem+{form}")
    if form == "json":
        problem = reply.json
        issues = problem["issues"]
    else:
        assert reply.xml.tag == f"{PROBLEM}problem"
        problem = {etree.QName(member).localname: member.text for member in reply.xml}
        issues = reply.xml.findall(f"{PROBLEM}issues/{PROBLEM}i")
    assert set(problem) == MEMBERS
    assert problem["type"] == f"urn:guichet:problem:{slug}"
    assert problem["title"] == catalogue()["en"].phrases[f"problem.{slug}"]
    assert int(problem["status"]) == status
    assert problem["conversation_id"] == reply.headers["X-Conversation-ID"] == conversation_id
    assert problem["blame"] == "sender"
    assert problem["instance"] == path.partition("?")[0]
    assert int(problem["issues_total"]) == len(issues)
    assert bool(issues) == (status in (400, 413, 415, 422))


async def test_what_is_acceptable_decides_before_the_work_is_done(shared):
    reply = await shared.post("/v1/validations", b"{}", Accept="text/html")
    assert (reply.status, reply.media) == (406, "application/problem+json")
    assert "application/xml" in reply.json["detail"]
    as_xml = await shared.post("/v1/validations", b"<a/>", "text/xml", Accept="text/html")
    assert as_xml.media == "application/problem+xml"
    assert (await shared.get("/openapi.json", Accept="application/xml")).status == 406


async def test_a_refused_method_and_medium_come_with_what_would_be_taken(shared):
    assert (await shared.get("/v1/validations")).headers["Allow"] == "POST"
    refused = await shared.call("PUT", "/healthz")
    assert refused.headers["Allow"] == "GET, HEAD"
    assert refused.json["detail"] == "This address takes GET, HEAD."
    refused = await shared.post("/v1/validations", b"{}", "text/csv")
    assert "application/xml" in refused.headers["Accept"]
    assert refused.json["issues"][0]["rule"] == "media.unsupported"


@pytest.mark.parametrize("brought", ["", "42", "not-a-uuid", "{0b1c}", "x" * 500, "caf\u00e9"])
async def test_a_conversation_id_that_is_no_uuid_is_replaced(shared, brought):
    for path in ("/healthz", "/nowhere", "/v1/declarations"):
        reply = await shared.call("GET", path, X_Conversation_ID=brought)
        assert reply.headers["X-Conversation-ID"] == str(UUID(reply.headers["X-Conversation-ID"])) != brought


async def test_a_conversation_id_is_kept_in_its_canonical_form(shared):
    brought = str(uuid4())
    for path in ("/healthz", "/nowhere", "/openapi.json"):
        reply = await shared.call("GET", path, X_Conversation_ID=brought.upper())
        assert reply.headers["X-Conversation-ID"] == brought


@pytest.mark.asyncio(loop_scope="function")
async def test_a_fault_of_ours_tells_nothing_of_the_inside_but_the_log_does(house, monkeypatch, caplog):
    async def fail(*_):
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(house.gateway.store, "case_file", fail)
    for form in ("json", "xml"):
        reply = await house.get("/v1/declarations/26XZ00000000000000", Accept=f"application/{form}")
        assert (reply.status, reply.media) == (500, f"application/problem+{form}")
        assert b"secret" not in reply.body
        assert b"Traceback" not in reply.body
        assert b"gateway" in reply.body
    logged = caplog.text
    assert "secret of the house" in logged
    assert reply.headers["X-Conversation-ID"] in logged
    assert (await house.get("/healthz")).status == 200


@pytest.mark.asyncio(loop_scope="function")
async def test_a_gateway_whose_store_fails_is_alive_but_not_ready(house):
    assert (await house.get("/readyz", None)).json == {"status": "ready"}
    await house.gateway.store.close()
    reply = await house.get("/readyz", None, Accept="application/xml")
    assert reply.status == 503
    assert reply.xml.findtext(f"{PROBLEM}blame") == "gateway"
    assert "Retry-After" in reply.headers
    assert (await house.get("/healthz", None)).json == {"status": "ok"}
    await house.gateway.store.open()


async def test_a_strange_expectation_of_nothing_is_a_problem_too(shared):
    reply = await shared.get("/nowhere", Expect="miracles")
    assert (reply.status, reply.media) == (417, "application/problem+json")
    assert reply.json["conversation_id"] == reply.headers["X-Conversation-ID"]


NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(1000)) + b"\r\n",
    b"POST /v1/declarations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /v1/declarations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"BREW /tea HTCPCP/1.0\r\n\r\n",
]


@pytest.mark.parametrize("rubbish", NO_HTTP)
async def test_what_is_no_http_is_a_problem_too(shared, rubbish):
    async with shared.wire() as wire:
        await wire.send(rubbish)
        reply = await wire.reply()
        assert (reply.status, reply.media) == (400, "application/problem+json")
        assert reply.json["conversation_id"] == reply.headers["X-Conversation-ID"]
        assert await wire.closed()
    assert (await shared.get("/healthz")).status == 200


async def test_the_access_log_names_no_query_and_no_key(shared, caplog):
    """A connection asks when it is made whether anybody reads the log."""
    key = shared.keys["fsa"]
    with caplog.at_level(logging.INFO, "aiohttp.access"):
        async with shared.wire() as wire:
            await wire.send("GET /v1/agency/deliveries?after=typed-by-somebody HTTP/1.1", "Host: x")
            await wire.send(f"Authorization: Bearer {key}", "Connection: close", "")
            reply = await wire.reply()
            assert await wire.closed()
    [line] = [record.getMessage() for record in caplog.records if record.name == "aiohttp.access"]
    assert line.startswith("GET /v1/agency/deliveries 200 ")
    assert line.endswith(reply.headers["X-Conversation-ID"])
    assert "typed" not in caplog.text
    assert key not in caplog.text
