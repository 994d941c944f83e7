"""Access tokens of other issuers: whose they are is what the operator has entered for the issuer and its subject.

Rule: whatever cannot be checked opens nothing: no key set, no token. Reason: who can keep the key set from us must not
get in by it. An issuer that is asked is asked once for all who wait, and after that not before a pause is over, so that
tokens with keys of nobody do not make us a burden to it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec

from gateway.access import jose
from gateway.access.jose import BadToken, Expected, Key
from gateway.access.settings import AccessSettings, IssuerSettings
from gateway.access.tokens import Grant, left

LARGEST_SET: Final = 256 * 1024  # bytes

log = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[bytes]]


def subject_digest(issuer: str, subject: str) -> str:
    """What the store knows a subject of an issuer by."""
    return sha256(msgspec.json.encode([issuer, subject])).hexdigest()


class KeySets:
    """The key set of one issuer, kept for a while. `fetch` raises OSError for a set that cannot be had."""

    def __init__(self, place: str, fetch: Fetch, *, life: float, pause: float, tick: Callable[[], float]) -> None:
        self._place, self._fetch, self._life, self._pause, self._tick = place, fetch, life, pause, tick
        self._keys: Mapping[str, Key] = {}
        self._loaded: float | None = None
        self._tried: float | None = None
        self._asking = asyncio.Lock()

    async def key(self, kid: str) -> Key | None:
        """The key of that id. An unknown one has the set fetched anew, unless that was tried a moment ago."""
        if not self._is_fresh() or kid not in self._keys:
            async with self._asking:
                await self._renew(kid)
        return self._keys.get(kid) if self._is_fresh() else None

    def _is_fresh(self) -> bool:
        return self._loaded is not None and self._tick() - self._loaded < self._life

    async def _renew(self, kid: str) -> None:
        """Whoever waited for another's fetch finds what that has brought."""
        if self._is_fresh() and kid in self._keys:
            return
        if self._tried is not None and self._tick() - self._tried < self._pause:
            return
        self._tried = self._tick()
        try:
            self._keys = jose.key_set(await self._fetch(self._place))
            self._loaded = self._tick()
        except (OSError, ValueError) as error:
            log.warning("the key set at %s cannot be had: %s", self._place, error)


class ForeignTokens:
    """Reads the tokens of one issuer that is not this gateway."""

    def __init__(self, settings: IssuerSettings, keys: KeySets, leeway: float) -> None:
        self._settings, self._keys, self._leeway = settings, keys, leeway

    async def read(self, token: str, kid: str, now: datetime) -> Grant:
        """Raises BadToken and TokenExpired. The issuer's scopes are words of its own: what counts are the user's."""
        key = await self._keys.key(kid)
        if key is None:
            raise BadToken("its issuer has no such key, or cannot be asked")
        chosen = self._settings
        expected = Expected(chosen.issuer, chosen.audience, chosen.types, now.timestamp(), self._leeway)
        claims = jose.verified(token, key, jose.ASYMMETRIC, expected)
        subject = claims.get(chosen.claim)
        if not isinstance(subject, str) or not subject:
            raise BadToken(f"it has no {chosen.claim}")
        return Grant("subject", subject_digest(chosen.issuer, subject), left(claims, expected))


def foreign_tokens(
    settings: AccessSettings, fetch: Fetch, tick: Callable[[], float] = monotonic
) -> dict[str, ForeignTokens]:
    """What reads the tokens of each issuer of the settings, by issuer."""
    readers = {}
    for each in settings.issuers.values():
        how = fetch if "://" in each.keys else _read
        keys = KeySets(each.keys, how, life=settings.keys_life, pause=settings.keys_pause, tick=tick)
        readers[each.issuer] = ForeignTokens(each, keys, settings.leeway)
    return readers


async def _read(path: str) -> bytes:
    """A key set in a file, which may be changed while the gateway runs. Raises OSError."""

    def read() -> bytes:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_SET)

    return await asyncio.to_thread(read)
