"""Tokens of another issuer, whose key set is fetched from a server that may stall, lie or be gone."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web
from joserfc import jwk, jwt

from adapters import keysets
from gateway.access.accounts import Accounts
from gateway.access.issuers import KeySets, foreign_tokens, subject_digest
from gateway.access.jose import TokenExpired
from gateway.access.settings import AccessSettings, IssuerSettings
from gateway.access.tokens import OwnTokens, Tokens
from gateway.ports import KeyTerms
from tests.gateway.access.forging import altered, signed_with_public_key, unsigned

NAME, ISSUER, AUDIENCE = "Example Flowers", "https://login.example/realms/customs", "https://window.example"
SUBJECT = "acme-erp"
RSA = jwk.RSAKey.generate_key(2048, parameters={"kid": "rsa-1"})
ELLIPTIC = jwk.ECKey.generate_key("P-256", parameters={"kid": "ec-1"})


class Issuer:
    """A key set on a real server, which counts how often it is asked; `answer` is what it does then."""

    def __init__(self) -> None:
        self.asked, self.keys, self.url = 0, [RSA.as_dict(private=False), ELLIPTIC.as_dict(private=False)], ""
        self.answer = self.well

    async def well(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"keys": self.keys})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        return await self.answer(request)


@asynccontextmanager
async def served(issuer: Issuer):
    application = web.Application()
    application.router.add_get("/keys", issuer.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    yield issuer
    await runner.cleanup()


@pytest.fixture
async def issuer():
    async with served(Issuer()) as made:
        yield made


@pytest.fixture
async def accounts(store, clock, issuer):
    made = reading(store, clock, issuer.url)
    await made.register(NAME, "trader")
    await enter(made, SUBJECT)
    return made


async def enter(accounts: Accounts, subject: str, **terms):
    """Puts it on record whose a subject is."""
    return await accounts.add_credential(NAME, subject_digest(ISSUER, subject), KeyTerms(kind="subject", **terms))


def reading(store, clock, keys: str, **chosen) -> Accounts:
    """Accounts with that issuer; the time since the start is the clock's."""
    trusted = IssuerSettings(issuer=ISSUER, audience=AUDIENCE, keys=keys, **chosen)
    settings = AccessSettings(issuers={"ministry": trusted}, keys_pause=60, keys_life=3600)
    others = foreign_tokens(settings, keysets.fetch, lambda: clock().timestamp())
    return Accounts(store, clock, Tokens(OwnTokens(store, AUDIENCE, settings, clock), others), lifetime=30)


def token(clock, key=RSA, alg: str = "RS256", header: dict | None = None, **claims) -> str:
    now = int(clock().timestamp())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "exp": now + 300, "nbf": now, "scope": "openid"} | claims
    heading = {"alg": alg, "kid": key.kid, "typ": "at+jwt"} | (header or {})
    return jwt.encode(
        heading, {name: value for name, value in said.items() if value is not None}, key, algorithms=[alg]
    )


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (RSA, "PS384"), (ELLIPTIC, "ES256")])
async def test_a_subject_that_was_entered_is_its_user(accounts, clock, key, alg):
    caller = await accounts.authenticate(token(clock, key, alg))
    assert (caller.account.name, caller.actor, caller.scopes) == (NAME, "trader:1/1", None)


async def test_another_claim_may_name_who_calls_and_a_subject_may_have_scopes(accounts, store, clock, issuer):
    await enter(accounts, "dashboard", scopes=("read",))
    other = reading(store, clock, issuer.url, claim="azp", types=("JWT",))
    shown = token(clock, header={"typ": "JWT"}, azp="dashboard", sub="x", aud=["account", AUDIENCE])
    assert (await other.authenticate(shown)).scopes == ("read",)
    assert await accounts.authenticate(shown) is None


