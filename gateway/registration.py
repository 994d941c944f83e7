"""The accounts of a gateway, whether or not it is running: new ones, all of them, one that is withdrawn."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from gateway import bootstrap
from gateway.accounts import Accounts
from gateway.ports import Account, Store
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
    async with opened(settings) as store:
        return [(await Accounts(store).register(*account))[1] for account in wanted]


async def list_accounts(settings: Settings) -> list[Account]:
    """All accounts by name."""
    async with opened(settings) as store:
        return await store.accounts()


async def revoke_account(settings: Settings, name: str) -> Account:
    """Withdraw an account's key. Raises ValueError where no account has that name."""
    async with opened(settings) as store:
        return await Accounts(store).revoke(name)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The ledger beside a gateway that may be running. Raises RuntimeError where it cannot be used."""
    store = bootstrap.side_store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
