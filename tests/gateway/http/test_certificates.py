"""Client certificates over real TLS, and as a proxy hands them on."""

import asyncio
import base64
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from gateway.access.accounts import new_key
from gateway.access.certificates import entry, from_header, tls_context
from gateway.access.quotas import Quota
from gateway.access.settings import AccessSettings, TlsSettings
from gateway.http.app import create
from gateway.http.server import Runner
from gateway.ports import KeyTerms
from gateway.settings import RateSettings
from tests.gateway.access.certifying import Authority, Signed
from tests.gateway.http.conftest import House, housed

CASE = "/v1/declarations/26XZ00000000000000"


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


async def enter(house: House, file: Signed, account: str = "trader", **terms):
    """Puts it on record whose a certificate is."""
    found = entry(file.certificate, datetime.now(UTC))
    made = KeyTerms(kind="certificate", label=found.name, expires_on=found.last_day, **terms)
    return await house.gateway.accounts.add_credential(account, found.digest, made)


@asynccontextmanager
async def in_tls(house: House, authority: Authority):
    """Serves the house at another port, in TLS; calls it with a certificate, or without."""
    server = authority.sign("window")
    settings = TlsSettings(certificate=server.certificate, key=server.key, client_ca=authority.file)
    runner = Runner(create(house.gateway), shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls_context(settings)).start()
    host, port = runner.addresses[0]

    async def call(shown: Signed | None, path: str = CASE, **headers: str) -> tuple[int, dict, str]:
        context = ssl.create_default_context(cafile=authority.file)
        if shown:
            context.load_cert_chain(shown.certificate, shown.key)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.get(f"https://{host}:{port}{path}", headers=headers) as answer,
        ):
            return answer.status, answer.headers, await answer.text()

    call.port = port
    try:
        yield call
    finally:
        await runner.cleanup()


async def test_who_shows_an_entered_certificate_needs_no_key(house, authority):
    acme, other = authority.sign("acme"), authority.sign("other")
    holder = await enter(house, acme)
    assert (holder.key.label, holder.key.kind) == ("acme", "certificate")
    async with in_tls(house, authority) as call:
        assert (await call(acme))[0] == 404
        assert (await call(acme, "/v1/agency/deliveries"))[0] == 403
        status, headers, told = await call(other)
        assert (status, "certificate is not known" in told) == (401, True)
        assert 'error="invalid_token"' in headers["WWW-Authenticate"]
        assert (await call(None))[0] == 401
        assert (await call(None, **{"X-API-Key": house.keys["trader"]}))[0] == 404
        assert (await call(acme, Authorization=f"Bearer {new_key()}"))[0] == 401, "a key that is shown counts"
        assert (await call(None, "/healthz"))[0] == 200
        await house.gateway.accounts.revoke_key("trader", holder.key.id)
        assert (await call(acme))[0] == 401


async def test_a_certificate_of_another_authority_does_not_get_in(house, authority, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    stranger = Authority(folder, "Another authority").sign("acme")
    await enter(house, stranger)
    async with in_tls(house, authority) as call:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await call(stranger)
        assert (await call(None, "/healthz"))[0] == 200


async def test_a_certificate_tells_of_its_end_and_has_one(house, authority):
    acme = authority.sign("acme", days=20)
    await enter(house, acme)
    async with in_tls(house, authority) as call:
        status, headers, _ = await call(acme)
    end = (datetime.now(UTC) + timedelta(days=20)).date()
    assert status == 404
    assert abs((datetime.fromisoformat(headers["Guichet-Key-Expires"]).date() - end).days) <= 1


async def test_certificates_have_scopes_and_users_as_keys_have(house, authority):
    await house.gateway.accounts.add_user("trader", "clerk", ("read",))
    acme = authority.sign("acme")
    await enter(house, acme, user="clerk")
    async with in_tls(house, authority) as call:
        assert (await call(acme))[0] == 404
        assert (await call(acme, "/metrics"))[0] == 403
    with pytest.raises(ValueError, match="on record already"):
        await enter(house, acme, account="rival")


def header(file: Signed) -> str:
    return f":{base64.b64encode(file.der).decode()}:"


async def test_a_proxys_word_counts_only_where_the_settings_say_so(tmp_path, authority):
    acme, other = authority.sign("acme"), authority.sign("other")
    for trusted in False, True:
        folder = tmp_path / str(trusted)
        async with housed(folder, access=AccessSettings(client_cert_header=trusted)) as house:
            await enter(house, acme)
            assert (await house.get(CASE, None, Client_Cert=header(acme))).status == (404 if trusted else 401)
            assert (await house.get(CASE, None, Client_Cert=header(other))).status == 401
            assert (await house.get(CASE, None)).status == 401


async def test_certificates_of_nobody_are_limited_as_unknown_keys_are(tmp_path, authority):
    limits = RateSettings(unknown_keys=Quota(per_second=0.001, burst=2))
    async with housed(tmp_path / "x", rates=limits, access=AccessSettings(client_cert_header=True)) as house:
        acme = authority.sign("acme")
        await enter(house, acme)
        assert (await house.get(CASE, None, Client_Cert=header(acme))).status == 404
        tried = [(await house.get(CASE, None, Client_Cert=header(authority.sign("other")))).status for _ in range(4)]
        assert tried == [401, 401, 429, 429]
        assert (await house.get(CASE, None, Client_Cert=header(acme))).status == 404, "who is known passes"


@pytest.mark.parametrize(
    "value", [[], [""], [":"], ["::"], [":!!:"], ["abc"], [":YQ=="], [":YQ==:", ":YQ==:"], [":YQ==:, :YQ==:"]]
)
def test_what_is_no_certificate_in_a_header_is_none(value):
    assert from_header(value) is None


def test_a_certificate_in_a_header_is_read():
    assert from_header([":YQ==:"]) == b"a"


def test_files_that_do_not_serve_are_named(tmp_path, authority):
    one, other = authority.sign("one"), authority.sign("other")
    missing = tmp_path / "missing.pem"
    for settings, told in (
        (TlsSettings(certificate=missing, key=missing), "tls.certificate and access.tls.key: No such file"),
        (TlsSettings(certificate=one.certificate, key=other.key), "do not belong together"),
        (TlsSettings(certificate=one.key, key=one.key), "tls.certificate and access.tls.key"),
        (TlsSettings(certificate=one.certificate, key=one.key, client_ca=one.key), "tls.client_ca"),
    ):
        with pytest.raises(ValueError, match=told):
            tls_context(settings)
    assert tls_context(TlsSettings()) is None


def test_a_file_without_a_certificate_and_one_that_ended_are_refused(tmp_path, authority):
    now = datetime.now(UTC)
    with pytest.raises(ValueError, match="holds no certificate"):
        entry(authority.sign("x").key, now)
    with pytest.raises(ValueError, match="No such file"):
        entry(tmp_path / "missing.pem", now)
    with pytest.raises(ValueError, match="the certificate ended on"):
        entry(authority.sign("old", days=-0.5).certificate, now)
    der = tmp_path / "acme.der"
    acme = authority.sign("acme")
    der.write_bytes(acme.der)
    assert entry(der, now) == entry(acme.certificate, now)


async def test_who_does_not_finish_the_handshake_holds_nobody_up(house, authority):
    async with in_tls(house, authority) as call:
        _, headers, _ = await call(None, "/healthz")
        assert headers["Server"] == "guichet"
        writers = []
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", call.port)
            writers.append(writer)
        assert (await call(None, "/healthz"))[0] == 200
        for writer in writers:
            writer.close()
