"""What a start takes over from the process before it, and when the next delivery of one agency is due."""

import pytest

from gateway.ports import DeliveryChange
from tests.gateway.ledger import admission, at, change, mrn


@pytest.fixture
async def trader(store) -> int:
    return (await store.add_account("Greengate Brokers", "trader", None, "0" * 64)).id


async def claimed(store, agency: str, second: int) -> list[str]:
    return [claim.delivery.id for claim in await store.claim(agency, 10, at(second), at(second + 60))]


async def test_leases_and_back_offs_end_at_a_start(store, trader):
    for number in 1, 2, 3:
        await store.accept(admission(trader, number))
    assert len(await claimed(store, "FSA", 5)) == 3
    later = DeliveryChange(id="FSA-2", state="queued", next_attempt_at=at(900))
    await store.apply(change(await store.case_file(mrn(2)), 6, later))
    taken = DeliveryChange(id="FSA-3", state="awaiting")
    await store.apply(change(await store.case_file(mrn(3)), 6, taken))
    assert await claimed(store, "FSA", 7) == []
    await store.release_claims(at(7))
    assert await claimed(store, "FSA", 7) == ["FSA-1", "FSA-2"]


async def test_what_is_due_already_keeps_its_place(store, trader):
    await store.accept(admission(trader, 1))
    await store.release_claims(at(50))
    assert await store.next_attempt_at("FSA") == at(1)


async def test_each_agency_has_its_own_next_time(store, trader):
    await store.accept(admission(trader, 1, ("FSA",)))
    await store.accept(admission(trader, 2, ("PHS",)))
    assert await store.next_attempt_at("FSA") == at(1)
    assert await store.next_attempt_at("PHS") == at(2)
    assert await store.next_attempt_at("TEX") is None
