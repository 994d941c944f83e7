"""What an operator does about deliveries that stand still: see them, and send again what was parked.

It needs the ledger alone, so that it works whether or not the gateway is running: one that runs finds a revived
delivery when its outbox next looks by itself. Who revived a delivery and why is an event of the case.
"""

from collections.abc import AsyncIterator
from typing import Final

from gateway import lifecycle
from gateway.cases import Entry, change, delivery_of, plan
from gateway.clock import Clock, stamp
from gateway.ports import CaseChange, CaseFile, DeliveryChange, Listed, Store

PAGE = 500
LONGEST_TEXT: Final = 500


async def undecided(store: Store, state: str) -> AsyncIterator[Listed]:
    """All deliveries in a state that is not final, oldest first."""
    after = None
    while page := await store.undecided(state, after, PAGE):
        for listed in page:
            yield listed
        after = page[-1].delivery.id


async def revive(store: Store, clock: Clock, delivery_id: str, reason: str, by: str) -> str:
    """Queue a parked delivery again; the MRN of its case.

    Raises ValueError for a delivery that is not there or not parked, and where reason or name are no line of text.
    """
    check_line("the reason", reason)
    check_line("the name", by)
    at = stamp(clock())

    async def find() -> CaseFile:
        file = await store.case_of_delivery(delivery_id)
        if file is None:
            raise ValueError(f"there is no delivery {delivery_id!r}")
        return file

    def step(file: CaseFile) -> tuple[CaseChange, str]:
        delivery = delivery_of(file, delivery_id)
        try:
            state = lifecycle.next_delivery_state(delivery.state, lifecycle.REVIVED)
        except lifecycle.IllegalStep as error:
            raise ValueError(f"delivery {delivery_id}: {error}") from None
        told = {"delivery": delivery_id, "agency": delivery.agency, "reason": reason}
        moved = DeliveryChange(id=delivery_id, state=state)
        return plan(file, at, (moved,), (Entry(lifecycle.REVIVED, f"operator:{by}", told),)), file.case.mrn

    return await change(store, find, step)


def check_line(what: str, text: str) -> None:
    """Raises ValueError for what is not one line of text."""
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_TEXT:
        raise ValueError(f"{what} must be one line of 1 to {LONGEST_TEXT} characters")
