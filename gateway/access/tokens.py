"""Access tokens: those that this gateway signs (RFC 6749, section 4.4, and RFC 9068), and those of other issuers.

Rule: a token says which key it was had with, and opens what that key opens now. Reason: what was withdrawn stops with
the next look into the store, as everywhere, and not only when the token ends. The key that signs lives in the ledger,
so that all workers have the same one, before and after a restart; one that was retired verifies on, until the last
token that it signed has ended.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final, NamedTuple, Protocol

from gateway.access import jose
from gateway.access.jose import BadToken, Expected
from gateway.access.settings import AccessSettings
from gateway.access.users import SigningKey, UserStore
from gateway.clock import Clock, stamp

REFRESH_SECONDS: Final = 30.0  # a key that another process retired signs on for so long
LOOK_SECONDS: Final = 1.0  # between looks into the store for keys of nobody
_KEY_ID = re.compile("[0-9a-f]{12}")  # the store takes any beginning of a digest


class Grant(NamedTuple):
    """What was shown proves: `credential` is the digest or id by which the store has it, `kind` what that must be.

    `seconds` is how long it is good by itself, `scopes` narrow what it opens, `actor` is who must turn out to hold it.
    """

    kind: str
    credential: str
    seconds: float = inf
    scopes: tuple[str, ...] | None = None
    actor: str | None = None


class Reader(Protocol):
    """Reads the tokens of one issuer."""

    async def read(self, token: str, kid: str, now: datetime) -> Grant:
        """Raises BadToken and TokenExpired."""


class OwnTokens:
    """Signs tokens of this gateway, whose issuer and audience is its own address, and reads them."""

    def __init__(self, store: UserStore, url: str, settings: AccessSettings, clock: Clock) -> None:
        self.url, self.life = url, settings.token_life
        self._store, self._leeway, self._clock = store, settings.leeway, clock
        self._keys: dict[str, SigningKey] = {}
        self._since: datetime | None = None

    async def issue(self, client: str, actor: str, scopes: tuple[str, ...]) -> str:
        """A token for who has shown the key with the id `client`."""
        now = self._clock()
        key = await self._at_work(now)
        second = int(now.timestamp())
        claims = {
            "iss": self.url,
            "aud": self.url,
            "sub": actor,
            "client_id": client,
            "scope": " ".join(scopes),
            "iat": second,
            "exp": second + self.life,
            "jti": secrets.token_urlsafe(12),
        }
        return jose.sign(claims, key.jwk, key.kid)

    async def read(self, token: str, kid: str, now: datetime) -> Grant:
        """Raises BadToken and TokenExpired."""
        found = (await self._verifying(now, kid)).get(kid)
        if found is None:
            raise BadToken("it names a key that there is not")
        expected = Expected(self.url, self.url, ("at+jwt",), now.timestamp(), self._leeway)
        claims = jose.verified(token, jose.public_key(found.jwk), (jose.OURS,), expected)
        client, actor, scope = (str(claims.get(name, "")) for name in ("client_id", "sub", "scope"))
        if not _KEY_ID.fullmatch(client):
            raise BadToken("it names no key of an account")
        return Grant("key", client, left(claims, expected), tuple(scope.split()), actor)

    async def published(self) -> dict[str, Any]:
        """The public keys, as a key set (RFC 7517)."""
        now = self._clock()
        await self._at_work(now)
        keys = await self._verifying(now)
        return {"keys": [jose.published(jose.public_key(each.jwk), each.kid) for each in keys.values()]}

    async def _at_work(self, now: datetime) -> SigningKey:
        """The key that signs; made where there is none yet."""
        keys = await self._fresh(now, REFRESH_SECONDS)
        if not keys:
            await self._store.first_signing_key(fresh_key(now))
            keys = await self._load(now)
        return next(iter(keys.values()))

    async def _verifying(self, now: datetime, kid: str | None = None) -> Mapping[str, SigningKey]:
        """The keys whose tokens may still be good. One that is not known has the store asked, but not on and on."""
        keys = await self._fresh(now, REFRESH_SECONDS)
        if kid is not None and kid not in keys:
            keys = await self._fresh(now, LOOK_SECONDS)
        oldest = stamp(now - timedelta(seconds=self.life + self._leeway + REFRESH_SECONDS))
        return {each.kid: each for each in keys.values() if each.retired_at is None or each.retired_at >= oldest}

    async def _fresh(self, now: datetime, seconds: float) -> Mapping[str, SigningKey]:
        """The keys as of so many seconds ago, or later."""
        if self._since is not None and 0 <= (now - self._since).total_seconds() < seconds:
            return self._keys
        return await self._load(now)

    async def _load(self, now: datetime) -> Mapping[str, SigningKey]:
        self._keys = {each.kid: each for each in await self._store.signing_keys()}
        self._since = now
        return self._keys


class Tokens:
    """Reads the tokens of all issuers that there are, and signs our own."""

    def __init__(self, own: OwnTokens, others: Mapping[str, Reader]) -> None:
        self.own = own
        self._readers: dict[str, Reader] = {**others, own.url: own}

    async def read(self, token: str, now: datetime) -> Grant:
        """What a token proves. Raises BadToken and TokenExpired."""
        kid, issuer = jose.peek(token)
        reader = self._readers.get(issuer)
        if reader is None:
            raise BadToken("it is of an issuer that is not known here")
        return await reader.read(token, kid, now)


def fresh_key(now: datetime) -> SigningKey:
    """A key that was never used."""
    kid, jwk = jose.new_key()
    return SigningKey(kid, jwk, stamp(now))


def left(claims: Mapping[str, Any], expected: Expected) -> float:
    """How many seconds a token is still good."""
    return float(claims["exp"]) + expected.leeway - expected.now
