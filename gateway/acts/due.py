"""What the store keeps of supplements that are due, and the part of its protocol about it; see `gateway.ports`."""

from typing import Protocol

import msgspec


class Due(msgspec.Struct, frozen=True):
    """A case whose declaration was incomplete when this was written, and the last day for its supplement."""

    case_id: int
    mrn: str
    day: str


class SupplementStore(Protocol):
    """The days for supplements. They are written with the acceptance or the change that they follow from."""

    async def supplements_due(self, before: str, limit: int) -> list[Due]:
        """Those whose day is before the one given, the earliest first."""

    async def forget_supplement(self, due: Due) -> None:
        """Strike it off; one with another day, which the case may have got meanwhile, stays."""
