"""Who calls, and whether the table of rights lets them.

A key or a token comes as `Authorization: Bearer` or as `X-API-Key`; the store knows a key by its digest only. Missing
and unknown keys are told apart only as RFC 6750 does: a caller learns nothing about what keys there are. Who holds a
key that ended is told so. Role and scope are judged by the route alone, before anything is looked for.
"""

from collections.abc import Mapping

from aiohttp import web

from datamodel.wording import either, phrase
from gateway.access.accounts import Accounts, Caller, KeyExpired
from gateway.access.jose import TokenExpired
from gateway.access.rights import ANY, Right
from gateway.http.problems import Fault
from gateway.http.rates import Rates
from gateway.http.routes import NOBODY

CHALLENGE = 'Bearer realm="guichet"'


async def identify(accounts: Accounts, right: Right | None, request: web.Request, rates: Rates) -> Caller:
    """Who calls; nobody in particular where the route is open to all. Raises Fault for a key that opens nothing."""
    return NOBODY if right is None else await _known(accounts, request, rates)


def judge(right: Right | None, caller: Caller) -> int | None:
    """The account whose cases the caller may see here, None where everybody's. Raises Fault where it may do nothing."""
    if right is None:
        return caller.account.id
    role = caller.account.role
    if role not in right.reach:
        raise Fault("forbidden", phrase("detail.role", roles=either(tuple(right.reach)), role=role))
    if caller.scopes is not None and right.scope not in caller.scopes:
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{right.scope}"'
        detail = phrase("detail.scope", scope=right.scope, scopes=", ".join(caller.scopes))
        raise Fault("forbidden", detail, headers={"WWW-Authenticate": challenge})
    return None if right.reach[role] == ANY else caller.account.id


async def _known(accounts: Accounts, request: web.Request, rates: Rates) -> Caller:
    key = _key(request.headers)
    if not key:
        raise Fault("unauthenticated", phrase("detail.no-key"), headers={"WWW-Authenticate": CHALLENGE})
    return await known(accounts, key, request, rates)


async def known(accounts: Accounts, key: str, request: web.Request, rates: Rates) -> Caller:
    """Whose key or token this is. Raises Fault for one that opens nothing, and where too many came that did not."""
    caller, detail = None, phrase("detail.key")
    if not rates.exhausted(request) or accounts.has_known(key):
        try:
            caller = await accounts.authenticate(key)
        except KeyExpired as expired:
            detail = phrase("detail.key-ended", day=expired.day)
        except TokenExpired:
            detail = phrase("detail.token-ended")
    if caller is None:
        rates.unknown_key(request)
        challenge = f'{CHALLENGE}, error="invalid_token"'
        raise Fault("unauthenticated", detail, headers={"WWW-Authenticate": challenge})
    return caller


def _key(headers: Mapping[str, str]) -> str:
    """The key in the headers, or nothing. Authorization goes first: of two keys one must count."""
    authorization = headers.get("Authorization")
    if authorization is None:
        return headers.get("X-API-Key", "").strip()
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
