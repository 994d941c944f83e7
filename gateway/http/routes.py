"""What a route is: one row that registration, negotiation and the OpenAPI document all read.

Who may call it stands beside all other routes in `gateway.access.rights`, under the route's name.

A handler gets a `Call`, in which all of that has been done, and returns an `Answer`; it never touches HTTP itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict

from gateway.access.accounts import Caller
from gateway.access.rights import right as right_to
from gateway.docs.library import Library
from gateway.http.bodies import Body
from gateway.http.carried import Carried
from gateway.http.incoming import Incoming
from gateway.http.message_schemas import ANY
from gateway.media import Format
from gateway.ports import Account
from gateway.service import Gateway

NOBODY = Caller(Account(id=0, name="nobody", role=""))  # who calls a route that is open to all
CONVERSATION = "X-Conversation-ID"
KEY_EXPIRES = "Guichet-Key-Expires"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request, admitted and read. `media` and `form` are those of the answer that the caller accepts.

    `actor` is the user who calls, as the history of a case names it.
    `owner` is the account whose cases the caller may see on this route; None where it may see everybody's. `feed` is
    the body where its handler reads it as it comes.

    `prove` finds whose key is in a form; it is there where the route takes one.

    Text from the caller is fit for every encoder and for the store; see `render.clean`.
    """

    gateway: Gateway
    library: Library
    openapi: bytes
    account: Account
    actor: str
    owner: int | None
    conversation_id: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: CIMultiDict[str]
    accept: str
    body: Body
    feed: Incoming | None
    media: str
    form: Format
    carried: Carried | None = None
    prove: Callable[[str], Awaitable[Caller]] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler answers: an API object, or with `media` bytes as they are to be sent. `status` is the route's own
    where it does not say another.
    """

    value: Any
    status: int = 0
    media: str | None = None
    headers: Mapping[str, str] = {}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter as OpenAPI describes it; `where` is path, query or header."""

    name: str
    where: str
    text: str
    schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the route table.

    `takes` describes the body, where there is one; `says` the good answer,
    which is an API object of type `returns` with the XML root `root`, or a message of the data model: of one of the
    types that `sends` names, as `reads` names those of the body (`message_schemas.ANY` is any). Its formats are
    `gives`, by default the body's own, or with `swaps` the other; what is `as_kept` is not negotiated beforehand.
    A file has the `media` types of that file instead. With `fresh`, a Cache-Control, the answer may be kept: it has an
    ETag, and who has it already is told 304. With `deep` the last parameter of the path may hold slashes. What is said
    to `streams` is written part by part: its handler answers with an iterator of them. What `feeds` a route, by media
    type, is no single message: its handler reads it as it comes. A body of any kind, which the handler takes as it
    comes, is described by `carries`. With `files`, what is said is a `transfer.File`.
    With `form`, the body is a form with the members of that type. `errors` are the statuses whose answer is no problem
    but an object of a type of its own, as a protocol demands it.
    `problems` are the statuses that the other columns do not imply already; `headers` the particular ones, described.
    """

    name: str
    method: str
    path: str
    handler: Callable[[Call], Awaitable[Answer]]
    summary: str
    says: str
    status: int = 200
    takes: str | None = None
    gives: tuple[Format, ...] = ("json", "xml")
    swaps: bool = False
    as_kept: bool = False
    media: tuple[str, ...] = ()
    fresh: str = ""
    deep: bool = False
    streams: bool = False
    feeds: tuple[str, ...] = ()
    carries: str | None = None
    files: bool = False
    returns: type | None = None
    root: str = ""
    reads: tuple[str, ...] = (ANY,)
    sends: tuple[str, ...] = (ANY,)
    parameters: tuple[Parameter, ...] = ()
    form: type | None = None
    errors: Mapping[int, type] = {}
    problems: tuple[int, ...] = ()
    headers: Mapping[str, str] = {}

    @property
    def roles(self) -> tuple[str, ...]:
        """Whom the table of rights lets call it; none where it is open to all. Raises LookupError."""
        right = right_to(self.name)
        return tuple(right.reach) if right else ()


MESSAGE_HEADER = Parameter(
    name="Guichet-Message",
    where="header",
    text="Which message type the body is, as package/version/type; needed only where the body alone fits several.",
    schema={"type": "string", "examples": ["wco-dms/3.6/DEC"]},
)
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    where="header",
    text="Repeats with the same key and the same document get the first answer again; another document is a conflict.",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)
IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    where="header",
    text="The ETag of what the caller has; where it is still that, the answer is 304 without a body.",
)
IF_MATCH = Parameter(
    name="If-Match",
    where="header",
    text="An ETag of the case's status; where the case has changed since, it is left as it is, and the answer is 412.",
)
MRN = Parameter(name="mrn", where="path", text="The reference number that the gateway gave the declaration.")
DELIVERY_ID = Parameter(name="id", where="path", text="The delivery's id.")
