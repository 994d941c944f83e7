"""Who acts for an account, and the keys that sign tokens: what is kept of them, and the part of the store for it.

Rule: an account is an organisation's and owns cases; a user is a person or a program that acts for it, with scopes and
credentials of its own, and can be withdrawn by itself. Reason: who left the house must not have to be waited for by
those who stay, and the history of a case has to say who did what.
"""

from typing import Final, Protocol

import msgspec

FIRST_USER: Final = "first"  # the user that every account begins with, whose credentials are those that name no other


class User(msgspec.Struct, frozen=True):
    """`number` counts the users of the account, from 1. Without `scopes` a user may do all that the role may."""

    account: str
    number: int
    name: str
    scopes: tuple[str, ...] | None = None
    made_at: str | None = None
    revoked_at: str | None = None


class SigningKey(msgspec.Struct, frozen=True):
    """A private key (`jwk`, RFC 7517) that signs tokens, until it was retired."""

    kid: str
    jwk: str
    made_at: str
    retired_at: str | None = None

    def __repr__(self) -> str:
        """Without the key itself, which must not end up in a log."""
        return f"SigningKey(kid={self.kid!r}, made_at={self.made_at!r}, retired_at={self.retired_at!r})"


class UserStore(Protocol):
    """The part of the store with users and signing keys. What writes returns when what it wrote survives a crash."""

    async def users(self, account: str | None = None) -> list[User]:
        """The users of one account or of all, by account and number; revoked ones too."""

    async def add_user(self, account: str, name: str, scopes: tuple[str, ...] | None, at: str) -> User:
        """Give an account another user. Raises ValueError for a name that is taken, and for an account not in force."""

    async def revoke_user(self, account: str, name: str, at: str) -> User:
        """Withdraw a user with all its credentials; the first time counts. Raises ValueError where there is none."""

    async def signing_keys(self) -> list[SigningKey]:
        """The keys that sign or signed tokens, the latest first."""

    async def first_signing_key(self, key: SigningKey) -> None:
        """Make it the key that signs, where there is none yet."""

    async def rotate_signing_key(self, key: SigningKey, forget: bool) -> None:
        """Make it the key that signs. Those before are retired as of when it was made, or with `forget` are gone."""
