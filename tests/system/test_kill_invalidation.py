"""The gateway is killed while traders take declarations back, and started again on the same database and port.

What was acknowledged must be invalidated for good, and a repeat is answered as the first time; what was not must be
either wholly done or not begun.
"""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.cases import lodgements
from gateway.demo.processes import Children
from gateway.demo.stage import set_stage
from gateway.demo.trader import Trader
from gateway.settings import SCHEMAS
from tests.gateway.scripted import invalidation
from tests.system.house import BEHAVIOUR, QUICK_RETRIES, House, Traders

COUNT = 60
OVER = {"released", "refused"}


@pytest.fixture
async def house(children: Children, tmp_path: Path) -> House:
    behaviour = tmp_path / "behaviour.toml"
    behaviour.write_text(BEHAVIOUR)
    return House(children, await set_stage(children, tmp_path, behaviour, QUICK_RETRIES))


class Regrets:
    """Takes declarations back, one after the other, and remembers what was answered."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.answers: dict[str, tuple[int, dict]] = {}
        self._session = session

    async def take_back(self, mrn: str) -> tuple[int, dict]:
        headers = {"Content-Type": "application/json"}
        path, body = f"/v1/declarations/{mrn}/invalidation", invalidation(mrn)
        async with self._session.post(path, data=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def go_through(self, mrns: list[str], enough: asyncio.Event) -> None:
        for mrn in mrns:
            try:
                self.answers[mrn] = await self.take_back(mrn)
            except aiohttp.ClientError:
                return
            if len(self.answers) >= COUNT // 3:
                enough.set()


@pytest.mark.timeout(120)
async def test_what_was_taken_back_stays_so(house):
    key = {"Authorization": f"Bearer {house.stage.trader_key}"}
    async with (
        asyncio.timeout(100),
        Trader(house.stage.url, house.stage.trader_key) as trader,
        aiohttp.ClientSession(house.stage.url, headers=key) as session,
    ):
        traders, regrets, enough = Traders(trader), Regrets(session), asyncio.Event()
        await asyncio.gather(*(traders.lodge(each) for each in lodgements(SCHEMAS, COUNT)))
        mrns = [acceptance.mrn for acceptance in traders.accepted.values()]
        going = [asyncio.create_task(regrets.go_through(mrns[part::4], enough)) for part in range(4)]
        await enough.wait()
        await house.kill()
        await asyncio.gather(*going)
        before = dict(regrets.answers)
        assert len(before) < COUNT, "killed while declarations were being taken back"
        assert {status for status, _ in before.values()} <= {200, 409}
        assert 200 in {status for status, _ in before.values()}
        await house.restart()

        for mrn in mrns:
            status, answer = await regrets.take_back(mrn)
            assert status in (200, 409), answer
            first, told = before.get(mrn, (status, answer))
            assert status == first
            if first == 200 and mrn in before:
                assert answer == {**told, "replayed": True}
            stands = await trader.status(mrn)
            assert stands.status == "invalidated" if status == 200 else stands.status in OVER
            async with session.get(f"/v1/declarations/{mrn}/timeline") as reply:
                timeline = await reply.json()
            assert timeline["intact"]
            kinds = [event["kind"] for event in timeline["events"]]
            assert kinds.count("invalidation") == kinds.count("invalidated") == (status == 200)
