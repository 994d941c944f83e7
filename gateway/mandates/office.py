"""What an operator does about mandates and identifiers, whether or not the gateway is running.

Rule: an operator who grants or revokes a mandate for others gives a reason and a name, and both stay on record. A
gateway that runs heeds the change within a moment (`mandates.look`).
"""

import re
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Final, NamedTuple

from gateway.clock import stamp
from gateway.identifiers import Random, new_delivery_id
from gateway.mandates.kept import Mandate
from gateway.mandates.roll import normal
from gateway.ports import Account, Store
from gateway.revival import check_line

PAGE: Final = 500
_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_IDENTIFIER: Final = 17  # as much as a declaration takes: an..17


class Wanted(NamedTuple):
    """A mandate as an operator asks for it; accounts by name, days as YYYY-MM-DD."""

    principal: str
    agent: str
    directions: tuple[str, ...]
    first_day: str
    last_day: str | None
    confirm: bool


async def add_identifier(store: Store, name: str, identifier: str, now: datetime) -> str:
    """Register an identifier for a trader; as it is compared. Raises ValueError where it cannot be."""
    known = normal(identifier)
    if not known or not known.isprintable() or len(known) > LONGEST_IDENTIFIER:
        raise ValueError(f"an identifier has 1 to {LONGEST_IDENTIFIER} printable characters")
    await store.add_identifier(name, known, stamp(now))
    return known


async def remove_identifier(store: Store, name: str, identifier: str, now: datetime) -> str:
    """Take it back; as it is compared. Raises ValueError where the account does not have it."""
    await store.remove_identifier(name, normal(identifier), stamp(now))
    return normal(identifier)


async def grant(
    store: Store, wanted: Wanted, reason: str, by: str, most: int, now: datetime, random: Random
) -> Mandate:
    """Put a mandate on record for a principal. Raises ValueError where it cannot be, and TooMany."""
    check_line("the reason", reason)
    check_line("the name", by)
    principal, agent = [_trader(await store.accounts(), name) for name in (wanted.principal, wanted.agent)]
    if principal.id == agent.id:
        raise ValueError("a mandate is between two accounts")
    if principal.test != agent.test:
        raise ValueError("an account for trade test has to do with no live one: both are for tests, or neither")
    today = now.date().isoformat()
    first, last = _day(wanted.first_day), None if wanted.last_day is None else _day(wanted.last_day)
    if last is not None and last < max(first, today):
        raise ValueError(f"the mandate would end on {last}, before it begins, or in the past")
    new = Mandate(
        id=new_delivery_id(now, random),
        principal_id=principal.id,
        principal=principal.name,
        agent_id=agent.id,
        agent=agent.name,
        directions=wanted.directions,
        first_day=first,
        last_day=last,
        confirm=wanted.confirm,
        granted_at=stamp(now),
        granted_by=f"operator:{by}",
        reason=reason,
    )
    return await store.grant_mandate(new, most, today)


async def revoke(store: Store, wanted: str, reason: str, by: str, now: datetime) -> Mandate:
    """End a mandate; one that was revoked before stays as it was. Raises ValueError where there is none."""
    check_line("the reason", reason)
    check_line("the name", by)
    revoked = await store.revoke_mandate(wanted, None, stamp(now), f"operator:{by}", reason)
    if revoked is None:
        raise ValueError(f"there is no mandate {wanted!r}")
    return revoked


async def mandates(store: Store, name: str | None) -> AsyncIterator[Mandate]:
    """Those of one account, given and got, or all. Raises ValueError where no trader has that name."""
    account_id = None
    if name is not None:
        account_id = _trader(await store.accounts(), name).id
    after = None
    while page := await store.mandates(account_id, after, PAGE):
        for each in page:
            yield each
        after = page[-1].id


def _day(text: str) -> str:
    """A day as it is kept. Raises ValueError for what is none."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no day, as 2027-01-31")


def _trader(accounts: list[Account], name: str) -> Account:
    for account in accounts:
        if account.name == name and account.role == "trader":
            return account
    raise ValueError(f"there is no trader named {name!r}; guichet account list shows all accounts")
