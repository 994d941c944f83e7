"""What the gateway calls: an agency's address with a permit request or a notice, in the words of OpenAPI.

A test holds this to what the channel `http` sends, and to what it makes of each status.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.decisions import MESSAGE as DECISION
from gateway.http.message_schemas import content
from gateway.http.routes import Parameter
from gateway.notices.messages import MESSAGE as AGENCY_NOTICE
from gateway.notices.records import KINDS
from gateway.permit_requests import MESSAGE as PERMIT_REQUEST

SECURITY: Final = {
    "agencyToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token that the agency gave the gateway, where it gave one (settings: token, token_env).",
    }
}
_ABOUT: Final = """\
One delivery to an agency of channel http, posted to the address in its profile, in the format that its profile names.
The agency decides in its answer, or answers 202 and posts the decision to Guichet-Callback. The same delivery may come
again, after a lost answer or by an operator: it then has the same id. An answer must not be compressed, nor longer than
1 MiB, nor take more than the seconds that the gateway's operator set (10)."""

_UUID: Final = {"type": "string", "format": "uuid"}
_HEADERS: Final = (
    Parameter(name="Guichet-Delivery", where="header", text="The delivery's id.", schema=_UUID),
    Parameter(
        name="Guichet-Due",
        where="header",
        text="When the decision is due (RFC 3339, UTC); afterwards the trader is shown that it is overdue.",
        schema={"type": "string", "format": "date-time"},
    ),
    Parameter(
        name="Guichet-Callback",
        where="header",
        text="Where a decision that is not in the answer is posted to, now or later, with the agency's own key.",
        schema={"type": "string", "format": "uri"},
    ),
    Parameter(
        name="Idempotency-Key",
        where="header",
        text="The delivery's id again: the same in every try, so that an agency can tell a repeat.",
        schema=_UUID,
    ),
)
_ABOUT_NOTICE: Final = """\
What became of a delivery that the agency has, or what its trader answered or provided; posted to the same address. Any
2xx says that it is taken. It may be about a delivery whose request never arrived: take it, and forget it. Notices of
one delivery come in their order, after it. One that is declined is parked, and stands in the list of notices."""
_NOTICE_HEADERS: Final = (
    Parameter(
        name="Guichet-Notice",
        where="header",
        text="What it tells of; a permit request has no such header.",
        schema={"type": "string", "enum": list(KINDS)},
    ),
    Parameter(name="Guichet-Delivery", where="header", text="The id of the delivery that it is about.", schema=_UUID),
    Parameter(
        name="Idempotency-Key",
        where="header",
        text="The notice's id: the same in every try, so that an agency can tell a repeat.",
        schema={"type": "string"},
    ),
)
_NOTICE_ANSWERS: Final = {
    "2XX": "Taken. A body is not read.",
    **dict.fromkeys(
        ("401", "403", "404"), "A key or an address is wrong: an operator is warned, and it is tried again."
    ),
    **dict.fromkeys(("408", "425", "429"), "Not now: it is tried again, with longer and longer pauses."),
    "3XX": "Not followed; it is tried again.",
    "4XX": "Declined: it is parked, and an operator is warned.",
    "5XX": "Not now: it is tried again, with longer and longer pauses.",
}
_LATER: Final = "Not now: the delivery is tried again, with longer and longer pauses."
_NOT_LET_IN: Final = "A key or an address is wrong: an operator is warned, and the delivery is tried again."
_ANSWERS: Final = {
    **dict.fromkeys(("200", "201", "203"), "The decision, in either format. Without a body: taken, as with 202."),
    **dict.fromkeys(("202", "204", "205"), "Taken. The decision follows by callback; a body is not read."),
    **dict.fromkeys(("401", "403", "404"), _NOT_LET_IN),
    **dict.fromkeys(("408", "425", "429"), _LATER),
    "3XX": "Not followed, because the body is confidential; the delivery is tried again.",
    "4XX": "Declined: the delivery is parked until an operator looks at it. Use it for what no repeat can mend.",
    "5XX": _LATER,
}
_WITH_DECISION: Final = frozenset({"200", "201", "203"})
_ECHO: Final = {
    "Guichet-Delivery": {
        "description": "May be sent back; it must then name this delivery, or the answer is taken for another's.",
        "schema": _UUID,
    }
}


def webhooks(decide: Mapping[str, Any]) -> dict[str, Any]:
    """The calls, with `decide`, the operation that takes a decision, as their callback."""
    by_header = [parameter for parameter in decide["parameters"] if parameter["in"] != "path"]
    callback = {**decide, "operationId": "decideByCallback", "parameters": by_header}
    call = {
        "operationId": "permitRequest",
        "summary": "Ask an agency for its decision (guichet/1/PermitRequest).",
        "description": _ABOUT,
        "parameters": [_required(header) for header in _HEADERS],
        "requestBody": {
            "required": True,
            "description": "The requirements, and the part of the declaration that the agency may see.",
            "content": _usual(PERMIT_REQUEST),
        },
        "responses": {status: _answer(status, text) for status, text in _ANSWERS.items()},
        "security": [{name: []} for name in SECURITY] + [{}],
        "callbacks": {"decision": {"{$request.header.Guichet-Callback}": {"post": callback}}},
    }
    return {"permitRequest": {"post": call}, "agencyNotice": {"post": _notice()}}


def _notice() -> dict[str, Any]:
    return {
        "operationId": "agencyNotice",
        "summary": "Tell an agency what became of its delivery (guichet/1/AgencyNotice).",
        "description": _ABOUT_NOTICE,
        "parameters": [_required(header) for header in _NOTICE_HEADERS],
        "requestBody": {"required": True, "description": "What it tells.", "content": _usual(AGENCY_NOTICE)},
        "responses": {status: {"description": text, "headers": _ECHO} for status, text in _NOTICE_ANSWERS.items()},
        "security": [{name: []} for name in SECURITY] + [{}],
    }


def _answer(status: str, text: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": text, "headers": _ECHO}
    return {**answer, "content": content(("json", "xml"), (DECISION,))} if status in _WITH_DECISION else answer


def _usual(key: str) -> dict[str, Any]:
    """The two media types that the gateway itself writes."""
    every = content(("json", "xml"), (key,))
    return {media: every[media] for media in ("application/json", "application/xml")}


def _required(header: Parameter) -> dict[str, Any]:
    told = {"name": header.name, "in": header.where, "description": header.text}
    return {**told, "required": True, "schema": header.schema}
