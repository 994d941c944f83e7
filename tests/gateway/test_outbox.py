"""The outbox: every way a send may end, who waits for whom, and what is left after a crash."""

import asyncio
import logging

import msgspec
import pytest

from adapters.port import Declined, Receipt, Unadmitted, Unreachable
from gateway import bootstrap
from gateway.collect import collect
from gateway.retry import RetryPolicy
from tests.gateway.scripted import (
    ScriptedAdapter,
    case,
    case_when,
    decision,
    delivery_to,
    eventually,
    kinds,
    lodge_sample,
    renamed,
    states,
)

FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone
ORCHIDS = "import-orchids-thailand.xml"  # plant health and wildlife


async def test_an_agency_that_takes_a_delivery_is_awaited(gateway, trader, partners):
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert file.case.state == "under-control"
    assert kinds(file)[-2:] == ["sent", "under-control"]
    [outgoing] = partners["PHS"].sent
    [delivery] = file.deliveries
    assert (outgoing.delivery_id, outgoing.due_at) == (delivery.id, delivery.due_at)
    assert outgoing.body == (await gateway.store.fetch("PHS", delivery.id)).body
    assert outgoing.media == "application/xml"
    assert outgoing.callback_url == f"http://127.0.0.1:8080/v1/agency/deliveries/{delivery.id}/decision"


async def test_a_decision_in_the_answer_is_recorded_with_the_send_in_one_go(gateway, trader, partners):
    partners["PHS"].otherwise = Receipt(decision(LPCO=[{"TypeCode": "N851", "ID": "XZ-PH-1"}]))
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: file.case.state == "released")
    assert file.case.version == 2
    assert kinds(file)[-3:] == ["sent", "decision", "released"]
    assert file.events[-2].data["permits"] == ["N851 XZ-PH-1"]
    assert file.deliveries[0].decided_at is not None


async def test_an_answer_may_come_in_the_other_format(gateway, trader, partners):
    body = b'<Decision xmlns="urn:guichet:agency:1"><OutcomeCode>granted</OutcomeCode></Decision>'
    partners["PHS"].otherwise = Receipt(body, "application/xml")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await case_when(gateway, accepted.mrn, lambda file: file.case.state == "released")


# Not now


@pytest.mark.parametrize("fault", [Unreachable("connection refused"), RuntimeError("a fault in the adapter")])
async def test_what_does_not_arrive_is_tried_again_until_it_does(gateway, trader, partners, clock, fault):
    partners["PHS"].script.extend([fault] * 3)
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    for attempt in 1, 2, 3:
        file = await case_when(gateway, accepted.mrn, lambda file, tries=attempt: kinds(file).count("retry") == tries)
        [delivery] = file.deliveries
        assert (delivery.state, delivery.attempts) == ("queued", attempt)
        assert delivery.problem is not None
        clock.advance(gateway.settings.retry.cap)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert file.deliveries[0].problem is None
    assert {outgoing.delivery_id for outgoing in partners["PHS"].sent} == {file.deliveries[0].id}


async def test_nothing_is_tried_before_its_time(gateway, trader, partners, clock):
    partners["PHS"].otherwise = Unreachable("down")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await case_when(gateway, accepted.mrn, lambda file: kinds(file).count("retry") == 1)
    gateway.doorbell.ring(["PHS"])
    await lodge_sample(gateway, trader, FLOWERS, body=renamed(FLOWERS, "ANOTHER"))
    await eventually(lambda: len(partners["PHS"].sent) == 2)
    assert len({outgoing.delivery_id for outgoing in partners["PHS"].sent}) == 2


@pytest.fixture
def impatient(settings):
    return msgspec.structs.replace(settings, retry=RetryPolicy(first=1.0, cap=2.0, attempts=3))


async def test_no_number_of_failures_gives_a_delivery_up_nor_floods_its_history(impatient, clock, partners):
    partners["PHS"].otherwise = Unreachable("down for days")
    built = bootstrap.build(impatient, clock=clock, adapters=partners)
    async with bootstrap.running(built) as gateway:
        trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
        accepted = await lodge_sample(gateway, trader, FLOWERS)
        for attempt in range(1, 9):
            await case_when(
                gateway,
                accepted.mrn,
                lambda file, tries=attempt: file.deliveries[0].attempts == tries and file.deliveries[0].problem,
            )
            await case_when(gateway, accepted.mrn, lambda file: file.deliveries[0].next_attempt_at > _now(clock))
            due = (await case(gateway, accepted.mrn)).deliveries[0].next_attempt_at
            assert due <= _now(clock, 30.0)
            clock.advance(31.0)
        file = await case(gateway, accepted.mrn)
        assert kinds(file).count("retry") == 3
        partners["PHS"].otherwise = Receipt()
        clock.advance(31.0)
        await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})


def _now(clock, seconds: float = 0.0) -> str:
    from gateway.clock import later

    return later(clock(), seconds)


