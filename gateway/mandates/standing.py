"""How a case stands that was lodged for another party, as its history tells. Pure.

Each version that is lodged by a mandate has an event that names it; what is said of a version comes after that.
"""

from typing import Annotated, Final

import msgspec

from gateway import lifecycle
from gateway.ports import CaseFile, Event
from gateway.vocabulary import one_of

AWAITED: Final = "awaited"
ConfirmationOutcome = Annotated[str, one_of((AWAITED, lifecycle.CONFIRMED, lifecycle.DECLINED, lifecycle.UNCONFIRMED))]


class MandateStanding(msgspec.Struct, frozen=True, kw_only=True):
    """By which mandate a case was lodged, for the party of that identifier, and what came of the confirmation.

    Where one is needed, `confirm_by` is its time, and `outcome` one of awaited, confirmed, declined and unconfirmed
    (nobody did in time), or none where the sender took the declaration back before; `reason` is why it was declined.
    """

    mandate: str
    party: str
    confirm_by: str | None
    outcome: ConfirmationOutcome | None
    reason: str | None


def standing(file: CaseFile) -> MandateStanding | None:
    """How a case stands; None for one that was not lodged by a mandate."""
    told = last_mandate(file)
    if told is None:
        return None
    outcome, reason = None, None
    if file.case.state == lifecycle.AWAITING_CONFIRMATION:
        outcome = AWAITED
    for event in file.events:
        if event.seq > told.seq and event.kind == lifecycle.CONFIRMATION:
            outcome, reason = event.data["outcome"], event.data.get("reason")
        elif event.seq > told.seq and event.kind == lifecycle.UNCONFIRMED:
            outcome = lifecycle.UNCONFIRMED
    return MandateStanding(
        mandate=told.data["mandate"],
        party=told.data["party"],
        confirm_by=told.data["confirm_by"],
        outcome=outcome,
        reason=reason,
    )


def last_mandate(file: CaseFile) -> Event | None:
    """The event that names the mandate of the version that counts."""
    return next((each for each in reversed(file.events) if each.kind == lifecycle.MANDATE), None)


def principal_of(file: CaseFile) -> int | None:
    """The account that a case was lodged for."""
    told = last_mandate(file)
    return None if told is None else int(told.data["principal"].partition(":")[2])
