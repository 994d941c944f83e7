"""New accounts for a gateway that is not running: a database has one writer at a time."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import bootstrap
from gateway.settings import Settings


class NewAccount(NamedTuple):
    """Who is to be registered; `agency` is a code, for role agency only."""

    name: str
    role: str
    agency: str | None = None


async def register_accounts(settings: Settings, wanted: Sequence[NewAccount]) -> list[str]:
    """Register accounts; their API keys, in the same order. Raises ValueError for a name that is taken."""
    gateway = bootstrap.build(settings, adapters={})
    await gateway.store.open()
    try:
        return [(await gateway.accounts.register(*account))[1] for account in wanted]
    finally:
        await gateway.store.close()
