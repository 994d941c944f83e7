"""Signed tokens (RFC 7519) as this house reads and writes them; the one module that knows the library for them.

Rule: what a token says of itself never decides how it is judged. The key is one of ours or of a configured issuer's,
found by `kid` alone; the algorithm is one of a list that has asymmetric ones only, so that neither `none` nor a public
key taken for a shared secret gets anywhere; keys that a header brings along are not looked at. Pure.
"""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

OURS: Final = "ES256"
_ELLIPTIC = ("ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448")
ASYMMETRIC: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *_ELLIPTIC)  # RFC 7518, 8037, 9864
LONGEST: Final = 8 * 1024  # characters of a token
LEAST_RSA: Final = 2048  # bits
# What the library raises at what others wrote; not all of it are its own errors.
_BROKEN = (JoseError, UnsupportedAlgorithm, LookupError, ValueError, AttributeError, TypeError, RecursionError)

Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey


class BadToken(Exception):
    """A token that opens nothing; the text says why, for a log and not for who shows it."""


class TokenExpired(Exception):
    """A token that was good once. Nobody guessed it, so its holder may be told."""


class Expected(NamedTuple):
    """What a token must say; `now` is seconds since 1970."""

    issuer: str
    audience: str
    types: Collection[str]
    now: float
    leeway: float


def looks_like_token(text: str) -> bool:
    """Whether it is worth reading as a signed token."""
    return len(text) <= LONGEST and text.isascii() and text.count(".") == 2


def peek(token: str) -> tuple[str, str]:
    """The key id and the issuer that a token names, neither of which is proven. Raises BadToken."""
    try:
        read = jws.extract_compact(token.encode())
        claims = msgspec.json.decode(read.payload)
        kid, issuer = read.headers().get("kid"), claims.get("iss")
    except _BROKEN as error:
        raise BadToken("it is no signed token") from error
    if not isinstance(kid, str) or not isinstance(issuer, str):
        raise BadToken("it names no key or no issuer")
    return kid, issuer


def verified(token: str, key: Key, algorithms: Collection[str], expected: Expected) -> Mapping[str, Any]:
    """The claims of a token that this key has signed, for us and for now. Raises BadToken and TokenExpired."""
    allowed = [name for name in algorithms if name in ASYMMETRIC and key.alg in (None, name)]
    try:
        read = jwt.decode(token, key, algorithms=allowed)
    except _BROKEN as error:
        raise BadToken(f"its signature does not hold: {type(error).__name__}") from error
    kind = read.header.get("typ")
    if not isinstance(kind, str) or kind.lower() not in {each.lower() for each in expected.types}:
        raise BadToken("it is of another type")
    check(read.claims, expected)
    return read.claims


def check(claims: Mapping[str, Any], expected: Expected) -> None:
    """Raises BadToken for claims that are not for us or not yet good, and TokenExpired."""
    if claims.get("iss") != expected.issuer:
        raise BadToken("it is of another issuer")
    named = claims.get("aud")
    if expected.audience not in (named if isinstance(named, list) else [named]):
        raise BadToken("it is for another audience")
    if _seconds(claims, "nbf", 0.0) > expected.now + expected.leeway:
        raise BadToken("it is not good yet")
    if _seconds(claims, "exp") <= expected.now - expected.leeway:
        raise TokenExpired


def _seconds(claims: Mapping[str, Any], name: str, otherwise: float | None = None) -> float:
    value = claims.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadToken(f"its {name} is no time")
    return float(value)


def sign(claims: dict[str, Any], private: str, kid: str) -> str:
    """An access token (RFC 9068) under a key of ours."""
    return jwt.encode({"alg": OURS, "kid": kid, "typ": "at+jwt"}, claims, jwk.ECKey.import_key(_decoded(private)))


def new_key() -> tuple[str, str]:
    """A fresh key for signing: its id, which is its thumbprint (RFC 7638), and itself."""
    key = jwk.ECKey.generate_key("P-256", auto_kid=True)
    return key.thumbprint(), msgspec.json.encode(key.as_dict(private=True)).decode()


def public_key(private: str) -> Key:
    """What a key of ours is verified with."""
    return jwk.ECKey.import_key({name: value for name, value in _decoded(private).items() if name != "d"})


def published(key: Key, kid: str) -> dict[str, Any]:
    """A public key of ours as a member of a key set (RFC 7517)."""
    return {**key.as_dict(private=False), "kid": kid, "alg": OURS, "use": "sig"}


def key_set(content: bytes) -> dict[str, Key]:
    """The keys of a key set that sign, by id; what else there is in it is passed over. Raises ValueError for no set."""
    try:
        members = msgspec.json.decode(content)["keys"]
        readable = [each for each in members if isinstance(each, dict)]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError("it is no JSON Web Key Set") from error
    keys = {}
    for each in readable:
        kid = each.get("kid")
        if isinstance(kid, str) and each.get("use", "sig") == "sig" and (key := _asymmetric(each)) is not None:
            keys[kid] = key
    return keys


def _asymmetric(member: dict[str, Any]) -> Key | None:
    """The public key, if it is one, and long enough."""
    try:
        key = jwk.import_key(member)
        if isinstance(key, jwk.RSAKey) and key.public_key.key_size < LEAST_RSA:
            return None
    except _BROKEN:
        return None
    return key if isinstance(key, jwk.RSAKey | jwk.ECKey | jwk.OKPKey) else None


def _decoded(private: str) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(private)
    return read
