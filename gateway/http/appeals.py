"""Routes for appeals: a trader lodges one and sees what came of it, its agency rules, an auditor reads the record."""

import re
from typing import Final

import msgspec

from datamodel.codecs import write
from gateway.acts.appeal import MESSAGE as APPEAL
from gateway.acts.appeal import Appealed, lodge_appeal
from gateway.acts.appeal_views import Appeals, AppealStatus, OpenAppeals, appeal_status, open_appeal
from gateway.acts.appeals import Appeal
from gateway.acts.record import Record
from gateway.acts.ruling import MESSAGE as RULING
from gateway.acts.ruling import Ruled, from_document, rule
from gateway.collect import UnknownDelivery
from gateway.http.agencies import PATH as DELIVERIES
from gateway.http.changes import condition
from gateway.http.messages import as_kept, handed_in
from gateway.http.problems import not_found
from gateway.http.routes import DELIVERY_ID, IDEMPOTENCY_KEY, IF_MATCH, MRN, Answer, Call, Parameter, Route
from gateway.http.traders import AS, PATH, kept, readable_case
from gateway.ports import CaseFile
from gateway.responses import MESSAGE as RESPONSE
from gateway.responses import on_request

ALL: Final = PATH + "/{mrn}/appeals"
ONE: Final = ALL + "/{number}"
LISTED: Final = 500
_RECORD: Final = msgspec.json.Decoder(Record)


async def lodge(call: Call) -> Answer:
    """Puts the appeal on record. A repeat is answered with the conversation id of the first."""
    done = await lodge_appeal(call.gateway, call.path["mrn"], await handed_in(call), condition(call))
    place = ONE.format(mrn=done.mrn, number=done.appeal)
    return Answer(value=done, headers={"Location": place, "X-Conversation-ID": done.conversation_id})


async def appeals(call: Call) -> Answer:
    """All appeals of the case."""
    file = await readable_case(call)
    found = await call.gateway.store.appeals(file.case.id)
    return Answer(value=Appeals(appeals=tuple(appeal_status(each, file) for each in found)))


async def appeal(call: Call) -> Answer:
    """Where one of them stands."""
    found, file = await _one(call)
    return Answer(value=appeal_status(found, file))


async def message(call: Call) -> Answer:
    """The appeal as it came, or with `as` in another format."""
    found, _ = await _one(call)
    stored = await call.gateway.store.appeal_message(found.mrn, found.number)
    if stored is None:
        raise not_found()
    return await kept(call, stored, APPEAL)


async def record(call: Call) -> Answer:
    """The record that the appeal froze."""
    found, _ = await _one(call)
    stored = await call.gateway.store.appeal_record(found.mrn, found.number)
    if stored is None:
        raise not_found()
    return Answer(value=_RECORD.decode(stored))


async def response(call: Call) -> Answer:
    """The response message (RES) to the appeal: received, or decided."""
    found, file = await _one(call)
    ruling = None if found.ruling is None else from_document(found.ruling)
    said = None if ruling is None else (ruling.outcome, ruling.reason)
    gateway = call.gateway
    parsed = on_request(file, found, said, gateway.registry, gateway.clock(), gateway.codes)
    return Answer(value=write(parsed, call.form), media=call.media)


async def _one(call: Call) -> tuple[Appeal, CaseFile]:
    """The appeal of that number, with its case. Raises Fault."""
    file, asked = await readable_case(call), call.path["number"]
    found = await call.gateway.store.appeals(file.case.id) if re.fullmatch("[1-9][0-9]{0,8}", asked) else []
    for each in found:
        if each.number == int(asked):
            return each, file
    raise not_found()


async def inbox(call: Call) -> Answer:
    """The appeals that wait for the agency."""
    found = await call.gateway.store.open_appeals(_agency(call), LISTED)
    return Answer(value=OpenAppeals(appeals=tuple(map(open_appeal, found))))


