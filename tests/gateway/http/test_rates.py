"""Limits, as a caller meets them: told with every answer, refused as a problem before anything is read."""

import re

import pytest

from datamodel.wording import catalogue
from gateway.access.accounts import new_key
from gateway.access.quotas import Quota
from gateway.settings import RateSettings
from tests.gateway.http.conftest import House, housed, read_sample

NEVER = 0.001  # a second: nothing comes back while a test runs
SOME = RateSettings(trader=Quota(per_second=NEVER, burst=3), unknown_keys=Quota(per_second=NEVER, burst=2))


def left(reply) -> int:
    return int(re.fullmatch(r'"requests";r=(\d+);t=\d+', reply.headers["RateLimit"])[1])


def is_long(reply) -> bool:
    """Whether the wait that an answer asks for is that for one token, less what a slow machine takes for the test."""
    return 900 < int(reply.headers["Retry-After"]) <= 1 / NEVER


async def try_key(house: House, key: str = "", **headers: str):
    return await house.get("/v1/agency/deliveries", None, Authorization=f"Bearer {key or new_key()}", **headers)


async def test_every_answer_tells_what_is_left_and_the_last_is_refused(tmp_path):
    async with housed(tmp_path, rates=SOME) as house:
        first = await house.post("/v1/declarations", read_sample("import-hotel-supplies.json"))
        assert (first.status, left(first)) == (202, 2)
        assert first.headers["RateLimit-Policy"] == '"requests";q=3;w=3000'
        assert left(await house.get("/v1/declarations/26XZ00000000000000")) == 1, "errors tell it too"
        assert left(await house.get(first.headers["Location"])) == 0
        refused = await house.get(first.headers["Location"])
        assert (refused.status, refused.json["type"]) == (429, "urn:guichet:problem:limited")
        assert left(refused) == 0 and is_long(refused)
        assert (await house.get(first.headers["Location"], "rival")).status == 404, "another has a limit of its own"
        assert "RateLimit" not in (await house.get("/v1/agency/deliveries", "fsa")).headers
        assert (await house.get("/healthz")).status == 200, "who needs no key has no limit"


@pytest.mark.parametrize("language", ["en", "fr", "es"])
@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_refusal_is_a_problem_in_the_format_and_language_of_the_caller(tmp_path, form, language):
    async with housed(tmp_path, rates=RateSettings(trader=Quota(per_second=NEVER, burst=1))) as house:
        for _ in range(2):
            reply = await house.get("/v1/declarations/x", Accept=f"application/{form}", Accept_Language=language)
    assert (reply.status, reply.media) == (429, f"application/problem+{form}")
    words = catalogue()[language].phrases
    assert words["problem.limited"] in reply.body.decode()
    assert words["detail.limited"] in reply.body.decode()
    assert reply.headers["Content-Language"] == language


async def test_what_is_over_the_limit_is_refused_before_its_body_is_called_for(tmp_path):
    async with housed(tmp_path, rates=RateSettings(trader=Quota(per_second=NEVER, burst=1))) as house:
        assert (await house.post("/v1/validations", b"{}")).status == 422
        async with house.wire() as wire:
            await wire.send("POST /v1/declarations HTTP/1.1", "Host: x", f"X-API-Key: {house.keys['trader']}")
            await wire.send("Content-Type: text/xml", "Content-Length: 1000000", "Expect: 100-continue", "")
            reply = await wire.reply()
            assert (reply.status, reply.headers["Connection"]) == (429, "close")
            assert await wire.closed()


async def test_unknown_keys_are_limited_by_address_and_a_known_key_passes(tmp_path):
    async with housed(tmp_path, rates=SOME) as house:
        assert (await house.get("/v1/agency/deliveries", "fsa")).status == 200
        assert [(await try_key(house)).status for _ in range(3)] == [401, 401, 429]
        refused = await try_key(house, "nothing like a key")
        assert refused.status == 429 and is_long(refused)
        assert (await house.get("/v1/agency/deliveries", "fsa")).status == 200, "which was used before"
        assert (await house.get("/v1/agency/deliveries", "phs")).status == 429, "which was not"
        assert (await house.get("/v1/agency/deliveries", None)).status == 401, "no key is no try"


async def test_a_flood_of_unknown_keys_does_not_reach_the_store(tmp_path, monkeypatch):
    async with housed(tmp_path, rates=SOME) as house:
        asked = []
        ask = house.gateway.store.holder

        async def count(digest: str):
            asked.append(digest)
            return await ask(digest)

        monkeypatch.setattr(house.gateway.store, "holder", count)
        for _ in range(20):
            await try_key(house)
    assert len(asked) == 2


async def test_what_callers_say_of_themselves_counts_only_where_a_proxy_writes_it(tmp_path):
    async with housed(tmp_path, rates=SOME) as house:
        statuses = [(await try_key(house, X_Forwarded_For=f"192.0.2.{n}")).status for n in range(3)]
        assert statuses == [401, 401, 429]


async def test_behind_a_proxy_the_address_that_it_adds_counts(tmp_path):
    behind = RateSettings(unknown_keys=SOME.unknown_keys, forwarded=True)
    async with housed(tmp_path, rates=behind) as house:
        same = [(await try_key(house, X_Forwarded_For=f"192.0.2.{n}, 198.51.100.7")).status for n in range(3)]
        assert same == [401, 401, 429]
        assert (await try_key(house, X_Forwarded_For="198.51.100.7, 198.51.100.8")).status == 401
        near = [(await try_key(house, X_Forwarded_For=f"2001:db8::{n}")).status for n in range(3)]
        assert near == [401, 401, 429], "one subscriber"
        assert (await try_key(house, X_Forwarded_For="2001:db8:0:1::1")).status == 401


async def test_by_default_an_account_has_no_limit(house):
    for _ in range(150):
        reply = await house.get("/v1/declarations/26XZ00000000000000")
        assert reply.status == 404 and "RateLimit" not in reply.headers
