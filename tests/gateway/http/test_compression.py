"""Answers as gzip: for who asks, where it is worth it, and still the same answer."""

import gzip

import pytest

from gateway.http.compression import wants_gzip

LONG, SHORT = "/v1/packages", "/healthz"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("", False),
        ("identity", False),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=nonsense", False),
        ("gzipped", False),
    ],
)
def test_who_wants_it(accept, wanted):
    assert wants_gzip(accept) is wanted


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_long_answer_is_packed_for_who_asks_and_says_the_same(house, form):
    plain = await house.get(LONG, None, Accept=f"application/{form}")
    assert "Content-Encoding" not in plain.headers
    async with house.wire() as wire:
        await wire.send(f"GET {LONG} HTTP/1.1", "Host: x", f"Accept: application/{form}", "Accept-Encoding: gzip", "")
        packed = await wire.reply()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
    for reply in (plain, packed):
        assert "Accept-Encoding" in reply.headers["Vary"]


async def test_what_was_packed_is_kept_by_its_tag(house):
    packed = await house.get(LONG, None, Accept_Encoding="gzip")
    same = await house.get(LONG, None, Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"])
    assert (same.status, same.body) == (304, b"")
    assert same.headers["ETag"] == packed.headers["ETag"]
    assert "Content-Encoding" not in same.headers
    head = await house.call("HEAD", LONG, Accept_Encoding="gzip")
    assert (head.status, head.headers["Content-Encoding"], head.body) == (200, "gzip", b"")


async def test_a_short_answer_goes_as_it_is(house):
    reply = await house.get(SHORT, None, Accept_Encoding="gzip")
    assert "Content-Encoding" not in reply.headers
    assert reply.json == {"status": "ok"}


async def test_a_problem_with_many_issues_is_packed_too(house):
    body = b'{"MetaData":{"Declaration":{%s}}}' % b",".join(b'"X%d":1' % number for number in range(50))
    reply = await house.post("/v1/validations", body, Accept_Encoding="gzip")
    assert (reply.status, reply.headers["Content-Encoding"]) == (422, "gzip")
    assert len(reply.json["issues"]) > 50
