"""A gateway of several workers, as its users meet it: under load, with one of them killed, with all of them orphaned.

The promises are those of one process: what was answered with 202 is decided once, whichever worker took it and
whatever became of that worker.
"""

import asyncio
import os
import re
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.access.registration import NewAccount, register_accounts
from gateway.client import Unreachable
from gateway.demo.cases import lodgements
from gateway.demo.processes import Child, Children, NotStarted
from gateway.demo.stage import set_stage, start_gateway
from gateway.demo.trader import Trader
from gateway.settings import SCHEMAS, load
from tests.gateway.scripted import eventually
from tests.system.house import BEHAVIOUR, QUICK_RETRIES, House, Traders, check_books, check_outcomes, wanted

COUNT = 120
# Agencies that decide at once, as the samples expect, and fail nobody.
AT_ONCE = """
[MED]
refuse_hs = ["293941"]
[WLD]
refuse_hs = ["9601"]
[TEX]
answer = "poll"
lpco = false
"""
TWO = {"GUICHET_WORKERS": "2", "GUICHET_OUTBOX__IDLE": "0.5"}
# What a killed worker was sending is sent again when its lease ends.
SHORT_LEASES = {"GUICHET_OUTBOX__LEASE": "5", "GUICHET_OUTBOX__SEND": "2"}
LODGED = re.compile(r"INFO worker-(\d) \S+ POST /v1/declarations 202")
WORKER = re.compile(r"worker (\d) \(process (\d+)\) is ready")


async def log_when(children: Children, pattern: re.Pattern[str], count: int) -> list:
    """What the gateway's log says of a kind, as soon as it says it so many times."""
    log = children.log("gateway")
    await eventually(lambda: len(pattern.findall(log.read_text())) >= count)
    return pattern.findall(log.read_text())


async def workers(children: Children, count: int = 2) -> dict[str, int]:
    """Number and process of each worker, the newest of each number, when so many have ever been ready."""
    return {number: int(pid) for number, pid in await log_when(children, WORKER, count)}


async def ended(pids: list[int]) -> None:
    """Returns when none of these processes is there any more."""
    await eventually(lambda: not any(map(alive, pids)))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def house_of_two(children: Children, tmp_path: Path, behaviour: str, extra: dict[str, str]) -> House:
    file = tmp_path / "behaviour.toml"
    file.write_text(behaviour)
    return House(children, await set_stage(children, tmp_path, file, TWO | extra))


@pytest.mark.timeout(120)
async def test_every_declaration_is_delivered_once_whichever_worker_took_it(children, tmp_path):
    house = await house_of_two(children, tmp_path, AT_ONCE, {})
    assert "with 2 workers" in house.stage.gateway.ready
    made = lodgements(SCHEMAS, COUNT)
    async with (
        asyncio.timeout(90),
        Trader(house.stage.url, house.stage.trader_key) as trader,
        Trader(house.stage.url, house.stage.trader_key) as other,
    ):
        # Each comes twice at the same time, over connections of their own.
        copies = [who.lodge(each) for each in made for who in (trader, other)]
        answers = await asyncio.gather(*copies)
        accepted = {each.reference: answer for each, answer in zip(made, answers[::2], strict=True)}
        assert [answer.mrn for answer in answers[::2]] == [answer.mrn for answer in answers[1::2]]
        await check_outcomes(trader, made, accepted)
    requests = wanted(made, accepted)
    await check_books(house, requests)
    books = await house.books()
    sent = Counter(line["delivery_id"] for book in books.values() for line in book["requests"])
    assert set(sent.values()) == {1}, "no delivery was sent twice"
    assert len(sent) == requests.total()
    took = Counter(await log_when(children, LODGED, 2 * COUNT))
    assert took.total() == 2 * COUNT
    assert min(took["1"], took["2"]) > 0, "both workers had their part"


