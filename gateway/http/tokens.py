"""OAuth 2.0: the token endpoint (RFC 6749, section 4.4), the keys that verify its tokens, and where to find both.

An API key is a client: its id is the client_id, the key itself the client_secret. So a client has what a key has: two
at once for a change without a gap, a last day, scopes, an end by `guichet account key revoke`.

Errors of the protocol are its own objects (section 5.2) and no problem documents, because its libraries read those. The
RFC allows ASCII alone in their texts, so these are in English in all languages.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from gateway.access.accounts import Caller, is_key, key_id
from gateway.access.rights import SCOPES, scopes
from gateway.access.tokens import OwnTokens
from gateway.http.caching import ASK
from gateway.http.problems import Fault
from gateway.http.routes import Answer, Call, Route

TOKEN, KEYS = "/oauth2/token", "/.well-known/jwks.json"
FORM = "application/x-www-form-urlencoded"
GRANT = "client_credentials"
MOST_FIELDS = 32
_METHODS = ("client_secret_basic", "client_secret_post")
_NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_JSON = ("application/json",)

ErrorCode = Literal["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"]


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A form. Client id and secret may come in Authorization (Basic) instead, and must not come in both."""

    grant_type: Literal["client_credentials"]
    scope: str | msgspec.UnsetType = msgspec.UNSET
    client_id: str | msgspec.UnsetType = msgspec.UNSET
    client_secret: str | msgspec.UnsetType = msgspec.UNSET


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """An access token, good for `expires_in` seconds, and the scopes that it has, with spaces between them."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    scope: str


class TokenError(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no token (RFC 6749, section 5.2)."""

    error: ErrorCode
    error_description: Annotated[str, msgspec.Meta(pattern=r"^[ !#-\[\]-~]*$")]


class KeySet(msgspec.Struct, frozen=True):
    """A JSON Web Key Set (RFC 7517)."""

    keys: tuple[dict[str, str], ...]


class AuthorizationServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where tokens are had, and how (RFC 8414)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    scopes_supported: tuple[str, ...]
    response_types_supported: tuple[str, ...] = ()
    grant_types_supported: tuple[str, ...] = (GRANT,)
    token_endpoint_auth_methods_supported: tuple[str, ...] = _METHODS


class _Denied(Exception):
    """The protocol's own error. `basic` says that the client had tried Authorization."""

    def __init__(self, error: ErrorCode, told: str, *, basic: bool = False) -> None:
        super().__init__(told)
        self.error, self.told, self.basic = error, told, basic


class _Client(NamedTuple):
    name: str
    secret: str
    basic: bool


async def token(call: Call) -> Answer:
    """A token for who shows a key, or the reason why there is none."""
    try:
        fields = await _fields(call)
        caller, client = await _proven(call, fields)
        if "grant_type" not in fields:
            raise _Denied("invalid_request", "grant_type is missing")
        if fields["grant_type"] != GRANT:
            raise _Denied("unsupported_grant_type", f"there is {GRANT} only")
        granted = _granted(caller, fields.get("scope"))
        own = _own(call)
        made = await own.issue(client, caller.actor, granted)
    except _Denied as denied:
        return _denied(denied)
    value = AccessToken(access_token=made, expires_in=own.life, scope=" ".join(granted))
    return Answer(value=value, headers=_NEVER_KEPT)


def _denied(denied: _Denied) -> Answer:
    known = denied.error != "invalid_client"
    challenge = {} if known else {"WWW-Authenticate": f'{"Basic" if denied.basic else "Bearer"} realm="guichet"'}
    value = TokenError(error=denied.error, error_description=denied.told)
    return Answer(value=value, status=400 if known else 401, headers=_NEVER_KEPT | challenge)


