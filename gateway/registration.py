"""New accounts, whether or not the gateway is running."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import bootstrap
from gateway.accounts import Accounts
from gateway.requirements import load_agencies
from gateway.settings import Settings


class NewAccount(NamedTuple):
    """Who is to be registered; `agency` is a code, for role agency only."""

    name: str
    role: str
    agency: str | None = None


async def register_accounts(settings: Settings, wanted: Sequence[NewAccount]) -> list[str]:
    """Register accounts; their API keys, in the same order.

    Raises ValueError for a name that is taken and for an agency that the country does not have.
    """
    agencies = load_agencies(settings.schemas / "agencies")
    for account in wanted:
        if account.agency is not None and account.agency not in agencies:
            raise ValueError(f"there is no agency {account.agency!r}; there is {', '.join(sorted(agencies))}")
    store = bootstrap.side_store(settings)
    await store.open()
    try:
        return [(await Accounts(store).register(*account))[1] for account in wanted]
    finally:
        await store.close()
