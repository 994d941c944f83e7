"""What agencies asked the trader of a case, and where each query stands. Pure.

Nothing is kept of a query beside the decision that puts it and the event of its answer: both are on record for good, so
what is open follows from them. A query is open until it is answered, or its delivery is decided, withdrawn or
superseded. Its id is the agency's code and a number, counted over all that the agency asked in the case.
"""

from collections.abc import Iterator

import msgspec

from gateway import decisions, lifecycle
from gateway.decisions import Answer, Question
from gateway.lifecycle import ANSWERED, CLOSED, OPEN
from gateway.ports import CaseFile, Decision, Event


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One query. `answer` is the event that tells of its answer."""

    id: str
    agency: str
    delivery_id: str
    asked_at: str
    question: Question
    state: str
    answer: Event | None


class UnknownQuery(LookupError):
    """The case has no query of that id."""


class QueryClosed(Exception):
    """The query needs no answer any more: its delivery is decided, withdrawn or superseded."""

    def __init__(self, query_id: str, state: str) -> None:
        super().__init__(f"query {query_id} needs no answer any more: its delivery is {state}")
        self.query_id, self.state = query_id, state


def queries(file: CaseFile) -> tuple[Query, ...]:
    """All queries of a case, in the order in which they were put."""
    answers = {event.data["query"]: event for event in file.events if event.kind == lifecycle.ANSWER}
    ended = {each.id for each in file.deliveries if each.state in lifecycle.FINAL}
    found = []
    for query_id, decision, question in _asked(file):
        answer = answers.get(query_id)
        state = ANSWERED if answer else CLOSED if decision.delivery_id in ended else OPEN
        found.append(
            Query(
                id=query_id,
                agency=decision.agency,
                delivery_id=decision.delivery_id,
                asked_at=decision.at,
                question=question,
                state=state,
                answer=answer,
            )
        )
    return tuple(found)


def query_of(file: CaseFile, query_id: str) -> Query:
    """The query of that id. Raises UnknownQuery."""
    for query in queries(file):
        if query.id == query_id:
            return query
    raise UnknownQuery(query_id)


def query_ids(file: CaseFile, decision: Decision, answer: Answer) -> tuple[str, ...]:
    """The ids that the queries of a decision go by: those that it has, or will have if it is new."""
    recorded = [query_id for query_id, made, _ in _asked(file) if _same(made, decision)]
    if recorded or not answer.questions:
        return tuple(recorded)
    before = sum(made.agency == decision.agency for _, made, _ in _asked(file))
    return tuple(_id(decision.agency, before + place) for place, _ in enumerate(answer.questions, 1))


def _asked(file: CaseFile) -> Iterator[tuple[str, Decision, Question]]:
    counts: dict[str, int] = {}
    for decision in file.decisions:
        if decision.outcome == lifecycle.QUERY:
            for question in decisions.from_document(decision.document).questions:
                counts[decision.agency] = counts.get(decision.agency, 0) + 1
                yield _id(decision.agency, counts[decision.agency]), decision, question


def _same(one: Decision, other: Decision) -> bool:
    return (one.delivery_id, one.digest) == (other.delivery_id, other.digest)


def _id(agency: str, number: int) -> str:
    return f"{agency}-{number}"
