"""What the store keeps of mandates, and the part of its protocol that is about them; see `gateway.ports`.

Nothing of it is ever removed: a mandate that is revoked, and an identifier that is taken back, stay on record.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

STANDINGS: Final = ("in-force", "to-come", "ended", "revoked")


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """One account, the principal, lets another, the agent, lodge for it: from day to day, both included (UTC).

    With `confirm`, every filing waits for the principal. `principal` and `agent` are the names of the accounts;
    `granted_by` and `revoked_by` are written as the history of a case writes who acts.
    """

    id: str
    principal_id: int
    principal: str
    agent_id: int
    agent: str
    directions: tuple[str, ...]
    first_day: str
    last_day: str | None = None
    confirm: bool = False
    granted_at: str
    granted_by: str
    reason: str | None = None
    revoked_at: str | None = None
    revoked_by: str | None = None
    revocation: str | None = None

    def standing(self, today: str) -> str:
        """How it stands on a day: one of `STANDINGS`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.first_day > today:
            return "to-come"
        return "ended" if self.last_day is not None and self.last_day < today else "in-force"


class PartyIdentifier(msgspec.Struct, frozen=True, kw_only=True):
    """What declarations call a party by, and the account that it belongs to."""

    account: str
    identifier: str
    added_at: str
    removed_at: str | None = None


class DeclaredFor(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a case was lodged for, by which mandate; until when that account can confirm it, where it has to."""

    account_id: int
    mandate_id: str
    confirm_by: str | None


class DeclaredCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case in the list of the account that it was lodged for; `agent` is the name of the one that lodged it."""

    mrn: str
    agent: str
    state: str
    accepted_at: str
    updated_at: str
    mandate_id: str
    confirm_by: str | None


class Unconfirmed(msgspec.Struct, frozen=True):
    """A case whose time to be confirmed has ended, and what time it is by the clock of the account that lodged it."""

    mrn: str
    at: str


class RollReading(msgspec.Struct, frozen=True):
    """All identifiers that belong to somebody, and all mandates that are not over; `version` rises with each change.
    `tests` are those of the owners that are accounts for trade test.
    """

    version: int
    owners: Mapping[str, int]
    mandates: tuple[Mandate, ...]
    tests: frozenset[int] = frozenset()


class TooMany(ValueError):
    """A principal has as many mandates in force, or to come, as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"there are {most} mandates of this principal in force, or to come; revoke one of them first")
        self.most = most


class MandateStore(Protocol):
    """Identifiers of parties, mandates, and the cases that were lodged by them."""

    async def add_identifier(self, name: str, identifier: str, at: str) -> None:
        """Register an identifier for a trader. Raises ValueError where no trader has that name, or it is taken."""

    async def remove_identifier(self, name: str, identifier: str, at: str) -> None:
        """Take it back. Raises ValueError where that account does not have it."""

    async def identifiers(self, name: str | None = None) -> list[PartyIdentifier]:
        """The identifiers of one account or of all, those taken back too."""

    async def grant_mandate(self, mandate: Mandate, most: int, today: str) -> Mandate:
        """Put a mandate on record; one on the same terms that is not revoked is answered instead. Raises TooMany."""

    async def revoke_mandate(self, wanted: str, principal_id: int | None, at: str, by: str, why: str) -> Mandate | None:
        """Revoke a mandate (of that principal, where one is given); the first time counts. None where there is none."""

    async def mandate(self, wanted: str, account_id: int | None) -> Mandate | None:
        """One mandate, where the account given (if any) is its principal or its agent."""

    async def mandates(self, account_id: int | None, after: str | None, limit: int) -> list[Mandate]:
        """Mandates that an account gave or got, or all of them, in the order in which they were granted."""

    async def mandate_roll(self, known: int | None, today: str) -> RollReading | None:
        """What accepting has to know of mandates; None where it is still at the version that is known."""

    async def is_for(self, mrn: str, account_id: int) -> bool:
        """Whether there is a case of that MRN, and it was lodged for that account."""

    async def cases_for(self, account_id: int, state: str | None, after: str | None, limit: int) -> list[DeclaredCase]:
        """The cases that were lodged for an account, oldest first: in one state or in any, those after an MRN."""

    async def unconfirmed(self, now: str, limit: int) -> list[Unconfirmed]:
        """The cases that still wait for a confirmation whose time has ended, each by its account's clock."""
