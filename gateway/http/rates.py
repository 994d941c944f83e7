"""Limits of requests, before anything of a body is read: for an account by its role, and for unknown keys by address.

Who has a limit is told where he stands with every answer (draft-ietf-httpapi-ratelimit-headers). Each worker gives its
part of a limit, because to agree on each request would cost more than the request.

A key that has opened something since the start passes whatever comes from its address, and so does a good token:
behind a proxy that does not say whom it speaks for, a stranger could otherwise lock everybody out.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from aiohttp import web

from datamodel.wording import phrase
from gateway.access.quotas import Buckets, Quota, Standing
from gateway.http.negotiate import REMEMBERED
from gateway.http.problems import Fault
from gateway.ports import Account
from gateway.settings import RateSettings

_POLICY: Final = "requests"
_SUBSCRIBER: Final = 64  # bits of an IPv6 address that are a subscriber's; the others are his to choose


class Rates:
    """The limits of one worker."""

    def __init__(self, settings: RateSettings, workers: int) -> None:
        def buckets(quota: Quota) -> Buckets | None:
            return Buckets(quota.part(workers)) if quota.per_second else None

        roles = {role: buckets(quota) for role, quota in settings.by_role.items()}
        self._by_role = {role: found for role, found in roles.items() if found}
        self._unknown = buckets(settings.unknown_keys)
        self._forwarded = settings.forwarded

    def spend(self, account: Account) -> Mapping[str, str]:
        """Headers that say where an account stands after this request, if it has a limit. Raises Fault."""
        buckets = self._by_role.get(account.role)
        if buckets is None:
            return {}
        standing = buckets.take(account.id)
        told = _headers(buckets.quota, standing)
        if not standing.granted:
            raise Fault("limited", phrase("detail.limited"), headers=told | _later(standing), hang_up=True)
        return told

    async def pace(self, account: Account) -> None:
        """Wait until the account may have another declaration of a batch taken: each counts as a request does."""
        buckets = self._by_role.get(account.role)
        while buckets is not None and (wait := buckets.spare(account.id)):  # noqa: ASYNC110  nobody tells of the clock
            await asyncio.sleep(wait)

    def exhausted(self, request: web.Request) -> bool:
        """Whether too many unknown keys came from where this request comes from."""
        return self._unknown is not None and not self._unknown.look(self._stranger(request)).granted

    def unknown_key(self, request: web.Request) -> None:
        """Its key is not known. Raises Fault where too many have not been."""
        if self._unknown is None:
            return
        standing = self._unknown.take(self._stranger(request))
        if not standing.granted:
            raise Fault("limited", phrase("detail.limited-keys"), headers=_later(standing), hang_up=True)

    def _stranger(self, request: web.Request) -> str:
        """Where the connection comes from, or for whom the proxy in front says it is."""
        named = ", ".join(request.headers.getall("X-Forwarded-For", ())) if self._forwarded else ""
        return _subscriber(named.rpartition(",")[2].strip() or request.remote or "")


@lru_cache(REMEMBERED)
def _subscriber(address: str) -> str:
    """Whom an address counts for. What is none counts for itself."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, _SUBSCRIBER), strict=False)) if isinstance(found, IPv6Address) else address


def _later(standing: Standing) -> dict[str, str]:
    return {"Retry-After": str(max(1, standing.wait))}


def _headers(quota: Quota, standing: Standing) -> dict[str, str]:
    return {
        "RateLimit-Policy": f'"{_POLICY}";q={quota.burst};w={quota.window}',
        "RateLimit": f'"{_POLICY}";r={standing.left};t={standing.full}',
    }
