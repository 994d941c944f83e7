"""A broker with sixty real messages: it lodges, amends some, takes some back, says that goods have arrived, in both
formats, while its gateway is killed.

It hears of them in three ways at once: it pulls, it listens, and it has an address. In the end its three books are one,
and that is what the gateway has on record.
"""

import asyncio
import re
import shutil
import signal
from collections import defaultdict
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway import bootstrap
from gateway.access.registration import NewAccount, register_accounts
from gateway.client import OVER, Client, Refusal
from gateway.demo.processes import Child, Children, free_port
from gateway.demo.stage import start_gateway
from gateway.lifecycle import TOLD
from gateway.notify.notifications import Notification
from gateway.settings import SCHEMAS, load
from tests.gateway.receiving import Receiver, receiving
from tests.gateway.scripted import decision, eventually

FILES = 60
CANCELLATION = "Step3_Cancellation.xml"  # one of the files: what takes a declaration back
ARRIVALS = ("Step1_GPN.xml", "Step2_GPN.xml")  # two of them: what says that goods have arrived
BEFORE_ARRIVAL = ("EXD", "IMD")  # what the publisher of the files calls what is lodged before
AT_ONCE = 6
NAMED = re.compile(rb"(<(?:\w+:)?ID>)[^<]+")  # the declaration that a message is about
JSON = {"Content-Type": "application/json"}
DESCRIPTION = re.compile(rb'(Description(?:>|":"))')  # the first description in a declaration, in either format
HEADING = (SCHEMAS / "requirements" / "xz.csv").read_text(encoding="utf-8").partition("\n")[0]


class Book:
    """What a broker knows of its cases: what it sent, and what it was told, in three ways."""

    def __init__(self) -> None:
        self.versions: dict[str, list[bytes]] = {}
        self.taken_back: set[str] = set()
        self.arrived: set[str] = set()
        self.streamed: list[Notification] = []
        self.over: set[str] = set()
        self.news = asyncio.Condition()

    async def hear(self, client: Client) -> None:
        """Listen until nobody listens any more."""
        async for told in client.listen(after=0):
            self.streamed.append(told)
            if told.kind in OVER:
                self.over.add(told.mrn)
            async with self.news:
                self.news.notify_all()

    async def until(self, condition) -> None:
        async with self.news:
            await self.news.wait_for(condition)


class Broker:
    """Lodges, amends, takes back, and says that goods have arrived."""

    def __init__(self, client: Client, book: Book, cancellation: bytes, arrivals: list[bytes]) -> None:
        self._client, self._book, self._cancellation, self._arrivals = client, book, cancellation, arrivals
        self._room = asyncio.Semaphore(AT_ONCE)
        self.done: set[str] = set()
        self.half = asyncio.Event()  # of the files are done with

    async def live(self, number: int, body: bytes) -> None:
        """One declaration's life: every second one as JSON, each third amended, each fifth taken back."""
        async with self._room:
            document = await self._formed(body, number)
            accepted = await self._client.lodge(document, key=f"broker-{number}")
            versions = self._book.versions[accepted.mrn] = [document]
            if number % 3 == 0:
                changed = DESCRIPTION.sub(rb"\g<1>Amended: ", document, count=1)
                await self._amend(accepted.mrn, await self._formed(changed, number + 1), versions)
            if number % 5 == 0:
                await self._take_back(accepted.mrn)
            elif (await self._client.status(accepted.mrn)).arrival is not None:
                await self._arrive(accepted.mrn, self._arrivals[number % len(self._arrivals)])
            self.done.add(accepted.mrn)
            if len(self.done) == FILES // 2:
                self.half.set()

    async def _arrive(self, mrn: str, notification: bytes) -> None:
        document = NAMED.sub(rb"\g<1>" + mrn.encode(), notification, count=1)
        assert (await self._client.arrive(mrn, document)).location
        self._book.arrived.add(mrn)

    async def _formed(self, document: bytes, number: int) -> bytes:
        """As JSON or as XML, in turns."""
        return await self._client.convert(document, "json" if number % 2 else "xml")

    async def _amend(self, mrn: str, document: bytes, versions: list[bytes]) -> None:
        try:
            assert (await self._client.amend(mrn, document)).version == 2
        except Refusal as refusal:
            assert (refusal.problem.status, refusal.problem.state) == (409, "released"), "no agency had to see it"
        else:
            versions.append(document)

    async def _take_back(self, mrn: str) -> None:
        try:
            await self._client.invalidate(mrn, NAMED.sub(rb"\g<1>" + mrn.encode(), self._cancellation, count=1))
        except Refusal as refusal:
            assert (refusal.problem.status, refusal.problem.state) == (409, "released")
        else:
            self._book.taken_back.add(mrn)


