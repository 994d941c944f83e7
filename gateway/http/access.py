"""Who calls. A key comes as `Authorization: Bearer` or as `X-API-Key`; the store knows it by its digest only.

Missing and unknown keys are told apart only as RFC 6750 does: a caller learns nothing about what keys there are.
"""

from collections.abc import Mapping

from aiohttp import web

from datamodel.wording import either, phrase
from gateway.accounts import Accounts
from gateway.http.problems import Fault
from gateway.http.rates import Rates
from gateway.http.routes import NOBODY, Route
from gateway.ports import Account

CHALLENGE = 'Bearer realm="guichet"'


async def admit(accounts: Accounts, route: Route, request: web.Request, rates: Rates) -> Account:
    """The caller's account. Raises Fault where the route is not for this caller."""
    if not route.roles:
        return NOBODY
    key = _key(request.headers)
    if not key:
        raise Fault("unauthenticated", phrase("detail.no-key"), headers={"WWW-Authenticate": CHALLENGE})
    account = None
    if not rates.exhausted(request) or accounts.has_known(key):
        account = await accounts.authenticate(key)
    if account is None:
        rates.unknown_key(request)
        challenge = f'{CHALLENGE}, error="invalid_token"'
        raise Fault("unauthenticated", phrase("detail.key"), headers={"WWW-Authenticate": challenge})
    if account.role not in route.roles:
        raise Fault("forbidden", phrase("detail.role", roles=either(route.roles), role=account.role))
    return account


def _key(headers: Mapping[str, str]) -> str:
    """The key in the headers, or nothing. Authorization goes first: of two keys one must count."""
    authorization = headers.get("Authorization")
    if authorization is None:
        return headers.get("X-API-Key", "").strip()
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
