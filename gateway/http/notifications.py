"""Routes for what a trader is told of its cases: to pull, to acknowledge, and to be told as it happens.

All three read one log, so that whoever misses something in one finds it in the others. The cursor is a notification's
number: it names the same place whatever else was asked for, and what is beyond the last is refused, because a cursor
from elsewhere would wait for ever.
"""

import re
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from datamodel.wording import either, phrase
from gateway.clock import stamp
from gateway.http import queries
from gateway.http.problems import Fault
from gateway.http.queries import LARGEST_PAGE, PAGE
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.notify.feed import Crowded
from gateway.notify.notifications import Acknowledged, Notifications, Redelivered, acknowledged, page, shown
from gateway.notify.probing import NoAddress
from gateway.notify.told import Asked, Told
from gateway.vocabulary import NOTIFICATION_STATES

PATH: Final = "/v1/notifications"
EVENT_STREAM: Final = "text/event-stream"
RECONNECT_SECONDS: Final = 2
UNBUFFERED: Final = {"X-Accel-Buffering": "no"}  # proxies that know it pass on each part as it comes
FILTERS: Final = ("mrn", "from", "to", "state")
PULLED: Final = ("after", "limit", *FILTERS)


async def pull(call: Call) -> Answer:
    """A page of the account's log. One more than asked for is read, to know whether there is more."""
    queries.refuse_unknown(call, PULLED)
    store, account_id, limit = call.gateway.store, call.account.id, queries.limit(call)
    mark = await store.mark(account_id)
    again = any(name in call.query for name in FILTERS)
    after = _number(call.query.get("after"), "after", mark.last, 0 if again else mark.acknowledged)
    return Answer(value=page(await store.notifications(_asked(call, after, limit + 1)), limit, after, mark))


async def acknowledge(call: Call) -> Answer:
    """Everything up to a number is seen to, or single ones are. To say so again, or for less, changes nothing."""
    queries.refuse_unknown(call, ("through", "numbers"))
    store, account_id, at = call.gateway.store, call.account.id, stamp(call.gateway.clock())
    mark = await store.mark(account_id)
    if "numbers" in call.query:
        mark = await store.acknowledge_some(account_id, _numbers(call.query["numbers"], mark.last), at)
    if "through" in call.query or "numbers" not in call.query:
        mark = await store.acknowledge(account_id, _number(call.query.get("through", ""), "through", mark.last, 0), at)
    return Answer(value=acknowledged(mark))


async def redeliver(call: Call) -> Answer:
    """What was told is sent to the trader's address again, as if it had never been. Raises NoAddress."""
    queries.refuse_unknown(call, ("after", *FILTERS))
    store, account_id = call.gateway.store, call.account.id
    if not any(name in call.query for name in FILTERS):
        raise queries.not_usable(FILTERS[0], "", phrase("type.codes", names=", ".join(FILTERS)))
    if await store.callback(account_id) is None:
        raise NoAddress
    after = _number(call.query.get("after"), "after", (await store.mark(account_id)).last, 0)
    done = await store.requeue(_asked(call, after, LARGEST_PAGE), stamp(call.gateway.clock()))
    return Answer(value=Redelivered(queued=done.count, next=str(done.last), more=done.more))


def _asked(call: Call, after: int, limit: int) -> Asked:
    """What the query asks for. Raises Refused."""
    state = call.query.get("state")
    if state not in (None, *NOTIFICATION_STATES):
        raise queries.not_usable("state", str(state), either(NOTIFICATION_STATES))
    return Asked(
        account_id=call.account.id,
        after=after,
        limit=limit,
        mrn=call.query.get("mrn"),
        since=queries.time(call, "from"),
        until=queries.time(call, "to"),
        state=state,
    )


async def stream(call: Call) -> Answer:
    """The log from a number on, and then whatever is recorded, as it is."""
    queries.refuse_unknown(call, ("after",))
    mark = await call.gateway.store.mark(call.account.id)
    last_seen = call.headers.get("Last-Event-ID") or call.query.get("after")
    after = _number(last_seen, "after", mark.last, mark.acknowledged)
    return Answer(value=_parts(call, after), headers=UNBUFFERED)


