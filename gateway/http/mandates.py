"""Routes for acting for another party: mandates that a trader gives and gets, what was lodged for it, and its answer.

A mandate is seen by its principal and its agent, and ended by its principal alone; another's gives the same answer as
one that never was. What was lodged for a trader it may read as its own, and change by its answer only.
"""

from typing import Annotated

import msgspec

from datamodel.wording import either
from gateway.http import queries
from gateway.http.changes import condition
from gateway.http.messages import handed_in
from gateway.http.problems import not_found
from gateway.http.routes import IF_MATCH, MRN, Answer, Call, Parameter, Route
from gateway.http.traders import PATH as CASES
from gateway.lifecycle import CASE_STATES
from gateway.mandates import confirmation, granting
from gateway.mandates.confirmation import Confirmation, confirm
from gateway.mandates.kept import STANDINGS, DeclaredCase, Mandate
from gateway.vocabulary import CaseState, one_of

PATH = "/v1/mandates"
DECLARED = "/v1/principal/declarations"
GIVEN, GOT = "given", "got"


class MandateView(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate: `principal` lets `agent` lodge for it, from day to day (UTC), both included; both are accounts' names.

    `side` is the caller's, where it has one: it gave it, or it got it. With `confirm`, every filing waits for the
    principal. `reason` and `revocation` are an operator's words, where one granted or revoked it.
    """

    id: str
    side: Annotated[str, one_of((GIVEN, GOT))] | None
    principal: str
    agent: str
    directions: tuple[Annotated[str, one_of(("import", "export"))], ...]
    first_day: str
    last_day: str | None
    confirm: bool
    standing: Annotated[str, one_of(STANDINGS)]
    granted_at: str
    granted_by: str
    reason: str | None
    revoked_at: str | None
    revoked_by: str | None
    revocation: str | None


class Mandates(msgspec.Struct, frozen=True):
    """A page in the order in which they were granted; `next` is the `after` of the page behind it, if there is one."""

    mandates: tuple[MandateView, ...]
    next: str | None


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration that `agent` lodged for the caller, by the mandate of that id; `href` is where its status is.

    `confirm_by` is until when the caller can confirm it, where it has to or had to.
    """

    mrn: str
    agent: str
    status: CaseState
    accepted_at: str
    updated_at: str
    mandate: str
    confirm_by: str | None
    href: str


class DeclaredPage(msgspec.Struct, frozen=True):
    """A page, oldest first; `next` is the `after` of the page behind it, if there is one."""

    declarations: tuple[Declared, ...]
    next: str | None


async def give(call: Call) -> Answer:
    """Grants a mandate, or answers with the one that says the same."""
    body = await call.body.content()
    granted = await granting.grant(call.gateway, call.account, call.actor, body, str(call.body.media))
    return Answer(value=_shown(call, granted), headers={"Location": f"{PATH}/{granted.id}"})


async def mandates(call: Call) -> Answer:
    """What the caller gave and got. One more than asked for is read, to know whether there is a page behind."""
    queries.refuse_unknown(call, ("after", "limit"))
    limit = queries.limit(call)
    found = await call.gateway.store.mandates(call.account.id, call.query.get("after"), limit + 1)
    page = tuple(_shown(call, each) for each in found[:limit])
    return Answer(value=Mandates(page, page[-1].id if len(found) > limit else None))


async def mandate(call: Call) -> Answer:
    """One of them."""
    found = await call.gateway.store.mandate(call.path["mandate"], call.owner)
    if found is None:
        raise not_found()
    return Answer(value=_shown(call, found))


async def end(call: Call) -> Answer:
    """Revokes a mandate that the caller gave. Raises UnknownMandate."""
    revoked = await granting.revoke(call.gateway, call.account, call.actor, call.path["mandate"])
    return Answer(value=_shown(call, revoked))


async def declared(call: Call) -> Answer:
    """What was lodged for the caller."""
    queries.refuse_unknown(call, ("after", "limit", "status"))
    limit, state = queries.limit(call), call.query.get("status")
    if state is not None and state not in CASE_STATES:
        raise queries.not_usable("status", state, either(CASE_STATES))
    found = await call.gateway.store.cases_for(call.account.id, state, call.query.get("after"), limit + 1)
    page = tuple(map(_declared, found[:limit]))
    return Answer(value=DeclaredPage(page, page[-1].mrn if len(found) > limit else None))


async def answer(call: Call) -> Answer:
    """Takes the caller's answer. A repeat is answered with the conversation id of the first."""
    done = await confirm(call.gateway, call.path["mrn"], await handed_in(call), condition(call))
    return Answer(value=done, headers={"X-Conversation-ID": done.conversation_id})


def _shown(call: Call, found: Mandate) -> MandateView:
    today = call.gateway.clock().date().isoformat()
    told = {name: getattr(found, name) for name in MandateView.__struct_fields__ if name in found.__struct_fields__}
    side = {found.principal_id: GIVEN, found.agent_id: GOT}.get(call.account.id)
    return MandateView(side=side, standing=found.standing(today), **told)


def _declared(found: DeclaredCase) -> Declared:
    return Declared(
        mrn=found.mrn,
        agent=found.agent,
        status=found.state,
        accepted_at=found.accepted_at,
        updated_at=found.updated_at,
        mandate=found.mandate_id,
        confirm_by=found.confirm_by,
        href=f"{CASES}/{found.mrn}",
    )


ID = Parameter(name="mandate", where="path", text="The mandate's id.")
ROUTES = (
    Route(
        name="grant",
        method="POST",
        path=PATH,
        handler=give,
        summary="Let another trader lodge declarations for the caller.",
        says="The mandate is on record, now or by an earlier request on the same terms.",
        status=201,
        takes="A mandate (guichet-trader/1/Mandate).",
        reads=(granting.MESSAGE,),
        returns=MandateView,
        root="mandate",
        problems=(422,),
        headers={"Location": "Where the mandate is."},
    ),
    Route(
        name="mandates",
        method="GET",
        path=PATH,
        handler=mandates,
        summary="The mandates that the caller gave and got, in the order in which they were granted.",
        says="A page of mandates.",
        returns=Mandates,
        root="mandates",
        parameters=(
            Parameter(name="after", where="query", text="The id that the page before ended with."),
            queries.LIMIT,
        ),
        problems=(400,),
    ),
    Route(
        name="mandate",
        method="GET",
        path=PATH + "/{mandate}",
        handler=mandate,
        summary="One mandate, whether or not it is in force.",
        says="The mandate.",
        returns=MandateView,
        root="mandate",
        parameters=(ID,),
        problems=(404,),
    ),
    Route(
        name="revoke",
        method="DELETE",
        path=PATH + "/{mandate}",
        handler=end,
        summary="Revoke a mandate that the caller gave. It stays on record; to say so again does no harm.",
        says="The mandate is revoked, now or since an earlier request.",
        returns=MandateView,
        root="mandate",
        parameters=(ID,),
        problems=(404,),
    ),
    Route(
        name="declared",
        method="GET",
        path=DECLARED,
        handler=declared,
        summary="The declarations that others lodged for the caller by mandate, oldest first.",
        says="A page of declarations.",
        returns=DeclaredPage,
        root="declared",
        parameters=(
            Parameter(
                name="status",
                where="query",
                text="Those in one state only, as awaiting-confirmation.",
                schema={"type": "string", "enum": list(CASE_STATES)},
            ),
            Parameter(name="after", where="query", text="The MRN that the page before ended with."),
            queries.LIMIT,
        ),
        problems=(400,),
    ),
    Route(
        name="confirm",
        method="POST",
        path=CASES + "/{mrn}/confirmation",
        handler=answer,
        summary="Confirm or decline a declaration that was lodged for the caller and waits for it.",
        says="The answer is on record, now or by an earlier request that this one repeats.",
        takes="A confirmation (guichet-trader/1/Confirmation).",
        reads=(confirmation.MESSAGE,),
        returns=Confirmation,
        root="confirmation",
        parameters=(MRN, IF_MATCH),
        problems=(404, 409, 412, 422),
    ),
)
