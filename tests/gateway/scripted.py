"""Partners and a clock that do what a test tells them, and waiting for what users would notice."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from adapters.port import Outgoing, OutgoingNotice, Pickup, Receipt
from gateway.intake import Lodgement, lodge
from gateway.ports import Acceptance, Account, CaseFile, Event
from gateway.service import Gateway

SAMPLES = Path(__file__).resolve().parent.parent.parent / "schemas" / "samples"
PATIENCE = 10.0

Play = Receipt | Exception | Callable[[Outgoing], Awaitable[Receipt]]


class ScriptedAdapter:
    """A channel: plays its `script` play by play, then `otherwise` for ever; of notices, `hearing`, then takes them."""

    def __init__(self, otherwise: Play | None = None) -> None:
        self.otherwise: Play = otherwise or Receipt()
        self.script: deque[Play] = deque()
        self.sent: list[Outgoing] = []
        self.hearing: deque[Exception | Callable[[OutgoingNotice], Awaitable[None]] | None] = deque()
        self.told: list[OutgoingNotice] = []
        self.now, self.most = 0, 0
        self.waiting: list[Pickup] = []
        self.settled: dict[str, str | None] = {}
        self.closed = False

    async def send(self, outgoing: Outgoing) -> Receipt:
        self.sent.append(outgoing)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            play = self.script.popleft() if self.script else self.otherwise
            if isinstance(play, Exception):
                raise play
            return play if isinstance(play, Receipt) else await play(outgoing)
        finally:
            self.now -= 1

    async def tell(self, notice: OutgoingNotice) -> None:
        self.told.append(notice)
        play = self.hearing.popleft() if self.hearing else None
        if isinstance(play, Exception):
            raise play
        if play is not None:
            await play(notice)

    async def pick_up(self) -> list[Pickup]:
        return list(self.waiting)

    async def settle(self, token: str, problem: str | None) -> None:
        self.settled[token] = problem
        self.waiting = [pickup for pickup in self.waiting if pickup.token != token]

    async def close(self) -> None:
        self.closed = True


class ManualClock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def decision(outcome: str = "granted", delivery_id: str | None = None, **fields) -> bytes:
    """A decision message in JSON."""
    named = {"DeliveryID": delivery_id} if delivery_id else {}
    return msgspec.json.encode({"Decision": {**named, "OutcomeCode": outcome, **fields}})


def invalidation(mrn: str, reason: str = "Lodged twice by mistake", reference: str = "INV-1") -> bytes:
    """An invalidation (CANCEL) in JSON."""
    declaration = {
        "FunctionCode": "13",
        "FunctionalReferenceID": reference,
        "ID": mrn,
        "TypeCode": "INV",
        "AdditionalInformation": [{"StatementDescription": reason, "StatementTypeCode": "AES"}],
        "Amendment": [{"ChangeReasonCode": "1"}],
    }
    return msgspec.json.encode({"MetaData": {"Declaration": declaration}})


def arrival(mrn: str, at: str | None = None, place: dict | None = None, reference: str = "GPN-1") -> bytes:
    """A notification of arrival (ARRIVAL) in JSON; without a time and a place, as other services take it."""
    declaration: dict = {"FunctionCode": "13", "FunctionalReferenceID": reference, "ID": mrn}
    if at:
        declaration["IssueDateTime"] = {"DateTimeString": {"@formatCode": "304", "value": at}}
    declaration |= {"TypeCode": "GPR", "Submitter": {"ID": "XZ100200300430"}}
    if place:
        declaration["GoodsShipment"] = {"Consignment": {"GoodsLocation": place}}
    return msgspec.json.encode({"MetaData": {"Declaration": declaration}})


def taking_back(account: Account, mrn: str, **fields) -> Lodgement:
    """An invalidation as its sender hands it in."""
    values = {"body": invalidation(mrn), "media": "application/json", "conversation_id": "later conversation"}
    return Lodgement(account=account, **(values | fields))


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def renamed(name: str, reference: str) -> bytes:
    """An XML sample under another reference."""
    return re.sub(rb"(FunctionalReferenceID>)[^<]+", rb"\g<1>" + reference.encode(), sample(name), count=1)


def altered(name: str, *changes: tuple[str, str]) -> bytes:
    """A sample in which texts were put in the places of others, each of which stands in it once."""
    body = sample(name).decode()
    for old, new in changes:
        assert body.count(old) == 1, old
        body = body.replace(old, new)
    return body.encode()


async def lodge_sample(gateway: Gateway, account: Account, name: str, **fields) -> Acceptance:
    """Lodge one of the country's samples, as `import-cut-flowers-kenya.xml`."""
    media = {"xml": "application/xml", "json": "application/json"}[name.rpartition(".")[2]]
    values = {"account": account, "body": sample(name), "media": media, "conversation_id": "conversation"}
    return await lodge(gateway, Lodgement(**(values | fields)))


async def case(gateway: Gateway, mrn: str) -> CaseFile:
    """The case as it stands."""
    file = await gateway.store.case_file(mrn)
    assert file is not None
    return file


async def case_when(gateway: Gateway, mrn: str, condition: Callable[[CaseFile], bool]) -> CaseFile:
    """The case as soon as the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition(file := await case(gateway, mrn)):
        assert time.monotonic() < deadline, f"still not so: {kinds(file)} {states(file)}"
        await asyncio.sleep(0.005)
    return file


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns as soon as the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "still not so"
        await asyncio.sleep(0.005)


def kinds(file: CaseFile) -> list[str]:
    return [event.kind for event in file.events]


def steps(file: CaseFile) -> list[Event]:
    """The history without what agencies were told, which comes at the pace of each."""
    return [event for event in file.events if event.kind != "told"]


def states(file: CaseFile) -> dict[str, str]:
    return {delivery.agency: delivery.state for delivery in file.deliveries}


def delivery_to(file: CaseFile, agency: str):
    return next(delivery for delivery in file.deliveries if delivery.agency == agency)
