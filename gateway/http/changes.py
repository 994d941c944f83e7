"""Routes by which a trader changes a case of its own after lodging it: so far, it invalidates one."""

from gateway import lifecycle
from gateway.http.caching import seen
from gateway.http.message_schemas import ANY
from gateway.http.messages import named_message
from gateway.http.problems import not_found
from gateway.http.routes import IF_MATCH, MESSAGE_HEADER, MRN, Answer, Call, Route
from gateway.http.traders import AS, PATH, kept, own_case
from gateway.intake import Lodgement
from gateway.invalidation import INVALIDATING, Invalidated, invalidate

INVALIDATION = PATH + "/{mrn}/invalidation"


async def take_back(call: Call) -> Answer:
    """Invalidates the case. A repeat is answered with the conversation id of the first."""
    lodgement = Lodgement(
        account=call.account,
        body=await call.body.content(),
        media=str(call.body.media),
        message=named_message(call),
        conversation_id=call.conversation_id,
    )
    conditions = ", ".join(call.headers.getall("If-Match", ()))
    done = await invalidate(
        call.gateway, call.path["mrn"], lodgement, lambda version: not conditions or seen(conditions, version)
    )
    return Answer(value=done, headers={"X-Conversation-ID": done.conversation_id})


async def invalidation(call: Call) -> Answer:
    """The invalidation of the case as it came, or with `as` in another format."""
    case = (await own_case(call)).case
    stored = await call.gateway.store.additional(case.id, lifecycle.INVALIDATION)
    if stored is None:
        raise not_found()
    return await kept(call, stored, stored.message)


ROUTES = (
    Route(
        name="invalidate",
        method="POST",
        path=INVALIDATION,
        handler=take_back,
        summary="Invalidate a declaration, as long as an agency has still to decide.",
        says="The declaration is invalidated, now or by an earlier request that this one repeats.",
        roles=("trader",),
        takes="An invalidation (CANCEL) whose Declaration/ID is the MRN, or one of a package that derives from it.",
        reads=(*INVALIDATING, ANY),
        returns=Invalidated,
        root="invalidated",
        parameters=(MRN, IF_MATCH, MESSAGE_HEADER),
        problems=(404, 409, 412, 422),
    ),
    Route(
        name="invalidation",
        method="GET",
        path=INVALIDATION,
        handler=invalidation,
        summary="The invalidation of a declaration byte for byte as it came, or converted.",
        says="The invalidation. Without `as` it has the media type that it came under.",
        roles=("trader",),
        as_kept=True,
        sends=(*INVALIDATING, ANY),
        parameters=(MRN, AS),
        problems=(400, 404),
    ),
)
