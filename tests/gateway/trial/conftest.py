"""A gateway at work behind a real socket, with live partners that are watched, and two accounts for trade test."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import aiohttp
import msgspec
import pytest_asyncio
from aiohttp import web

from gateway import bootstrap
from gateway.http.app import create
from gateway.http.server import Runner
from gateway.ports import CaseFile
from gateway.settings import NotificationSettings, OutboxSettings, Settings
from tests.gateway.conftest import PUSHED
from tests.gateway.http.conftest import House, read_sample
from tests.gateway.scripted import ManualClock, ScriptedAdapter, case_when, states

PATH = "/v1/declarations"
CLOCK = "/v1/test/clock"
CALLERS = (
    ("tester", "trader", None, True),
    ("other", "trader", None, True),
    ("trader", "trader", None, False),
    ("fsa", "agency", "FSA", False),
    ("tex", "agency", "TEX", False),
    ("operator", "operator", None, False),
)
NUMBERS = count(1)


@dataclass
class Trial(House):
    """A house of which the time stands still, unless a test account's clock is put forward."""

    clock: ManualClock = field(default_factory=ManualClock)
    partners: dict[str, ScriptedAdapter] = field(default_factory=dict)

    async def lodges(self, sample: str, caller: str = "tester", query: str = "", **headers: str) -> dict:
        """Lodge a sample as XML; its acceptance."""
        named = {"Accept": "application/json", "Content_Type": "application/xml", **headers}
        body = read_sample(f"{sample}.xml")
        reply = await self.call("POST", PATH + query, caller, body, **named)
        assert reply.status == 202, reply.body
        return reply.json

    async def advance(self, by: str | None = None, caller: str = "tester") -> dict:
        """Put a clock forward, without a time until nothing is pending."""
        reply = await self.call("POST", CLOCK + (f"?advance={by}" if by else ""), caller, Accept="application/json")
        assert reply.status == 200, reply.body
        return reply.json

    async def status(self, mrn: str, caller: str = "tester") -> dict:
        return (await self.get(f"{PATH}/{mrn}", caller, Accept="application/json")).json

    async def agencies(self, mrn: str, caller: str = "tester") -> dict[str, str]:
        """How each agency stands."""
        return {each["code"]: each["status"] for each in (await self.status(mrn, caller))["agencies"]}

    async def case(self, mrn: str, **wanted: str) -> CaseFile:
        """The case, as soon as these agencies' deliveries are in these states."""
        return await case_when(self.gateway, mrn, lambda file: wanted.items() <= states(file).items())


def settings_of(folder: Path) -> Settings:
    outbox = OutboxSettings(send=2.0, lease=30.0, idle=0.05, pick_up=0.02, stop=0.2)
    told = NotificationSettings(look=0.02, private=True)
    return Settings(database=f"sqlite:///{folder / 'guichet.db'}", outbox=outbox, notifications=told)


@asynccontextmanager
async def at_work(folder: Path, clock: ManualClock | None = None) -> AsyncIterator[Trial]:
    """A house that works, and knows no callers yet. Wildlife is reached by folder, all others as they mostly are."""
    clock, partners = clock or ManualClock(), {code: ScriptedAdapter() for code in PUSHED}
    built = bootstrap.build(settings_of(folder), clock=clock, adapters=partners)
    agencies = dict(built.agencies)
    agencies["WLD"] = msgspec.structs.replace(agencies["WLD"], channel="folder", folder="unused", url=None)
    async with bootstrap.running(dataclasses.replace(built, agencies=agencies)) as gateway:
        runner = Runner(create(gateway), shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with aiohttp.ClientSession() as session:
                host, port = runner.addresses[0][:2]
                yield Trial(gateway, host, port, session, {}, clock, partners)
        finally:
            await runner.cleanup()


async def welcome(house: Trial, number: int) -> Trial:
    """Fresh accounts of everybody."""
    for name, role, agency, test in CALLERS:
        _, house.keys[name] = await house.gateway.accounts.register(f"{name} {number}", role, agency, test=test)
    return house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory) -> AsyncIterator[Trial]:
    """One gateway for the tests of a module; they must run in the module's loop."""
    async with at_work(tmp_path_factory.mktemp("trial")) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def house(shared: Trial) -> Trial:
    """The same, to accounts that have done nothing yet."""
    return await welcome(shared, next(NUMBERS))
