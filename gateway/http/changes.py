"""Routes by which a trader changes a case of its own after lodging it: amends it, completes it, or takes it back, and
says that its goods have arrived.
"""

from functools import partial

from gateway import lifecycle
from gateway.acts.amendment import Amended, amend
from gateway.acts.arrival import ARRIVING, Arrived, arrive
from gateway.acts.common import Unchanged, always
from gateway.acts.invalidation import INVALIDATING, Invalidated, invalidate
from gateway.acts.supplement import Supplemented, supplement
from gateway.http.caching import seen
from gateway.http.message_schemas import ANY
from gateway.http.messages import handed_in
from gateway.http.problems import not_found
from gateway.http.routes import IDEMPOTENCY_KEY, IF_MATCH, MESSAGE_HEADER, MRN, Answer, Call, Route
from gateway.http.traders import AS, PATH, kept, readable_case
from gateway.http.trial import AS_OF, SCENARIO, Wanted, asked
from gateway.intake import LODGED

INVALIDATION = PATH + "/{mrn}/invalidation"
ARRIVAL = PATH + "/{mrn}/arrival"


async def renew(call: Call) -> Answer:
    """Amends the case. A repeat is answered with the conversation id of the first."""
    wanted = await asked(call)
    handed = await handed_in(call, wanted.as_of, wanted.scenario)
    return _answer(await amend(call.gateway, call.path["mrn"], handed, condition(call)), wanted)


async def take_back(call: Call) -> Answer:
    """Invalidates the case. A repeat is answered with the conversation id of the first."""
    wanted = await asked(call)
    handed = await handed_in(call, wanted.as_of, wanted.scenario)
    return _answer(await invalidate(call.gateway, call.path["mrn"], handed, condition(call)), wanted)


async def have_arrived(call: Call) -> Answer:
    """The goods of the case have arrived. A repeat is answered with the conversation id of the first."""
    wanted = await asked(call)
    handed = await handed_in(call, wanted.as_of, wanted.scenario)
    return _answer(await arrive(call.gateway, call.path["mrn"], handed, condition(call)), wanted)


async def complete(call: Call) -> Answer:
    """Completes the case. A repeat is answered with the conversation id of the first."""
    wanted = await asked(call)
    handed = await handed_in(call, wanted.as_of, wanted.scenario)
    return _answer(await supplement(call.gateway, call.path["mrn"], handed, condition(call)), wanted)


def _answer(done: Amended | Invalidated | Arrived | Supplemented, wanted: Wanted) -> Answer:
    headers = {"X-Conversation-ID": done.conversation_id}
    return Answer(value=done, headers=headers, lost=wanted.lost and not done.replayed)


def condition(call: Call) -> Unchanged:
    """Whether a version of the case is one that the caller has seen; any is, where the caller does not say."""
    conditions = ", ".join(call.headers.getall("If-Match", ()))
    return partial(seen, conditions) if conditions else always


async def invalidation(call: Call) -> Answer:
    """The invalidation of the case as it came, or with `as` in another format."""
    return await _last(call, lifecycle.INVALIDATION)


async def arrival(call: Call) -> Answer:
    """The notification that the goods have arrived, as it came, or with `as` in another format."""
    return await _last(call, lifecycle.ARRIVAL)


async def _last(call: Call, act: str) -> Answer:
    case = (await readable_case(call)).case
    stored = await call.gateway.store.additional(case.id, act)
    if stored is None:
        raise not_found()
    return await kept(call, stored, stored.message)


ROUTES = (
    Route(
        name="amend",
        method="POST",
        path=PATH + "/{mrn}/amendments",
        handler=renew,
        summary="Amend a declaration, until it is released: the whole of it, as its next version.",
        says="The declaration is amended, now or by an earlier request that this one repeats.",
        takes="The whole declaration (DEC), or one of a package that derives from it, under the same reference.",
        reads=(*LODGED, ANY),
        returns=Amended,
        root="amended",
        parameters=(MRN, IDEMPOTENCY_KEY, IF_MATCH, MESSAGE_HEADER, SCENARIO, AS_OF),
        problems=(404, 409, 412, 422),
    ),
    Route(
        name="invalidate",
        method="POST",
        path=INVALIDATION,
        handler=take_back,
        summary="Invalidate a declaration, until it is released.",
        says="The declaration is invalidated, now or by an earlier request that this one repeats.",
        takes="An invalidation (CANCEL) whose Declaration/ID is the MRN, or one of a package that derives from it.",
        reads=(*INVALIDATING, ANY),
        returns=Invalidated,
        root="invalidated",
        parameters=(MRN, IDEMPOTENCY_KEY, IF_MATCH, MESSAGE_HEADER, SCENARIO, AS_OF),
        problems=(404, 409, 412, 422),
    ),
    Route(
        name="invalidation",
        method="GET",
        path=INVALIDATION,
        handler=invalidation,
        summary="The invalidation of a declaration byte for byte as it came, or converted.",
        says="The invalidation. Without `as` it has the media type that it came under.",
        as_kept=True,
        sends=(*INVALIDATING, ANY),
        parameters=(MRN, AS),
        problems=(400, 404),
    ),
    Route(
        name="arrive",
        method="POST",
        path=ARRIVAL,
        handler=have_arrived,
        summary="Say that the goods have arrived whose declaration was lodged before.",
        says="The arrival is recorded, now or by an earlier request that this one repeats.",
        takes="A notification of arrival (ARRIVAL) whose Declaration/ID is the MRN, or one of a package that derives.",
        reads=(*ARRIVING, ANY),
        returns=Arrived,
        root="arrived",
        parameters=(MRN, IF_MATCH, MESSAGE_HEADER),
        problems=(404, 409, 412, 422),
    ),
    Route(
        name="arrival",
        method="GET",
        path=ARRIVAL,
        handler=arrival,
        summary="The notification of arrival byte for byte as it came, or converted.",
        says="The notification. Without `as` it has the media type that it came under.",
        as_kept=True,
        sends=(*ARRIVING, ANY),
        parameters=(MRN, AS),
        problems=(400, 404),
    ),
    Route(
        name="supplement",
        method="POST",
        path=PATH + "/{mrn}/supplements",
        handler=complete,
        summary="Complete a declaration that was incomplete, also after release: the whole of it, as its next version.",
        says="The declaration is complete, now or by an earlier request that this one repeats.",
        takes="The whole declaration (DEC) of a supplementary type, which names the case in a previous document.",
        reads=(*LODGED, ANY),
        returns=Supplemented,
        root="supplemented",
        parameters=(MRN, IF_MATCH, MESSAGE_HEADER),
        problems=(404, 409, 412, 422),
    ),
)