async def test_a_partner_that_never_answers_is_cut_off(settings, clock, partners):
    async def stall(outgoing) -> Receipt:
        await asyncio.Event().wait()
        raise AssertionError

    quick = msgspec.structs.replace(settings, outbox=msgspec.structs.replace(settings.outbox, send=0.01))
    partners["PHS"].script.append(stall)
    async with bootstrap.running(bootstrap.build(quick, clock=clock, adapters=partners)) as gateway:
        trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
        accepted = await lodge_sample(gateway, trader, FLOWERS)
        file = await case_when(gateway, accepted.mrn, lambda file: "retry" in kinds(file))
        assert "no answer within" in file.deliveries[0].problem


async def test_an_agency_that_does_not_let_us_in_is_tried_again_and_the_operator_warned(
    gateway, trader, partners, clock, caplog
):
    partners["PHS"].script.append(Unadmitted("answered 401"))
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: "retry" in kinds(file))
    assert states(file) == {"PHS": "queued"}
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "PHS" in warning.getMessage() and "answered 401" in warning.getMessage()
    clock.advance(gateway.settings.retry.cap)
    await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})


# Not at all


async def test_a_delivery_that_is_declined_is_parked_with_the_reason(gateway, trader, partners):
    partners["PHS"].otherwise = Declined("422 unknown requirement")
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})
    assert file.case.state == "under-control"
    assert "422 unknown requirement" in file.deliveries[0].problem
    await collect(gateway, "PHS", decision(), "json", file.deliveries[0].id)
    assert (await case(gateway, accepted.mrn)).case.state == "released"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"Decision":{"OutcomeCode":"perhaps"}}', "value.code"),
        (b"not json", "json.malformed"),
        (b'{"Decision":{"OutcomeCode":"documents"}}', "decision.documents-unnamed"),
        (b'{"Decision":{"OutcomeCode":"granted","DeliveryID":"another"}}', "decision.delivery-mismatch"),
    ],
)
async def test_an_answer_that_cannot_be_read_parks_with_the_issue(gateway, trader, partners, body, told):
    partners["PHS"].otherwise = Receipt(body)
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "parked"})
    assert told in file.deliveries[0].problem
    assert file.decisions == ()


# The callback overtakes


@pytest.mark.parametrize("outcome", ["granted", "refused", "held"])
async def test_a_decision_that_comes_before_the_send_has_ended_stays(gateway, trader, partners, outcome):
    async def call_back_first(outgoing) -> Receipt:
        await collect(gateway, "PHS", decision(outcome), "json", outgoing.delivery_id)
        return Receipt()

    partners["PHS"].script.append(call_back_first)
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await eventually(lambda: len(partners["PHS"].sent) == 1 and partners["PHS"].now == 0)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": outcome})
    await gateway.store.ping()
    assert states(await case(gateway, accepted.mrn)) == {"PHS": outcome}
    assert "sent" not in kinds(file)


async def test_a_decision_before_a_send_that_then_fails_stays_too(gateway, trader, partners, clock):
    async def decide_and_break(outgoing) -> Receipt:
        await collect(gateway, "PHS", decision(), "json", outgoing.delivery_id)
        raise Unreachable("connection reset")

    partners["PHS"].script.append(decide_and_break)
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await case_when(gateway, accepted.mrn, lambda file: file.case.state == "released")
    clock.advance(1000)
    gateway.doorbell.ring(["PHS"])
    other = await lodge_sample(gateway, trader, FLOWERS, body=renamed(FLOWERS, "NEXT"))
    await case_when(gateway, other.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert len(partners["PHS"].sent) == 2
    assert (await case(gateway, accepted.mrn)).case.state == "released"


async def test_an_agency_that_contradicts_itself_keeps_its_first_word(gateway, trader, partners, caplog):
    async def contradict(outgoing) -> Receipt:
        await collect(gateway, "PHS", decision("refused"), "json", outgoing.delivery_id)
        return Receipt(decision("granted"))

    partners["PHS"].script.append(contradict)
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await eventually(lambda: "contradicts" in caplog.text)
    assert states(await case(gateway, accepted.mrn)) == {"PHS": "refused"}


# Who waits for whom


async def test_a_stalled_agency_holds_up_no_other_and_gets_no_more_than_its_share(gateway, trader, partners):
    open_again = asyncio.Event()

    async def stall(outgoing) -> Receipt:
        await open_again.wait()
        return Receipt()

    partners["PHS"].otherwise = stall
    partners["WLD"].otherwise = Receipt(decision())
    bodies = [renamed(ORCHIDS, f"ORCHIDS-{number}") for number in range(20)]
    lodged = [await lodge_sample(gateway, trader, ORCHIDS, body=body) for body in bodies]
    for accepted in lodged:
        await case_when(gateway, accepted.mrn, lambda file: states(file)["WLD"] == "granted")
    assert partners["PHS"].most == len(partners["PHS"].sent) == gateway.settings.outbox.in_flight
    open_again.set()
    for accepted in lodged:
        await case_when(gateway, accepted.mrn, lambda file: states(file)["PHS"] == "awaiting")
    assert partners["PHS"].most == gateway.settings.outbox.in_flight
    assert len({outgoing.delivery_id for outgoing in partners["PHS"].sent}) == len(partners["PHS"].sent) == 20


async def test_all_agencies_of_one_case_may_decide_at_the_same_moment(gateway, trader, partners):
    together = asyncio.Barrier(4)

    async def at_once(outgoing) -> Receipt:
        await together.wait()
        return Receipt(decision())

    for partner in partners.values():
        partner.otherwise = at_once
    accepted = await lodge_sample(gateway, trader, "import-hotel-supplies.xml")
    pushed = {"FSA": "granted", "MED": "granted", "PHS": "granted", "WLD": "granted", "TEX": "awaiting"}
    file = await case_when(gateway, accepted.mrn, lambda file: states(file) == pushed)
    await collect(gateway, "TEX", decision(), "json", delivery_to(file, "TEX").id)
    assert (await case(gateway, accepted.mrn)).case.state == "released"


async def test_without_a_ring_the_outbox_looks_by_itself(gateway, trader, partners):
    gateway.doorbell.ring = lambda agencies: None
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})


