"""The gateway is killed while traders say that goods have arrived and complete declarations, and started again.

What was acknowledged is answered as the first time; what was not was wholly done or not begun. In the end everything is
there, complete and released, each step once.
"""

import asyncio
import re

import aiohttp
import msgspec
import pytest

from gateway.demo.cases import Expected, Lodgement
from gateway.demo.processes import Children
from gateway.demo.stage import set_stage
from gateway.demo.trader import Trader
from tests.gateway.scripted import arrival, sample
from tests.system.house import BEHAVIOUR, QUICK_RETRIES, House, check_outcomes

COUNT = 40
SAMPLES = ("import-cut-flowers-kenya.json", "import-machine-parts-germany.json")  # one agency, and none
ACTS = ("supplements", "arrival")
WHEN = {"supplements": "supplemented_at", "arrival": "arrived_at"}


def declaration(number: int, kind: str, previous: str = "26XZ0000000000000Z") -> bytes:
    """One of a type, under a reference of its own, that names a declaration before it."""
    body = sample(SAMPLES[number % 2]).decode()
    body = re.sub(r'"FunctionalReferenceID": "[^"]*"', f'"FunctionalReferenceID": "COMING-{number:03}"', body, count=1)
    before = f'{{"CategoryCode": "Y", "ID": "{previous}", "TypeCode": "SDE", "LineNumeric": 1}}'
    body = body.replace('"PreviousDocument": [', f'"PreviousDocument": [{before},', 1)
    return body.replace('"TypeCode": "IMA"', f'"TypeCode": "{kind}"', 1).encode()


def lodgement(number: int) -> Lodgement:
    """One that is incomplete, and whose goods are to come."""
    expected, body = Expected(agencies=(), outcome="released"), declaration(number, "IMF")
    return Lodgement(
        sample=SAMPLES[number % 2], format="json", reference=f"COMING-{number:03}", body=body, expected=expected
    )


class Senders:
    """Do both acts to each case, every other one the other way round, and remember what was answered."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.mrns: list[str] = []
        self.answers: dict[tuple[int, str], dict] = {}
        self._session = session

    async def post(self, path: str, body: bytes) -> tuple[int, dict]:
        headers = {"Content-Type": "application/json"}
        async with self._session.post(f"/v1/declarations{path}", data=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> bytes:
        async with self._session.get(f"/v1/declarations/{path}", headers={"Accept": "*/*"}) as answer:
            assert answer.status == 200
            return await answer.read()

    async def act(self, number: int, act: str) -> dict:
        mrn = self.mrns[number]
        body = arrival(mrn) if act == "arrival" else declaration(number, "IMY", mrn)
        status, answer = await self.post(f"/{mrn}/{act}", body)
        assert status == 200, answer
        return answer

    async def go_through(self, numbers: range, enough: asyncio.Event) -> None:
        for number in numbers:
            for act in ACTS if number % 4 < 2 else reversed(ACTS):
                try:
                    self.answers[number, act] = await self.act(number, act)
                except aiohttp.ClientError:
                    return
            if len(self.answers) >= COUNT // 2:
                enough.set()


@pytest.mark.timeout(120)
async def test_what_arrived_and_was_completed_stays_so(children: Children, tmp_path):
    behaviour = tmp_path / "behaviour.toml"
    behaviour.write_text(BEHAVIOUR)
    house = House(children, await set_stage(children, tmp_path, behaviour, QUICK_RETRIES))
    key = {"Authorization": f"Bearer {house.stage.trader_key}", "Accept": "application/json"}
    async with (
        asyncio.timeout(100),
        Trader(house.stage.url, house.stage.trader_key) as trader,
        aiohttp.ClientSession(house.stage.url, headers=key) as session,
    ):
        senders, enough = Senders(session), asyncio.Event()
        made = [lodgement(number) for number in range(COUNT)]
        accepted = {each.reference: await trader.lodge(each) for each in made}
        senders.mrns = [accepted[each.reference].mrn for each in made]
        going = [asyncio.create_task(senders.go_through(range(part, COUNT, 4), enough)) for part in range(4)]
        await enough.wait()
        await house.kill()
        await asyncio.gather(*going)
        assert len(senders.answers) < 2 * COUNT, "killed while goods arrived and declarations were completed"
        await house.restart()

        for number in range(COUNT):
            for act in ACTS:
                again = await senders.act(number, act)
                first = senders.answers.get((number, act), again)
                assert {**again, "asked": [], "replayed": True} == {**first, "asked": [], "replayed": True}
                assert again["replayed"] or (number, act) not in senders.answers
        await check_outcomes(trader, made, accepted)
        for number, mrn in enumerate(senders.mrns):
            shown = msgspec.json.decode(await senders.get(mrn))
            assert (shown["version"], shown["arrival"]["awaited"], shown["supplement"]["awaited"]) == (2, False, False)
            assert await senders.get(f"{mrn}/message?version=1") == declaration(number, "IMF")
            assert await senders.get(f"{mrn}/message") == declaration(number, "IMY", mrn)
            assert await senders.get(f"{mrn}/arrival") == arrival(mrn)
            timeline = (await senders.get(f"{mrn}/timeline")).decode()
            assert '"intact":true' in timeline
            for kind in "arrival", "supplement", "released":
                assert timeline.count(f'"kind":"{kind}"') == 1
