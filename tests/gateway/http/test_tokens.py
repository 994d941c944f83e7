"""OAuth 2.0 client credentials over real HTTP: as the RFC has it, and with errors that its libraries read."""

import base64
import re
from urllib.parse import urlencode

import pytest

from gateway.access.accounts import key_id, new_key
from gateway.access.quotas import Quota
from gateway.settings import RateSettings
from tests.gateway.access.forging import altered, private_key, read, signed
from tests.gateway.http.conftest import House, Reply, housed

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = "application/x-www-form-urlencoded"
CASE = "/v1/declarations/26XZ00000000000000"


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


async def ask(
    house: House, caller: str | None = "trader", media: str = FORM, raw: str | None = None, **fields
) -> Reply:
    """One request for a token; who calls shows its key in the form."""
    key = house.keys.get(caller or "", "")
    named = {"client_id": key_id(key), "client_secret": key} if caller else {}
    headers = {"Authorization": fields.pop("authorization")} if "authorization" in fields else {}
    form = {"grant_type": "client_credentials"} | named | fields
    body = urlencode({name: value for name, value in form.items() if value is not None}) if raw is None else raw
    return await house.call("POST", "/oauth2/token", data=body.encode(), Content_Type=media, **headers)


async def with_token(house: House, token: str, path: str = CASE) -> Reply:
    return await house.call("GET", path, Authorization=f"Bearer {token}")


async def test_a_key_gets_a_token_that_does_what_the_key_does(shared):
    reply = await ask(shared)
    assert (reply.status, reply.media) == (200, "application/json")
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")
    told = reply.json
    scopes = "lodge read mandate confirm notify validate"
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 600, scopes)
    assert (await with_token(shared, told["access_token"])).status == 404
    assert (await with_token(shared, told["access_token"], "/v1/agency/deliveries")).status == 403
    assert (await with_token(shared, altered(told["access_token"], claims={"sub": "x"}))).status == 401


async def test_the_key_may_come_in_either_way_and_not_in_both(shared):
    key = shared.keys["trader"]
    authorization = basic(key_id(key), key)
    assert (await ask(shared, None, authorization=authorization)).status == 200
    assert (await ask(shared, None, authorization=authorization, client_id=key_id(key))).status == 200
    both = await ask(shared, authorization=authorization)
    assert (both.status, both.json["error"]) == (400, "invalid_request")


async def test_scope_narrows_and_never_widens(shared):
    reply = await ask(shared, scope="read read")
    assert reply.json["scope"] == "read"
    posted = await shared.call(
        "POST", "/v1/declarations", data=b"{}", Authorization=f"Bearer {reply.json['access_token']}"
    )
    assert posted.status == 403 and 'scope="lodge"' in posted.headers["WWW-Authenticate"]
    for scope in "decide", "read decide", "everything":
        refused = await ask(shared, scope=scope)
        assert (refused.status, refused.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"media": "application/json", "raw": "{}"}, 400, "invalid_request"),
        ({"raw": "grant_type=client_credentials&grant_type=client_credentials"}, 400, "invalid_request"),
        ({"raw": "a=%ff"}, 400, "invalid_request"),
        ({"raw": "&".join(f"f{number}=1" for number in range(40))}, 400, "invalid_request"),
        ({"raw": ""}, 401, "invalid_client"),
        ({"caller": None}, 401, "invalid_client"),
        ({"client_secret": new_key()}, 401, "invalid_client"),
        ({"client_id": "0123456789ab"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"caller": None, "authorization": "Basic !"}, 401, "invalid_client"),
        ({"caller": None, "authorization": "Bearer x"}, 401, "invalid_client"),
        ({"caller": None, "authorization": basic("a", "b")}, 401, "invalid_client"),
    ],
)
async def test_errors_are_those_of_the_rfc(shared, fields, status, error):
    reply = await ask(shared, **fields)
    assert (reply.status, reply.media, reply.json["error"]) == (status, "application/json", error)
    assert set(reply.json) == {"error", "error_description"}
    assert re.fullmatch(r"[ !#-\[\]-~]+", reply.json["error_description"])
    assert reply.headers["Cache-Control"] == "no-store"
    scheme = "Basic" if "authorization" in fields else "Bearer"
    assert reply.headers.get("WWW-Authenticate") == (f'{scheme} realm="guichet"' if status == 401 else None)


async def test_a_token_does_not_get_a_token(shared):
    token = (await ask(shared)).json["access_token"]
    reply = await ask(shared, None, client_id=key_id(token), client_secret=token)
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")


async def test_a_form_is_small(shared):
    reply = await ask(shared, raw="a=" + "x" * 20_000)
    assert reply.status == 413
    async with shared.wire() as wire:  # its length is not announced
        head = ("POST /oauth2/token HTTP/1.1", "Host: x", f"Content-Type: {FORM}", "Transfer-Encoding: chunked", "")
        await wire.send(*head, "5000", b"x" * 0x5000, "", "0", "")
        assert (await wire.reply()).status == 413


async def test_a_huge_token_is_refused(shared):
    token = (await ask(shared)).json["access_token"]
    assert (await with_token(shared, token + "A" * 7000)).status in (400, 401)
    assert (await with_token(shared, token + "A" * 20_000)).status in (400, 401)


async def test_what_a_library_needs_is_found_where_it_looks(shared):
    told = (await shared.get("/.well-known/oauth-authorization-server", None)).json
    assert told["issuer"] == shared.gateway.settings.base_url
    assert told["token_endpoint"].endswith("/oauth2/token")
    assert told["grant_types_supported"] == ["client_credentials"]
    [key] = (await shared.get("/.well-known/jwks.json", None)).json["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"], "d" in key) == ("EC", "P-256", "ES256", "sig", False)


async def test_guesses_are_limited_as_unknown_keys_are(tmp_path):
    limits = RateSettings(unknown_keys=Quota(per_second=0.001, burst=3))
    async with housed(tmp_path, rates=limits) as house:
        tried = [(await ask(house, client_secret=new_key())).status for _ in range(5)]
        assert tried == [401, 401, 401, 429, 429]
        assert (await ask(house, "rival")).status == 429, "even with a good one, while nobody knows that it is"


async def test_strangers_do_not_lock_out_who_has_a_token(tmp_path):
    limits = RateSettings(unknown_keys=Quota(per_second=0.001, burst=3))
    async with housed(tmp_path, rates=limits) as house:
        token = (await ask(house)).json["access_token"]
        forged = altered(token, claims={"sub": "trader:2/1"})
        assert [(await with_token(house, forged)).status for _ in range(5)] == [401, 401, 401, 429, 429]
        assert (await with_token(house, new_key())).status == 429
        assert (await with_token(house, token)).status == 404


async def test_asking_for_tokens_counts_for_the_account(tmp_path):
    async with housed(tmp_path, rates=RateSettings(trader=Quota(per_second=0.001, burst=2))) as house:
        assert [(await ask(house)).status for _ in range(3)] == [200, 200, 429]


async def test_a_token_that_ended_says_so(shared):
    token = (await ask(shared)).json["access_token"]
    [kept] = await shared.gateway.store.signing_keys()
    head, claims = (read(each) for each in token.split(".")[:2])
    ended = signed(head, claims | {"exp": claims["iat"] - 60}, private_key(kept.jwk))
    reply = await with_token(shared, ended)
    assert (reply.status, "has ended" in reply.json["detail"]) == (401, True)
    assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]
