"""Routes for a partner agency: the deliveries that wait for it, what each asks, and its decision.

An agency sees its own deliveries only; another's gives the same answer as one that never was.
"""

import msgspec

from gateway.collect import Collected, UnknownDelivery, collect
from gateway.decisions import MESSAGE as DECISION
from gateway.http import queries
from gateway.http.messages import as_kept
from gateway.http.routes import DELIVERY_ID, Answer, Call, Parameter, Route
from gateway.permit_requests import MESSAGE as PERMIT_REQUEST
from gateway.ports import Listed
from gateway.vocabulary import UndecidedState

PATH = "/v1/agency/deliveries"


class Waiting(msgspec.Struct, frozen=True):
    """A delivery in the inbox. `requirements` are ids, `items` goods items' sequence numbers, `href` its message."""

    id: str
    mrn: str
    media: str
    state: UndecidedState
    due_at: str
    requirements: tuple[str, ...]
    items: tuple[int, ...]
    href: str


class Inbox(msgspec.Struct, frozen=True):
    """A page of undecided deliveries, oldest first; `next` is the `after` of the page behind it, if there is one."""

    deliveries: tuple[Waiting, ...]
    next: str | None


async def inbox(call: Call) -> Answer:
    """What waits for the agency. One more than asked for is read, to know whether there is a page behind."""
    limit = queries.limit(call)
    found = await call.gateway.store.inbox(_agency(call), call.query.get("after"), limit + 1)
    page = tuple(_waiting(each) for each in found[:limit])
    return Answer(value=Inbox(page, page[-1].id if len(found) > limit else None))


async def delivery(call: Call) -> Answer:
    """The permit request, byte for byte as it is sent to agencies that are called. Raises UnknownDelivery."""
    found = await call.gateway.store.fetch(_agency(call), call.path["id"])
    if found is None:
        raise UnknownDelivery(call.path["id"])
    return as_kept(call, found.body, found.delivery.media)


async def decide(call: Call) -> Answer:
    """Takes a decision, once: the same again is answered the same, marked as replayed."""
    sent = (await call.body.content(), str(call.body.media))
    return Answer(value=await collect(call.gateway, _agency(call), *sent, call.path["id"], call.actor))


def _agency(call: Call) -> str:
    return call.account.agency or ""


def _waiting(listed: Listed) -> Waiting:
    found = listed.delivery
    return Waiting(
        id=found.id,
        mrn=listed.mrn,
        media=found.media,
        state=found.state,
        due_at=found.due_at,
        requirements=found.requirements,
        items=found.items,
        href=f"{PATH}/{found.id}",
    )


ROUTES = (
    Route(
        name="inbox",
        method="GET",
        path=PATH,
        handler=inbox,
        summary="Deliveries that wait for the agency's decision, oldest first.",
        says="A page of the inbox.",
        returns=Inbox,
        root="inbox",
        parameters=(
            Parameter(name="after", where="query", text="The delivery id that the page before ended with."),
            queries.LIMIT,
        ),
        problems=(400,),
    ),
    Route(
        name="delivery",
        method="GET",
        path=PATH + "/{id}",
        handler=delivery,
        summary="One delivery's permit request, in the agency's own format.",
        says="The permit request (guichet/1/PermitRequest).",
        as_kept=True,
        sends=(PERMIT_REQUEST,),
        parameters=(DELIVERY_ID,),
        problems=(404,),
    ),
    Route(
        name="decide",
        method="POST",
        path=PATH + "/{id}/decision",
        handler=decide,
        summary="The agency's decision on a delivery (guichet/1/Decision).",
        says="The decision is recorded.",
        takes="A decision (guichet/1/Decision).",
        reads=(DECISION,),
        returns=Collected,
        root="decision",
        parameters=(DELIVERY_ID,),
        problems=(404, 409, 422),
    ),
)
