"""What the store keeps of what agencies are told, and the part of its protocol that is about it; see `gateway.ports`.

A notice is one message to the agency of one delivery. It is written in the commit of the act that it tells of, and the
store writes it only where the delivery has gone out, or may have: it alone knows what is claimed at that moment.
"""

from typing import Final, Protocol

import msgspec

# Kinds: what happened to the declaration, and what came from its trader.
INVALIDATED: Final = "invalidated"
AMENDED: Final = "amended"
ANSWER: Final = "answer"
DOCUMENTS: Final = "documents"
KINDS: Final = (INVALIDATED, AMENDED, ANSWER, DOCUMENTS)

# States: waiting to be sent, waiting for its agency to fetch it, over, or declined by the agency.
QUEUED: Final = "queued"
OFFERED: Final = "offered"
TAKEN: Final = "taken"
PARKED: Final = "parked"
STATES: Final = (QUEUED, OFFERED, TAKEN, PARKED)
PENDING: Final = (QUEUED, OFFERED, PARKED)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One notice without its message. `id` is its delivery's and a number; `attempts` counts sends begun."""

    id: str
    delivery_id: str
    agency: str
    kind: str
    state: str
    media: str
    created_at: str
    attempts: int = 0
    problem: str | None = None


class NewNotice(msgspec.Struct, frozen=True):
    """A notice together with its message."""

    notice: Notice
    body: bytes


class NoticeMove(msgspec.Struct, frozen=True):
    """The next state of a notice, why it is parked, and when it is due if it is queued again."""

    id: str
    state: str
    problem: str | None = None
    due_at: str | None = None


class ListedNotice(msgspec.Struct, frozen=True):
    """A notice, the MRN and the conversation of its case, and its message."""

    mrn: str
    conversation_id: str
    notice: Notice
    body: bytes


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A trader's answer to a query, as it came (`media`, `body`, `digest`) and as canonical JSON (`document`)."""

    query: str
    message: str
    media: str
    body: bytes
    digest: str
    document: bytes


class NoticeStore(Protocol):
    """What agencies are told, and the answers of traders that they are told of.

    `CaseChange` has what is new: an answer, notices, and how notices ended.
    """

    async def claim_notices(self, agency: str, limit: int, now: str, lease_until: str) -> list[ListedNotice]:
        """Take up to `limit` notices of an agency that are queued and due, and count the attempt: of each delivery one,
        the oldest. Claimed ones are not offered again before `lease_until`.
        """

    async def put_off_notice(self, notice_id: str, again_at: str, problem: str) -> None:
        """A send failed: the notice is due again at that time."""

    async def next_notice_at(self, agency: str) -> str | None:
        """When the earliest notice that can be claimed becomes due, or None where none is queued."""

    async def pending_notices(self, agency: str, after: str | None, limit: int) -> list[ListedNotice]:
        """Notices of an agency that it has not taken, oldest first, those after the notice id given."""

    async def notice(self, notice_id: str) -> ListedNotice | None:
        """A notice, in whatever state it is."""

    async def parked_notices(self, after: str | None, limit: int) -> list[ListedNotice]:
        """Notices that their agencies declined, oldest first, those after the notice id given."""

    async def kept_answer(self, case_id: int, query: str) -> KeptAnswer | None:
        """The answer to a query of a case."""