WRONG = {
    "another issuer": {"iss": "https://elsewhere.example"},
    "our own name": {"iss": AUDIENCE},
    "another audience": {"aud": "https://elsewhere.example"},
    "no audience": {"aud": None},
    "somebody unknown": {"sub": "somebody"},
    "nobody": {"sub": None},
    "a number": {"sub": 1},
    "no end": {"exp": None},
    "an end that never comes": {"exp": float("inf")},
    "not yet": {"nbf": 2**40},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
async def test_what_says_the_wrong_thing_opens_nothing(accounts, clock, claims):
    assert await accounts.authenticate(token(clock, **claims)) is None


async def test_what_was_tampered_with_opens_nothing(accounts, clock):
    good, pem = token(clock), RSA.as_pem(private=False)
    forged = [
        altered(good, claims={"sub": "somebody"}),
        unsigned(good),
        signed_with_public_key(good, pem),
        token(clock, jwk.RSAKey.generate_key(2048, parameters={"kid": RSA.kid})),
        token(clock, ELLIPTIC, "ES256", header={"kid": RSA.kid}),
        token(clock, header={"typ": "JWT"}),
        token(clock, header={"typ": "logout+jwt"}),
    ]
    for each in forged:
        assert await accounts.authenticate(each) is None
    assert await accounts.authenticate(good) is not None


async def test_a_token_that_ended_is_told_so(accounts, clock):
    shown = token(clock)
    assert await accounts.authenticate(shown) is not None
    clock.advance(300 + 30)
    with pytest.raises(TokenExpired):
        await accounts.authenticate(shown)


async def test_a_subject_that_is_withdrawn_stops_within_half_a_minute(accounts, store, clock):
    shown = token(clock)
    assert await accounts.authenticate(shown) is not None
    [entered] = [each.key.id for each in await store.keys(NAME) if each.key.kind == "subject"]
    await Accounts(store, clock).revoke_key(NAME, entered)
    clock.advance(30)
    assert await accounts.authenticate(shown) is None


async def test_the_key_set_is_fetched_once_and_again_for_an_unknown_key_after_a_pause(accounts, clock, issuer):
    for _ in range(3):
        assert await accounts.authenticate(token(clock, jti=str(_))) is not None
    assert issuer.asked == 1
    new = jwk.ECKey.generate_key("P-256", parameters={"kid": "ec-2"})
    for _ in range(5):
        assert await accounts.authenticate(token(clock, new, "ES256", jti=str(_))) is None
    assert issuer.asked == 1, "a moment ago it was asked"
    clock.advance(60)
    issuer.keys = [new.as_dict(private=False)]
    both = [accounts.authenticate(token(clock, new, "ES256", jti=str(number))) for number in range(5)]
    assert None not in await asyncio.gather(*both)
    assert issuer.asked == 2, "once for all who wait"
    assert await accounts.authenticate(token(clock)) is None, "what it no longer has is no key"


async def test_when_the_set_is_too_old_and_cannot_be_had_nothing_is_opened(accounts, clock, issuer, caplog):
    assert await accounts.authenticate(token(clock)) is not None

    async def down(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    issuer.answer = down
    clock.advance(3599)
    assert await accounts.authenticate(token(clock)) is not None
    clock.advance(1)
    assert await accounts.authenticate(token(clock)) is None
    assert "it answered 503" in caplog.text
    issuer.answer = issuer.well
    clock.advance(60)
    assert await accounts.authenticate(token(clock)) is not None


async def huge(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(100):
        await answer.write(b" " * 100_000)
    return answer


async def stalling(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b'{"keys": [')
    await asyncio.sleep(3600)
    return answer


async def moved(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/keys")


async def nonsense(request: web.Request) -> web.StreamResponse:
    return web.Response(text="[1, 2")


async def another_shape(request: web.Request) -> web.StreamResponse:
    return web.json_response({"keys": {"kid": "rsa-1"}})


@pytest.mark.parametrize("answer", [huge, stalling, moved, nonsense, another_shape])
async def test_a_server_that_will_not_do_opens_nothing_and_holds_up_nobody(
    accounts, clock, issuer, answer, monkeypatch
):
    monkeypatch.setattr(keysets, "TIMEOUT_SECONDS", 0.2)
    issuer.answer = answer
    assert await accounts.authenticate(token(clock)) is None
    issuer.answer = issuer.well
    clock.advance(60)
    assert await accounts.authenticate(token(clock)) is not None


async def test_of_a_key_set_only_public_keys_that_are_long_enough_count(clock, tmp_path, store):
    secret = {"kty": "oct", "kid": "oct-1", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}
    short = jwk.RSAKey.generate_key(1024, parameters={"kid": "short"})
    for_secrets = RSA.as_dict(private=False) | {"kid": "enc", "use": "enc"}
    other_alg = RSA.as_dict(private=False) | {"kid": "ps", "alg": "PS256"}
    odd = [{"kid": "x"}, {"kty": "RSA", "kid": "y"}, 5, {"kty": "EC", "kid": "z", "crv": "P-999", "x": "AA", "y": "AA"}]
    file = tmp_path / "keys.json"
    members = [secret, short.as_dict(private=False), for_secrets, other_alg, *odd, RSA.as_dict(private=False)]
    file.write_bytes(msgspec.json.encode({"keys": members}))
    accounts = reading(store, clock, str(file))
    await accounts.register(NAME, "trader")
    await enter(accounts, SUBJECT)
    assert await accounts.authenticate(token(clock)) is not None
    for key, alg, kid in (
        (jwk.OctKey.import_key(secret), "HS256", "oct-1"),
        (short, "RS256", "short"),
        (RSA, "RS256", "enc"),
        (RSA, "RS256", "ps"),
    ):
        assert await accounts.authenticate(token(clock, key, alg, header={"kid": kid})) is None, kid
    assert await accounts.authenticate(token(clock, RSA, "PS256", header={"kid": "ps"})) is not None


async def test_a_missing_file_opens_nothing(tmp_path, caplog):
    keys = KeySets(str(tmp_path / "none"), keysets.fetch, life=1, pause=1, tick=lambda: 0.0)
    assert await keys.key("x") is None
    assert "cannot be had" in caplog.text


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("http://login.example/keys", "must begin with https://"),
        ("ftp://127.0.0.1/keys", "must begin with https://"),
        ("", "must not be empty"),
    ],
)
def test_a_key_set_comes_over_a_safe_way(keys, told):
    with pytest.raises(ValueError, match=told):
        IssuerSettings(issuer=ISSUER, audience=AUDIENCE, keys=keys)
