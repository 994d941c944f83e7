"""Agencies are told what became of their deliveries: who has one, once, in order, through whatever its channel does."""

import asyncio

import msgspec
import pytest

from adapters.port import Declined, Receipt, Unadmitted, Unreachable
from datamodel.codecs import read, write
from gateway import bootstrap
from gateway.acts.amendment import amend
from gateway.acts.answer import answer
from gateway.acts.invalidation import invalidate
from gateway.cases import Entry, change, plan
from gateway.clock import later, stamp
from gateway.collect import collect
from gateway.notices import messages, revival
from gateway.notices.records import TAKEN
from gateway.notices.telling import settle, tell
from gateway.sending import send
from gateway.views import timeline
from tests.gateway.acts.test_amendment import HOTEL, ROSES, version
from tests.gateway.scripted import (
    PATIENCE,
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
    taking_back,
)

FLOWERS = "import-cut-flowers-kenya.xml"  # plant health alone
QUESTION = {"Query": [{"Text": "Which lot?", "ReferenceID": "P/1"}]}


@pytest.fixture
def said(built):
    """What a notice says, read as an agency does."""

    def reading(notice) -> dict:
        parsed = read(built.registry, notice.body, notice.media.rpartition("/")[2], message=messages.MESSAGE)
        return msgspec.json.decode(write(parsed, "json"))["AgencyNotice"]

    return reading


def reply(trader, text: str = "Lot 17"):
    body = msgspec.json.encode({"QueryAnswer": {"Text": text}})
    return taking_back(trader, "", body=body)


async def asked(gateway, trader, name: str = FLOWERS, **fields):
    """A case of which plant health asks something."""
    accepted = await lodge_sample(gateway, trader, name, **fields)
    file = await case_when(gateway, accepted.mrn, lambda file: states(file)["PHS"] == "awaiting")
    await collect(gateway, "PHS", decision("query", **QUESTION), "json", delivery_to(file, "PHS").id)
    return await case(gateway, accepted.mrn)


@pytest.fixture
async def at_rest(built):
    """A gateway that sends nothing by itself."""
    await built.store.open()
    yield built
    await built.store.close()


async def told_when(gateway, mrn: str, count: int):
    """The case as soon as so many notices were taken."""
    return await case_when(gateway, mrn, lambda file: kinds(file).count("told") == count)


# Who is told


async def test_who_has_a_delivery_is_told_of_an_invalidation_also_who_decided(gateway, trader, partners, said):
    accepted = await lodge_sample(gateway, trader, HOTEL)
    mrn = accepted.mrn
    file = await case_when(gateway, mrn, lambda file: set(states(file).values()) == {"awaiting"})
    await collect(gateway, "FSA", decision(), "json", delivery_to(file, "FSA").id)
    await invalidate(gateway, mrn, taking_back(trader, mrn))
    file = await told_when(gateway, mrn, 4)
    assert timeline(file).intact and file.case.state == "invalidated"
    for code, partner in partners.items():
        [notice] = partner.told
        delivery = delivery_to(file, code)
        content = said(notice)
        assert (notice.kind, notice.delivery_id, notice.media) == ("invalidated", delivery.id, delivery.media)
        assert (content["NoticeCode"], content["DeclarationID"], content["AgencyCode"]) == ("invalidated", mrn, code)
        assert content["NoticeID"] == notice.notice_id and notice.notice_id.startswith(delivery.id)
        assert "mistake" not in notice.body.decode(), "why is between the trader and customs"
    [offered] = await gateway.store.pending_notices("TEX", None, 10)  # who is not called finds it
    assert (offered.mrn, offered.notice.kind, offered.notice.state) == (mrn, "invalidated", "offered")


async def test_an_amendment_is_told_to_whom_it_concerns_and_names_the_next_delivery(gateway, trader, partners, said):
    mrn = (await lodge_sample(gateway, trader, HOTEL)).mrn
    await case_when(gateway, mrn, lambda file: set(states(file).values()) == {"awaiting"})
    await amend(gateway, mrn, version(trader, ROSES))
    file = await told_when(gateway, mrn, 1)
    old, new = [each for each in file.deliveries if each.agency == "PHS"]
    [notice] = partners["PHS"].told
    assert (notice.kind, notice.delivery_id, said(notice)["NextDeliveryID"]) == ("amended", old.id, new.id)
    assert [each.told for code, each in partners.items() if code != "PHS"] == [[], [], []]
    await amend(gateway, mrn, version(trader, ROSES))  # the same again
    await gateway.store.ping()
    assert await gateway.store.pending_notices("PHS", None, 10) == []


