"""What was done under a sender's Idempotency-Key, and the part of the store's protocol that is about it; see
`gateway.ports`.

Rule: an account has one set of keys for all that it sends. Reason: a key that was used for lodging and comes with an
act, or with another act, is a slip of the sender's, and must not be taken for something new.
"""

from typing import Protocol

import msgspec


class ActKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that an act was done under. `answer` is JSON, without the issues, which are as of the day of asking."""

    account_id: int
    key: str
    act: str
    body_digest: str
    document_digest: str
    answer: bytes


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """What a key was used for: an `act` on a case and its `answer`; both are None where the case was lodged under it.

    `body_digest` is of the bytes as they came, `document_digest` of what they say; `conversation_id` and `accepted_at`
    are the case's.
    """

    mrn: str
    act: str | None
    body_digest: str
    document_digest: str
    answer: bytes | None
    conversation_id: str
    accepted_at: str


class KeyStore(Protocol):
    """The keys of acts. That a change is written with its key is a matter of `CaseChange.key`."""

    async def under_key(self, account_id: int, key: str) -> KeyUse | None:
        """What was done under a key of an account."""

    async def keep_key(self, case_id: int, key: ActKey) -> bool:
        """Remember a key for what had been done without it; False where the key was used meanwhile."""
