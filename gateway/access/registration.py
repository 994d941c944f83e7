"""The accounts of a gateway, their users and keys, whether or not it is running: new ones, all, the withdrawn."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from gateway import bootstrap
from gateway.access.accounts import Accounts
from gateway.access.tokens import fresh_key
from gateway.access.users import SigningKey, User
from gateway.clock import utc_now
from gateway.ports import FIRST_KEY, Account, Holder, KeyTerms, Store
from gateway.requirements import load_agencies
from gateway.settings import Settings


class NewAccount(NamedTuple):
    """Who is to be registered; `agency` is a code, for role agency only, `terms` those of the first key."""

    name: str
    role: str
    agency: str | None = None
    terms: KeyTerms = FIRST_KEY


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
    """Withdraw all keys of an account. Raises ValueError where no account has that name."""
    async with opened(settings) as store:
        return await Accounts(store).revoke(name)


async def add_key(settings: Settings, name: str, terms: KeyTerms) -> tuple[Holder, str]:
    """Make an account another key. Raises ValueError where it cannot have one on these terms."""
    async with opened(settings) as store:
        return await Accounts(store).add_key(name, terms)


async def add_credential(settings: Settings, name: str, digest: str, terms: KeyTerms) -> Holder:
    """Let a user show what has this digest. Raises ValueError where it cannot be."""
    async with opened(settings) as store:
        return await Accounts(store).add_credential(name, digest, terms)


async def add_user(settings: Settings, name: str, user: str, scopes: tuple[str, ...] | None) -> User:
    """Make an account another user. Raises ValueError where it cannot have one of that name and those scopes."""
    async with opened(settings) as store:
        return await Accounts(store).add_user(name, user, scopes)


async def list_users(settings: Settings, name: str | None) -> list[User]:
    """The users of one account or of all. Raises ValueError where no account has that name."""
    async with opened(settings) as store:
        found = await store.users(name)
    if name is not None and not found:  # no account is without a user
        raise ValueError(f"there is no account named {name!r}")
    return found


async def revoke_user(settings: Settings, name: str, user: str) -> User:
    """Withdraw a user with all its keys. Raises ValueError where the account has none of that name."""
    async with opened(settings) as store:
        return await Accounts(store).revoke_user(name, user)


async def list_keys(settings: Settings, name: str | None, kind: str = "key") -> list[Holder]:
    """The keys of one account or of all, or what else of a kind. Raises ValueError where no account has that name."""
    async with opened(settings) as store:
        found = await store.keys(name)
    if name is not None and not found:  # no account is without a key
        raise ValueError(f"there is no account named {name!r}")
    return [each for each in found if each.key.kind == kind]


async def revoke_key(settings: Settings, name: str, key_id: str) -> Holder:
    """Withdraw one key. Raises ValueError where the account has no such key."""
    async with opened(settings) as store:
        return await Accounts(store).revoke_key(name, key_id)


async def rotate_signing_key(settings: Settings, forget: bool) -> SigningKey:
    """Make another key that signs tokens; with `forget` those before verify nothing any more."""
    async with opened(settings) as store:
        made = fresh_key(utc_now())
        await store.rotate_signing_key(made, forget)
        return made


async def list_signing_keys(settings: Settings) -> list[SigningKey]:
    """The keys that sign or signed tokens."""
    async with opened(settings) as store:
        return await store.signing_keys()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """The ledger beside a gateway that may be running. Raises RuntimeError where it cannot be used."""
    store = bootstrap.side_store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