async def test_what_never_went_out_is_not_told_of(at_rest, clock):
    trader, _ = await at_rest.accounts.register("Greengate Brokers", "trader")
    accepted = await lodge_sample(at_rest, trader, FLOWERS)
    await invalidate(at_rest, accepted.mrn, taking_back(trader, accepted.mrn))
    assert await at_rest.store.pending_notices("PHS", None, 10) == []
    assert await at_rest.store.next_notice_at("PHS") is None


@pytest.mark.parametrize("outcome", [Receipt(), Receipt(decision()), Unreachable("the answer broke off")])
async def test_what_may_be_under_way_is_told_of_when_it_cannot_be_any_more(at_rest, clock, outcome):
    trader, _ = await at_rest.accounts.register("Greengate Brokers", "trader")
    accepted = await lodge_sample(at_rest, trader, FLOWERS)
    partner = ScriptedAdapter(outcome)
    lease = later(clock(), 30)
    [claim] = await at_rest.store.claim("PHS", 1, stamp(clock()), lease)
    await invalidate(at_rest, accepted.mrn, taking_back(trader, accepted.mrn))
    assert await at_rest.store.claim_notices("PHS", 9, stamp(clock()), lease) == []
    assert await at_rest.store.next_notice_at("PHS") == lease
    await send(at_rest, partner, claim)
    clock.advance(30)
    [notice] = await at_rest.store.claim_notices("PHS", 9, stamp(clock()), later(clock(), 30))
    await tell(at_rest, partner, notice)
    assert (partner.told[0].kind, kinds(await case(at_rest, accepted.mrn))[-1]) == ("invalidated", "told")


async def test_a_claim_between_the_reading_and_the_writing_of_an_act_counts(at_rest, clock):
    """The version of a case does not tell of a claim; the store does."""
    trader, _ = await at_rest.accounts.register("Greengate Brokers", "trader")
    accepted = await lodge_sample(at_rest, trader, FLOWERS)
    apply = at_rest.store.apply

    async def claim_first(change):
        assert await at_rest.store.claim("PHS", 1, stamp(clock()), later(clock(), 30))
        return await apply(change)

    at_rest.store.apply = claim_first
    await invalidate(at_rest, accepted.mrn, taking_back(trader, accepted.mrn))
    [notice] = await at_rest.store.pending_notices("PHS", None, 10)
    assert notice.notice.kind == "invalidated"


# What becomes of it


async def test_an_answer_goes_to_the_agency_that_asked_with_its_question(gateway, trader, partners, said):
    file = await asked(gateway, trader, HOTEL)
    await answer(gateway, file.case.mrn, "PHS-1", reply(trader))
    file = await told_when(gateway, file.case.mrn, 1)
    [notice] = partners["PHS"].told
    content = said(notice)
    assert notice.kind == "answer" and notice.media == "application/xml"
    assert content["Query"] == {"ID": "PHS-1", "ReferenceID": "P/1", "Text": "Which lot?"}
    assert content["AnswerText"] == "Lot 17"
    assert [each.told for code, each in partners.items() if code != "PHS"] == [[], [], []]
    assert kinds(file)[-2:] == ["answer", "told"]
    assert states(file)["PHS"] == "held", "what to make of it is the agency's to say"


@pytest.mark.parametrize("fault", [Unreachable("down"), Unadmitted("answered 401"), RuntimeError("a fault")])
async def test_what_is_not_taken_now_is_tried_again_with_the_same_id_and_the_case_stands(
    gateway, trader, partners, clock, fault
):
    file = await asked(gateway, trader)
    partners["PHS"].hearing.extend([fault] * 3)
    await answer(gateway, file.case.mrn, "PHS-1", reply(trader))
    version = (await case(gateway, file.case.mrn)).case.version
    for tries in 1, 2, 3:
        await eventually(lambda tries=tries: len(partners["PHS"].told) == tries)
        assert (await case(gateway, file.case.mrn)).case.version == version, "nothing that a trader's If-Match minds"
        [waiting] = await gateway.store.pending_notices("PHS", None, 10)
        assert (waiting.notice.state, waiting.notice.attempts) == ("queued", tries)
        await put_off(gateway)
        clock.advance(gateway.settings.retry.cap)
    await told_when(gateway, file.case.mrn, 1)
    assert len({notice.notice_id for notice in partners["PHS"].told}) == 1


async def put_off(gateway) -> None:
    """Returns when the notice that failed waits for another time."""
    async with asyncio.timeout(PATIENCE):
        while (await gateway.store.pending_notices("PHS", None, 1))[0].notice.problem is None:  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.005)


