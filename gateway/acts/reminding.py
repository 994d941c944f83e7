"""Traders are told once that the day for a supplement has passed: one look now and then, in one process.

Rule: the event is written before the day is struck off, and by a change of the case as any other. Reason: a process may
die between the two; the next look then finds the event in the history, and only strikes off.
"""

import logging
from functools import partial
from typing import Final

from gateway import lifecycle
from gateway.acts import stages
from gateway.acts.due import Due
from gateway.cases import GATEWAY, Entry, change, plan
from gateway.clock import Clock, stamp
from gateway.ports import CaseChange, CaseFile, Store

log = logging.getLogger(__name__)

BITE: Final = 200  # that are read at one time
_OVER: Final = (lifecycle.REFUSED, lifecycle.INVALIDATED, lifecycle.DECLINED)


async def remind(store: Store, clock: Clock) -> int:
    """Tell of every supplement whose day has passed without it; how many they are."""
    told, today = 0, clock().date().isoformat()
    while passed := await store.supplements_due(today, BITE):
        for due in passed:
            told += await change(store, partial(_find, store, due.mrn), partial(_tell, due=due, at=stamp(clock())))
            await store.forget_supplement(due)
    if told:
        log.info("%d supplements are overdue since yesterday or longer", told)
    return told


async def _find(store: Store, mrn: str) -> CaseFile:
    file = await store.case_file(mrn)
    if file is None:
        raise LookupError(f"there is no case {mrn}")
    return file


def _tell(file: CaseFile, due: Due, at: str) -> tuple[CaseChange | None, bool]:
    """The event, where the supplement is still due on that day, its trader still owes it, and was not told."""
    stage = stages.incomplete(file.events)
    if stage is None or stage.due != due.day or file.case.state in _OVER or stages.overdue(file.events) == due.day:
        return None, False
    return plan(file, at, (), (Entry(lifecycle.OVERDUE, GATEWAY, {"due": due.day}),)), True
