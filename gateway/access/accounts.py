"""Accounts and their API keys.

Rule: a key is shown once, when it is made; the store keeps only its SHA-256. Reason: who reads the database learns no
key. A plain digest is enough because a key is 256 random bits, which nobody can guess their way to, and looking up by
digest leaves nothing to time. Known callers are remembered for a short while, unknown keys never: so a new key works
at once, one that ended or was withdrawn by another process stops within the lifetime, and guessers cannot crowd the
cache. An account has two living keys at most: one at work, and the one that is to take its place.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from hashlib import sha256

import msgspec

from gateway.access.rights import ROLES, scopes
from gateway.clock import Clock, stamp, utc_now
from gateway.ports import FIRST_KEY, Account, ApiKey, Holder, KeyTerms, Store

LIVING_KEYS = 2
SOON = timedelta(days=30)  # so long before its end a key is said to end
LONGEST_LABEL = 40
_KEY = re.compile(r"gk_[A-Za-z0-9_-]{43}")
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

log = logging.getLogger(__name__)


class Caller(msgspec.Struct, frozen=True):
    """Who shows a key. Without `scopes` it may do all that its role may; `ending` is the key's last day, if near."""

    account: Account
    scopes: tuple[str, ...] | None = None
    ending: str | None = None


class KeyExpired(Exception):
    """A key that was good until `day`. It was good, so nobody guessed it: its holder may be told."""

    def __init__(self, day: str) -> None:
        super().__init__(f"the key ended on {day}")
        self.day = day


def new_key() -> str:
    """A fresh API key: `gk_` and 32 random bytes in the URL-safe alphabet."""
    return "gk_" + secrets.token_urlsafe(32)


def key_digest(key: str) -> str:
    """What the store knows a key by."""
    return sha256(key.encode()).hexdigest()


def last_day(expires: str, today: date) -> str:
    """The last day of a key that is to last for so many days, as `90d`, or until a date. Raises ValueError."""
    if days := _DAYS.fullmatch(expires):
        return (today + timedelta(days=int(days[1]))).isoformat()
    try:
        day = date.fromisoformat(expires) if _DATE.fullmatch(expires) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"{expires!r} is neither a number of days, as 90d, nor a date, as 2027-01-31")
    if day < today:
        raise ValueError(f"the key would have ended on {expires} already")
    return expires


def standing(key: ApiKey, today: date) -> str:
    """How a key stands, in a word or two: what ends soon must be seen before it ends."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_on is None:
        return "live"
    left = date.fromisoformat(key.expires_on) - today
    if left < timedelta():
        return "expired"
    return f"ends in {left.days} days" if left <= SOON else "live"


class Accounts:
    """Registers accounts and finds who holds a key. At most `limit` are remembered, for `lifetime` seconds."""

    def __init__(self, store: Store, clock: Clock = utc_now, *, lifetime: float = 30.0, limit: int = 1024) -> None:
        self._store, self._clock, self._lifetime, self._limit = store, clock, lifetime, limit
        self._known: dict[str, tuple[Caller, datetime]] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def register(
        self, name: str, role: str, agency: str | None = None, terms: KeyTerms = FIRST_KEY, test: bool = False
    ) -> tuple[Account, str]:
        """Make an account and its key; raises ValueError for a taken name, or a role or terms that do not fit."""
        if not name.strip():
            raise ValueError("an account needs a name")
        if role not in ROLES:
            raise ValueError(f"the role {role!r} is none of {', '.join(ROLES)}")
        if (role == "agency") != (agency is not None):
            raise ValueError("an account of role agency, and no other, names its agency")
        if test and role != "trader":
            raise ValueError("only a trader's account may be one for tests")
        key = new_key()
        made = self._made(role, terms)
        return await self._store.add_account(name, role, agency, key_digest(key), made, test), key

    async def add_key(self, name: str, terms: KeyTerms) -> tuple[Holder, str]:
        """Make an account another key; raises ValueError for terms that do not fit, and for one key too many."""
        held = await self._store.keys(name)
        if not held:
            raise ValueError(f"there is no account named {name!r}")
        key, today = new_key(), self._clock().date().isoformat()
        made = self._made(held[0].account.role, terms)
        return await self._store.add_key(name, key_digest(key), made, today, LIVING_KEYS), key

    async def revoke_key(self, name: str, key_id: str) -> Holder:
        """Withdraw one key of an account; raises ValueError where there is none of that id."""
        revoked = await self._store.revoke_key(name, key_id, stamp(self._clock()))
        self._forget(revoked.account)
        return revoked

    async def revoke(self, name: str) -> Account:
        """Withdraw all keys of an account; raises ValueError where no account has that name."""
        revoked = await self._store.revoke_account(name, stamp(self._clock()))
        self._forget(revoked)
        return revoked

    def has_known(self, key: str) -> bool:
        """Whether this key has opened something lately, be it still good or not."""
        return key_digest(key) in self._known

    async def authenticate(self, key: str) -> Caller | None:
        """Whose key this is, or None; raises KeyExpired. What cannot be a key is turned away without a look."""
        if not _KEY.fullmatch(key):
            return None
        digest = key_digest(key)
        now = self._clock()
        if (known := self._known.pop(digest, None)) is not None:
            caller, since = known
            # A clock that was set back must not keep a caller for longer than its lifetime.
            if 0 <= (now - since).total_seconds() < self._lifetime:
                self._known[digest] = known
                return caller
        holder = await self._store.holder(digest)
        return None if holder is None else self._welcome(digest, holder, now)

    def _welcome(self, digest: str, holder: Holder, now: datetime) -> Caller:
        """Remember a caller that the store knows. Raises KeyExpired."""
        today, last = now.date(), holder.key.expires_on
        if last is not None and last < today.isoformat():
            raise KeyExpired(last)
        ending = last if last is not None and date.fromisoformat(last) - today <= SOON else None
        caller = Caller(holder.account, holder.key.scopes, ending)
        if len(self._known) >= self._limit:
            del self._known[next(iter(self._known))]  # the one that was asked for longest ago
        self._known[digest] = caller, now
        if (holder.key.used_on or "") < today.isoformat():
            if ending is not None:
                log.warning("key %s of %r ends on %s", holder.key.id, holder.account.name, ending)
            note = asyncio.create_task(self._note(digest, today.isoformat()))
            self._notes.add(note)
            note.add_done_callback(self._notes.discard)
        return caller

    async def _note(self, digest: str, day: str) -> None:
        """Put the day of its use on record, once a day and beside the request: nobody is turned away for its sake."""
        try:
            await self._store.note_use(digest, day)
        except Exception as error:  # whatever a store may raise; the next look into it tries again
            log.warning("the use of key %s on %s is not on record: %s", digest[:12], day, error)

    def _forget(self, account: Account) -> None:
        self._known = {digest: known for digest, known in self._known.items() if known[0].account.id != account.id}

    def _made(self, role: str, terms: KeyTerms) -> KeyTerms:
        """The terms of a key that is made now. Raises ValueError where they do not fit."""
        if len(terms.label) > LONGEST_LABEL or not terms.label.isprintable():
            raise ValueError(f"a label has at most {LONGEST_LABEL} printable characters")
        if terms.scopes is not None:
            _check_scopes(role, terms.scopes)
        return msgspec.structs.replace(terms, made_at=stamp(self._clock()))


def _check_scopes(role: str, wanted: Iterable[str]) -> None:
    possible = scopes(role)
    for scope in wanted:
        if scope not in possible:
            raise ValueError(f"a {role} has no scope {scope!r}; there is {', '.join(possible)}")
