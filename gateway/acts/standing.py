"""Where a case stands beside its agencies: whether goods have arrived, and whether its declaration is complete. Pure.

Both the status and the response say it.
"""

from datetime import datetime

import msgspec

from gateway import lifecycle
from gateway.acts import stages
from gateway.ports import CaseFile


class ArrivalStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Of a declaration lodged before its goods arrived: whether they have still to, else when and where they did."""

    awaited: bool
    arrived_at: str | None = None
    location: str | None = None


class SupplementStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Of a declaration that was incomplete: the types that complete it. While one is `awaited`, `due_on` is the last
    day for it, and `overdue` says that the day has passed.
    """

    awaited: bool
    types: tuple[str, ...]
    due_on: str | None = None
    overdue: bool = False


def arrival_status(file: CaseFile) -> ArrivalStatus | None:
    """Whether the goods have arrived; None where they were there when the declaration was lodged."""
    arrived = next((event.data for event in file.events if event.kind == lifecycle.ARRIVAL), None)
    if arrived is not None:
        return ArrivalStatus(awaited=False, arrived_at=arrived["arrived_at"], location=arrived["location"])
    return ArrivalStatus(awaited=True) if stages.goods_to_come(file.events) else None


def supplement_status(file: CaseFile, now: datetime) -> SupplementStatus | None:
    """Whether the declaration is complete; None where it always was."""
    stage, known = stages.incomplete(file.events), stages.completed_by(file.events)
    if known is None:
        return None
    if stage is None or stage.due is None:
        return SupplementStatus(awaited=False, types=known.supplements)
    late = now.date().isoformat() > stage.due
    return SupplementStatus(awaited=True, types=stage.supplements, due_on=stage.due, overdue=late)
