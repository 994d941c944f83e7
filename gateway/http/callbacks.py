"""Routes for a trader's own address, to which it is told what happens: set, shown, tried, removed."""

from typing import Final

from datamodel.wording import either, issue, phrase, refused
from gateway.http.messages import SHOWN
from gateway.http.problems import Fault
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.notify.callbacks import MESSAGE, CallbackRemoved, CallbackSet, remove_callback, set_callback
from gateway.notify.probing import Tested, TooSoon
from gateway.notify.told import Standing

PATH: Final = "/v1/notifications/callback"
BOOLEAN: Final = {"true": True, "false": False}


async def put(call: Call) -> Answer:
    """Sets the address, or changes it. A new secret is told here and never again."""
    body, asked = await call.body.content(), call.query.get("rotate", "false")
    if asked not in BOOLEAN:
        words = {"name": "rotate", "value": asked[:SHOWN], "expected": either(tuple(BOOLEAN))}
        raise refused(issue("query.filter", **words), status=400)
    done = await set_callback(call.gateway, call.account, body, str(call.body.media), rotate=BOOLEAN[asked])
    return Answer(value=done)


async def show(call: Call) -> Answer:
    """The address, without its secret, and how much of what is told waits for it."""
    return Answer(value=await call.gateway.store.standing(call.account.id))


async def remove(call: Call) -> Answer:
    """Forgets the address. What was still to be sent there can be pulled."""
    return Answer(value=await remove_callback(call.gateway, call.account))


async def test(call: Call) -> Answer:
    """Posts a message that says nothing, and tells how the address answered."""
    try:
        return Answer(value=await call.gateway.probe.test(call.account.id))
    except TooSoon as error:
        raise Fault("limited", phrase("detail.tests"), headers={"Retry-After": str(error.wait)}) from None


ROUTES = (
    Route(
        name="set-callback",
        method="PUT",
        path=PATH,
        handler=put,
        summary="Have notifications sent to an address, or change it. The secret that signs them is told once.",
        says="The address is set. A secret is in the answer only where it is new.",
        takes="The address (guichet/1/Callback).",
        reads=(MESSAGE,),
        returns=CallbackSet,
        root="callback",
        parameters=(
            Parameter(
                name="rotate",
                where="query",
                text="Make a new secret for an address that has one already.",
                schema={"type": "boolean", "default": False},
            ),
        ),
        problems=(400, 422),
    ),
    Route(
        name="callback",
        method="GET",
        path=PATH,
        handler=show,
        summary="The address that notifications are sent to, and how many wait for it or were given up.",
        says="The address; null where none is set.",
        returns=Standing,
        root="callback",
    ),
    Route(
        name="remove-callback",
        method="DELETE",
        path=PATH,
        handler=remove,
        summary="Send nothing more. The log can be pulled as before.",
        says="No address is set any more.",
        returns=CallbackRemoved,
        root="removed",
    ),
    Route(
        name="test-callback",
        method="POST",
        path=PATH + "/test",
        handler=test,
        summary="Post a test message to the address now, and learn how it answered.",
        says="The message was posted, or could not be.",
        returns=Tested,
        root="tested",
        problems=(409, 429),
    ),
)
