"""Accounts and their API keys.

Rule: a key is shown once, when it is made; the store keeps only its SHA-256. Reason: who reads the database learns no
key. A plain digest is enough because a key is 256 random bits, which nobody can guess their way to, and looking up by
digest leaves nothing to time. Known accounts are remembered for a short while, unknown keys never: so a new key works
at once, one that was withdrawn by another process stops within the lifetime, and guessers cannot crowd the cache.
"""

import re
import secrets
from datetime import datetime
from hashlib import sha256

from gateway.clock import Clock, stamp, utc_now
from gateway.ports import Account, Store

ROLES = ("trader", "agency", "operator")
_KEY = re.compile(r"gk_[A-Za-z0-9_-]{43}")


def new_key() -> str:
    """A fresh API key: `gk_` and 32 random bytes in the URL-safe alphabet."""
    return "gk_" + secrets.token_urlsafe(32)


def key_digest(key: str) -> str:
    """What the store knows a key by."""
    return sha256(key.encode()).hexdigest()


class Accounts:
    """Registers accounts and finds who holds a key. At most `limit` are remembered, for `lifetime` seconds."""

    def __init__(self, store: Store, clock: Clock = utc_now, *, lifetime: float = 30.0, limit: int = 1024) -> None:
        self._store, self._clock, self._lifetime, self._limit = store, clock, lifetime, limit
        self._known: dict[str, tuple[Account, datetime]] = {}

    async def register(self, name: str, role: str, agency: str | None = None) -> tuple[Account, str]:
        """Make an account and its key; raises ValueError for a taken name or a role that does not fit."""
        if not name.strip():
            raise ValueError("an account needs a name")
        if role not in ROLES:
            raise ValueError(f"the role {role!r} is none of {', '.join(ROLES)}")
        if (role == "agency") != (agency is not None):
            raise ValueError("an account of role agency, and no other, names its agency")
        key = new_key()
        return await self._store.add_account(name, role, agency, key_digest(key)), key

    async def revoke(self, name: str) -> Account:
        """Withdraw an account's key; raises ValueError where no account has that name."""
        revoked = await self._store.revoke_account(name, stamp(self._clock()))
        self._known = {digest: known for digest, known in self._known.items() if known[0].id != revoked.id}
        return revoked

    def has_known(self, key: str) -> bool:
        """Whether this key has opened something lately, be it still good or not."""
        return key_digest(key) in self._known

    async def authenticate(self, key: str) -> Account | None:
        """Whose key this is, or None. What cannot be a key is turned away without asking the store."""
        if not _KEY.fullmatch(key):
            return None
        digest = key_digest(key)
        now = self._clock()
        if (known := self._known.pop(digest, None)) is not None:
            account, since = known
            # A clock that was set back must not keep an account for longer than its lifetime.
            if 0 <= (now - since).total_seconds() < self._lifetime:
                self._known[digest] = known
                return account
        found = await self._store.account_by_key(digest)
        if found is not None:
            if len(self._known) >= self._limit:
                del self._known[next(iter(self._known))]  # the one that was asked for longest ago
            self._known[digest] = found, now
        return found
