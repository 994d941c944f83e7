"""Posts to an address that a trader chose. Nothing is believed of it, and nothing of ours is reached through it.

Rule: the address that is connected to is one that was looked at, and a private one is refused. Reason: a trader who may
name any address could otherwise have the gateway call what only the gateway can reach; and a name that is looked up
once to be checked and again to be called may mean another machine the second time. Redirects are not followed for the
same reason. Of the answer only the status counts, so its body is not read.

The body is signed: `Guichet-Signature` is `sha256=` and the hexadecimal HMAC-SHA256, with the account's secret, of the
text of `Guichet-Timestamp` (seconds since 1970), a full stop, and the bytes of the body. The time is under the
signature so that a receiver can refuse what somebody recorded and sends again.
"""

import asyncio
import hmac
import os
import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from adapters.port import NotTaken

_NAT64 = IPv6Network("64:ff9b::/96")
# A host that ends so is taken for a number by some, as 127.1 or 0x7f000001 (WHATWG URL, "ends in a number").
_NUMBER = re.compile("[0-9]+|0[xX][0-9a-fA-F]*")


class HttpPoster:
    """Posts within `timeout` seconds each. `private` allows addresses that are not public, and plain HTTP."""

    def __init__(self, *, timeout: float, private: bool) -> None:
        self._timeout, self._private = timeout, private
        self._session: aiohttp.ClientSession | None = None

    def check(self, url: str) -> None:
        """Raises ValueError for an address that would never be posted to."""
        checked(url, private=self._private)

    async def post(self, url: str, secret: str, number: int, at: int, body: bytes) -> int:
        """The status with which it was taken. Raises NotTaken."""
        try:
            address = checked(url, private=self._private)
            headers = {"Guichet-Notification": str(number), **signed(secret, at, body)}
            async with (
                asyncio.timeout(self._timeout),
                self._open().post(address, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except ValueError as error:
            raise NotTaken(str(error)) from error
        except TimeoutError as error:
            raise NotTaken(f"no answer within {self._timeout:g} s") from error
        except _Private as error:
            raise NotTaken(str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotTaken(_cause(error)) from error
        if not 200 <= status < 300:
            raise NotTaken(f"answered {status}", status)
        return status

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._private else _PublicOnly()
            self._session = aiohttp.ClientSession(
                # No limit of its own: each account has its share of what is under way, and waits for no other's.
                connector=aiohttp.TCPConnector(limit=0, use_dns_cache=False, resolver=resolver),
                timeout=aiohttp.ClientTimeout(total=None),  # post() keeps the time
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "guichet", "Content-Type": "application/json", "Accept-Encoding": "identity"},
                auto_decompress=False,
            )
        return self._session


def checked(url: str, *, private: bool) -> URL:
    """The address. Raises ValueError for one that cannot be called; what its name stands for is seen when it is."""
    address = URL(url)
    if address.scheme != "https" and not (private and address.scheme == "http"):
        raise ValueError("the address must begin with https://")
    if not address.host or address.user is not None or address.password is not None:
        raise ValueError("the address must have a host, and neither user nor password")
    try:
        number = ip_address(address.host)
    except ValueError:
        if _NUMBER.fullmatch(address.host.rstrip(".").rpartition(".")[2]):
            raise ValueError("the address must be a name, or a number in its usual form") from None
        return address
    if not private and not is_public(number):
        raise ValueError("the address is private")
    return address


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is out in the world, also where one kind of address holds one of another."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def signed(secret: str, at: int, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows that a body is ours."""
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    return {"Guichet-Timestamp": str(at), "Guichet-Signature": f"sha256={signature}"}


class _Private(OSError):
    """A name stands for no public address."""


class _PublicOnly(AbstractResolver):
    """Looks names up for the connection that is about to be made, and lets it have public addresses only."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [each for each in found if is_public(ip_address(each["host"].partition("%")[0]))]
        if not public:
            raise _Private("the address is private")
        return public

    async def close(self) -> None:
        await self._inner.close()


def _cause(error: BaseException) -> str:
    """Why a connection failed: what the system or we say of it, and nothing that the other side wrote."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not to be trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        if isinstance(inner, _Private):
            return str(inner)
        if isinstance(inner, socket.gaierror):
            return "its name cannot be looked up"
        return f"no connection: {os.strerror(inner.errno)}" if inner.errno else "no connection"
    return "the connection broke off" if isinstance(error, OSError) else "what it answers is no HTTP"
