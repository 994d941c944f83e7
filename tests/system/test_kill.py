"""The gateway is killed in the middle of its work, twice, and started again on the same database and port.

What was answered with 202 must reach its outcome, no agency may be left without its request, and none may decide the
same delivery twice.
"""

import asyncio
from pathlib import Path

import pytest

from gateway.demo.cases import lodgements
from gateway.demo.processes import Children
from gateway.demo.stage import set_stage
from gateway.demo.trader import Trader
from gateway.settings import SCHEMAS
from tests.system.house import BEHAVIOUR, QUICK_RETRIES, House, Traders, check_books, check_outcomes, wanted

COUNT = 200


@pytest.fixture
async def house(children: Children, tmp_path: Path) -> House:
    behaviour = tmp_path / "behaviour.toml"
    behaviour.write_text(BEHAVIOUR)
    return House(children, await set_stage(children, tmp_path, behaviour, QUICK_RETRIES))


@pytest.mark.timeout(150)
async def test_nothing_accepted_is_lost_and_nothing_is_decided_twice(house):
    made = lodgements(SCHEMAS, COUNT)
    async with (
        asyncio.timeout(120),
        Trader(house.stage.url, house.stage.trader_key) as trader,
        asyncio.TaskGroup() as tasks,
    ):
        traders = Traders(trader)
        for each in made:
            tasks.create_task(traders.lodge(each))
        await traders.until_accepted(COUNT // 2)
        await house.kill()
        before = dict(traders.accepted)
        assert len(before) < COUNT, "killed while declarations were being lodged"
        await house.restart()

        await traders.until_accepted(COUNT)
        await house.kill()
        answered = sum(len(book["answers"]) for book in (await house.books()).values())
        assert answered < wanted(made, traders.accepted).total(), "killed while agencies were at work"
        await house.restart()

        for each in made:
            tasks.create_task(traders.lodge_again(each))
        await check_outcomes(trader, made, traders.accepted)
    await check_books(house, wanted(made, traders.accepted))
    for reference, acceptance in before.items():
        assert traders.again[reference].mrn == acceptance.mrn, "a repeat is answered as the first time"
