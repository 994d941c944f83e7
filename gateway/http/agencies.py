"""Routes for a partner agency: the deliveries that wait for it, what each asks, and its decision.

An agency sees its own deliveries only; another's gives the same answer as one that never was.
"""

import re

import msgspec

from gateway.collect import Collected, UnknownDelivery, collect
from gateway.http.messages import as_kept, unfit
from gateway.http.routes import DELIVERY_ID, Answer, Call, Parameter, Route
from gateway.ports import Claim

PATH = "/v1/agency/deliveries"
PAGE, LARGEST_PAGE = 50, 500


class Waiting(msgspec.Struct, frozen=True):
    """A delivery in the inbox. `requirements` are ids, `items` goods items' sequence numbers, `href` its message."""

    id: str
    mrn: str
    media: str
    state: str
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
    limit = _limit(call.query.get("limit"))
    claims = await call.gateway.store.inbox(_agency(call), call.query.get("after"), limit + 1)
    page = tuple(_waiting(claim) for claim in claims[:limit])
    return Answer(value=Inbox(page, page[-1].id if len(claims) > limit else None))


async def delivery(call: Call) -> Answer:
    """The permit request, byte for byte as it is sent to agencies that are called. Raises UnknownDelivery."""
    wanted = call.path["id"]
    case_file = await call.gateway.store.case_of_delivery(wanted)
    for found in case_file.deliveries if case_file else ():
        if found.id == wanted and found.agency == _agency(call):
            return as_kept(call, found.body, found.media)
    raise UnknownDelivery(wanted)


async def decide(call: Call) -> Answer:
    """Takes a decision, once: the same again is answered the same, marked as replayed."""
    body = call.body
    return Answer(value=await collect(call.gateway, _agency(call), body.content, str(body.media), call.path["id"]))


def _agency(call: Call) -> str:
    return call.account.agency or ""


def _limit(asked: str | None) -> int:
    if asked is None:
        return PAGE
    if re.fullmatch("[0-9]{1,9}", asked) and 1 <= int(asked) <= LARGEST_PAGE:
        return int(asked)
    raise unfit("query.limit", asked, f"a number from 1 to {LARGEST_PAGE}")


def _waiting(claim: Claim) -> Waiting:
    found = claim.delivery
    return Waiting(
        id=found.id,
        mrn=claim.mrn,
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
        roles=("agency",),
        returns=Inbox,
        root="inbox",
        parameters=(
            Parameter(name="after", where="query", text="The delivery id that the page before ended with."),
            Parameter(
                name="limit",
                where="query",
                text="How many at most.",
                schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
            ),
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
        roles=("agency",),
        as_kept=True,
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
        roles=("agency",),
        takes="A decision (guichet/1/Decision).",
        returns=Collected,
        root="decision",
        parameters=(DELIVERY_ID,),
        problems=(404, 409, 422),
    ),
)
