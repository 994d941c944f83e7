"""How a request is refused, on the wire: one table, every row in both formats, each answer whole.

Whole is: the status, a problem document in the format asked for and in the caller's language, the caller's conversation
id in head and body, the headers that go with the status, and nothing that a cache or a browser could make more of.
"""

from typing import NamedTuple
from uuid import uuid4

import msgspec
import pytest
from lxml import etree

from datamodel.wording import catalogue
from gateway.http.negotiate import PROBLEMS
from tests.gateway.http.conftest import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

XML, JSON = "application/xml", "application/json"
CASE = "/v1/declarations/26XZ00000000000000"


class Row(NamedTuple):
    """A request, and how it is refused. `headers` are by name what an answer must have, "" is anything."""

    line: str
    status: int
    slug: str
    caller: str = ""
    fields: tuple[str, ...] = ()
    body: bytes = b""
    headers: dict[str, str] = {}
    instance: str = ""


def post(path: str, body: bytes, media: str, *fields: str, status: int, slug: str, **headers: str) -> Row:
    """A row of a request with a body, by a trader."""
    content = (f"Content-Type: {media}", f"Content-Length: {len(body)}", *fields)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Row(f"POST {path}", status, slug, "trader", content, body, named)


def refused_media(body: bytes, media: str, *fields: str) -> Row:
    taken = {"Accept": "application/xml, text/xml, application/json", "Accept_Encoding": "identity"}
    return post("/v1/declarations", body, media, *fields, status=415, slug="unsupported-media", **taken)


ROWS = {
    "no such address": Row("GET /nowhere", 404, "unknown", "trader"),
    "no such address, by nobody": Row("GET /", 404, "unknown"),
    "no such address, other method": Row("DELETE /nowhere", 404, "unknown"),
    "OPTIONS of no such address": Row("OPTIONS /nowhere", 404, "unknown"),
    "OPTIONS of everything": Row("OPTIONS *", 404, "unknown"),
    "HEAD of no such address": Row("HEAD /nowhere", 404, "unknown"),
    "no such case": Row(f"GET {CASE}", 404, "unknown", "trader"),
    "HEAD of no such case": Row(f"HEAD {CASE}", 404, "unknown", "trader"),
    "no such list": Row("GET /v1/codelists/nothing", 404, "unknown"),
    "not this method": Row("GET /v1/validations", 405, "method", "trader", headers={"Allow": "POST"}),
    "nor HEAD": Row("HEAD /v1/validations", 405, "method", "trader", headers={"Allow": "POST"}),
    "nor OPTIONS": Row("OPTIONS /healthz", 405, "method", headers={"Allow": "GET, HEAD"}),
    "nor TRACE": Row("TRACE /healthz", 405, "method", headers={"Allow": "GET, HEAD"}),
    "nor DELETE": Row(f"DELETE {CASE}", 405, "method", "trader", headers={"Allow": "GET, HEAD"}),
    "no key": Row(f"GET {CASE}", 401, "unauthenticated", headers={"WWW-Authenticate": 'Bearer realm="guichet"'}),
    "no key, HEAD": Row(f"HEAD {CASE}", 401, "unauthenticated", headers={"WWW-Authenticate": ""}),
    "a key of nobody": Row(
        f"GET {CASE}", 401, "unauthenticated", "", ("X-API-Key: gk_", ), headers={"WWW-Authenticate": ""}
    ),
    "another's route": Row("GET /v1/agency/deliveries", 403, "forbidden", "trader"),
    "a parameter that will not do": Row("GET /v1/agency/deliveries?limit=x", 400, "malformed", "fsa"),
    "no body": Row("POST /v1/declarations", 400, "malformed", "trader", (f"Content-Type: {JSON}",)),
    "an empty body": post("/v1/declarations", b"", JSON, status=400, slug="malformed"),
    "an empty body in chunks": Row(
        "POST /v1/declarations", 400, "malformed", "trader", (f"Content-Type: {XML}", "Transfer-Encoding: chunked"),
        b"0\r\n\r\n",
    ),
    "a body that is none": post("/v1/declarations", b"<a", XML, status=400, slug="malformed"),
    "a body that is not valid": post("/v1/declarations", b"{}", JSON, status=422, slug="invalid"),
    "a body too large": post("/v1/declarations", b"", JSON, status=413, slug="too-large")._replace(
        fields=(f"Content-Type: {JSON}", "Content-Length: 9999999"), headers={"Connection": "close"}
    ),
    "no media type": Row("POST /v1/declarations", 415, "unsupported-media", "trader", ("Content-Length: 2",), b"{}"),
    "another media type": refused_media(b"a;b", "text/csv"),
    "another charset": refused_media(b"{}", f"{JSON}; charset=utf-16"),
    "another coding": refused_media(b"{}", JSON, "Content-Encoding: gzip"),
    "an expectation": post("/v1/declarations", b"{}", JSON, "Expect: miracles", status=417, slug="expectation"),
    "an expectation of nothing": Row("GET /nowhere", 417, "expectation", "", ("Expect: miracles",)),
}  # fmt: skip


