"""A house under load: a gateway that can be killed, agencies whose books can be read, and traders who insist.

The agencies' own books are the witnesses of what was asked of them and of what they decided.
"""

import asyncio
from collections import Counter

import aiohttp

from gateway.client import Unreachable
from gateway.demo.cases import Lodgement
from gateway.demo.processes import Children
from gateway.demo.stage import Stage, start_gateway
from gateway.demo.trader import Trader
from gateway.ports import Acceptance

# Slow enough that there is always something in flight, and with answers that get lost, so that deliveries are repeated.
BEHAVIOUR = """
[defaults]
delay = 0.3
[FSA]
fault = "truncate"
fault_rate = 0.1
[PHS]
answer = "callback"
media = "xml"
delay = 0.8
[MED]
refuse_hs = ["293941"]
fault = "503"
fault_rate = 0.1
[WLD]
answer = "callback"
media = "xml"
delay = 1.2
refuse_hs = ["9601"]
[TEX]
answer = "poll"
lpco = false
"""
QUICK_RETRIES = {"GUICHET_RETRY__FIRST": "0.2", "GUICHET_RETRY__CAP": "1"}


class Traders:
    """Lodges everything, and sends again what got no answer, as a trader's software does."""

    def __init__(self, trader: Trader) -> None:
        self.accepted: dict[str, Acceptance] = {}
        self.again: dict[str, Acceptance] = {}
        self._trader = trader
        self._room = asyncio.Semaphore(16)
        self._progress = asyncio.Condition()

    async def lodge(self, lodgement: Lodgement) -> None:
        async with self._room:
            self.accepted[lodgement.reference] = await self._insist(lodgement)
        async with self._progress:
            self._progress.notify_all()

    async def lodge_again(self, lodgement: Lodgement) -> None:
        async with self._room:
            self.again[lodgement.reference] = await self._insist(lodgement)

    async def until_accepted(self, count: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.accepted) >= count)

    async def _insist(self, lodgement: Lodgement) -> Acceptance:
        while True:
            try:
                return await self._trader.lodge(lodgement)
            except Unreachable:
                await asyncio.sleep(0.1)


class House:
    """The gateway, which can be killed, and the agencies, whose books can be read."""

    def __init__(self, children: Children, stage: Stage) -> None:
        self.stage = stage
        self._children, self._gateway = children, stage.gateway

    async def kill(self) -> None:
        self._gateway.process.kill()
        await self._children.stop("gateway")

    async def restart(self) -> None:
        self._gateway = await start_gateway(self._children, self.stage.environment)

    async def books(self) -> dict[str, dict[str, list[dict[str, str]]]]:
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            return {
                code: await (await session.get(f"{url}/ledger")).json() for code, url in self.stage.agencies.items()
            }


def wanted(made: list[Lodgement], accepted: dict[str, Acceptance]) -> Counter[tuple[str, str]]:
    """Agency and MRN of every request that an agency must have got, each once."""
    return Counter(
        (code, accepted[each.reference].mrn)
        for each in made
        if each.reference in accepted
        for code in each.expected.agencies
    )


async def check_books(house: House, requests: Counter[tuple[str, str]]) -> None:
    """Every request was decided, and no delivery was decided twice, neither under its own id nor under another."""
    books = await house.books()
    decided = Counter((code, line["mrn"]) for code, book in books.items() for line in book["decisions"])
    assert decided == requests
    deliveries = Counter(line["delivery_id"] for book in books.values() for line in book["decisions"])
    assert set(deliveries.values()) == {1}


async def check_outcomes(trader: Trader, made: list[Lodgement], accepted: dict[str, Acceptance]) -> None:
    """Every case reaches the outcome of its sample."""
    waiting = {accepted[each.reference].mrn: each.expected.outcome for each in made}
    assert len(waiting) == len(made), "one case for each reference"
    while waiting:
        for mrn, outcome in list(waiting.items()):
            if (await trader.status(mrn)).status == outcome:
                del waiting[mrn]
        await asyncio.sleep(0.2)
