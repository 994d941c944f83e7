"""The faults that a virtual agency plays, seen through the http channel: is a retry safe, and does it come through?"""

from pathlib import Path

import msgspec
import pytest

from adapters.http import HttpAdapter
from adapters.port import Unreachable
from datamodel.registry import Registry
from tests.adapters.desk import agency, as_json, decision, desk, permit_request
from tests.adapters.peers import outgoing


@pytest.mark.parametrize(("fault", "decided"), [("503", 0), ("429", 0), ("stall", 1), ("truncate", 1), ("reset", 1)])
async def test_a_fault_is_worth_another_try(tmp_path: Path, registry: Registry, fault: str, decided: int) -> None:
    delivery = outgoing(body=as_json(permit_request()))
    async with agency(tmp_path, f'fault = "{fault}"') as phs:
        http = HttpAdapter(phs.url, timeout=1)
        for _ in range(2):
            with pytest.raises(Unreachable):
                await http.send(delivery)
        await http.close()
        book = await phs.ledger()
    assert len(book["decisions"]) == decided
    assert [line["fault"] for line in book["requests"]] == [fault, fault]
    # The agency is mended, and the same delivery comes again.
    async with agency(tmp_path) as phs:
        http = HttpAdapter(phs.url, timeout=10)
        receipt = await http.send(delivery)
        await http.close()
        assert len((await phs.ledger())["decisions"]) == 1
    assert receipt.body is not None and decision(registry, receipt.body)["OutcomeCode"] == "granted"


async def test_an_agency_whose_receipt_was_lost_still_calls_back(tmp_path: Path) -> None:
    behaviour = 'answer = "callback"\nfault = "reset"'
    async with desk() as gateway, agency(tmp_path, behaviour, gateway=gateway.url) as phs:
        http = HttpAdapter(phs.url, timeout=5)
        delivery = outgoing(body=as_json(permit_request()))
        with pytest.raises(Unreachable):
            await http.send(msgspec.structs.replace(delivery, callback_url=gateway.callback()))
        await http.close()
        assert (await gateway.posted())[0] == "D-1"


async def test_the_same_seed_spoils_the_same_requests(tmp_path_factory: pytest.TempPathFactory) -> None:
    async def faults(seed: int) -> list[str | None]:
        async with agency(tmp_path_factory.mktemp("agency"), f'fault = "503"\nfault_rate = 0.5\nseed = {seed}') as phs:
            for number in range(20):
                await phs.post(as_json(permit_request(f"D-{number}")), "http://gateway.example/")
            return [line["fault"] for line in (await phs.ledger())["requests"]]

    first = await faults(7)
    assert {None, "503"} == set(first)
    assert await faults(7) == first
    assert await faults(8) != first