async def _fields(call: Call) -> Mapping[str, str]:
    """The fields of the form; one that is empty is none. Raises _Denied."""
    if str(call.body.media) != FORM:
        raise _Denied("invalid_request", f"the body must be {FORM}")
    try:
        text = (await call.body.content()).decode()
        pairs = parse_qsl(text, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise _Denied("invalid_request", "the form cannot be read") from None
    if len(dict(pairs)) < len(pairs):
        raise _Denied("invalid_request", "a field must not come twice")
    return dict(pairs)


async def _proven(call: Call, fields: Mapping[str, str]) -> tuple[Caller, str]:
    """Who asks, and the id of its key. Raises _Denied, and Fault where too many were tried."""
    client = _client(call, fields)
    wrong = _Denied("invalid_client", "client_id or client_secret is not known, or has ended", basic=client.basic)
    assert call.prove is not None  # the route takes a form
    try:
        # What is not the key of that id is still counted as one that is not known.
        secret = client.secret if is_key(client.secret) and key_id(client.secret) == client.name else ""
        return await call.prove(secret), client.name
    except Fault as fault:
        if fault.slug == "unauthenticated":
            raise wrong from None
        raise


def _client(call: Call, fields: Mapping[str, str]) -> _Client:
    """Id and secret, from one place (RFC 6749, section 2.3.1). Raises _Denied."""
    headers = call.headers.getall("Authorization", [])
    if not headers:
        if "client_id" not in fields or "client_secret" not in fields:
            raise _Denied("invalid_client", "client_id and client_secret are missing")
        return _Client(fields["client_id"], fields["client_secret"], False)
    if len(headers) > 1 or "client_secret" in fields:
        raise _Denied("invalid_request", "id and secret must come in one place only")
    scheme, _, encoded = headers[0].strip().partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        decoded = ""
    name, colon, secret = decoded.partition(":")
    if not colon:
        raise _Denied("invalid_client", "Authorization is not Basic with id and secret", basic=True)
    if fields.get("client_id", unquote_plus(name)) != unquote_plus(name):
        raise _Denied("invalid_request", "client_id is not that of Authorization")
    return _Client(unquote_plus(name), unquote_plus(secret), True)


def _granted(caller: Caller, asked: str | None) -> tuple[str, ...]:
    """The scopes of the token: what is asked for, else all that the key has. Raises _Denied for more than that."""
    possible = scopes(caller.account.role) if caller.scopes is None else caller.scopes
    wanted = possible if asked is None else tuple(dict.fromkeys(asked.split()))
    if not wanted or not set(wanted) <= set(possible):
        raise _Denied("invalid_scope", f"this client has: {' '.join(possible)}")
    return wanted


def _own(call: Call) -> OwnTokens:
    tokens = call.gateway.accounts.tokens
    assert tokens is not None  # a gateway that serves has them
    return tokens.own


async def key_set(call: Call) -> Answer:
    """The public keys of our tokens."""
    return Answer(value=await _own(call).published())


async def authorization_server(call: Call) -> Answer:
    """What a client library has to know."""
    url = _own(call).url
    told = AuthorizationServer(
        issuer=url, token_endpoint=url + TOKEN, jwks_uri=url + KEYS, scopes_supported=tuple(SCOPES)
    )
    return Answer(value=told)


ROUTES = (
    Route(
        name="token",
        method="POST",
        path=TOKEN,
        handler=token,
        summary="An access token for who shows an API key: OAuth 2.0 client credentials (RFC 6749, section 4.4).",
        says="The token.",
        takes="A form. The id of a key is the client_id, the key itself the client_secret.",
        form=TokenRequest,
        returns=AccessToken,
        media=_JSON,
        errors={400: TokenError, 401: TokenError},
        problems=(429,),
    ),
    Route(
        name="key_set",
        method="GET",
        path=KEYS,
        handler=key_set,
        summary="The public keys that verify access tokens of this gateway (RFC 7517).",
        says="The keys.",
        returns=KeySet,
        media=_JSON,
        fresh=ASK,
    ),
    Route(
        name="authorization_server",
        method="GET",
        path="/.well-known/oauth-authorization-server",
        handler=authorization_server,
        summary="Where access tokens are had, and how (RFC 8414).",
        says="The description.",
        returns=AuthorizationServer,
        media=_JSON,
        fresh=ASK,
    ),
)
