"""A filing that its principal does not confirm in time is over: it is declined, with that reason, and agencies that
have deliveries of a version before are told.

One process of a gateway looks for such cases now and then. Who comes to confirm one after its time and before that look
finds it declined too, so that the time counts and not the look.
"""

import logging
from typing import Final

import msgspec

from gateway import lifecycle
from gateway.cases import GATEWAY, Entry, change, live, plan, withdrawal
from gateway.clock import stamp
from gateway.mandates.standing import last_mandate
from gateway.notices import messages
from gateway.notices.records import NewNotice
from gateway.ports import CaseChange, CaseFile
from gateway.service import Gateway

log = logging.getLogger(__name__)

BITE: Final = 100  # cases that are read and changed in one go, between two looks for more


async def end_unconfirmed(gateway: Gateway) -> None:
    """End every filing whose time is over, by the clock of the account that lodged it."""
    at = stamp(gateway.clock())
    while found := await gateway.store.unconfirmed(at, BITE):
        ended = [each for each in found if await lapse(gateway, each.mrn, each.at)]
        if not ended:  # each was confirmed, or taken back, in this moment
            return
        log.info("%d filings were not confirmed in time", len(ended))


async def lapse(gateway: Gateway, mrn: str, at: str) -> bool:
    """End a filing, if it still waits and its time is over; whether it did. Raises LookupError for no such case."""
    told: list[NewNotice] = []

    async def find() -> CaseFile:
        file = await gateway.store.case_file(mrn)
        if file is None:
            raise LookupError(f"there is no case {mrn}")
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, bool]:
        ended = _lapse(file, at)
        if ended is None:
            return None, False
        told[:] = messages.invalidated(gateway, file, live(file), ended.updated_at)
        return msgspec.structs.replace(ended, notices=tuple(told)), True

    done = await change(gateway.store, find, step)
    messages.ring(gateway, told)
    return done


def overdue(file: CaseFile, at: str) -> str | None:
    """Until when a case that waits could have been confirmed, where that is over."""
    told = last_mandate(file)
    if told is None or file.case.state != lifecycle.AWAITING_CONFIRMATION:
        return None
    until = str(told.data["confirm_by"])
    return until if until <= at else None


def _lapse(file: CaseFile, at: str) -> CaseChange | None:
    until = overdue(file, at)
    if until is None:
        return None
    moves, told = withdrawal(file)
    entries = (Entry(lifecycle.UNCONFIRMED, GATEWAY, {"until": until}), *told)
    return plan(file, at, moves, entries, state=lifecycle.DECLINED)
