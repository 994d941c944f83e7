"""The clock of a test account: as far ahead of the time as it was put forward. It goes on by itself, and never back.

All that is done for the account goes by it: the day of the rules, due times, the steps of virtual agencies, its
notifications. So a two-day hold, or next month's rules, are tried in a second.
"""

import dataclasses
from datetime import timedelta
from math import ceil
from typing import Final

import msgspec

from gateway.clock import later, moment
from gateway.ports import Account
from gateway.service import Gateway
from gateway.trial.playing import PAGE, play

MOST_AHEAD: Final = 3660 * 86400  # seconds; whoever wants to go further takes a new account
MOST_TURNS: Final = 10_000  # of one request


class TooFar(Exception):
    """The clock would be further ahead than it may be."""


class VirtualClock(msgspec.Struct, frozen=True, kw_only=True):
    """The account's clock, and what its virtual agencies have still to do: for how many deliveries, and the first when.

    `ahead` is how many seconds the clock was put forward in all; `played` how many steps this request played.
    """

    now: str
    ahead: int
    pending: int
    next_at: str | None
    played: int = 0


async def on_its_clock(gateway: Gateway, account: Account) -> Gateway:
    """The gateway as it is to a test account."""
    ahead, real = timedelta(seconds=await gateway.store.ahead(account.id)), gateway.clock
    return dataclasses.replace(gateway, clock=lambda: real() + ahead)


async def read(gateway: Gateway, account_id: int, moved: int = 0, played: int = 0) -> VirtualClock:
    """The clock of an account, which was `moved` since the gateway was put on it."""
    pending = await gateway.store.pending_turns(account_id)
    return VirtualClock(
        now=later(gateway.clock(), moved),
        ahead=await gateway.store.ahead(account_id),
        pending=pending.count,
        next_at=pending.next_at,
        played=played,
    )


async def advance(gateway: Gateway, account_id: int, seconds: int) -> VirtualClock:
    """Put the clock forward, and play all that is due by then. Raises TooFar, and nothing is moved."""
    await _put_forward(gateway, account_id, seconds)
    until = later(gateway.clock(), seconds)
    return await read(gateway, account_id, seconds, await _play_until(gateway, account_id, until, MOST_TURNS))


async def advance_to_rest(gateway: Gateway, account_id: int) -> VirtualClock:
    """Put the clock forward from step to step until nothing is pending. Raises TooFar."""
    moved = played = 0
    while played < MOST_TURNS and (next_at := await _next(gateway, account_id)) is not None:
        gap = ceil((moment(next_at) - gateway.clock()).total_seconds()) - moved
        if gap > 0:
            await _put_forward(gateway, account_id, gap)
            moved += gap
        played += await _play_until(gateway, account_id, next_at, MOST_TURNS - played)
    return await read(gateway, account_id, moved, played)


async def _next(gateway: Gateway, account_id: int) -> str | None:
    return (await gateway.store.pending_turns(account_id)).next_at


async def _put_forward(gateway: Gateway, account_id: int, seconds: int) -> None:
    if await gateway.store.ahead(account_id) + seconds > MOST_AHEAD:
        raise TooFar
    await gateway.store.put_forward(account_id, seconds)


async def _play_until(gateway: Gateway, account_id: int, until: str, most: int) -> int:
    played = 0
    while played < most and (turns := await gateway.store.turns(account_id, until, min(PAGE, most - played))):
        await play(gateway, turns)
        played += len(turns)
    return played