# Start and stop


async def test_after_a_crash_everything_goes_on_at_once_from_the_store_alone(settings, clock, partners):
    """The first process dies in the middle of its sends: its leases still run, and nothing was recorded."""

    async def stall(outgoing) -> Receipt:
        await asyncio.Event().wait()
        raise AssertionError

    partners["PHS"].otherwise = stall
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters=partners)) as gateway:
        trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
        bodies = [renamed(FLOWERS, f"CRASH-{number}") for number in range(12)]
        lodged = [await lodge_sample(gateway, trader, FLOWERS, body=body) for body in bodies]
        await eventually(lambda: len(partners["PHS"].sent) == settings.outbox.in_flight)
    revived = {code: ScriptedAdapter(Receipt(decision())) for code in partners}
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters=revived)) as gateway:
        for accepted in lodged:
            await case_when(gateway, accepted.mrn, lambda file: file.case.state == "released")
    sent = [outgoing.delivery_id for outgoing in revived["PHS"].sent]
    assert len(sent) == len(set(sent)) == 12


async def test_stopping_lets_a_send_end_and_closes_the_channels(settings, clock, partners):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(outgoing) -> Receipt:
        begun.set()
        await go_on.wait()
        return Receipt(decision())

    patient = msgspec.structs.replace(settings, outbox=msgspec.structs.replace(settings.outbox, stop=10.0))
    partners["PHS"].otherwise = slow
    built = bootstrap.build(patient, clock=clock, adapters=partners)
    async with bootstrap.running(built) as gateway:
        trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
        accepted = await lodge_sample(gateway, trader, FLOWERS)
        await begun.wait()
        asyncio.get_running_loop().call_soon(go_on.set)
    assert all(partner.closed for partner in partners.values())
    await built.store.open()
    assert (await case(built, accepted.mrn)).case.state == "released"
    await built.store.close()


async def test_a_store_that_fails_for_a_while_is_told_of_once_and_survived(gateway, trader, partners, caplog):
    claim, broken = gateway.store.claim, True

    async def claim_or_fail(*args):
        if broken:
            raise OSError("disk full")
        return await claim(*args)

    gateway.store.claim = claim_or_fail
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await eventually(lambda: "traffic with PHS fails" in caplog.text)
    broken = False
    await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    await eventually(lambda: "traffic with PHS goes on" in caplog.text)
    assert caplog.text.count("traffic with PHS fails") == 1


async def test_the_log_holds_the_cause_and_no_payload_and_no_partners_words(gateway, trader, partners, caplog, clock):
    caplog.set_level(logging.DEBUG)
    spoilt = Receipt(b'{"Decision":{"OutcomeCode":"Rosenhof","Rosenhof":1}}')
    partners["PHS"].script.extend([Unreachable("answered 503", "echo: Rosenhof"), Declined("answered 422", "Rosenhof")])
    accepted = await lodge_sample(gateway, trader, FLOWERS)
    await case_when(gateway, accepted.mrn, lambda file: "retry" in kinds(file))
    clock.advance(1000)
    file = await case_when(gateway, accepted.mrn, lambda file: "parked" in kinds(file))
    assert "Rosenhof" in file.deliveries[0].problem, "an operator who asks for it may read it"
    partners["PHS"].otherwise = spoilt
    other = await lodge_sample(gateway, trader, FLOWERS, body=renamed(FLOWERS, "OTHER"))
    await case_when(gateway, other.mrn, lambda file: "parked" in kinds(file))
    for cause in "answered 503", "answered 422", "value.code":
        assert cause in caplog.text
    assert "Rosenhof" not in caplog.text
    assert "MetaData" not in caplog.text
