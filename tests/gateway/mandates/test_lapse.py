"""A gateway that runs ends what nobody confirmed in time, also where that time passed while it was down."""

from gateway import bootstrap
from gateway.mandates import office
from gateway.mandates.lapse import lapse
from tests.gateway.scripted import case, case_when, kinds, lodge_sample

DAY = 24 * 3600
WANTED = office.Wanted("importer", "broker", ("import",), "2026-11-21", None, True)


async def test_a_start_ends_what_was_not_confirmed_while_the_gateway_was_down(settings, clock, partners):
    first = bootstrap.build(settings, clock=clock, adapters=partners)
    async with bootstrap.running(first):
        await first.accounts.register("importer", "trader")
        broker, _ = await first.accounts.register("broker", "trader")
        await office.add_identifier(first.store, "importer", "XZ810090008145", clock())
        await office.grant(first.store, WANTED, "why", "who", 9, clock(), bytes)
        mrn = (await lodge_sample(first, broker, "import-hotel-supplies.xml")).mrn
        waits = await case(first, mrn)
        assert (waits.case.state, waits.deliveries) == ("awaiting-confirmation", ())
        assert not await lapse(first, mrn, waits.case.accepted_at), "its time is not over"
    clock.advance(settings.mandates.confirm * DAY)
    second = bootstrap.build(settings, clock=clock, adapters=partners)
    async with bootstrap.running(second):
        over = await case_when(second, mrn, lambda file: file.case.state == "declined")
    assert kinds(over)[-2:] == ["unconfirmed", "declined"]
    assert all(not partner.sent for partner in partners.values())
