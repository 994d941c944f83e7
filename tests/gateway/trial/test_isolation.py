"""Nothing of trade test reaches a live agency, by whichever way; and none of it counts among what is live."""

import pytest

from adapters.port import Pickup
from gateway.clock import later, stamp
from gateway.collect import UnknownDelivery, collect
from gateway.permit_requests import OPENING_STATES
from gateway.revival import revive, undecided
from gateway.trial.kept import MARK
from tests.gateway.http.conftest import read_sample
from tests.gateway.http.test_metrics import numbers
from tests.gateway.scripted import case, case_when, decision, delivery_to, eventually, kinds
from tests.gateway.trial.conftest import CLOCK, PATH

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOTEL = "import-hotel-supplies"  # every agency has a part in it
LIVE = ("http", "folder", "inbox")


async def test_all_channels_are_tried_here(house):
    assert {agency.channel for agency in house.gateway.agencies.values()} == set(LIVE) == set(OPENING_STATES)
    assert not any(code.startswith(MARK) for code in [*house.gateway.agencies, *house.gateway.adapters])


@pytest.mark.parametrize(
    ("scenario", "event"),
    [
        ("granted-all", "decision"),
        ("silent", "sent"),
        ("documents", "decision"),
        ("parked:5d", "parked"),
        ("unreachable:5d", "retry"),
    ],
)
async def test_a_live_agency_never_comes_upon_a_test(house, scenario, event):
    before = [*(await house.deliveries("fsa")), *(await house.deliveries("tex"))]
    store, mrn = house.gateway.store, (await house.lodges(HOTEL, Guichet_Scenario=scenario))["mrn"]
    file = await case_when(house.gateway, mrn, lambda file: kinds(file).count(event) == 5)
    for delivery in file.deliveries:
        assert await store.claim(delivery.agency, 100, "9", "9") == [], "whatever the time, nothing is to be sent"
        assert await store.next_attempt_at(delivery.agency) is None
        assert await store.fetch(delivery.agency, delivery.id) is None
        assert delivery.id not in {each.delivery.id for each in await store.inbox(delivery.agency, None, 1000)}
        with pytest.raises(UnknownDelivery):
            await collect(house.gateway, delivery.agency, decision("refused"), "application/json", delivery.id)
    for caller, agency in (("fsa", "FSA"), ("tex", "TEX")):
        path = f"/v1/agency/deliveries/{delivery_to(file, agency).id}"
        assert (await house.get(path, caller)).status == 404
        assert (await house.post(f"{path}/decision", decision("refused"), caller=caller)).status == 404
    assert [*(await house.deliveries("fsa")), *(await house.deliveries("tex"))] == before
    assert await case(house.gateway, mrn) == file, "nothing that was tried left a trace"
    await house.advance()
    assert all(partner.sent == [] for partner in house.partners.values())


async def test_a_decision_in_a_live_agencys_folder_does_not_decide_a_test(house):
    mrn = (await house.lodges(HOTEL, Guichet_Scenario="silent"))["mrn"]
    delivery = delivery_to(await house.case(mrn, WLD="awaiting"), "WLD")
    house.partners["WLD"].waiting = [Pickup(mrn, "application/json", decision(delivery_id=delivery.id))]
    await eventually(lambda: mrn in house.partners["WLD"].settled)
    assert house.partners["WLD"].settled[mrn] == f"there is no delivery {delivery.id}"
    assert delivery_to(await case(house.gateway, mrn), "WLD").state == "awaiting"


async def test_an_amended_test_and_one_that_is_sent_again_stay_tests(house):
    body = read_sample(f"{HOTEL}.json")
    mrn = (await house.post(PATH, body, caller="tester", Guichet_Scenario="parked:5d")).json["mrn"]
    file = await house.case(mrn, FSA="parked", TEX="parked")
    await revive(house.gateway.store, house.clock, delivery_to(file, "FSA").id, "seen to", "otto")
    file = await house.case(mrn, FSA="granted", TEX="parked")
    assert kinds(file).count("revived") == 1
    other = body.replace(b'"Description": "', b'"Description": "Other ')
    amended = await house.post(f"{PATH}/{mrn}/amendments", other, caller="tester")
    assert len(amended.json["asked"]) == 5
    await house.advance()
    assert (await house.status(mrn))["status"] == "released"
    assert all(partner.sent == [] for partner in house.partners.values())


async def test_a_test_is_counted_nowhere_among_what_is_live(house):
    store, before = house.gateway.store, await numbers(house)
    mrn = (await house.lodges(HOTEL, Guichet_Scenario="parked:FSA, silent:MED, refused:TEX, documents:PHS"))["mrn"]
    file = await house.case(mrn, FSA="parked", MED="awaiting", TEX="refused", PHS="held", WLD="granted")
    assert (await house.post(PATH, b"{}", caller="tester")).status == 422
    live = (await house.lodges("import-machine-parts-germany", "trader"))["mrn"]  # for no agency
    listed = {
        caller: [each["mrn"] for each in (await house.get(PATH, caller)).json["declarations"]]
        for caller in ("tester", "trader", "operator")
    }
    assert (listed["tester"], listed["trader"], listed["operator"][0]) == ([mrn], [live], live)
    assert not any(each.startswith("T") for each in listed["operator"])
    census = await store.census(later(house.clock(), 10**8))
    assert census.backlog == ()
    tests = {each.id for each in file.deliveries}
    for state in ("queued", "awaiting", "held", "parked"):
        assert tests.isdisjoint([each.delivery.id async for each in undecided(store, state)])
    after = await numbers(house)
    dec = {"message": "wco-dms/3.6/DEC", "format": "xml", "result": "accepted"}
    assert after("declarations_total", **dec) == before("declarations_total", **dec) + 1, "the live one"
    for family in ("guichet_decisions", "guichet_sends", "guichet_deliveries"):
        assert after.families[family].samples == before.families[family].samples


async def test_a_start_hurries_nothing_that_goes_by_a_clock_of_its_own(house):
    mrn = (await house.lodges(HOTEL, Guichet_Scenario="unreachable:5d"))["mrn"]
    file = await case_when(house.gateway, mrn, lambda file: kinds(file).count("retry") == 5)
    await house.gateway.store.release_claims(stamp(house.clock()))
    assert (await case(house.gateway, mrn)).deliveries == file.deliveries
    assert (await house.get(CLOCK, "tester")).json["next_at"] == "2026-11-26T08:00:00.000Z"
