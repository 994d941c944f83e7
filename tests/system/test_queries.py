"""Queries and notices between real processes: a trader, a gateway that is killed once, and agencies over HTTP.

The agencies' own books are the witnesses of what they were told. Textiles has no address, and looks into its inbox.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.processes import Children
from gateway.demo.stage import set_stage
from tests.gateway.acts.test_amendment import HOTEL, ROSES
from tests.gateway.scripted import altered, invalidation, sample
from tests.system.house import QUICK_RETRIES, House

FLOWERS = "import-cut-flowers-kenya.json"  # plant health alone
BEHAVIOUR = """
[defaults]
outcome = "held"
[PHS]
outcome = "query"
media = "xml"
[TEX]
outcome = "held"
answer = "poll"
poll_every = 0.05
"""
ANSWER = b'{"QueryAnswer":{"Text":"For a wedding","Document":[{"TypeCode":"N380","ID":"INV-17"}]}}'


@pytest.fixture
async def house(children: Children, tmp_path: Path) -> House:
    behaviour = tmp_path / "behaviour.toml"
    behaviour.write_text(BEHAVIOUR)
    return House(children, await set_stage(children, tmp_path, behaviour, QUICK_RETRIES))


async def until(look: Callable[[], Awaitable[object]]) -> object:
    """What is found as soon as it is there."""
    while not (found := await look()):  # noqa: ASYNC110 - what is waited for is in other processes
        await asyncio.sleep(0.05)
    return found


class Broker:
    """A trader's software, as far as this story needs it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(self, path: str, body: bytes) -> dict:
        headers = {"Content-Type": "application/json"}
        async with self._session.post(f"/v1/declarations{path}", data=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    async def status(self, mrn: str) -> dict:
        async with self._session.get(f"/v1/declarations/{mrn}") as answer:
            return await answer.json()

    async def stands(self, mrn: str, state: str) -> dict:
        """The status as soon as the case is so."""

        async def look():
            status = await self.status(mrn)
            return status if status["status"] == state else None

        return await until(look)


async def told(house: House, mrn: str, codes: set[str]) -> dict[str, list[str]]:
    """What these agencies were told of a case, as soon as they know the last of it."""

    async def look():
        books = await house.books()
        heard = {code: [line["about"] for line in books[code]["notices"] if line["mrn"] == mrn] for code in codes}
        return heard if all("invalidated" in lines for lines in heard.values()) else None

    return await until(look)


@pytest.mark.timeout(60)
async def test_a_query_is_answered_granted_and_released_and_agencies_hear_of_what_is_changed_or_taken_back(house):
    headers = {"Authorization": f"Bearer {house.stage.trader_key}", "Accept": "application/json"}
    async with asyncio.timeout(50), aiohttp.ClientSession(house.stage.url, headers=headers) as session:
        broker = Broker(session)
        mrn = (await broker.post("", sample(FLOWERS)))["mrn"]
        [query] = (await broker.stands(mrn, "held"))["queries"]
        assert (query["id"], query["state"], query["text"]) == ("PHS-1", "open", "PHS asks: what are these goods for?")
        await broker.post(f"/{mrn}/queries/PHS-1/answer", ANSWER)
        await house.kill()
        await house.restart()
        [query] = (await broker.stands(mrn, "released"))["queries"]
        assert query["state"] == "answered"
        [line] = (await house.books())["PHS"]["notices"]
        assert (line["about"], line["answer"], line["documents"]) == ("answer", "For a wedding", ["N380 INV-17"])

        mrn = (await broker.post("", sample(HOTEL)))["mrn"]
        await broker.stands(mrn, "held")
        assert (await broker.post(f"/{mrn}/amendments", altered(HOTEL, ROSES)))["asked"] == ["PHS"]
        await broker.stands(mrn, "held")
        await broker.post(f"/{mrn}/invalidation", invalidation(mrn))
        heard = await told(house, mrn, {"FSA", "MED", "PHS", "TEX", "WLD"})
        assert heard.pop("PHS") == ["amended", "invalidated"]
        assert set(map(tuple, heard.values())) == {("invalidated",)}
