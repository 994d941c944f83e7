"""A house in which an importer and a broker are registered, and what each of them says.

The house's `trader` is the importer, `rival` the broker who lodges for it, and `third` is nobody to either.
"""

from contextlib import asynccontextmanager

import msgspec

from gateway.mandates import office
from gateway.mandates.settings import MandateSettings
from tests.gateway.acts.test_amendment import HOTEL
from tests.gateway.http.conftest import housed, read_sample

IMPORTER, BROKER = "XZ810090008145", "XZ100200300430"
AT_ONCE = MandateSettings(look=0.0)


@asynccontextmanager
async def office_open(folder, mandates: MandateSettings = AT_ONCE):
    """A house in which importer and broker are registered, and nobody has given a mandate."""
    async with housed(folder, mandates=mandates) as house:
        _, house.keys["third"] = await house.gateway.accounts.register("third", "trader")
        now = house.gateway.clock()
        await office.add_identifier(house.gateway.store, "trader", IMPORTER, now)
        await office.add_identifier(house.gateway.store, "rival", BROKER.lower(), now)
        yield house


def terms(**others) -> bytes:
    return msgspec.json.encode({"Mandate": {"AgentID": BROKER, "DirectionCode": ["import"], **others}})


def answering(outcome: str = "confirmed", **others) -> bytes:
    return msgspec.json.encode({"Confirmation": {"OutcomeCode": outcome, **others}})


async def grant(house, **others) -> dict:
    reply = await house.post("/v1/mandates", terms(**others))
    assert reply.status == 201, reply.body
    return reply.json


async def lodge(house, sample: str = HOTEL, caller: str = "rival", **headers):
    form = sample.rpartition(".")[2]
    return await house.post(
        "/v1/declarations",
        read_sample(sample),
        f"application/{form}",
        caller=caller,
        Accept="application/json",
        **headers,
    )


async def waiting(house, caller: str = "rival") -> str:
    """The path of a case that waits for the importer."""
    await grant(house, ConfirmationCode="each")
    reply = await lodge(house, caller=caller)
    assert reply.status == 202, reply.body
    return f"/v1/declarations/{reply.json['mrn']}"


async def told(house, caller: str) -> list[str]:
    reply = await house.get("/v1/notifications?after=0", caller)
    return [each["kind"] for each in reply.json["notifications"]]