async def _parts(call: Call, after: int) -> AsyncGenerator[bytes, None]:
    """The stream, a page at a time: read only when the page before has gone, so that little is ever held."""
    feed, chosen, account_id = call.gateway.feed, call.gateway.settings.notifications, call.account.id
    try:
        with feed.place(account_id, chosen.streams):
            yield b"retry: %d\n\n" % (RECONNECT_SECONDS * 1000)
            while not feed.closed:
                asked = Asked(account_id=account_id, after=after, limit=PAGE)
                if found := await call.gateway.store.notifications(asked):
                    yield b"".join(_event(each) for each in found)
                    after = found[-1].number
                elif not await feed.wait(account_id, after, chosen.heartbeat) and not feed.closed:
                    yield b":\n\n"
    except Crowded:
        again = {"Retry-After": str(RECONNECT_SECONDS)}
        raise Fault("busy", phrase("detail.streams", count=chosen.streams), headers=again) from None


def _event(told: Told) -> bytes:
    """One server-sent event. JSON has no line feeds of its own, so its data is one line."""
    data = msgspec.json.encode(shown(told))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (told.number, told.kind.encode(), data)


def _number(asked: str | None, name: str, last: int, otherwise: int) -> int:
    """A cursor. Raises Refused for what is none, and for one beyond the last."""
    if asked is None:
        return otherwise
    if re.fullmatch("[0-9]{1,18}", asked) and int(asked) <= last:
        return int(asked)
    raise queries.not_usable(name, asked, phrase("query.number", low=0, high=last))


def _numbers(asked: str, last: int) -> list[int]:
    """Numbers with commas between them. Raises Refused."""
    parts = asked.split(",")
    if len(parts) > LARGEST_PAGE:
        raise queries.not_usable("numbers", asked, phrase("numbers.most", count=LARGEST_PAGE))
    return [_number(part, "numbers", last, 0) for part in parts]


_AFTER = Parameter(
    name="after",
    where="query",
    text="The number after which to begin; without it, after the last that was acknowledged.",
    schema={"type": "integer", "minimum": 0},
)
_THOSE = (
    Parameter(name="mrn", where="query", text="Those of one case only, whether acknowledged or not."),
    Parameter(name="from", where="query", text="Those of this time or day (UTC) and later.", schema=queries.TIME),
    Parameter(name="to", where="query", text="Those before this time or day (UTC).", schema=queries.TIME),
    Parameter(
        name="state",
        where="query",
        text="Those in one state only; failed is what could not be sent to the trader's address.",
        schema={"type": "string", "enum": list(NOTIFICATION_STATES)},
    ),
)
_FROM_START = msgspec.structs.replace(_AFTER, text="The number after which to begin; without it, from the first kept.")

ROUTES = (
    Route(
        name="notifications",
        method="GET",
        path=PATH,
        handler=pull,
        summary="What the trader is told of its cases, oldest first; by case or time, what it was told before.",
        says="A page of notifications.",
        returns=Notifications,
        root="notifications",
        parameters=(
            msgspec.structs.replace(
                _AFTER, text=f"{_AFTER.text} With mrn, from, to or state: after none of those kept."
            ),
            queries.LIMIT,
            *_THOSE,
        ),
        problems=(400,),
    ),
    Route(
        name="acknowledge",
        method="POST",
        path=PATH + "/acknowledgements",
        handler=acknowledge,
        summary="Acknowledge all notifications up to a number, or single ones. To say so again does no harm.",
        says="They are acknowledged.",
        returns=Acknowledged,
        root="acknowledged",
        parameters=(
            Parameter(
                name="through",
                where="query",
                text="The number of the last one that is seen to; needed where there are no numbers.",
                schema={"type": "integer", "minimum": 0},
            ),
            Parameter(
                name="numbers",
                where="query",
                text=f"Numbers of single ones that are seen to, with commas between them; at most {LARGEST_PAGE}.",
                schema={"type": "string", "examples": ["17", "17,19"]},
            ),
        ),
        problems=(400,),
    ),
    Route(
        name="redeliver",
        method="POST",
        path=PATH + "/redeliveries",
        handler=redeliver,
        summary="Have notifications sent to the trader's address again: of a case, of a time, or those given up.",
        says=f"They are sent again, at most {LARGEST_PAGE} at a time.",
        returns=Redelivered,
        root="redelivered",
        parameters=(_FROM_START, *_THOSE),
        problems=(400, 409),
    ),
    Route(
        name="notification-stream",
        method="GET",
        path=PATH + "/stream",
        handler=stream,
        summary="What the trader is told of its cases, as it happens: server-sent events.",
        says=(
            "The notifications as they are recorded. The id of an event is the number of a notification, its data the "
            "notification as JSON; a comment is a sign of life."
        ),
        streams=True,
        media=(EVENT_STREAM,),
        parameters=(
            _AFTER,
            Parameter(
                name="Last-Event-ID",
                where="header",
                text="The id of the last event that was seen; it goes before `after`.",
                schema={"type": "integer", "minimum": 0},
            ),
        ),
        problems=(400, 503),
    ),
)
