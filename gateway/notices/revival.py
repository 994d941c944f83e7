"""What an operator does about notices that agencies declined: see them, and send them again. See `gateway.revival`."""

from collections.abc import AsyncIterator

import msgspec

from gateway import lifecycle
from gateway.cases import Entry, change, plan
from gateway.clock import Clock, stamp
from gateway.notices.records import PARKED, QUEUED, ListedNotice, NoticeMove
from gateway.ports import CaseChange, CaseFile, Store
from gateway.revival import PAGE, check_line


async def parked(store: Store) -> AsyncIterator[ListedNotice]:
    """All notices that agencies declined, oldest first."""
    after = None
    while page := await store.parked_notices(after, PAGE):
        for listed in page:
            yield listed
        after = page[-1].notice.id


async def revive(store: Store, clock: Clock, notice_id: str, reason: str, by: str) -> str:
    """Queue a parked notice again; the MRN of its case.

    Raises ValueError for a notice that is not there or not parked, and where reason or name are no line of text.
    """
    check_line("the reason", reason)
    check_line("the name", by)
    at = stamp(clock())

    async def find() -> tuple[ListedNotice, CaseFile]:
        listed = await store.notice(notice_id)
        file = await store.case_file(listed.mrn) if listed else None
        if listed is None or file is None:
            raise ValueError(f"there is no notice {notice_id!r}")
        if listed.notice.state != PARKED:
            raise ValueError(f"notice {notice_id} is {listed.notice.state}, and not parked")
        return listed, file

    listed, _ = await find()

    async def find_case() -> CaseFile:
        return (await find())[1]

    def step(file: CaseFile) -> tuple[CaseChange, str]:
        told = listed.notice
        facts = {"notice": told.id, "delivery": told.delivery_id, "agency": told.agency, "reason": reason}
        move = NoticeMove(told.id, QUEUED, due_at=at)
        planned = plan(file, at, (), (Entry(lifecycle.REVIVED, f"operator:{by}", facts),))
        return msgspec.structs.replace(planned, told=(move,)), file.case.mrn

    return await change(store, find_case, step)