async def delivery_appeal(call: Call) -> Answer:
    """The last appeal about a delivery of the agency's, as it came. Raises UnknownDelivery."""
    found = await call.gateway.store.appeal_on(_agency(call), call.path["id"])
    stored = None if found is None else await call.gateway.store.appeal_message(found.mrn, found.number)
    if stored is None:
        raise UnknownDelivery(call.path["id"])
    return as_kept(call, stored.body, stored.media)


async def ruling(call: Call) -> Answer:
    """Takes a ruling, once: the same again is answered the same, marked as replayed."""
    body, media = await call.body.content(), str(call.body.media)
    return Answer(value=await rule(call.gateway, _agency(call), call.path["id"], body, media, call.actor))


def _agency(call: Call) -> str:
    return call.account.agency or ""


NUMBER = Parameter(name="number", where="path", text="The number of the appeal within its case.")

ROUTES = (
    Route(
        name="lodge-appeal",
        method="POST",
        path=ALL,
        handler=lodge,
        summary="Appeal against a decision: a refusal, or a grant with findings. What it rests on is frozen.",
        says="The appeal is on record, now or by an earlier request that this one repeats.",
        takes="An appeal (guichet/1/Appeal).",
        reads=(APPEAL,),
        returns=Appealed,
        root="appealed",
        parameters=(MRN, IDEMPOTENCY_KEY, IF_MATCH),
        problems=(404, 409, 412, 422),
        headers={"Location": "Where to ask how the appeal stands."},
    ),
    Route(
        name="appeals",
        method="GET",
        path=ALL,
        handler=appeals,
        summary="The appeals of a case.",
        says="The appeals.",
        returns=Appeals,
        root="appeals",
        parameters=(MRN,),
        problems=(404,),
    ),
    Route(
        name="appeal",
        method="GET",
        path=ONE,
        handler=appeal,
        summary="Where an appeal stands.",
        says="The appeal.",
        returns=AppealStatus,
        root="appeal",
        parameters=(MRN, NUMBER),
        problems=(404,),
    ),
    Route(
        name="appeal-message",
        method="GET",
        path=ONE + "/message",
        handler=message,
        summary="An appeal byte for byte as it came, or converted.",
        says="The appeal. Without `as` it has the media type that it came under.",
        as_kept=True,
        sends=(APPEAL,),
        parameters=(MRN, NUMBER, AS),
        problems=(400, 404),
    ),
    Route(
        name="appeal-record",
        method="GET",
        path=ONE + "/record",
        handler=record,
        summary="What the decision rests on, as it was when the appeal came: bytes, digests, tables, events.",
        says="The record. `guichet appeal verify` checks a copy of it without the gateway.",
        returns=Record,
        root="record",
        parameters=(MRN, NUMBER),
        problems=(404,),
    ),
    Route(
        name="appeal-response",
        method="GET",
        path=ONE + "/response",
        handler=response,
        summary="The response message to an appeal: received, or decided.",
        says="The response (RES).",
        sends=(RESPONSE,),
        parameters=(MRN, NUMBER),
        problems=(404,),
    ),
    Route(
        name="open-appeals",
        method="GET",
        path="/v1/agency/appeals",
        handler=inbox,
        summary=f"Appeals that wait for the agency's ruling, oldest first, at most {LISTED}.",
        says="The appeals.",
        returns=OpenAppeals,
        root="appeals",
    ),
    Route(
        name="delivery-appeal",
        method="GET",
        path=DELIVERIES + "/{id}/appeal",
        handler=delivery_appeal,
        summary="The appeal against the decision on a delivery, as it came.",
        says="The appeal.",
        as_kept=True,
        sends=(APPEAL,),
        parameters=(DELIVERY_ID,),
        problems=(404,),
    ),
    Route(
        name="rule-appeal",
        method="POST",
        path=DELIVERIES + "/{id}/ruling",
        handler=ruling,
        summary="Rule on the appeal: the decision is upheld, or overturned by a new one.",
        says="The ruling is on record, now or by an earlier request that this one repeats.",
        takes="A ruling (guichet/1/Ruling).",
        reads=(RULING,),
        returns=Ruled,
        root="ruled",
        parameters=(DELIVERY_ID,),
        problems=(404, 409, 422),
    ),
)
