"""Access tokens of our own: what they open, for how long, and what is none."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.access import jose
from gateway.access.accounts import Accounts, key_id
from gateway.access.jose import TokenExpired
from gateway.access.settings import AccessSettings
from gateway.access.tokens import OwnTokens, Tokens, fresh_key
from gateway.ports import KeyTerms
from tests.gateway.access.forging import altered, part, private_key, read, signed, signed_with_public_key, unsigned

NAME, URL = "Example Flowers", "https://window.example"
CHOSEN = AccessSettings(token_life=600, leeway=30)


def worker(store, clock, url: str = URL) -> Accounts:
    """What one worker knows."""
    return Accounts(store, clock, Tokens(OwnTokens(store, url, CHOSEN, clock), {}), lifetime=30)


@pytest.fixture
async def accounts(store, clock):
    made = worker(store, clock)
    await made.register(NAME, "trader")
    return made


async def client(accounts, **terms) -> str:
    """The id of a new key of the account."""
    _, key = await accounts.add_key(NAME, KeyTerms(**terms))
    return key_id(key)


async def issued(accounts, *scopes: str, actor: str = "trader:1/1", **terms) -> str:
    return await accounts.tokens.own.issue(await client(accounts, **terms), actor, scopes or ("lodge", "read"))


async def test_a_token_opens_its_account_in_every_worker_and_after_a_restart(accounts, store, clock):
    token = await issued(accounts)
    for each in accounts, worker(store, clock):
        caller = await each.authenticate(token)
        assert (caller.account.name, caller.actor, caller.scopes) == (NAME, "trader:1/1", ("lodge", "read"))
    head, claims = (read(each) for each in token.split(".")[:2])
    assert (head["alg"], head["typ"], claims["iss"], claims["aud"]) == ("ES256", "at+jwt", URL, URL)
    assert claims["exp"] - claims["iat"] == 600


async def test_a_token_does_not_outlive_its_end_by_being_remembered(accounts, clock):
    token = await issued(accounts)
    assert await accounts.authenticate(token) is not None
    clock.advance(600 + 29)
    assert await accounts.authenticate(token) is not None, "clocks may differ by that much"
    clock.advance(1)
    with pytest.raises(TokenExpired):
        await accounts.authenticate(token)


@pytest.mark.parametrize("what", ["key", "user", "account"])
async def test_what_is_withdrawn_takes_its_tokens_along_within_half_a_minute(accounts, store, clock, what):
    await accounts.add_user(NAME, "clerk")
    token = await issued(accounts, user="clerk", actor="trader:1/2")
    kid = read(token.split(".")[1])["client_id"]
    assert await accounts.authenticate(token) is not None
    other = worker(store, clock)
    work = {"key": lambda: other.revoke_key(NAME, kid), "user": lambda: other.revoke_user(NAME, "clerk")}
    await work.get(what, lambda: other.revoke(NAME))()
    clock.advance(29)
    assert await accounts.authenticate(token) is not None
    clock.advance(1)
    assert await accounts.authenticate(token) is None


async def test_a_token_opens_no_more_than_its_key(accounts):
    token = await issued(accounts, "lodge", "read", "validate", scopes=("read",))
    assert (await accounts.authenticate(token)).scopes == ("read",)


async def test_the_key_that_signs_is_changed_and_the_old_one_verifies_until_its_tokens_ended(accounts, store, clock):
    name = await client(accounts)
    old = await accounts.tokens.own.issue(name, "trader:1/1", ("read",))
    other = worker(store, clock)
    assert await other.authenticate(old) is not None
    await store.rotate_signing_key(fresh_key(clock()), forget=False)
    assert len((await worker(store, clock).tokens.own.published())["keys"]) == 2
    clock.advance(31)
    new = await accounts.tokens.own.issue(name, "trader:1/1", ("read",))
    assert read(old.split(".")[0])["kid"] != read(new.split(".")[0])["kid"]
    for token in old, new:
        assert await other.authenticate(token) is not None
    clock.advance(629)
    assert len((await other.tokens.own.published())["keys"]) == 2, "another worker may have signed a little longer"
    clock.advance(31)
    assert len((await other.tokens.own.published())["keys"]) == 1


async def test_a_key_that_got_about_is_forgotten_at_once(accounts, store, clock):
    old = await issued(accounts)
    assert await accounts.authenticate(old) is not None
    await store.rotate_signing_key(fresh_key(clock()), forget=True)
    clock.advance(31)
    assert await accounts.authenticate(old) is None


async def test_two_workers_make_one_key(accounts, store, clock):
    both = [await worker(store, clock).tokens.own.published() for _ in range(2)]
    assert both[0] == both[1]
    assert not {"d", "p", "q"} & set(both[0]["keys"][0])


FORGED = {
    "another payload": lambda token, pem: altered(token, claims={"sub": "trader:2/1"}),
    "more scopes": lambda token, pem: altered(token, claims={"scope": "lodge read decide"}),
    "a later end": lambda token, pem: altered(token, claims={"exp": 2**40}),
    "another signature": lambda token, pem: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
    "no signature": lambda token, pem: token.rpartition(".")[0] + ".",
    "alg none": lambda token, pem: unsigned(token),
    "alg None": lambda token, pem: unsigned(token, "None"),
    "the public key as secret": signed_with_public_key,
    "a key of nobody": lambda token, pem: altered(token, header={"kid": "nobody"}),
    "a key that is a path": lambda token, pem: altered(token, header={"kid": "../../dev/null"}),
    "no key": lambda token, pem: altered(token, header={"kid": None}),
    "a header that is no object": lambda token, pem: f"{part([])}.{token.partition('.')[2]}",
    "a payload that is none": lambda token, pem: f"{token.split('.')[0]}.{part(b'no')}.{token.split('.')[2]}",
    "a payload too deep": lambda token, pem: f"{token.split('.')[0]}.{part(b'[' * 5000)}.{token.split('.')[2]}",
    "dots": lambda token, pem: "..",
    "huge": lambda token, pem: token + "A" * 10_000,
    "not ASCII": lambda token, pem: token + "\u00e9",
}


@pytest.mark.parametrize("how", FORGED)
async def test_what_was_tampered_with_opens_nothing(accounts, store, how):
    token = await issued(accounts)
    [key] = await store.signing_keys()
    pem = private_key(key.jwk).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert await accounts.authenticate(FORGED[how](token, pem)) is None
    assert await accounts.authenticate(token) is not None


WRONG = {
    "iss": "https://elsewhere.example",
    "aud": "https://elsewhere.example",
    "client_id": "0123456789ab",
    "sub": "trader:2/1",
    "nbf": 2**40,
    "exp": "never",
    "scope": "",
}
HEADERS = {"typ": {"typ": "JWT"}, "crit": {"crit": ["x"], "x": 1}, "alg": {"alg": "ES384"}}


@pytest.mark.parametrize("claim", [*WRONG, *HEADERS, "another key", "no client"])
async def test_what_is_signed_and_says_the_wrong_thing_opens_nothing(accounts, store, claim):
    """As by somebody who has the key that signs, or by a token of ours for something else."""
    token = await issued(accounts)
    [kept] = await store.signing_keys()
    head, claims = (read(each) for each in token.split(".")[:2])
    key = private_key(kept.jwk)
    assert await accounts.authenticate(signed(head, claims, key)) is not None
    if claim == "another key":
        key = ec.generate_private_key(ec.SECP256R1())
    elif claim == "no client":
        claims["client_id"] = ""
    elif claim in HEADERS:
        head |= HEADERS[claim]
    else:
        claims[claim] = WRONG[claim]
    caller = await accounts.authenticate(signed(head, claims, key))
    assert caller is None or caller.scopes == (), "no scope opens no route"


async def test_a_token_of_another_gateway_on_the_same_ledger_opens_nothing(accounts, store, clock):
    other = worker(store, clock, "https://test.window.example")
    assert await other.authenticate(await issued(accounts)) is None


def test_a_private_key_does_not_show(clock):
    key = fresh_key(clock())
    assert msgspec.json.decode(key.jwk)["d"] not in repr(key) + str(jose.published(jose.public_key(key.jwk), key.kid))
