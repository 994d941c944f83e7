"""A real gateway on a real store, with scripted partners and a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import bootstrap
from gateway.ports import Account
from gateway.service import Gateway
from gateway.settings import OutboxSettings, Settings
from gateway.store.sqlite import SqliteStore
from tests.gateway.scripted import ManualClock, ScriptedAdapter

PUSHED = ("FSA", "MED", "PHS", "WLD")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def partners() -> dict[str, ScriptedAdapter]:
    """By agency; each takes what it is sent and does not decide, unless a test says otherwise."""
    return {code: ScriptedAdapter() for code in PUSHED}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where a store of its own is; the gateway's is elsewhere."""
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    """A store without a gateway."""
    opened = SqliteStore(database)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    outbox = OutboxSettings(send=2.0, lease=30.0, idle=0.05, pick_up=0.02, stop=0.2)
    return Settings(database=f"sqlite:///{tmp_path / 'guichet.db'}", outbox=outbox)


@pytest.fixture
def built(settings: Settings, clock: ManualClock, partners: dict[str, ScriptedAdapter]) -> Gateway:
    """Put together, nothing open yet."""
    return bootstrap.build(settings, clock=clock, adapters=partners)


@pytest.fixture
async def gateway(built: Gateway) -> AsyncIterator[Gateway]:
    """At work."""
    async with bootstrap.running(built):
        yield built


@pytest.fixture
async def trader(gateway: Gateway) -> Account:
    account, _ = await gateway.accounts.register("Greengate Brokers", "trader")
    return account
