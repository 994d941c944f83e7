"""How much is undecided, or unsent: what the numbers for operators are made of."""

import msgspec

from gateway.notify.told import Unsent


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """How many deliveries of one agency are in one state that is not final, how many of them are past their time, and
    since when the oldest is there.
    """

    agency: str
    state: str
    count: int
    overdue: int
    oldest: str


class Census(msgspec.Struct, frozen=True):
    """How much is undecided, how large the store's log is that is yet to be folded into it, what is yet to be sent."""

    backlog: tuple[Backlog, ...]
    log_bytes: int
    unsent: Unsent
