"""Appeals as the store keeps them, and the part of its protocol that is about them; see `gateway.ports`."""

from typing import Protocol

import msgspec


class Appeal(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal against a decision, numbered within its case, without its bytes.

    `ruling` is the message that answered it, as canonical JSON; none while it is open.
    """

    number: int
    mrn: str
    delivery_id: str
    agency: str
    lodged_at: str
    media: str
    digest: str
    ruling: bytes | None
    ruled_at: str | None
    ruled_by: str | None


class AppealMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The appeal as it came (`media`, `body`, `digest`) and as canonical JSON (`document`)."""

    media: str
    body: bytes
    digest: str
    document: bytes


class NewAppeal(AppealMessage, frozen=True, kw_only=True):
    """What an appeal writes: the message, and the record that it freezes, as JSON. `desk` is that of its delivery, so
    that an appeal in a test waits for no live agency.
    """

    number: int
    delivery_id: str
    desk: str
    record: bytes


class NewRuling(msgspec.Struct, frozen=True, kw_only=True):
    """What a ruling writes: its message as canonical JSON, and who ruled."""

    number: int
    ruling: bytes
    ruled_by: str


class AppealStore(Protocol):
    """Appeals are written by `apply`, with the step of their case."""

    async def appeals(self, case_id: int) -> list[Appeal]:
        """Those of one case, in their order."""

    async def open_appeals(self, agency: str | None, limit: int) -> list[Appeal]:
        """Those that wait for a ruling, of one agency or of all, the oldest first; no tests."""

    async def appeal_on(self, agency: str, delivery_id: str) -> Appeal | None:
        """The last one against a decision on this delivery of the agency's."""

    async def appeal_message(self, mrn: str, number: int) -> AppealMessage | None:
        """The message of an appeal."""

    async def appeal_record(self, mrn: str, number: int) -> bytes | None:
        """The record that an appeal froze."""