async def decide_what_is_done_with(url: str, key: str, done: set[str]) -> None:
    """An agency that looks into its inbox again and again, and decides on what its broker will not change any more."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        while True:
            try:
                async with session.get(f"{url}/v1/agency/deliveries?limit=500") as answer:
                    waiting = [each for each in (await answer.json())["deliveries"] if each["mrn"] in done]
                for each in waiting:
                    verdict = decision("refused" if each["mrn"][-1] in "13579" else "granted")
                    place = f"{url}/v1/agency/deliveries/{each['id']}/decision"
                    async with session.post(place, data=verdict, headers=JSON) as answer:
                        assert answer.status in (200, 409), await answer.text()
            except aiohttp.ClientError:
                pass  # the gateway is down; the inbox is still there afterwards
            await asyncio.sleep(0.05)


def everything_is_wanted(folder: Path) -> Path:
    """The country's tables, but one agency wants to see all goods; and what their country lodges before arrival."""
    schemas = shutil.copytree(SCHEMAS, folder / "schemas")
    rows = [
        f"T-{way.upper()}-{chapter:02},TEX,{chapter:02},{way},,,,N853,All goods are looked at,Test Act 2026,2012-01-01,"
        for way in ("import", "export")
        for chapter in range(1, 98)
    ]
    with (schemas / "stages" / "types.tsv").open("a", encoding="utf-8") as stages:
        stages.writelines(f"GB\t{kind}\t\t\tyes\t\t\t\n" for kind in BEFORE_ARRIVAL)
    (schemas / "requirements" / "xz.csv").write_text("\n".join([HEADING, *rows, ""]), encoding="utf-8")
    return schemas


@pytest.fixture
async def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "GUICHET_PORT": str(free_port()),
        "GUICHET_DATABASE": f"sqlite:///{tmp_path / 'guichet.db'}",
        "GUICHET_SCHEMAS": str(everything_is_wanted(tmp_path)),
        "GUICHET_NOTIFICATIONS__PRIVATE": "true",
        "GUICHET_NOTIFICATIONS__RETRY__FIRST": "0.1",
        "GUICHET_NOTIFICATIONS__RETRY__CAP": "0.5",
    }


@pytest.mark.timeout(150)
async def test_a_brokers_books_are_the_gateways(children: Children, corpus, environment, tmp_path):
    files = sorted((corpus / "uk-cds" / "samples" / "declarations").glob("*.xml"))
    assert len(files) == FILES
    others = enumerate(file for file in files if file.name != CANCELLATION)
    declarations = [(number, file.read_bytes()) for number, file in others if file.name not in ARRIVALS]
    arrivals = [file.read_bytes() for file in files if file.name in ARRIVALS]
    cancellation = next(file for file in files if file.name == CANCELLATION).read_bytes()
    settings, accounts = load(None, environment), [NewAccount("Broker", "trader"), NewAccount("TEX", "agency", "TEX")]
    key, agency_key = await register_accounts(settings, accounts)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        await give_address(settings, receiver)
        gateway = await start_gateway(children, environment)
        client = await stack.enter_async_context(Client(settings.base_url, key, tries=9))
        book = Book()
        broker = Broker(client, book, cancellation, arrivals)
        listening = asyncio.create_task(book.hear(client))
        deciding = asyncio.create_task(decide_what_is_done_with(settings.base_url, agency_key, broker.done))
        living = [asyncio.create_task(broker.live(*each)) for each in declarations]
        await broker.half.wait()
        assert not all(task.done() for task in living), "killed while there was still something to do"
        await kill(children, gateway)
        await start_gateway(children, environment)
        await asyncio.gather(*living)
        await book.until(lambda: book.over >= set(book.versions))
        for task in (listening, deciding):
            task.cancel()
        await equal(client, book, receiver)


async def give_address(settings, receiver: Receiver) -> None:
    store = bootstrap.side_store(settings)
    await store.open()
    await store.set_callback("Broker", receiver.url, "secret")
    await store.close()


async def kill(children: Children, gateway: Child) -> None:
    gateway.process.send_signal(signal.SIGKILL)
    await children.stop("gateway")


async def equal(client: Client, book: Book, receiver: Receiver) -> None:
    """What was pulled, streamed and pushed is the same, without gaps; and so is what is on record."""
    page = await client.notifications(after=0, limit=100)
    pulled = list(page.notifications)
    while page.more:
        page = await client.notifications(after=int(page.next), limit=100)
        pulled += page.notifications
    numbers = list(range(1, page.last + 1))
    assert [told.number for told in pulled] == [told.number for told in book.streamed] == numbers
    assert book.streamed == pulled
    await eventually(lambda: set(receiver.numbers()) == set(numbers))
    pushed = {each["number"]: each for each in receiver.taken}
    assert [pushed[number] for number in numbers] == [plain(told) for told in pulled]
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for each in pulled:
        told[each.mrn].append((each.kind, each.at))
    assert {line.mrn async for line in client.declarations()} == set(book.versions) == set(told)
    assert any(len(versions) == 2 for versions in book.versions.values()) and book.taken_back
    assert book.arrived
    for mrn in book.versions:
        await check_case(client, book, mrn, [kind for kind, _ in told[mrn]])


def plain(told: Notification) -> dict[str, Any]:
    """A notification as it is pushed."""
    return msgspec.json.decode(msgspec.json.encode(told))


async def check_case(client: Client, book: Book, mrn: str, kinds: list[str]) -> None:
    status, history, versions = await client.status(mrn), await client.timeline(mrn), book.versions[mrn]
    assert history.intact
    assert [event.kind for event in history.events if event.kind in TOLD] == kinds
    assert status.status == kinds[-1]
    assert (status.status == "invalidated") == (mrn in book.taken_back)
    assert (
        kinds.count("arrival") == (mrn in book.arrived) == (status.arrival is not None and not status.arrival.awaited)
    )
    assert status.version == len(versions) and status.digest == sha256(versions[-1]).hexdigest()
    for number, sent in enumerate(versions, 1):
        assert await client.message(mrn, version=number) == sent
