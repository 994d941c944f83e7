"""A trader answers a query of an agency, once: the answer is kept as it came, and the agency is told, in one commit.

The delivery goes on being held: what to make of the answer is the agency's to say. The same document again is answered
as the first time, in whichever format, whatever the caller believes of the case's version; another one is a conflict. A
query whose delivery was decided, withdrawn or superseded meanwhile needs no answer any more, which the trader is told.
"""

from datetime import datetime
from typing import Any, Final

import msgspec

from datamodel.issues import Issue
from gateway import lifecycle
from gateway.acts import common
from gateway.acts.common import Notice, Unchanged, always
from gateway.acts.once import perform
from gateway.acts.queries import Query, QueryClosed, query_of
from gateway.cases import Entry, delivery_of, plan
from gateway.clock import stamp
from gateway.conflicts import Conflict
from gateway.intake import Lodgement, read_one_of
from gateway.notices import messages
from gateway.notices.records import KeptAnswer, NewNotice
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Event
from gateway.service import Gateway

MESSAGE: Final = "guichet/1/QueryAnswer"


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """The query is answered. `digest` is of the answer's bytes as they came; `replayed` says that it had been taken
    before. `issues` are warnings and advice on it.
    """

    mrn: str
    query: str
    agency: str
    conversation_id: str
    digest: str
    answered_at: str
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


async def answer(
    gateway: Gateway, mrn: str, query_id: str, lodgement: Lodgement, unchanged: Unchanged = always
) -> Answered:
    """Answer a query in a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, UnknownQuery, Conflict, Stale, IllegalAct, and QueryClosed.
    """
    now = gateway.clock()
    notice = await offload(gateway, len(lodgement.body), _read, lodgement, now)

    told: list[NewNotice] = []

    def step(file: CaseFile) -> tuple[CaseChange | None, Answered]:
        query = query_of(file, query_id)
        if query.answer is not None:
            return None, _again(mrn, query, query.answer, notice)
        common.check_legal(lifecycle.ANSWER, file, notice, unchanged)
        if query.state == lifecycle.CLOSED:
            raise QueryClosed(query.id, delivery_of(file, query.delivery_id).state)
        planned, done = _answer(gateway, file, query, notice, lodgement, stamp(now))
        told[:] = planned.notices
        return planned, done

    find, act = common.finder(gateway, mrn, lodgement.account.id), f"{lifecycle.ANSWER} {query_id}"
    done = await perform(gateway, act, lodgement, notice, find, step, Answered)
    messages.ring(gateway, told)
    return done


def _read(gateway: Gateway, lodgement: Lodgement, now: datetime) -> Notice:
    """Raises Refused for what is no valid answer."""
    parsed, _ = read_one_of(gateway, lodgement, now, (MESSAGE,), "message.not-answering")
    return common.noticed(gateway, parsed, lodgement, now)


def _again(mrn: str, query: Query, earlier: Event, notice: Notice) -> Answered:
    """The answer of the first time. Raises Conflict where that was to another document."""
    first = earlier.data
    if first["document"] != notice.facts["document"]:
        raise Conflict("QueryAnswer", mrn, first["digest"], notice.facts["digest"])
    return Answered(
        mrn=mrn,
        query=query.id,
        agency=query.agency,
        conversation_id=first["conversation"],
        digest=first["digest"],
        answered_at=earlier.at,
        replayed=True,
        issues=notice.report.issues,
    )


def _answer(
    gateway: Gateway, file: CaseFile, query: Query, notice: Notice, lodgement: Lodgement, at: str
) -> tuple[CaseChange, Answered]:
    """The change that keeps an answer, with the notice that carries it."""
    facts = {**notice.facts, "query": query.id, "delivery": query.delivery_id, "agency": query.agency}
    planned = plan(file, at, (), (Entry(lifecycle.ANSWER, common.sender(lodgement), facts),))
    said: dict[str, Any] = msgspec.json.decode(notice.document)["QueryAnswer"]
    delivery, documents = delivery_of(file, query.delivery_id), said.get("Document", ())
    told = messages.answered(gateway, file, delivery, query, said["Text"], documents, planned.updated_at)
    kept = KeptAnswer(
        query=query.id,
        message=notice.message,
        media=lodgement.media,
        body=lodgement.body,
        digest=notice.facts["digest"],
        document=notice.document,
    )
    return msgspec.structs.replace(planned, answer=kept, notices=(told,)), Answered(
        mrn=file.case.mrn,
        query=query.id,
        agency=query.agency,
        conversation_id=lodgement.conversation_id,
        digest=notice.facts["digest"],
        answered_at=planned.updated_at,
        issues=notice.report.issues,
    )
