"""Routes by which a trader answers what an agency asked it about a case, and by which the answer is seen again.

What is asked stands in the status of the case and in what the trader is told; see `gateway.acts.queries`.
"""

from gateway.acts.answer import MESSAGE, Answered, answer
from gateway.http.changes import condition
from gateway.http.message_schemas import ANY
from gateway.http.messages import handed_in
from gateway.http.problems import not_found
from gateway.http.routes import IDEMPOTENCY_KEY, IF_MATCH, MESSAGE_HEADER, MRN, Answer, Call, Parameter, Route
from gateway.http.traders import AS, PATH, kept, readable_case

ANSWER = PATH + "/{mrn}/queries/{query}/answer"
QUERY = Parameter(name="query", where="path", text="The id that the query has in the status of the case.")


async def reply(call: Call) -> Answer:
    """Answers the query. A repeat is answered with the conversation id of the first."""
    mrn, query = call.path["mrn"], call.path["query"]
    done = await answer(call.gateway, mrn, query, await handed_in(call), condition(call))
    return Answer(value=done, headers={"X-Conversation-ID": done.conversation_id})


async def replied(call: Call) -> Answer:
    """The answer as it came, or with `as` in another format."""
    case = (await readable_case(call)).case
    stored = await call.gateway.store.kept_answer(case.id, call.path["query"])
    if stored is None:
        raise not_found()
    return await kept(call, stored, stored.message)


ROUTES = (
    Route(
        name="answer",
        method="POST",
        path=ANSWER,
        handler=reply,
        summary="Answer a query of an agency, as long as it is open.",
        says="The query is answered, now or by an earlier request that this one repeats.",
        takes="An answer (guichet/1/QueryAnswer), or one of a package that derives from it.",
        reads=(MESSAGE, ANY),
        returns=Answered,
        root="answered",
        parameters=(MRN, QUERY, IDEMPOTENCY_KEY, IF_MATCH, MESSAGE_HEADER),
        problems=(404, 409, 412, 422),
    ),
    Route(
        name="query-answer",
        method="GET",
        path=ANSWER,
        handler=replied,
        summary="The answer to a query byte for byte as it came, or converted.",
        says="The answer. Without `as` it has the media type that it came under.",
        as_kept=True,
        sends=(MESSAGE, ANY),
        parameters=(MRN, QUERY, AS),
        problems=(400, 404),
    ),
)
