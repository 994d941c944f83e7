"""Parked deliveries: an operator finds them and sends them again, beside a gateway that runs."""

import pytest

from adapters.port import Declined, Receipt
from gateway import bootstrap, revival
from gateway.views import timeline
from tests.gateway.scripted import case, case_when, kinds, lodge_sample, renamed, states

FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone


@pytest.fixture
async def parked(gateway, trader, partners):
    """A case whose one delivery its agency declined."""
    partners["PHS"].script.append(Declined("answered 422", "unknown importer"))
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    return await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})


@pytest.fixture
async def beside(settings, gateway):
    """The ledger as an operator's command opens it while the gateway runs."""
    store = bootstrap.side_store(settings)
    await store.open()
    yield store
    await store.close()


async def test_a_revived_delivery_is_sent_by_the_gateway_that_runs_and_the_history_says_who_and_why(
    gateway, parked, beside, clock, partners
):
    delivery_id = parked.deliveries[0].id
    clock.advance(60)
    assert (
        await revival.revive(beside, clock, delivery_id, "importer is registered now", "A. Miller") == parked.case.mrn
    )
    file = await case_when(gateway, parked.case.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert kinds(file)[-2:] == ["revived", "sent"]
    told = file.events[-2]
    assert told.actor == "operator:A. Miller"
    assert told.data == {"delivery": delivery_id, "agency": "PHS", "reason": "importer is registered now"}
    assert timeline(file).intact
    assert [outgoing.delivery_id for outgoing in partners["PHS"].sent] == [delivery_id] * 2


async def test_what_is_parked_is_listed_with_the_reason(gateway, trader, parked, beside, partners):
    partners["PHS"].otherwise = Receipt()
    other = await lodge_sample(gateway, trader, FLOWERS, body=renamed(FLOWERS, "OTHER"))
    await case_when(gateway, other.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    [listed] = [each async for each in revival.undecided(beside, "parked")]
    assert (listed.mrn, listed.delivery) == (parked.case.mrn, parked.deliveries[0])
    assert "unknown importer" in listed.delivery.problem
    assert [each.mrn async for each in revival.undecided(beside, "awaiting")] == [other.mrn]


async def test_a_long_list_is_whole(gateway, trader, partners, beside, monkeypatch):
    monkeypatch.setattr(revival, "PAGE", 2)
    partners["PHS"].otherwise = Declined("answered 422")
    lodged = [await lodge_sample(gateway, trader, FLOWERS, body=renamed(FLOWERS, f"N-{n}")) for n in range(5)]
    for accepted in lodged:
        await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})
    assert [each.mrn async for each in revival.undecided(beside, "parked")] == [each.mrn for each in lodged]


@pytest.mark.parametrize(
    ("which", "reason", "by", "told"),
    [
        ("PHS-7", "because", "A", "there is no delivery 'PHS-7'"),
        (None, " ", "A", "reason"),
        (None, "because", "", "name"),
        (None, "two\nlines", "A", "reason"),
        (None, "\udcff", "A", "reason"),
        (None, "x" * 501, "A", "reason"),
    ],
)
async def test_what_cannot_be_revived_or_is_not_accounted_for_stays_parked(
    gateway, parked, beside, clock, which, reason, by, told
):
    with pytest.raises(ValueError, match=told):
        await revival.revive(beside, clock, which or parked.deliveries[0].id, reason, by)
    assert await case(gateway, parked.case.mrn) == parked


async def test_only_what_is_parked_is_revived(gateway, parked, beside, clock):
    await revival.revive(beside, clock, parked.deliveries[0].id, "once", "A")
    file = await case_when(gateway, parked.case.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    with pytest.raises(ValueError, match="awaiting cannot be revived"):
        await revival.revive(beside, clock, parked.deliveries[0].id, "twice", "A")
    assert await case(gateway, parked.case.mrn) == file
