"""A trader's own address: set by itself, seen, changed, taken away.

The secret that signs what is sent there is the gateway's to make, and is told once, with the answer that made it: what
could be asked for again could be asked for by whoever finds a key.
"""

from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import Final

import msgspec

from datamodel.codecs import read, write
from datamodel.wording import issue, phrase, refused
from gateway.identifiers import Random
from gateway.media import format_of
from gateway.ports import Account
from gateway.service import Gateway

MESSAGE: Final = "guichet/1/Callback"
SHOWN: Final = 60
_RANDOM_OF_SECRET: Final = 32


class CallbackSet(msgspec.Struct, frozen=True, kw_only=True):
    """The address is set. `secret` is there only when it is new: it is not told again."""

    url: str
    secret: str | None


class CallbackRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """No address is set any more. `url` is the one that was, if any; `dropped` is how many notifications were still to
    be sent there, those among them that were given up.
    """

    url: str | None
    dropped: int


class _Callback(msgspec.Struct, frozen=True, rename={"url": "URL"}):
    url: str


class _Envelope(msgspec.Struct, frozen=True, rename={"callback": "Callback"}):
    callback: _Callback


_DECODER: Final = msgspec.json.Decoder(_Envelope)


def new_secret(random: Random) -> str:
    """A fresh secret: `gs_` and 32 random bytes in the URL-safe alphabet."""
    return "gs_" + urlsafe_b64encode(random(_RANDOM_OF_SECRET)).rstrip(b"=").decode()


def read_callback(gateway: Gateway, body: bytes, media: str) -> str:
    """The address in a message. Raises Refused, also for one that would never be posted to."""
    parsed = read(gateway.registry, body, format_of(media), message=MESSAGE, limits=gateway.settings.limits)
    url = _DECODER.decode(write(parsed, "json")).callback.url
    try:
        gateway.probe.check(url)
    except ValueError:
        expected = phrase("callback.private" if gateway.settings.notifications.private else "callback.public")
        place = {"xpath": "/Callback/URL", "json_pointer": "/Callback/URL"}
        raise refused(issue("callback.url", value=url[:SHOWN], expected=expected, **place)) from None
    return url


async def set_callback(gateway: Gateway, account: Account, body: bytes, media: str, *, rotate: bool) -> CallbackSet:
    """Set or change an account's address; its secret stays, unless it is to be another. Raises Refused."""
    url, secret = read_callback(gateway, body, media), new_secret(gateway.random)
    fresh = await gateway.store.set_callback(account.name, url, secret, rotate=rotate)
    return CallbackSet(url=url, secret=secret if fresh else None)


async def remove_callback(gateway: Gateway, account: Account) -> CallbackRemoved:
    """Forget an account's address. To do so again does no harm."""
    standing = await gateway.store.standing(account.id)
    with suppress(ValueError):  # there was none, or somebody else was quicker
        await gateway.store.remove_callback(account.name)
    return CallbackRemoved(url=standing.url, dropped=standing.waiting + standing.failed)
