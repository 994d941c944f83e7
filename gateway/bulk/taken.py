"""What the store knows of a batch: the items that were taken, by the keys under which they were."""

from typing import Protocol

import msgspec

from gateway.vocabulary import CaseState


class TakenItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that is on record: its key in the batch, and the case that it became or repeated, as that stands."""

    key: str
    mrn: str
    conversation_id: str
    digest: str
    accepted_at: str
    status: CaseState


def item_key(batch: str | None, key: str) -> str | None:
    """The idempotency key of an item. A batch's own key has no spaces, so no two items of any two have the same."""
    return None if batch is None else f"{batch} {key}"


class BatchStore(Protocol):
    """The items of batches."""

    async def batch_items(self, account_id: int, batch: str, after: str | None, limit: int) -> list[TakenItem]:
        """The items of an account's batch that are on record, by key, those after the key given."""
