"""A trader who lodges declarations, and asks for their status until it is what it will be."""

import asyncio
import time
from collections.abc import Callable
from typing import Self

import msgspec

from gateway.client import Client
from gateway.demo.cases import Lodgement
from gateway.ports import Acceptance
from gateway.views import CaseStatus

AT_ONCE = 8  # lodgements and cases that are followed at one time
PATIENCE_SECONDS = 60.0  # for one case, from its lodgement
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
FINAL = ("released", "refused", "invalidated", "declined")


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a case ended, or where it stood when patience did."""

    lodgement: Lodgement
    status: CaseStatus
    seconds: float

    @property
    def differences(self) -> list[str]:
        """What is not as expected, one line each."""
        expected, agencies = self.lodgement.expected, tuple(sorted(agency.code for agency in self.status.agencies))
        pairs = (
            ("status", self.status.status, expected.outcome),
            ("agencies", ", ".join(agencies) or "none", ", ".join(sorted(expected.agencies)) or "none"),
        )
        place = f"{self.status.mrn} ({self.lodgement.sample} as {self.lodgement.format})"
        return [f"{place}: {what} {got}, expected {wanted}" for what, got, wanted in pairs if got != wanted]


class Trader:
    """One trader's connection to a gateway."""

    def __init__(self, url: str, key: str) -> None:
        self._client = Client(url, key)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.__aexit__(*exc)

    async def lodge(self, lodgement: Lodgement) -> Acceptance:
        """Lodge a declaration; sending it again is harmless."""
        return await self._client.lodge(lodgement.body, key=lodgement.reference)

    async def status(self, mrn: str) -> CaseStatus:
        """Where a case stands."""
        return await self._client.status(mrn)

    async def follow(self, lodgement: Lodgement, ended: Callable[[], None]) -> Ended:
        """Lodge a declaration and ask, less and less often, until its case has come to an end; then call `ended`."""
        async with self._room:
            start = time.monotonic()
            mrn = (await self.lodge(lodgement)).mrn
            pause = FIRST_PAUSE_SECONDS
            status = await self.status(mrn)
            while not _over(status, lodgement) and time.monotonic() - start < PATIENCE_SECONDS:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
                status = await self.status(mrn)
        ended()
        return Ended(lodgement=lodgement, status=status, seconds=time.monotonic() - start)


def _over(status: CaseStatus, lodgement: Lodgement) -> bool:
    """A hold is an end only where one is expected; elsewhere more is to come."""
    return status.status == lodgement.expected.outcome or status.status in FINAL
