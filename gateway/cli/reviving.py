"""What the commands that send something again have in common: deliveries and notices that agencies declined."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.ports import Store
    from gateway.settings import Settings

    # (store, clock, id, reason, by) -> the MRN of its case; ValueError for what cannot be sent again.
    Revive = Callable[[Store, Clock, str, str, str], Awaitable[str]]


def send_again(settings: "Settings", revive: "Revive", ids: Sequence[str], reason: str, by: str) -> None:
    """Revive all that can be, and say so. Raises BadParameter with what is wrong with the others."""
    try:
        faults = asyncio.run(_revive(settings, revive, ids, reason, by))
    except RuntimeError as error:  # a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    if faults:
        raise typer.BadParameter("\n".join(faults))


async def _revive(settings: "Settings", revive: "Revive", ids: Sequence[str], reason: str, by: str) -> list[str]:
    from gateway.access.registration import opened
    from gateway.clock import utc_now

    faults = []
    async with opened(settings) as store:
        for each in ids:
            try:
                mrn = await revive(store, utc_now, each, reason, by)
            except ValueError as error:
                faults.append(str(error))
            else:
                typer.echo(f"{each} of {mrn} is queued again")
    return faults
