"""What an installation may choose about batches."""

import msgspec

MIB = 1024 * 1024


class BulkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A batch has at most `items` declarations, `max_bytes` bytes as it comes and as it is unpacked, and `seconds`.

    An account may have `per_account` of them under way with one worker, which has `at_once` places. Of one batch,
    `in_flight` items are worked on at one time, and `unread` bytes of answers wait for a reader that is behind.
    """

    items: int = 10_000
    max_bytes: int = 1024 * MIB
    seconds: float = 3600.0
    per_account: int = 2
    at_once: int = 8
    in_flight: int = 16
    unread: int = 8 * MIB

    def __post_init__(self) -> None:
        if min(self.items, self.max_bytes, self.per_account, self.at_once, self.in_flight, self.unread) < 1:
            raise ValueError("items, max_bytes, per_account, at_once, in_flight and unread must be at least 1")
        if self.seconds <= 0:
            raise ValueError("seconds must be above 0")
