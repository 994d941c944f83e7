"""What every channel to an agency must do. The gateway knows adapters only by this protocol.

A send ends in one of three ways: a `Receipt`, `Unreachable` (try again later) or `Declined` (an operator must look).
A failure keeps apart what we say of it and what the partner said, because the partner may echo what it was sent, and
that does not belong into a log.
"""

from collections.abc import AsyncIterable
from typing import Protocol

import msgspec

DEFAULT_TIMEOUT_SECONDS = 10.0


class Outgoing(msgspec.Struct, frozen=True):
    """One delivery as it leaves the house. `media` is `application/xml` or `application/json`; times are RFC 3339.

    `trace` is the send's place in a trace, as `traceparent` has it (W3C Trace Context); empty where there is no trace.
    """

    delivery_id: str
    agency: str
    media: str
    body: bytes
    due_at: str
    callback_url: str
    trace: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """The agency has the delivery. With a body it decided at once; without one it will answer later."""

    body: bytes | None = None
    media: str = "application/json"


class Pickup(msgspec.Struct, frozen=True):
    """A decision that an adapter found waiting (a file, a mail). `token` names it to `settle`."""

    token: str
    media: str
    body: bytes


class SendFailure(Exception):
    """A send without a receipt. `cause` is in our own words and fit for a log; the text has the partner's too."""

    def __init__(self, cause: str, said: str = "") -> None:
        super().__init__(f"{cause}: {said}" if said else cause)
        self.cause = cause


class Unreachable(SendFailure):
    """The partner did not take the delivery now: refused connection, timeout, 5xx, disk full. Worth another try."""


class Unadmitted(Unreachable):
    """The partner is there and did not let us in (401, 403, 404). That is the fault of a key or an address, not of the
    delivery: once somebody has mended it, the next try goes through.
    """


class Declined(SendFailure):
    """The partner answered that it will not take this delivery (another 4xx). Trying the same again is no use."""


class Adapter(Protocol):
    """One channel to one agency."""

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Carry one delivery. Sending the same `delivery_id` twice must be harmless. Raises Unreachable, Declined."""

    async def pick_up(self) -> list[Pickup]:
        """Decisions waiting at the agency's side; empty for channels where the agency calls us."""

    async def settle(self, token: str, problem: str | None) -> None:
        """The pickup is stored (problem is None), or was refused for the reason given; never offered again."""

    async def close(self) -> None:
        """Let go of connections and files."""


class NotTaken(Exception):
    """A notification was not taken at a trader's address; the text says why, in our own words."""


class Poster(Protocol):
    """Carries notifications to addresses that traders chose."""

    def check(self, url: str) -> None:
        """Raises ValueError for an address that would never be posted to."""

    async def post(self, url: str, secret: str, number: int, at: int, body: bytes) -> None:
        """Carry one, signed with the secret as of a time (seconds since 1970). Raises NotTaken."""

    async def close(self) -> None:
        """Let go of connections."""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What a scanner is asked about one document. `content` is an address that gives its bytes, `answer` the one that
    takes what was found; both are of this scan alone.
    """

    document: str
    name: str
    size: int
    media: str
    sha256: str
    content: str
    answer: str


class Verdict(msgspec.Struct, frozen=True):
    """What a scanner found in a document."""

    infected: bool
    reason: str | None = None


class Unanswered(Exception):
    """The scanner was not reached, or said nothing that can be used. The text is our own."""


class Scanner(Protocol):
    """Looks for harm in documents."""

    async def ask(self, scan: Scan, content: AsyncIterable[bytes]) -> Verdict | None:
        """What it found, or None where it answers later. Raises Unanswered."""

    async def close(self) -> None:
        """Let go of connections."""
