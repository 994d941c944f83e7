"""What an installation chooses about who calls: the life of tokens, issuers of others, TLS and client certificates."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

LONGEST_LIFE = 24 * 3600
LONGEST_LEEWAY = 300
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class IssuerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer of tokens beside this gateway. `issuer` and `audience` are what its tokens must say in iss and aud.

    `keys` is the address of its key set (JWKS), or a file with one; `claim` is the claim that names who calls, as
    `guichet account subject add` has it; `types` are what the header may say in typ.
    """

    issuer: str
    audience: str
    keys: str
    claim: str = "sub"
    types: tuple[str, ...] = ("at+jwt", "application/at+jwt")

    def __post_init__(self) -> None:
        if not all((self.issuer, self.audience, self.keys, self.claim, self.types)):
            raise ValueError("issuer, audience, keys, claim and types must not be empty")
        if "://" in self.keys:
            address = urlsplit(self.keys)
            if address.scheme != "https" and (address.scheme, address.hostname in LOOPBACK) != ("http", True):
                raise ValueError("keys must begin with https:// (http:// is for this very host), or be a file")


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Files in PEM: the certificate to serve with, with those between it and its root, and its key. With `client_ca`
    callers may show a certificate that one of those in that file has signed, or that is itself in it.
    """

    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key must be given together")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and key: without TLS nobody shows a certificate")


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`token_life` is how many seconds a token of ours works, `leeway` how far clocks may differ.

    `issuers` are those of others, by names of one's own choice; their keys are kept for `keys_life` seconds, and an
    unknown key has them fetched again no sooner than `keys_pause` after the time before. `client_cert_header` says that
    a proxy in front ends TLS and writes Client-Cert (RFC 9440), and lets none through that a caller wrote.
    """

    token_life: int = 600
    leeway: int = 30
    keys_life: float = 3600.0
    keys_pause: float = 60.0
    client_cert_header: bool = False
    issuers: dict[str, IssuerSettings] = {}
    tls: TlsSettings = TlsSettings()

    def __post_init__(self) -> None:
        if not 1 <= self.token_life <= LONGEST_LIFE:
            raise ValueError(f"token_life must be from 1 to {LONGEST_LIFE}")
        if not 0 <= self.leeway <= LONGEST_LEEWAY:
            raise ValueError(f"leeway must be from 0 to {LONGEST_LEEWAY}")
        if min(self.keys_life, self.keys_pause) <= 0:
            raise ValueError("keys_life and keys_pause must be above 0")
        if len({each.issuer for each in self.issuers.values()}) < len(self.issuers):
            raise ValueError("two issuers must not have the same issuer")
