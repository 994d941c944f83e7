"""A version that ends soon is told to who still uses it: people in the advice, programs in the headers."""

from datetime import UTC, datetime

import msgspec
import pytest

from tests.datamodel.derived import sample
from tests.gateway.http.conftest import housed
from tests.gateway.scripted import ManualClock

HEADERS = {"Content_Type": "application/json", "Guichet_Message": "xz-dms/2026/DEC"}


@pytest.fixture
async def house(tmp_path):
    async with housed(tmp_path, clock=ManualClock()) as made:
        yield made


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
@pytest.mark.parametrize("path", ["/v1/validations", "/v1/declarations"])
async def test_who_uses_a_version_that_ends_is_told_when_and_what_follows(house, path, accept):
    reply = await house.call("POST", path, "trader", msgspec.json.encode(sample()), Accept=accept, **HEADERS)
    assert reply.status < 300, reply.body
    assert reply.headers["Sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert reply.headers["Deprecation"] == f"@{int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())}"
    assert reply.headers["Link"] == '</v1/packages>; rel="sunset deprecation"'
    told = reply.body.decode()
    for words in ("message.ends", "xz-dms/2026/DEC", "2026-12-31", "xz-dms/2027/DEC"):
        assert words in told


async def test_who_uses_one_that_goes_on_is_told_nothing(house):
    reply = await house.post("/v1/declarations", msgspec.json.encode(sample()))
    assert reply.status == 202
    assert not {"Sunset", "Deprecation", "Link"} & set(reply.headers)
