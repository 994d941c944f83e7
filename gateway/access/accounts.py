"""Accounts, their users, and the API keys of these.

Rule: a key is shown once, when it is made; the store keeps only its SHA-256. Reason: who reads the database learns no
key. A plain digest is enough because a key is 256 random bits, which nobody can guess their way to, and looking up by
digest leaves nothing to time. Known callers are remembered for a short while, unknown keys never: so a new key works
at once, one that ended or was withdrawn by another process stops within the lifetime, and guessers cannot crowd the
cache. A user has two living keys of a kind at most: one at work, and the one that is to take its place.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from hashlib import sha256

import msgspec

from gateway.access.jose import BadToken, looks_like_token
from gateway.access.rights import ROLES, scopes
from gateway.access.tokens import Grant, Tokens
from gateway.access.users import User
from gateway.clock import Clock, stamp, utc_now
from gateway.ports import FIRST_KEY, Account, ApiKey, Holder, KeyTerms, Store

KINDS = ("key", "certificate", "subject")  # what proves who somebody is
LIVING_KEYS = 2
SOON = timedelta(days=30)  # so long before its end a key is said to end
LONGEST_LABEL = 40
LONGEST_NAME = 40  # of a user
_KEY = re.compile(r"gk_[A-Za-z0-9_-]{43}")
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

log = logging.getLogger(__name__)


class Caller(msgspec.Struct, frozen=True):
    """Who shows a key. Without `scopes` it may do all that its role may; `ending` is the key's last day, if near.

    `actor` is the user as the history of a case names it: role, account and number, as `trader:12/3`; an agency's with
    its code too, as `agency:FSA/7/1`.
    """

    account: Account
    scopes: tuple[str, ...] | None = None
    ending: str | None = None
    actor: str = ""


class KeyExpired(Exception):
    """A key that was good until `day`. It was good, so nobody guessed it: its holder may be told."""

    def __init__(self, day: str, kind: str = "key") -> None:
        super().__init__(f"the {kind} ended on {day}")
        self.day, self.kind = day, kind


def new_key() -> str:
    """A fresh API key: `gk_` and 32 random bytes in the URL-safe alphabet."""
    return "gk_" + secrets.token_urlsafe(32)


def is_key(text: str) -> bool:
    """Whether it has the form of an API key."""
    return _KEY.fullmatch(text) is not None


def key_digest(key: str) -> str:
    """What the store knows a key by."""
    return sha256(key.encode()).hexdigest()


def key_id(key: str) -> str:
    """What people know a key by, and OAuth its client: the beginning of its digest."""
    return key_digest(key)[:12]


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
    """Registers accounts and finds who holds a key. At most `limit` are remembered, for `lifetime` seconds.

    Without `tokens` there are none.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock = utc_now,
        tokens: Tokens | None = None,
        *,
        lifetime: float = 30.0,
        limit: int = 1024,
    ) -> None:
        self.tokens = tokens
        self._store, self._clock, self._lifetime, self._limit = store, clock, lifetime, limit
        self._known: dict[str, tuple[Caller, datetime]] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def register(
        self, name: str, role: str, agency: str | None = None, terms: KeyTerms = FIRST_KEY
    ) -> tuple[Account, str]:
        """Make an account and its key; raises ValueError for a taken name, or a role or terms that do not fit."""
        if not name.strip():
            raise ValueError("an account needs a name")
        if role not in ROLES:
            raise ValueError(f"the role {role!r} is none of {', '.join(ROLES)}")
        if (role == "agency") != (agency is not None):
            raise ValueError("an account of role agency, and no other, names its agency")
        key = new_key()
        return await self._store.add_account(name, role, agency, key_digest(key), self._made(role, terms)), key

    async def add_key(self, name: str, terms: KeyTerms) -> tuple[Holder, str]:
        """Make a user another key; raises ValueError for terms that do not fit, and for one key too many."""
        key = new_key()
        return await self.add_credential(name, key_digest(key), terms), key

    async def add_credential(self, name: str, digest: str, terms: KeyTerms) -> Holder:
        """Let a user show what has this digest; raises ValueError as `add_key`."""
        role = await self._role(name)
        users = {each.name: each for each in await self._store.users(name)}
        user, made = users.get(terms.user), self._made(role, terms)
        if user is not None and user.scopes is not None:
            _check_scopes(f"user {user.name!r}", user.scopes, made.scopes or ())
        today = self._clock().date().isoformat()
        return await self._store.add_key(name, digest, made, today, LIVING_KEYS)

    async def add_user(self, name: str, user: str, scopes: tuple[str, ...] | None = None) -> User:
        """Make an account another user; raises ValueError for a name that will not do, and for scopes that do not."""
        if not user.strip() or len(user) > LONGEST_NAME or not user.isprintable():
            raise ValueError(f"the name of a user has from 1 to {LONGEST_NAME} printable characters")
        _check_role(await self._role(name), scopes or ())
        return await self._store.add_user(name, user, scopes, stamp(self._clock()))

    async def revoke_user(self, name: str, user: str) -> User:
        """Withdraw a user with all its keys; raises ValueError where the account has none of that name."""
        revoked = await self._store.revoke_user(name, user, stamp(self._clock()))
        self._forget(name)
        return revoked

    async def _role(self, name: str) -> str:
        held = await self._store.keys(name)  # no account is without one
        if not held:
            raise ValueError(f"there is no account named {name!r}")
        return held[0].account.role

    async def revoke_key(self, name: str, key_id: str) -> Holder:
        """Withdraw one key of an account; raises ValueError where there is none of that id."""
        revoked = await self._store.revoke_key(name, key_id, stamp(self._clock()))
        self._forget(name)
        return revoked

    async def revoke(self, name: str) -> Account:
        """Withdraw all keys of an account; raises ValueError where no account has that name."""
        revoked = await self._store.revoke_account(name, stamp(self._clock()))
        self._forget(name)
        return revoked

    def has_known(self, shown: str) -> bool:
        """Whether this key or token has opened something lately, be it still good or not."""
        return key_digest(shown) in self._known

    async def authenticate(self, shown: str) -> Caller | None:
        """Whose key or token this is, or None; raises KeyExpired and TokenExpired.

        What can be neither is turned away without a look.
        """
        key = _KEY.fullmatch(shown)
        if not key and (self.tokens is None or not looks_like_token(shown)):
            return None
        digest, now = key_digest(shown), self._clock()
        if (caller := self._remembered(digest, now)) is not None:
            return caller
        try:
            proven = Grant("key", digest) if key or self.tokens is None else await self.tokens.read(shown, now)
        except BadToken as error:
            log.info("a token opens nothing: %s", error)
            return None
        return await self._find(digest, proven, now)

    async def recognise(self, fingerprint: str) -> Caller | None:
        """Whose client certificate has this SHA-256, or None; raises KeyExpired."""
        digest, now = key_digest(fingerprint), self._clock()
        found = Grant("certificate", fingerprint)
        return self._remembered(digest, now) or await self._find(digest, found, now)

    def _remembered(self, digest: str, now: datetime) -> Caller | None:
        """Who has shown this lately."""
        known = self._known.pop(digest, None)
        # A clock that was set back must not keep a caller for longer than its lifetime.
        if known is None or not 0 <= (now - known[1]).total_seconds() < self._lifetime:
            return None
        self._known[digest] = known
        return known[0]

    async def _find(self, digest: str, proven: Grant, now: datetime) -> Caller | None:
        """Who in the store is meant by what was shown, which has that digest. Raises KeyExpired."""
        holder = await self._store.holder(proven.credential)
        if holder is None or holder.key.kind != proven.kind or proven.actor not in (None, actor(holder)):
            return None
        return self._welcome(digest, holder, proven, now)

    def _welcome(self, digest: str, holder: Holder, proven: Grant, now: datetime) -> Caller:
        """Remember a caller that the store knows. Raises KeyExpired."""
        today, last = now.date(), holder.key.expires_on
        if last is not None and last < today.isoformat():
            raise KeyExpired(last, holder.key.kind)
        ending = last if last is not None and date.fromisoformat(last) - today <= SOON else None
        scopes = common(common(holder.user.scopes, holder.key.scopes), proven.scopes)
        caller = Caller(holder.account, scopes, ending, actor(holder))
        if len(self._known) >= self._limit:
            del self._known[next(iter(self._known))]  # the one that was asked for longest ago
        # What ends sooner than we forget is taken for known since longer.
        self._known[digest] = caller, now - timedelta(seconds=max(0.0, self._lifetime - proven.seconds))
        if (holder.key.used_on or "") < today.isoformat():
            if ending is not None:
                log.warning("%s %s of %r ends on %s", holder.key.kind, holder.key.id, holder.account.name, ending)
            note = asyncio.create_task(self._note(proven.credential, today.isoformat()))
            self._notes.add(note)
            note.add_done_callback(self._notes.discard)
        return caller

    async def _note(self, digest: str, day: str) -> None:
        """Put the day of its use on record, once a day and beside the request: nobody is turned away for its sake."""
        try:
            await self._store.note_use(digest, day)
        except Exception as error:  # whatever a store may raise; the next look into it tries again
            log.warning("the use of key %s on %s is not on record: %s", digest[:12], day, error)

    def _forget(self, name: str) -> None:
        self._known = {digest: known for digest, known in self._known.items() if known[0].account.name != name}

    def _made(self, role: str, terms: KeyTerms) -> KeyTerms:
        """The terms of a key that is made now. Raises ValueError where they do not fit."""
        if len(terms.label) > LONGEST_LABEL or not terms.label.isprintable():
            raise ValueError(f"a label has at most {LONGEST_LABEL} printable characters")
        _check_role(role, terms.scopes or ())
        return msgspec.structs.replace(terms, made_at=stamp(self._clock()))


def actor(holder: Holder) -> str:
    """A user as the history names it."""
    account = holder.account
    agency = f"{account.agency}/" if account.agency else ""
    return f"{account.role}:{agency}{account.id}/{holder.user.number}"


def common(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """What both sets of scopes allow; None is all that the role may do."""
    if one is None or other is None:
        return other if one is None else one
    return tuple(scope for scope in one if scope in other)


def _check_role(role: str, wanted: Iterable[str]) -> None:
    _check_scopes(f"{'an' if role[0] in 'ao' else 'a'} {role}", scopes(role), wanted)


def _check_scopes(who: str, possible: tuple[str, ...], wanted: Iterable[str]) -> None:
    for scope in wanted:
        if scope not in possible:
            raise ValueError(f"{who} has no scope {scope!r}; there is {', '.join(possible)}")
