"""A real gateway with a real store behind a real socket, and callers with keys. Nothing is sent out: agencies call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from lxml import etree
from multidict import CIMultiDict

from datamodel.codecs import read, write
from datamodel.limits import Limits
from gateway import bootstrap
from gateway.clock import Clock, utc_now
from gateway.http.app import create
from gateway.http.server import Runner
from gateway.service import Gateway
from gateway.settings import BigSettings, NotificationSettings, Settings

CALLERS = (
    ("trader", "trader", None),
    ("rival", "trader", None),
    ("operator", "operator", None),
    ("author", "author", None),
    ("auditor", "auditor", None),
    ("fsa", "agency", "FSA"),
    ("phs", "agency", "PHS"),
    ("tex", "agency", "TEX"),
)
CEILING = 1024 * 1024


@dataclass
class Reply:
    """An answer, read to its end."""

    status: int
    headers: aiohttp.typedefs.LooseHeaders
    body: bytes

    @property
    def media(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def json(self):
        assert self.media.endswith("json"), self.body
        return msgspec.json.decode(self.body)

    @property
    def xml(self) -> etree._Element:
        assert self.media.endswith("xml"), self.body
        return etree.fromstring(self.body)

    @property
    def rules(self) -> list[str]:
        return [issue["rule"] for issue in self.json["issues"]]


class Wire:
    """A connection on which a test writes what it likes, HTTP or not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *parts: str | bytes) -> None:
        """Write the parts; text ends with a new line of HTTP."""
        self.writer.write(b"".join(part if isinstance(part, bytes) else part.encode() + b"\r\n" for part in parts))
        await self.writer.drain()

    async def reply(self, method: str = "GET") -> Reply:
        """The next answer, which has no body where it is one to HEAD."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = CIMultiDict(line.split(": ", 1) for line in lines)
        body = await self.reader.readexactly(0 if method == "HEAD" else int(headers.get("Content-Length", 0)))
        return Reply(int(first.split()[1]), headers, body)

    async def closed(self) -> bool:
        """Waits until the other side hangs up; nothing more may come."""
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True


@dataclass
class House:
    """A gateway that serves, and its callers' keys by name."""

    gateway: Gateway
    host: str
    port: int
    session: aiohttp.ClientSession
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def call(self, method: str, path: str, caller: str | None = None, data=None, **headers: str) -> Reply:
        """One exchange; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if caller:
            named.setdefault("Authorization", f"Bearer {self.keys[caller]}")
        skip = ("Content-Type", "Accept", "Accept-Encoding", "User-Agent")
        async with self.session.request(
            method, self.url + path, data=data, headers=named, skip_auto_headers=skip
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        """A bare connection."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()

    async def get(self, path: str, caller: str | None = "trader", **headers: str) -> Reply:
        return await self.call("GET", path, caller, **headers)

    async def post(self, path: str, data, media: str = "application/json", caller="trader", **headers: str) -> Reply:
        return await self.call("POST", path, caller, data, Content_Type=media, **headers)

    async def lodge(self, sample: str = "import-hotel-supplies", caller: str = "trader") -> dict:
        """Lodge a sample as JSON; its acceptance."""
        reply = await self.post("/v1/declarations", read_sample(f"{sample}.json"), caller=caller)
        assert reply.status == 202, reply.body
        return reply.json

    async def deliveries(self, caller: str) -> list[dict]:
        return (await self.get("/v1/agency/deliveries", caller)).json["deliveries"]


def read_sample(name: str) -> bytes:
    return (Settings().schemas / "samples" / name).read_bytes()


@asynccontextmanager
async def housed(
    folder: Path,
    patience: float = 30.0,
    ceiling: int = CEILING,
    schemas: Path | None = None,
    big: BigSettings | None = None,
    notifications: NotificationSettings | None = None,
    clock: Clock = utc_now,
    **others: object,
) -> AsyncIterator[House]:
    """A house of its own."""
    settings = Settings(
        database=f"sqlite:///{folder / 'guichet.db'}",
        limits=Limits(max_bytes=ceiling),
        patience=patience,
        schemas=schemas or Settings().schemas,
        big=big or BigSettings(),
        notifications=notifications or NotificationSettings(),
        **others,
    )
    gateway = bootstrap.build(settings, adapters={}, clock=clock)
    gateway.workshop.open(gateway)
    await gateway.store.open()
    runner = Runner(create(gateway), shutdown_timeout=1.0)
    try:
        keys = {}
        for name, role, agency in CALLERS:
            _, keys[name] = await gateway.accounts.register(name, role, agency)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield House(gateway, *runner.addresses[0], session, keys)
    finally:
        await runner.cleanup()
        await gateway.store.close()
        await gateway.workshop.close()


@pytest.fixture
async def house(tmp_path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory) -> AsyncIterator[House]:
    """One house for tests that leave no mark on it; they must run in the module's loop."""
    async with housed(tmp_path_factory.mktemp("shared")) as made:
        yield made


def canonical(house: House, body: bytes, form: str) -> bytes:
    """What a document says, as canonical JSON."""
    return write(read(house.gateway.registry, body, form), "json")