async def test_a_declined_notice_is_parked_found_and_sent_again_by_an_operator(
    gateway, trader, partners, clock, caplog
):
    file = await asked(gateway, trader)
    partners["PHS"].hearing.append(Declined("answered 422", "Rosenhof"))
    await answer(gateway, file.case.mrn, "PHS-1", reply(trader))
    await case_when(gateway, file.case.mrn, lambda file: "untold" in kinds(file))
    assert "answered 422" in caplog.text and "Rosenhof" not in caplog.text
    [listed] = [each async for each in revival.parked(gateway.store)]
    assert (listed.mrn, listed.notice.state) == (file.case.mrn, "parked") and "Rosenhof" in listed.notice.problem
    with pytest.raises(ValueError, match="one line"):
        await revival.revive(gateway.store, clock, listed.notice.id, "", "A. Miller")
    with pytest.raises(ValueError, match="no notice"):
        await revival.revive(gateway.store, clock, "x", "why", "A. Miller")
    await revival.revive(gateway.store, clock, listed.notice.id, "they read it now", "A. Miller")
    file = await told_when(gateway, file.case.mrn, 1)
    assert kinds(file)[-3:] == ["untold", "revived", "told"] and timeline(file).intact
    assert file.events[-2].actor == "operator:A. Miller"
    with pytest.raises(ValueError, match="taken"):
        await revival.revive(gateway.store, clock, listed.notice.id, "again", "A. Miller")


async def test_notices_of_one_delivery_keep_their_order_and_others_pass(gateway, trader, partners):
    first = await asked(gateway, trader)
    again = asyncio.Event()

    async def stall(notice) -> None:
        await again.wait()

    partners["PHS"].hearing.append(stall)
    mrn = first.case.mrn
    await answer(gateway, mrn, "PHS-1", reply(trader))
    await eventually(lambda: len(partners["PHS"].told) == 1)
    await invalidate(gateway, mrn, taking_back(trader, mrn))
    await lodge_sample(gateway, trader, FLOWERS, body=renamed(FLOWERS, "OTHER"))
    await eventually(lambda: len(partners["PHS"].sent) == 2)  # a delivery does not wait for a notice
    assert len(partners["PHS"].told) == 1
    again.set()
    await told_when(gateway, mrn, 2)
    assert [notice.kind for notice in partners["PHS"].told] == ["answer", "invalidated"]


async def test_after_a_crash_a_notice_goes_out_from_the_store_alone_under_the_same_id(settings, clock, partners):
    """The first process dies while it tells: its lease still runs, and nothing was recorded."""

    async def stall(notice) -> None:
        await asyncio.Event().wait()

    partners["PHS"].hearing.append(stall)
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters=partners)) as gateway:
        trader, _ = await gateway.accounts.register("Greengate Brokers", "trader")
        file = await asked(gateway, trader)
        await answer(gateway, file.case.mrn, "PHS-1", reply(trader))
        await eventually(lambda: len(partners["PHS"].told) == 1)
    revived = {code: ScriptedAdapter() for code in partners}
    async with bootstrap.running(bootstrap.build(settings, clock=clock, adapters=revived)) as gateway:
        file = await told_when(gateway, file.case.mrn, 1)
    assert [each.notice_id for each in revived["PHS"].told] == [partners["PHS"].told[0].notice_id]
    assert revived["PHS"].sent == []


async def test_an_agency_that_says_it_took_it_while_it_was_sent_is_on_record_once(gateway, trader, partners):
    file = await asked(gateway, trader)

    async def acknowledge_first(notice) -> None:
        await settle(gateway, await gateway.store.notice(notice.notice_id), TAKEN)

    partners["PHS"].hearing.append(acknowledge_first)
    await answer(gateway, file.case.mrn, "PHS-1", reply(trader))
    await eventually(lambda: len(partners["PHS"].told) == 1)
    file = await told_when(gateway, file.case.mrn, 1)
    await gateway.store.ping()
    assert kinds(await case(gateway, file.case.mrn)).count("told") == 1


async def test_documents_that_a_trader_provided_can_be_told_of(gateway, trader, partners, said):
    file = await asked(gateway, trader)

    def step(file):
        planned = plan(file, stamp(gateway.clock()), (), (Entry("answer", "trader:1", {"query": "x"}),))
        document = {"TypeCode": "N380", "ID": "INV-17", "Description": "Invoice"}
        told = messages.documents_provided(gateway, file, file.deliveries[0], [document], planned.updated_at)
        return msgspec.structs.replace(planned, notices=(told,)), (told,)

    told = await change(gateway.store, lambda: case(gateway, file.case.mrn), step)
    messages.ring(gateway, told)
    await told_when(gateway, file.case.mrn, 1)
    [notice] = partners["PHS"].told
    assert said(notice)["Document"] == [{"TypeCode": "N380", "ID": "INV-17", "Description": "Invoice"}]
    assert notice.kind == "documents"