async def exchange(house, row: Row, *fields: str) -> Reply:
    """A row's request and its answer, on a connection of its own."""
    method = row.line.partition(" ")[0]
    key = [f"Authorization: Bearer {house.keys[row.caller]}"] if row.caller else []
    async with house.wire() as wire:
        await wire.send(f"{row.line} HTTP/1.1", "Host: x", *key, *row.fields, *fields, "", row.body)
        return await wire.reply(method)


def members(reply: Reply, form: str) -> dict[str, str]:
    """What a problem document says, in either format, as text."""
    if form == "json":
        return {name: str(value) for name, value in msgspec.json.decode(reply.body).items()}
    root = etree.fromstring(reply.body)
    assert root.tag == "{urn:ietf:rfc:7807}problem"
    return {etree.QName(child).localname: child.text for child in root}


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("name", ROWS)
async def test_every_refusal_is_whole_in_both_formats(shared, name, form):
    row, brought = ROWS[name], str(uuid4())
    reply = await exchange(
        shared, row, f"Accept: application/{form}", "Accept-Language: fr", f"X-Conversation-ID: {brought}"
    )
    assert (reply.status, reply.media) == (row.status, PROBLEMS[form])
    assert reply.headers["X-Conversation-ID"] == brought
    for header, value in row.headers.items():
        assert reply.headers[header] == (value or reply.headers[header])
    assert reply.headers["Content-Language"] == "fr"
    assert "Accept-Language" in reply.headers["Vary"]
    assert (reply.headers["Cache-Control"], reply.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert reply.headers["Server"] == "guichet"
    assert int(reply.headers["Content-Length"]) > 0
    if row.line.startswith("HEAD"):
        return
    said = members(reply, form)
    assert said["type"] == f"urn:guichet:problem:{row.slug}"
    assert said["title"] == catalogue()["fr"].phrases[f"problem.{row.slug}"]
    assert (said["status"], said["conversation_id"], said["blame"]) == (str(row.status), brought, "sender")
    assert said["instance"] == row.line.split()[1].partition("?")[0]
    assert said["detail"]


@pytest.mark.parametrize("name", ROWS)
async def test_who_accepts_neither_format_gets_the_one_that_he_sent_or_json(shared, name):
    row = ROWS[name]
    sent = "xml" if any(XML in field for field in row.fields) else "json"
    reply = await exchange(shared, row, "Accept: image/png")
    assert reply.media == PROBLEMS[sent]
    assert reply.status in (row.status, 406), "what is wrong with the head is told first, and then what is accepted"


@pytest.mark.parametrize(("sent", "accept"), [(XML, "text/html"), (JSON, "image/*, application/xml;q=0")])
async def test_a_good_request_whose_answer_is_not_acceptable_is_told_what_there_is(shared, sent, accept):
    row = post("/v1/validations", b"{}", sent, status=406, slug="not-acceptable")
    reply = await exchange(shared, row, f"Accept: {accept}")
    if accept == "text/html":
        assert (reply.status, reply.media) == (406, PROBLEMS["xml"])
        assert "application/json" in members(reply, "xml")["detail"]
    else:
        assert (reply.status, reply.media) == (406, PROBLEMS["json"])


BROKEN = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a method of one's own": b"STAMP /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a version that is none": b"GET / HTTP/x\r\n\r\n",
    "a field without a colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "a line that is too long": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"POST /v1/declarations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "a length and chunks": (
        b"POST /v1/declarations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_http_has_no_wishes_and_gets_json(shared, name):
    async with shared.wire() as wire:
        await wire.send(BROKEN[name])
        reply = await wire.reply()
        assert await wire.closed()
    assert (reply.status, reply.media) == (400, PROBLEMS["json"])
    said = members(reply, "json")
    assert said["type"] == "urn:guichet:problem:malformed"
    assert said["conversation_id"] == reply.headers["X-Conversation-ID"]
    assert (reply.headers["Cache-Control"], reply.headers["Server"]) == ("no-store", "guichet")


@pytest.mark.parametrize("brought", ["00000000-0000-0000-0000-000000000000", "no uuid"])
async def test_a_conversation_that_names_nothing_gets_an_id(shared, brought):
    reply = await shared.get("/healthz", None, X_Conversation_ID=brought)
    assert (reply.status, reply.headers["X-Conversation-ID"] == brought) == (200, False)
