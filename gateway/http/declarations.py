"""The list of cases: a trader finds its own again, by reference, status or time, and an operator or auditor anybody's.

A page looks through so many cases at most, whatever is asked for: then it may be short, and says where to go on.
"""

import logging
from typing import Final

import msgspec

from datamodel.wording import either
from gateway import lifecycle
from gateway.http import queries
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.http.traders import PATH
from gateway.ports import Case, CasesAsked
from gateway.vocabulary import CaseState

KNOWN: Final = ("reference", "status", "from", "to", "after", "limit")

log = logging.getLogger(__name__)


class DeclarationLine(msgspec.Struct, frozen=True, kw_only=True):
    """One case. `message` is the type that was lodged; `href` is where its status is."""

    mrn: str
    reference: str | None
    status: CaseState
    message: str
    accepted_at: str
    updated_at: str
    href: str


class Declarations(msgspec.Struct, frozen=True, kw_only=True):
    """A page, the latest first. `next` is the `after` of the page behind it; null where there is nothing behind."""

    declarations: tuple[DeclarationLine, ...]
    next: str | None


async def declarations(call: Call) -> Answer:
    """A page of the cases that the caller may see."""
    queries.refuse_unknown(call, KNOWN)
    state = call.query.get("status")
    if state is not None and state not in lifecycle.CASE_STATES:
        raise queries.not_usable("status", state, either(lifecycle.CASE_STATES))
    asked = CasesAsked(
        account_id=call.owner,
        limit=queries.limit(call),
        after=call.query.get("after"),
        reference=call.query.get("reference"),
        state=state,
        since=queries.time(call, "from"),
        until=queries.time(call, "to"),
    )
    if call.owner is None:
        who = (call.account.name, call.account.role)
        log.info("conversation %s: %r, %s, looks through all cases", call.conversation_id, *who)
    found = await call.gateway.store.cases(asked)
    return Answer(value=Declarations(declarations=tuple(map(_line, found.cases)), next=found.next))


def _line(case: Case) -> DeclarationLine:
    return DeclarationLine(
        mrn=case.mrn,
        reference=case.reference,
        status=case.state,
        message=case.message,
        accepted_at=case.accepted_at,
        updated_at=case.updated_at,
        href=f"{PATH}/{case.mrn}",
    )


ROUTES = (
    Route(
        name="declarations",
        method="GET",
        path=PATH,
        handler=declarations,
        summary="The declarations that were accepted, the latest first; by reference, status or time.",
        says="A page of declarations. It may be short though there is more behind it: `next` tells.",
        returns=Declarations,
        root="declarations",
        parameters=(
            Parameter(name="reference", where="query", text="The sender's own reference, the whole of it."),
            Parameter(
                name="status",
                where="query",
                text="Those that stand so now.",
                schema={"type": "string", "enum": list(lifecycle.CASE_STATES)},
            ),
            Parameter(
                name="from", where="query", text="Accepted at this time or day (UTC) or later.", schema=queries.TIME
            ),
            Parameter(name="to", where="query", text="Accepted before this time or day (UTC).", schema=queries.TIME),
            Parameter(name="after", where="query", text="The `next` of the page before."),
            queries.LIMIT,
        ),
        problems=(400,),
    ),
)
