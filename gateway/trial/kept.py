"""What the store keeps for trade test, and the part of its protocol that is about it; see `gateway.ports`.

Rule: the store keeps a delivery of a test case under another agency than the one that it names, `~FSA` for FSA, which
no agency's account and no adapter answers to. Reason: whatever asks by an agency, to send, to list, to fetch, to decide
or to count, then cannot come upon a test by forgetting to leave it out; who wants tests has to say so.
"""

from typing import Final, Protocol

import msgspec

MARK: Final = "~"  # comes after every letter that the code of an agency may have


class ForAgency(msgspec.Struct, frozen=True, kw_only=True):
    """What is meant for an agency or, where it is of a `test`, for the virtual agency in its place."""

    agency: str
    test: bool = False

    @property
    def desk(self) -> str:
        """Whose it is to the store, and who alone may fetch and decide it."""
        return MARK + self.agency if self.test else self.agency


class Telling(msgspec.Struct, frozen=True):
    """How what is told of a test case is pushed: so many seconds late, and so many times each."""

    late: int = 0
    times: int = 1


class Turn(msgspec.Struct, frozen=True):
    """A delivery whose virtual agency has to act at a time of its account's clock."""

    delivery_id: str
    at: str


class Pending(msgspec.Struct, frozen=True):
    """How many deliveries of an account wait for their virtual agencies, and when the first of them is due."""

    count: int
    next_at: str | None


class TrialStore(Protocol):
    """The clocks of test accounts, and what their virtual agencies have still to do."""

    async def ahead(self, account_id: int) -> int:
        """How many seconds an account's clock is ahead of the time."""

    async def put_forward(self, account_id: int, seconds: int) -> None:
        """Put an account's clock forward by so much."""

    async def due_turns(self, now: str, limit: int) -> list[Turn]:
        """What is due for virtual agencies, each by its account's clock, at this time; the earliest first."""

    async def turns(self, account_id: int, until: str, limit: int) -> list[Turn]:
        """What is due for the virtual agencies of one account until a time of its clock; the earliest first."""

    async def pending_turns(self, account_id: int) -> Pending:
        """What an account's virtual agencies have still to do."""

    async def first_try(self, account_id: int, digest: str) -> bool:
        """Whether an account tries a request for the first time; from then on it has."""
