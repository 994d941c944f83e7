"""The gateway is killed while traders amend declarations and take them back, and started again on the same database.

What was acknowledged must stay so, and a repeat is answered as the first time; what was not must be either wholly done
or not begun. Every version that was taken is kept.
"""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.cases import Lodgement, lodgements
from gateway.demo.processes import Children
from gateway.demo.stage import set_stage
from gateway.demo.trader import Trader
from gateway.settings import SCHEMAS
from tests.gateway.scripted import invalidation
from tests.system.house import BEHAVIOUR, QUICK_RETRIES, House, Traders

COUNT = 60
OVER = {"released", "refused"}
DESCRIPTION = re.compile(rb'(Description(?:>|":"))')  # the first description of goods, in either format


@pytest.fixture
async def house(children: Children, tmp_path: Path) -> House:
    behaviour = tmp_path / "behaviour.toml"
    behaviour.write_text(BEHAVIOUR)
    return House(children, await set_stage(children, tmp_path, behaviour, QUICK_RETRIES))


def amended(lodgement: Lodgement) -> bytes:
    """The next version of a declaration."""
    return DESCRIPTION.sub(rb"\g<1>Amended: ", lodgement.body, count=1)


class Regrets:
    """Amends declarations and takes them back, one after the other, and remembers what was answered."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.answers: dict[tuple[str, str], tuple[int, dict]] = {}
        self._session = session

    async def act(self, mrn: str, act: str, lodgement: Lodgement) -> tuple[int, dict]:
        body, form = (amended(lodgement), lodgement.format) if act == "amendments" else (invalidation(mrn), "json")
        headers = {"Content-Type": f"application/{form}", "Accept": "application/json"}
        async with self._session.post(f"/v1/declarations/{mrn}/{act}", data=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> bytes:
        async with self._session.get(f"/v1/declarations/{path}", headers={"Accept": "*/*"}) as answer:
            assert answer.status == 200
            return await answer.read()

    async def go_through(self, lodged: list[tuple[str, Lodgement]], enough: asyncio.Event) -> None:
        for mrn, lodgement in lodged:
            for act in "amendments", "invalidation":
                try:
                    self.answers[mrn, act] = await self.act(mrn, act, lodgement)
                except aiohttp.ClientError:
                    return
            if len(self.answers) >= COUNT // 2:
                enough.set()


@pytest.mark.timeout(150)
async def test_what_was_amended_or_taken_back_stays_so(house):
    key = {"Authorization": f"Bearer {house.stage.trader_key}", "Accept": "application/json"}
    async with (
        asyncio.timeout(120),
        Trader(house.stage.url, house.stage.trader_key) as trader,
        aiohttp.ClientSession(house.stage.url, headers=key) as session,
    ):
        traders, regrets, enough = Traders(trader), Regrets(session), asyncio.Event()
        made = lodgements(SCHEMAS, COUNT)
        await asyncio.gather(*(traders.lodge(each) for each in made))
        lodged = [(traders.accepted[each.reference].mrn, each) for each in made]
        going = [asyncio.create_task(regrets.go_through(lodged[part::4], enough)) for part in range(4)]
        await enough.wait()
        await house.kill()
        await asyncio.gather(*going)
        before = dict(regrets.answers)
        assert len(before) < 2 * COUNT, "killed while declarations were being amended and taken back"
        for act in "amendments", "invalidation":
            answered = {status for (_, of), (status, _) in before.items() if of == act}
            assert 200 in answered and answered <= {200, 409}
        await house.restart()

        for mrn, lodgement in lodged:
            await check_acts(regrets, mrn, lodgement, before)
            stands = await trader.status(mrn)
            _, taken_back = regrets.answers[mrn, "invalidation"]
            assert stands.status == "invalidated" if "invalidated_at" in taken_back else stands.status in OVER


async def check_acts(regrets: Regrets, mrn: str, lodgement: Lodgement, before: dict) -> None:
    """Both acts again: as the first time where they had been answered; and the versions and the history fit them."""
    for act in "amendments", "invalidation":
        status, answer = await regrets.act(mrn, act, lodgement)
        first, told = before.get((mrn, act), (status, answer))
        assert (status, first) in {(200, 200), (409, 409)}, answer
        if first == 200 and (mrn, act) in before:
            assert answer == {**told, "replayed": True} | ({"asked": []} if act == "amendments" else {})
        regrets.answers[mrn, act] = status, answer
    was_amended, _ = regrets.answers[mrn, "amendments"]
    assert await regrets.get(f"{mrn}/message?version=1") == lodgement.body
    assert await regrets.get(f"{mrn}/message") == (amended(lodgement) if was_amended == 200 else lodgement.body)
    timeline = (await regrets.get(f"{mrn}/timeline")).decode()
    assert '"intact":true' in timeline
    assert timeline.count('"kind":"amendment"') == (was_amended == 200)
    assert timeline.count('"kind":"invalidation"') == (regrets.answers[mrn, "invalidation"][0] == 200)