@pytest.mark.timeout(120)
async def test_a_worker_killed_under_load_loses_nothing_and_is_replaced(children, tmp_path):
    house = await house_of_two(children, tmp_path, BEHAVIOUR, QUICK_RETRIES | SHORT_LEASES)
    crew = await workers(children)
    made = lodgements(SCHEMAS, COUNT)
    async with (
        asyncio.timeout(100),
        Trader(house.stage.url, house.stage.trader_key) as trader,
        asyncio.TaskGroup() as tasks,
    ):
        traders = Traders(trader)
        for each in made:
            tasks.create_task(traders.lodge(each))
        for number, so_far in (("1", COUNT // 3), ("2", 2 * COUNT // 3)):
            await traders.until_accepted(so_far)
            assert len(traders.accepted) < COUNT, "killed while declarations were being lodged"
            os.kill(crew[number], signal.SIGKILL)
        await traders.until_accepted(COUNT)
        replaced = await workers(children, 4)
        assert set(crew.values()).isdisjoint(replaced.values())
        for each in made:
            tasks.create_task(traders.lodge_again(each))
        await check_outcomes(trader, made, traders.accepted)
    await check_books(house, wanted(made, traders.accepted))
    assert {each.reference: traders.again[each.reference].mrn for each in made} == {
        each.reference: traders.accepted[each.reference].mrn for each in made
    }
    told = children.log("gateway").read_text()
    assert "worker 1 (process " in told and "was ended by SIGKILL; another takes its place in 0.1 s" in told


async def test_a_killed_supervisor_takes_its_workers_along_and_a_new_start_goes_on(children, tmp_path):
    house = await house_of_two(children, tmp_path, AT_ONCE, {})
    crew = await workers(children)
    [made] = lodgements(SCHEMAS, 1)
    async with Trader(house.stage.url, house.stage.trader_key) as trader:
        accepted = await trader.lodge(made)
        await house.kill()
        await ended(list(crew.values()))
        with pytest.raises(Unreachable):
            await trader.lodge(made)
        await house.restart()
        assert (await trader.lodge(made)).mrn == accepted.mrn
        await check_outcomes(trader, [made], {made.reference: accepted})


async def test_a_second_gateway_on_the_same_database_is_refused(children, tmp_path):
    house = await house_of_two(children, tmp_path, AT_ONCE, {})
    for count in "1", "2":
        other = Children(tmp_path / f"other-{count}")
        other.log("gateway").parent.mkdir()
        with pytest.raises(NotStarted, match="already in use by another guichet process"):
            await start_gateway(other, house.stage.environment | {"GUICHET_PORT": "0", "GUICHET_WORKERS": count})
        await other.stop("gateway")
    async with Trader(house.stage.url, house.stage.trader_key) as trader:
        await trader.lodge(lodgements(SCHEMAS, 1)[0])


async def test_an_account_made_beside_it_is_known_to_all_at_once(children, tmp_path):
    house = await house_of_two(children, tmp_path, AT_ONCE, {})
    [key] = await register_accounts(load(None, house.stage.environment), [NewAccount("latecomer", "trader")])
    [made] = lodgements(SCHEMAS, 1)
    async with AsyncExitStack() as open_connections:
        answers = []
        for _ in range(4):  # those that are kept send the next to another worker; an agency has one too
            trader = await open_connections.enter_async_context(Trader(house.stage.url, key))
            answers.append(await trader.lodge(made))
    assert len({answer.mrn for answer in answers}) == 1, "all give the first answer"
    assert set(await log_when(children, LODGED, 4)) == {"1", "2"}


async def stop(gateway: Child, number: signal.Signals) -> int:
    gateway.process.send_signal(number)
    return await asyncio.wait_for(gateway.process.wait(), 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_in_order(children, tmp_path, number):
    house = await house_of_two(children, tmp_path, AT_ONCE, {})
    crew = await workers(children)
    async with Trader(house.stage.url, house.stage.trader_key) as trader:
        await trader.lodge(lodgements(SCHEMAS, 1)[0])
        assert await stop(house.stage.gateway, number) == 0
    assert not [pid for pid in crew.values() if alive(pid)]
    kept = {file.name for file in tmp_path.glob("guichet.db*")}
    assert kept == {"guichet.db", "guichet.db.lock", "guichet.db.turns"}, "all is in one file"
    assert "Traceback" not in children.log("gateway").read_text()
