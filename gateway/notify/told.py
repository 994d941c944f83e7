"""What the store keeps of what traders are told, and the part of its protocol that is about it; see `gateway.ports`."""

from collections.abc import Collection
from typing import Any, Protocol

import msgspec

from gateway.vocabulary import NotificationKind


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One notification: the event that it tells of, and the decision (canonical JSON) where the event is one.

    `number` counts what the account was told, without gaps; `at` never goes back from one number to the next. The
    conversation is the one that the case was lodged in.
    """

    number: int
    kind: NotificationKind
    at: str
    mrn: str
    conversation_id: str
    reference: str | None
    data: dict[str, Any]
    decision: bytes | None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which notifications of an account: those after a number; of one case, from a time on, and before a time."""

    account_id: int
    after: int
    limit: int
    mrn: str | None = None
    since: str | None = None
    until: str | None = None


class Mark(msgspec.Struct, frozen=True):
    """How an account's log stands: its first number that is kept, its last, and the last that was acknowledged."""

    first: int
    last: int
    acknowledged: int


class Callback(msgspec.Struct, frozen=True):
    """Where an account wants to be told, and the secret that signs what is sent there."""

    account_id: int
    url: str
    secret: str

    def __repr__(self) -> str:
        """Without the secret, because what is shown ends up in logs."""
        return f"Callback(account_id={self.account_id}, url={self.url!r})"


class Push(msgspec.Struct, frozen=True):
    """A notification that is to be sent, after so many failures; without `told`, it is no longer kept."""

    number: int
    attempts: int
    told: Told | None


class DeadLetter(msgspec.Struct, frozen=True):
    """A notification that was given up, and why the last attempt failed. `account` is a name."""

    account: str
    number: int
    mrn: str
    attempts: int
    problem: str


class NotificationStore(Protocol):
    """The log of each account, and what is still to be sent of it."""

    async def notifications(self, asked: Asked) -> list[Told]:
        """What an account was told, oldest first. Every event of a kind that is told is there with its commit."""

    async def mark(self, account_id: int) -> Mark:
        """How an account's log of notifications stands."""

    async def latest_notifications(self, account_ids: Collection[int]) -> dict[int, int]:
        """The last number of each of these accounts; 0 where it was told nothing yet."""

    async def acknowledge(self, account_id: int, through: int, at: str) -> Mark:
        """Acknowledge all up to a number. Raises ValueError for one that is beyond the last."""

    async def prune_notifications(self, before: str, bite: int) -> int:
        """Remove what was told before a time, `bite` at a time, save the last of each account; how many they were."""

    async def set_callback(self, name: str, url: str, secret: str) -> None:
        """From now on a trader is told at that address too. Raises ValueError where no account of a trader has that
        name, or it was revoked.
        """

    async def remove_callback(self, name: str) -> None:
        """No more, and nothing that is still to be sent. Raises ValueError where there is no address."""

    async def due_callbacks(self, now: str) -> list[Callback]:
        """The addresses for which something is due."""

    async def due_pushes(self, account_id: int, now: str, limit: int) -> list[Push]:
        """What is due for an account: never more than one of a case."""

    async def push_taken(self, account_id: int, number: int, at: str) -> None:
        """A notification was sent; the next of its case is due."""

    async def push_failed(self, account_id: int, number: int, at: str, again_at: str | None, problem: str) -> None:
        """It was not, and is due again at a time; or, without one, is given up, and the next of its case is due."""

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        """What was given up, by account and number."""

    async def redeliver(self, name: str, at: str) -> int:
        """Send again all that was given up for the account of that name; how many there are."""
