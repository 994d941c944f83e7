"""Goods that are still to come, and incomplete declarations, lodged for an importer that has to confirm them."""

import pytest

from gateway.mandates import office
from tests.gateway.http.mandated import BROKER, answering, grant, office_open
from tests.gateway.http.test_arrival import BEFORE, PARTS, ROSES, arrive, decide, stands
from tests.gateway.http.test_supplement import AGENT, SIMPLIFIED, complete, supplement
from tests.gateway.scripted import altered

IMPORTER, PARTS_IMPORTER = "XZ730020260008", "XZ550010020018"


@pytest.fixture
async def house(tmp_path):
    async with office_open(tmp_path) as made:
        await office.add_identifier(made.gateway.store, "trader", IMPORTER, made.gateway.clock())
        yield made


async def confirmed(house, mrn: str) -> dict:
    done = await house.post(f"/v1/declarations/{mrn}/confirmation", answering())
    assert done.status == 200, done.body
    return done.json


async def lodged(house, *changes: tuple[str, str]) -> str:
    """A case that the broker lodged, and the importer confirmed."""
    reply = await house.post("/v1/declarations", altered(ROSES, *changes), caller="rival")
    assert (await confirmed(house, reply.json["mrn"]))["asked"] == ["PHS"]
    return reply.json["mrn"]


async def test_before_release_a_supplement_waits_for_the_importer_and_agencies_keep_what_they_were_asked(house):
    await grant(house, ConfirmationCode="each")
    mrn = await lodged(house, SIMPLIFIED)
    first = await house.deliveries("phs")
    body = supplement(ROSES, number=mrn)
    done = await complete(house, mrn, body, caller="rival")
    assert (done.status, done.json["version"], done.json["asked"]) == (200, 2, []), done.body
    shown = await stands(house, mrn)
    assert (shown["status"], shown["mandate"]["outcome"]) == ("awaiting-confirmation", "awaited")
    assert (await complete(house, mrn, body, caller="rival")).json["replayed"]
    another = await complete(house, mrn, body.replace(b"Roses", b"Long roses", 1), caller="rival")
    assert (another.json["type"], another.json["state"]) == (
        "urn:guichet:problem:illegal-state",
        "awaiting-confirmation",
    )
    assert await house.deliveries("phs") == first
    said = await confirmed(house, mrn)
    assert (said["version"], said["asked"], await house.deliveries("phs")) == (2, [], first)
    shown = await stands(house, mrn)
    assert (shown["status"], shown["version"], shown["supplement"]["awaited"]) == ("under-control", 2, False)


async def test_what_a_confirmed_supplement_changes_is_asked_anew(house):
    await grant(house, ConfirmationCode="each")
    mrn = await lodged(house, SIMPLIFIED)
    [first] = await house.deliveries("phs")
    body = supplement(ROSES, number=mrn).replace(b"Roses", b"Long roses", 1)
    assert (await complete(house, mrn, body, caller="rival")).json["version"] == 2
    assert (await confirmed(house, mrn))["asked"] == ["PHS"]
    [second] = await house.deliveries("phs")
    assert second["id"] != first["id"]


async def test_after_release_a_supplement_needs_the_mandate_and_nothing_is_left_to_confirm(house):
    mandate = await grant(house, ConfirmationCode="each")
    mrn = await lodged(house, SIMPLIFIED)
    await decide(house, mrn)
    body = supplement(ROSES, number=mrn)
    other = await complete(house, mrn, body.replace(IMPORTER.encode(), BROKER.encode()), caller="rival")
    assert (other.status, "mandate.other-party" in other.rules) == (422, True)
    done = await complete(house, mrn, body, caller="rival")
    assert (done.status, done.json["version"]) == (200, 2), done.body
    shown = await stands(house, mrn)
    assert (shown["status"], shown["mandate"]["mandate"]) == ("released", mandate["id"])
    assert (shown["mandate"]["confirm_by"], shown["mandate"]["outcome"]) == (None, None)
    assert (await house.call("DELETE", f"/v1/mandates/{mandate['id']}", "trader")).status in (200, 204)
    late = await complete(house, mrn, body.replace(b"Roses", b"Long roses", 1), caller="rival")
    assert (late.status, late.rules[0], (await stands(house, mrn))["version"]) == (422, "mandate.missing", 2)


async def test_what_is_to_come_does_not_arrive_before_it_is_confirmed_and_is_not_released_by_that(house):
    await grant(house, ConfirmationCode="each")
    mrn = await lodged(house, BEFORE)
    await decide(house, mrn)
    assert (await stands(house, mrn))["status"] == "ready"
    changed = await house.post(
        f"/v1/declarations/{mrn}/amendments", altered(ROSES, BEFORE).replace(*AGENT, 1), caller="rival"
    )
    assert (changed.status, (await stands(house, mrn))["status"]) == (200, "awaiting-confirmation"), changed.body
    early = await arrive(house, mrn, caller="rival")
    assert (early.status, early.json["legal"]) == (409, ["accepted", "under-control", "held", "ready"])
    assert (await confirmed(house, mrn))["asked"] == []
    assert (await stands(house, mrn))["status"] == "ready"
    assert (await arrive(house, mrn, caller="rival")).status == 200
    assert (await stands(house, mrn))["status"] == "released"


async def test_what_nobody_has_to_see_is_ready_when_it_is_confirmed(house):
    await office.add_identifier(house.gateway.store, "trader", PARTS_IMPORTER, house.gateway.clock())
    await grant(house, ConfirmationCode="each")
    reply = await house.post("/v1/declarations", altered(PARTS, BEFORE), caller="rival")
    mrn = reply.json["mrn"]
    shown = await stands(house, mrn)
    assert (shown["status"], shown["arrival"]["awaited"]) == ("awaiting-confirmation", True)
    assert (await confirmed(house, mrn))["asked"] == []
    assert (await stands(house, mrn))["status"] == "ready"
