"""Who calls, and whether the table of rights lets them.

A key or a token comes as `Authorization: Bearer` or as `X-API-Key`; the store knows a key by its digest only. Missing
and unknown keys are told apart only as RFC 6750 does: a caller learns nothing about what keys there are. Who holds a
key that ended is told so. Without either, a client certificate does, which the connection or a trusted
proxy has shown. Role and scope are judged by the route alone, before anything is looked for.
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from datamodel.wording import either, phrase
from gateway.access.accounts import Accounts, Caller, KeyExpired
from gateway.access.certificates import fingerprint, from_header
from gateway.access.jose import TokenExpired, looks_like_token
from gateway.access.rights import ANY, Right
from gateway.http.problems import Fault
from gateway.http.rates import Rates
from gateway.http.routes import NOBODY

CHALLENGE = 'Bearer realm="guichet"'
CLIENT_CERT_HEADER = web.AppKey("client_cert_header", bool)  # whether that header is a trusted proxy's
# What is said of one that is not known, and of one that ended.
_KEY = ("detail.key", "detail.key-ended")
_CERTIFICATE = ("detail.certificate", "detail.certificate-ended")

Find = Callable[[str], Awaitable[Caller | None]]


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
    if key:
        return await known(accounts.authenticate, key, accounts, request, rates)
    certificate = None if "Authorization" in request.headers else _certificate(request)
    if certificate is None:
        raise Fault("unauthenticated", phrase("detail.no-key"), headers={"WWW-Authenticate": CHALLENGE})
    return await known(accounts.recognise, fingerprint(certificate), accounts, request, rates)


async def known(find: Find, shown: str, accounts: Accounts, request: web.Request, rates: Rates) -> Caller:
    """Who shows a key, a token or a certificate, as `find` tells it.

    Raises Fault for what opens nothing, and where too many came that did not.
    """
    unknown, ended = _KEY if find == accounts.authenticate else _CERTIFICATE
    words = {}
    # A token is never one that was seen since the start, and none is found by trying, so it is always looked at.
    if not rates.exhausted(request) or accounts.has_known(shown) or looks_like_token(shown):
        try:
            if (caller := await find(shown)) is not None:
                return caller
        except KeyExpired as expired:
            unknown, words = ended, {"day": expired.day}
        except TokenExpired:
            unknown = "detail.token-ended"
    rates.unknown_key(request)
    challenge = f'{CHALLENGE}, error="invalid_token"'
    raise Fault("unauthenticated", phrase(unknown, **words), headers={"WWW-Authenticate": challenge})


def _certificate(request: web.Request) -> bytes | None:
    """The certificate (DER) that was shown in the handshake, or to the proxy in front where there is one to trust."""
    if request.app[CLIENT_CERT_HEADER]:
        return from_header(request.headers.getall("Client-Cert", []))
    connection = None if request.transport is None else request.transport.get_extra_info("ssl_object")
    return None if connection is None else connection.getpeercert(binary_form=True)


def _key(headers: Mapping[str, str]) -> str:
    """The key in the headers, or nothing. Authorization goes first: of two keys one must count."""
    authorization = headers.get("Authorization")
    if authorization is None:
        return headers.get("X-API-Key", "").strip()
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
