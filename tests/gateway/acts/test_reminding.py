"""Supplements that are overdue: told once, whatever dies in between, and not to who owes none any more."""

import pytest

from gateway import bootstrap
from gateway.acts.amendment import amend
from gateway.acts.due import Due
from gateway.acts.invalidation import invalidate
from gateway.acts.reminding import remind
from gateway.acts.supplement import supplement
from gateway.notify.told import Asked
from gateway.views import status
from tests.gateway.http.test_supplement import AGENT, PARTS, SIMPLIFIED, naming
from tests.gateway.http.test_supplement import supplement as supplementary
from tests.gateway.scripted import altered, case, case_when, kinds, lodge_sample, taking_back

DAY = 24 * 3600
OCCASIONAL = ('"TypeCode": "IMA"', '"TypeCode": "IMB"')  # has ten days, where SIMPLIFIED has thirty
ROSES = "import-cut-flowers-kenya.json"


@pytest.fixture
async def lodged(gateway, trader) -> str:
    return (await lodge_sample(gateway, trader, PARTS, body=altered(PARTS, OCCASIONAL))).mrn


async def overdue(gateway, mrn: str) -> int:
    return kinds(await case(gateway, mrn)).count("supplement-overdue")


async def test_the_day_itself_is_in_time_and_the_next_one_is_not_and_is_told_once(gateway, trader, lodged, clock):
    clock.advance(10 * DAY)
    assert await remind(gateway.store, clock) == 0
    shown = status(await case(gateway, lodged), gateway.agencies, clock()).supplement
    assert (shown.due_on, shown.overdue, shown.types) == ("2026-12-01", False, ("IMX",))
    clock.advance(DAY)
    assert [await remind(gateway.store, clock) for _ in range(3)] == [1, 0, 0]
    assert await overdue(gateway, lodged) == 1
    assert status(await case(gateway, lodged), gateway.agencies, clock()).supplement.overdue
    told = await gateway.store.notifications(Asked(account_id=trader.id, after=0, limit=100))
    assert [each.kind for each in told] == ["accepted", "released", "supplement-overdue"]
    assert (await case(gateway, lodged)).case.state == "released"


async def test_late_is_better_than_never(gateway, trader, lodged, clock):
    clock.advance(11 * DAY)
    await remind(gateway.store, clock)
    whole = altered(PARTS, ('"TypeCode": "IMA"', '"TypeCode": "IMX"')).decode().replace(*naming(lodged), 1).encode()
    done = await supplement(gateway, lodged, taking_back(trader, "", body=whole))
    assert done.version == 2
    shown = status(await case(gateway, lodged), gateway.agencies, clock()).supplement
    assert (shown.awaited, shown.overdue) == (False, False)


async def test_who_completed_or_took_back_is_not_reminded(gateway, trader, clock):
    parts = await lodge_sample(gateway, trader, PARTS, body=altered(PARTS, SIMPLIFIED))
    roses = await lodge_sample(gateway, trader, ROSES, body=altered(ROSES, SIMPLIFIED))
    await supplement(gateway, parts.mrn, taking_back(trader, "", body=supplementary(PARTS, number=parts.mrn)))
    await invalidate(gateway, roses.mrn, taking_back(trader, roses.mrn))
    clock.advance(31 * DAY)
    assert await remind(gateway.store, clock) == 0
    for mrn in parts.mrn, roses.mrn:
        assert await overdue(gateway, mrn) == 0
    assert await gateway.store.supplements_due("9999-12-31", 10) == []


async def test_who_died_between_telling_and_striking_off_does_not_tell_again(gateway, lodged, clock, monkeypatch):
    clock.advance(11 * DAY)
    [due] = await gateway.store.supplements_due("2026-12-02", 10)
    assert due == Due((await case(gateway, lodged)).case.id, lodged, "2026-12-01")

    async def die(self, due):
        raise OSError("out of power")

    with monkeypatch.context() as dying, pytest.raises(OSError, match="out of power"):
        dying.setattr(type(gateway.store), "forget_supplement", die)
        await remind(gateway.store, clock)
    assert await overdue(gateway, lodged) == 1
    assert await remind(gateway.store, clock) == 0
    assert (await overdue(gateway, lodged), await gateway.store.supplements_due("9999-12-31", 10)) == (1, [])


async def test_a_gateway_that_starts_looks_at_once(settings, partners, clock):
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters=partners)) as first:
        account, _ = await first.accounts.register("Greengate Brokers", "trader")
        mrn = (await lodge_sample(first, account, PARTS, body=altered(PARTS, OCCASIONAL))).mrn
    clock.advance(11 * DAY)
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters=partners)) as second:
        await case_when(second, mrn, lambda file: kinds(file).count("supplement-overdue") == 1)


async def test_an_amendment_does_not_put_the_day_off(gateway, trader, clock):
    mrn = (await lodge_sample(gateway, trader, ROSES, body=altered(ROSES, OCCASIONAL))).mrn
    clock.advance(5 * DAY)
    body = altered(ROSES, OCCASIONAL).replace(*AGENT, 1)
    assert (await amend(gateway, mrn, taking_back(trader, "", body=body))).version == 2
    clock.advance(6 * DAY)
    assert (await remind(gateway.store, clock), await overdue(gateway, mrn)) == (1, 1)
    body = altered(ROSES, OCCASIONAL)
    await amend(gateway, mrn, taking_back(trader, "", body=body))
    clock.advance(20 * DAY)
    assert (await remind(gateway.store, clock), await overdue(gateway, mrn)) == (0, 1)
