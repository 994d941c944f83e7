"""Tokens that are not what they should be, made from one that is."""

import base64
import hmac

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256


def part(value: object) -> str:
    """A part of a token: a JSON value, or bytes as they are."""
    raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read(text: str) -> dict:
    """What a part says."""
    return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def altered(token: str, header: dict | None = None, claims: dict | None = None) -> str:
    """The token with other members in header or claims, under the signature that it had."""
    head, body, signature = token.split(".")
    if header:
        head = part(read(head) | header)
    if claims:
        body = part(read(body) | claims)
    return f"{head}.{body}.{signature}"


def private_key(jwk: str) -> ec.EllipticCurvePrivateKey:
    """A key as the ledger keeps it."""
    return ec.derive_private_key(
        int.from_bytes(base64.urlsafe_b64decode(msgspec.json.decode(jwk)["d"] + "=")), ec.SECP256R1()
    )


def signed(header: dict, claims: dict, key: ec.EllipticCurvePrivateKey) -> str:
    """A token that says whatever it likes, with a good signature of that key (ES256)."""
    content = f"{part(header)}.{part(claims)}"
    one, other = decode_dss_signature(key.sign(content.encode(), ec.ECDSA(SHA256())))
    return f"{content}.{part(one.to_bytes(32) + other.to_bytes(32))}"


def unsigned(token: str, alg: str = "none") -> str:
    """The token without a signature, saying that it needs none."""
    return altered(token, {"alg": alg}).rpartition(".")[0] + "."


def signed_with_public_key(token: str, secret: bytes) -> str:
    """The token under an HMAC whose secret is what everybody knows: the public key."""
    content = altered(token, {"alg": "HS256"}).rpartition(".")[0]
    return f"{content}.{part(hmac.new(secret, content.encode(), 'sha256').digest())}"
