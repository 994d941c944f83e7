"""Client certificates: who shows one is known by the SHA-256 of it, as an operator has entered it.

Rule: TLS proves that the caller has the key of the certificate; whose certificate it is says the store, and not the
name in it. Reason: a name means what some authority has checked, and that differs from one to the next. Behind a proxy
that ends TLS the certificate comes in `Client-Cert` (RFC 9440), where the settings say so.
"""

import base64
import binascii
import ssl
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.access.settings import TlsSettings

LONGEST_FILE: Final = 256 * 1024
LONGEST_NAME: Final = 40


class Entry(NamedTuple):
    """A certificate as it goes on record: its SHA-256, the name in it, its last full day (UTC)."""

    digest: str
    name: str
    last_day: str


def fingerprint(certificate: bytes) -> str:
    """What the store knows a certificate (DER) by."""
    return sha256(certificate).hexdigest()


def entry(file: Path, now: datetime) -> Entry:
    """The certificate in a file, PEM or DER. Raises ValueError for what is none, and for one that has ended."""
    try:
        with file.open("rb") as opened:
            content = opened.read(LONGEST_FILE)
        load = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
        found = load(content)
        names = [str(part.value) for part in found.subject] or ["without a name"]
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else "it holds no certificate, PEM or DER"
        raise ValueError(f"{file}: {told}") from None
    ends = found.not_valid_after_utc
    if ends <= now:
        raise ValueError(f"{file}: the certificate ended on {ends.astimezone(UTC).date()}")
    common = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = str(common[0].value) if common else names[-1]
    printable = "".join(each for each in name if each.isprintable())[:LONGEST_NAME]
    return Entry(fingerprint(found.public_bytes(Encoding.DER)), printable, ends.astimezone(UTC).date().isoformat())


def from_header(values: list[str]) -> bytes | None:
    """The certificate in a `Client-Cert` header (RFC 9440): one byte sequence between colons; None where it is not."""
    if len(values) != 1:
        return None
    text = values[0].strip(" ")
    if len(text) < 2 or text[0] != ":" or text[-1] != ":":
        return None
    try:
        return base64.b64decode(text[1:-1], validate=True) or None
    except (binascii.Error, ValueError):
        return None


def tls_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """What to serve with; None without a certificate. Raises ValueError for files that cannot be used.

    A caller need not show a certificate, because keys and tokens do as well; one that is shown must be good.
    """
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = ssl.CERT_NONE
    try:
        named = "access.tls.certificate and access.tls.key"
        context.load_cert_chain(settings.certificate, settings.key, password=_no_password)
        if settings.client_ca is not None:
            named = "access.tls.client_ca"
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
    except OSError as error:  # ssl.SSLError too
        raise ValueError(f"{named}: {_fault(error)}") from error
    return context


def _no_password() -> str:
    raise ValueError("access.tls.key: the key must not be under a password, because nobody is there to type it")


def _fault(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"the files do not hold what they should, or do not belong together ({error.reason or 'no PEM'})"
    return error.strerror or str(error)
