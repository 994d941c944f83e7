"""What who runs it sees from outside, of several workers: one scrape with the sums of all, a log that programs read."""

import asyncio
import json
import os
import signal

import aiohttp

from gateway.access.registration import NewAccount, register_accounts
from gateway.demo.cases import lodgements
from gateway.demo.processes import Children, free_port
from gateway.demo.trader import Trader
from gateway.settings import SCHEMAS, load
from tests.gateway.http.test_metrics import Numbers
from tests.gateway.scripted import eventually

ROUNDS = 40


def lines(children: Children) -> list[dict]:
    """The log so far, every whole line of which must be an object."""
    whole, _, _ = children.log("gateway").read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


async def ask(url: str, key: str = "") -> bytes:
    """One exchange over a connection of its own, which either worker may take."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url, headers=headers) as answer:
        return await answer.read()


async def test_one_scrape_tells_of_all_workers_and_no_counter_goes_back(children, tmp_path):
    environment = {"GUICHET_PORT": str(free_port()), "GUICHET_DATABASE": f"sqlite:///{tmp_path / 'x.db'}"}
    settings = load(None, environment)
    key, trader_key = await register_accounts(
        settings, [NewAccount("prometheus", "operator"), NewAccount("trader", "trader")]
    )
    await children.start("gateway", ("-m", "gateway", "serve", "--workers", "2", "--log-format", "json"), environment)

    async def counted(name: str, **labels: str) -> set[float]:
        """What several scrapes say, whichever worker they come to."""
        texts = await asyncio.gather(*(ask(f"{settings.base_url}/metrics", key) for _ in range(8)))
        return {Numbers(text)(name, **labels) for text in texts}

    await asyncio.gather(*(ask(f"{settings.base_url}/healthz") for _ in range(ROUNDS)))
    async with Trader(settings.base_url, trader_key) as trader:
        accepted = await trader.lodge(lodgements(SCHEMAS, 1)[0])
    alive = {"route": "alive", "status": "200"}
    assert await counted("requests_total", **alive) == {ROUNDS}
    assert await counted("workers") == {2}

    await eventually(lambda: any(line.get("path") == "/v1/declarations" for line in lines(children)))
    answered = [line for line in lines(children) if line.get("path") == "/healthz"]
    assert {line["worker"] for line in answered} == {1, 2}, "both had their part"
    [lodged] = [line for line in lines(children) if line.get("path") == "/v1/declarations"]
    assert (lodged["method"], lodged["status"], lodged["conversation"]) == ("POST", 202, accepted.conversation_id)
    assert lodged["bytes"] > 0 and lodged["milliseconds"] > 0

    [ready] = [line["message"] for line in lines(children) if line["message"].startswith("worker 1 (process")]
    os.kill(int(ready.split()[3].rstrip(")")), signal.SIGKILL)
    await eventually(lambda: sum("is ready" in line["message"] for line in lines(children)) == 3)
    assert await counted("requests_total", **alive) == {ROUNDS}, "who is replaced goes on where it ended"
