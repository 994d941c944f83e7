"""The outbox and folders: decisions that lie and wait are picked up, each on its own."""

import dataclasses

import msgspec
import pytest

from adapters.port import Pickup
from gateway import bootstrap
from gateway.acts.invalidation import invalidate
from tests.gateway.scripted import (
    case,
    case_when,
    decision,
    eventually,
    lodge_sample,
    renamed,
    states,
    taking_back,
)

FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone
BEEF = "import-chilled-beef-argentina.xml"  # food safety alone


@pytest.fixture
async def with_folder(built, partners):
    """Plant health, but by folder."""
    agencies = dict(built.agencies)
    agencies["PHS"] = msgspec.structs.replace(agencies["PHS"], channel="folder", folder="unused", url=None)
    async with bootstrap.running(dataclasses.replace(built, agencies=agencies)) as gateway:
        yield gateway


async def test_decisions_are_picked_up_each_on_its_own(with_folder, partners):
    gateway, partner = with_folder, partners["PHS"]
    trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    other = await lodge_sample(gateway, trader, BEEF)
    foreign = (await case(gateway, other.mrn)).deliveries[0].id
    own = file.deliveries[0].id
    partner.waiting = [
        Pickup("broken", "application/json", b"{"),
        Pickup("nameless", "application/json", decision()),
        Pickup("foreign", "application/json", decision(delivery_id=foreign)),
        Pickup("good", "application/json", decision(delivery_id=own)),
        Pickup("again", "application/json", decision(delivery_id=own)),
        Pickup("contrary", "application/json", decision("refused", delivery_id=own)),
    ]
    await eventually(lambda: len(partner.settled) == 6)
    assert partner.settled["good"] is None
    assert partner.settled["again"] is None
    assert "json" in partner.settled["broken"]
    assert "decision.delivery-missing" in partner.settled["nameless"]
    assert foreign in partner.settled["foreign"]
    assert "decided before" in partner.settled["contrary"]
    assert (await case(gateway, accepted.mrn)).case.state == "released"


async def test_a_decision_on_what_was_taken_back_is_set_aside_with_the_reason(with_folder, partners):
    gateway, partner = with_folder, partners["PHS"]
    trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    await invalidate(gateway, accepted.mrn, taking_back(trader, accepted.mrn))
    partner.waiting = [Pickup("late", "application/json", decision(delivery_id=file.deliveries[0].id))]
    await eventually(lambda: "late" in partner.settled)
    assert f"its declaration {accepted.mrn} is invalidated" in partner.settled["late"]


async def test_a_decision_that_we_cannot_store_now_is_not_settled_and_holds_up_no_other(with_folder, partners):
    gateway, partner = with_folder, partners["PHS"]
    trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
    lodged = [
        await lodge_sample(gateway, trader, FLOWERS, body=renamed(FLOWERS, f"FOLDER-{number}")) for number in range(2)
    ]
    first, second = [(await case(gateway, accepted.mrn)).deliveries[0].id for accepted in lodged]
    find, broken = gateway.store.case_of_delivery, True

    async def find_or_fail(delivery_id: str):
        if broken and delivery_id == first:
            raise OSError("disk gone")
        return await find(delivery_id)

    gateway.store.case_of_delivery = find_or_fail
    partner.waiting = [
        Pickup("first", "application/json", decision(delivery_id=first)),
        Pickup("second", "application/json", decision(delivery_id=second)),
    ]
    await eventually(lambda: "second" in partner.settled)
    assert "first" not in partner.settled
    broken = False
    await eventually(lambda: partner.settled == {"first": None, "second": None})
