"""Routes for what a partner agency is told of its deliveries: a list, each message, and that it was taken.

An agency that is not called finds all its notices here; one that is called, those that have not reached it yet, and
those that it declined. An agency sees its own only.
"""

from typing import Annotated

import msgspec

from gateway.http import queries
from gateway.http.messages import as_kept
from gateway.http.problems import not_found
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.notices.messages import MESSAGE
from gateway.notices.records import KINDS, PENDING, TAKEN, ListedNotice
from gateway.notices.telling import settle
from gateway.vocabulary import one_of

PATH = "/v1/agency/notices"
NOTICE = Parameter(name="notice", where="path", text="The notice's id.")


class NoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that was not taken. `href` is its message, `delivery` the id of the delivery that it is about."""

    id: str
    kind: Annotated[str, one_of(KINDS)]
    delivery: str
    mrn: str
    media: str
    state: Annotated[str, one_of(PENDING)]
    created_at: str
    href: str


class Notices(msgspec.Struct, frozen=True):
    """A page of notices, oldest first; `next` is the `after` of the page behind it, if there is one."""

    notices: tuple[NoticeLine, ...]
    next: str | None


class Taken(msgspec.Struct, frozen=True):
    """The agency has taken the notice."""

    id: str
    kind: Annotated[str, one_of(KINDS)]
    delivery: str
    mrn: str


async def notices(call: Call) -> Answer:
    """What the agency has not taken. One more than asked for is read, to know whether there is a page behind."""
    limit, agency = queries.limit(call), call.account.agency or ""
    found = await call.gateway.store.pending_notices(agency, call.query.get("after"), limit + 1)
    page = tuple(map(_line, found[:limit]))
    return Answer(value=Notices(page, page[-1].id if len(found) > limit else None))


async def notice(call: Call) -> Answer:
    """The message, byte for byte as it is sent to agencies that are called."""
    found = await _own(call)
    return as_kept(call, found.body, found.notice.media)


async def take(call: Call) -> Answer:
    """The agency says that it has the notice; it may say so again."""
    found = await _own(call)
    await settle(call.gateway, found, TAKEN)
    told = found.notice
    return Answer(value=Taken(told.id, told.kind, told.delivery_id, found.mrn))


async def _own(call: Call) -> ListedNotice:
    found = await call.gateway.store.notice(call.path["notice"])
    if found is None or found.notice.agency != call.account.agency:
        raise not_found()
    return found


def _line(listed: ListedNotice) -> NoticeLine:
    told = listed.notice
    return NoticeLine(
        id=told.id,
        kind=told.kind,
        delivery=told.delivery_id,
        mrn=listed.mrn,
        media=told.media,
        state=told.state,
        created_at=told.created_at,
        href=f"{PATH}/{told.id}",
    )


ROUTES = (
    Route(
        name="notices",
        method="GET",
        path=PATH,
        handler=notices,
        summary="What the agency is told of its deliveries and has not taken, oldest first.",
        says="A page of notices.",
        returns=Notices,
        root="notices",
        parameters=(
            Parameter(name="after", where="query", text="The notice id that the page before ended with."),
            queries.LIMIT,
        ),
        problems=(400,),
    ),
    Route(
        name="notice",
        method="GET",
        path=PATH + "/{notice}",
        handler=notice,
        summary="One notice, in the agency's own format.",
        says="The notice (guichet/1/AgencyNotice).",
        as_kept=True,
        sends=(MESSAGE,),
        parameters=(NOTICE,),
        problems=(404,),
    ),
    Route(
        name="take-notice",
        method="POST",
        path=PATH + "/{notice}/acknowledgement",
        handler=take,
        summary="The agency has taken a notice, which is listed no more.",
        says="The notice is taken, now or before.",
        returns=Taken,
        root="taken",
        parameters=(NOTICE,),
        problems=(404,),
    ),
)
