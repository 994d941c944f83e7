"""The gateway is killed while a broker lodges and its importer confirms, and started again on the same database.

What was answered stays so, and a repeat is answered as the first time; every other filing waits, whole, for its
confirmation. No agency is asked before it, and none twice.
"""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from gateway.access.registration import NewAccount, opened, register_accounts
from gateway.clock import utc_now
from gateway.demo.processes import Children, free_port
from gateway.demo.stage import start_gateway
from gateway.mandates import office
from gateway.settings import load
from tests.system.conftest import SAMPLES

COUNT = 60
HOTEL = (SAMPLES / "import-hotel-supplies.json").read_bytes()
IMPORTER, BROKER = "XZ810090008145", "XZ100200300430"
MANDATE = {"Mandate": {"AgentID": BROKER, "DirectionCode": ["import"], "ConfirmationCode": "each"}}
CONFIRMED = {"Confirmation": {"OutcomeCode": "confirmed"}}
ASKED = {"FSA", "MED", "PHS", "TEX", "WLD"}


class Pair:
    """An importer and its broker, and what was answered to them."""

    def __init__(self, importer: aiohttp.ClientSession, broker: aiohttp.ClientSession) -> None:
        self.lodged: dict[int, dict] = {}
        self.confirmed: dict[int, dict] = {}
        self.importer, self.broker = importer, broker

    async def lodge(self, number: int) -> dict:
        body = HOTEL.replace(b"GRANDALMAR-OPENING-01", b"GRANDALMAR-%d" % number)
        headers = {"Content-Type": "application/json"}
        async with self.broker.post("/v1/declarations", data=body, headers=headers) as answer:
            return await answer.json()

    async def confirm(self, number: int) -> dict:
        path = f"/v1/declarations/{self.lodged[number]['mrn']}/confirmation"
        async with self.importer.post(path, json=CONFIRMED) as answer:
            return await answer.json()

    async def go_through(self, part: range, enough: asyncio.Event) -> None:
        try:
            for number in part:
                self.lodged[number] = await self.lodge(number)
                if number % 3:  # some wait on
                    self.confirmed[number] = await self.confirm(number)
                if len(self.confirmed) >= COUNT // 3:
                    enough.set()
        except aiohttp.ClientConnectionError:
            return


async def keys(environment: dict[str, str]) -> list[str]:
    """Those of importer and broker, who are registered."""
    settings = load(None, environment)
    made = await register_accounts(settings, [NewAccount("importer", "trader"), NewAccount("broker", "trader")])
    async with opened(settings) as store:
        await office.add_identifier(store, "importer", IMPORTER, utc_now())
        await office.add_identifier(store, "broker", BROKER, utc_now())
    return made


def session(url: str, key: str) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    return aiohttp.ClientSession(url, headers=headers, raise_for_status=True)


@pytest.mark.timeout(120)
async def test_what_was_lodged_and_confirmed_stays_so(children: Children, tmp_path: Path):
    port = free_port()
    environment = {"GUICHET_PORT": str(port), "GUICHET_DATABASE": f"sqlite:///{tmp_path / 'guichet.db'}"}
    importer_key, broker_key = await keys(environment)
    gateway, url = await start_gateway(children, environment), f"http://127.0.0.1:{port}"
    async with asyncio.timeout(100), session(url, importer_key) as importer, session(url, broker_key) as broker:
        pair, enough = Pair(importer, broker), asyncio.Event()
        await importer.post("/v1/mandates", json=MANDATE)
        going = [asyncio.create_task(pair.go_through(range(part, COUNT, 4), enough)) for part in range(4)]
        await enough.wait()
        gateway.process.kill()
        await children.stop("gateway")
        await asyncio.gather(*going)
        lodged, confirmed = dict(pair.lodged), dict(pair.confirmed)
        assert len(lodged) < COUNT, "killed while declarations were being lodged"
        await start_gateway(children, environment)

        for number in range(COUNT):
            pair.lodged[number] = await pair.lodge(number)
            assert pair.lodged[number]["mrn"] == lodged.get(number, pair.lodged[number])["mrn"]
            assert pair.lodged[number]["replayed"] or number not in lodged
        waiting = await names(importer, "?status=awaiting-confirmation&limit=500")
        for number in range(COUNT):
            again = await pair.confirm(number)
            if number in confirmed:
                assert again == {**confirmed[number], "asked": [], "replayed": True}
            assert again["replayed"] == (pair.lodged[number]["mrn"] not in waiting)
        assert await names(importer, "?status=awaiting-confirmation") == []
        assert len(await names(importer, "?limit=500")) == COUNT
        for taken in pair.lodged.values():
            await check_history(importer, taken["mrn"])


async def names(importer: aiohttp.ClientSession, query: str) -> list[str]:
    async with importer.get(f"/v1/principal/declarations{query}") as answer:
        return [each["mrn"] for each in (await answer.json())["declarations"]]


async def check_history(importer: aiohttp.ClientSession, mrn: str) -> None:
    """It was confirmed once, and each agency asked once and after that."""
    async with importer.get(f"/v1/declarations/{mrn}/timeline") as answer:
        timeline = await answer.json()
    kinds = [each["kind"] for each in timeline["events"]]
    assert timeline["intact"] and kinds.count("confirmation") == kinds.count("awaiting-confirmation") == 1
    asked = [each for each in timeline["events"] if each["kind"] in ("queued", "offered")]
    assert sorted(each["data"]["agency"] for each in asked) == sorted(ASKED)
    assert min(each["seq"] for each in asked) > kinds.index("confirmation")
