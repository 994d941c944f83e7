"""`guichet serve` in TLS, as one process and with workers: with a certificate, a key or a token."""

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.gateway.access.certifying import Authority
from tests.system.conftest import clean_environment
from tests.system.test_cli import GOOD, USAGE
from tests.system.test_keys_cli import key_of


def asked(url: str, context: ssl.SSLContext, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=20, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_certificate_opens_the_gateway(guichet, tmp_path, workers):
    authority = Authority(tmp_path)
    server, acme = authority.sign("window"), authority.sign("acme", days=20)
    database = f"sqlite:///{tmp_path / 'served.db'}"
    key = key_of(guichet("account", "add", "Acme", "--role", "trader", "--database", database))
    added = guichet("account", "certificate", "add", "Acme", str(acme.certificate), "--database", database)
    assert added.returncode == GOOD and b"is good until 20" in added.stdout, added.stderr
    files = ("--tls-certificate", server.certificate, "--tls-key", server.key, "--client-ca", authority.file)
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--workers", str(workers), *map(str, files)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--database", database], env=clean_environment(), stdout=subprocess.PIPE, stderr=log
        )
    try:
        words = process.stdout.readline().decode().split()
        [url] = [word for word in words if word.startswith("https://127.0.0.1:")]
        plain, shown = (ssl.create_default_context(cafile=authority.file) for _ in range(2))
        shown.load_cert_chain(acme.certificate, acme.key)
        case = f"{url}/v1/declarations/26XZ"
        assert [asked(case, shown)[0] for _ in range(6)] == [404] * 6, "whichever worker is asked"
        assert asked(case, plain)[0] == 401
        assert asked(case, plain, X_API_Key=key)[0] == 404
        name = key_of_id(guichet, database)
        form = f"grant_type=client_credentials&client_id={name}&client_secret={key}".encode()
        status, body = asked(f"{url}/oauth2/token", plain, form)
        assert status == 200, body
        token = json.loads(body)["access_token"]
        assert [asked(case, plain, Authorization=f"Bearer {token}")[0] for _ in range(6)] == [404] * 6
        listed = guichet("account", "certificate", "list", "--format", "json", "--database", database)
        assert json.loads(listed.stdout)["state"].startswith("ends in")
        turned = guichet("account", "signing-key", "rotate", "--database", database)
        assert turned.stdout.startswith(b"tokens are signed with the key ")
        assert asked(case, plain, Authorization=f"Bearer {token}")[0] == 404
        keys = guichet("account", "signing-key", "list", "--format", "json", "--database", database)
        assert [json.loads(line)["retired_at"] is None for line in keys.stdout.splitlines()] == [True, False]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def key_of_id(guichet, database: str) -> str:
    [line] = guichet("account", "key", "list", "--format", "json", "--database", database).stdout.splitlines()
    return json.loads(line)["id"]


def test_files_that_will_not_do_are_wrong_usage(guichet, tmp_path):
    authority = Authority(tmp_path)
    one, other = authority.sign("one"), authority.sign("other")
    database = ("--database", f"sqlite:///{tmp_path / 'served.db'}", "--port", "0")
    for options, told in (
        (("--tls-certificate", one.certificate, "--tls-key", other.key), "do not belong together"),
        (("--tls-certificate", one.certificate), "certificate and key must be given together"),
        (("--client-ca", one.certificate), "client_ca needs certificate and key"),
    ):
        done = guichet("serve", *map(str, options), *database)
        assert done.returncode == USAGE
        assert told in " ".join(done.stderr.decode().replace("│", " ").split())


def test_subjects_belong_to_issuers_of_the_settings(guichet, tmp_path):
    database = f"sqlite:///{tmp_path / 'served.db'}"
    key_of(guichet("account", "add", "Acme", "--role", "trader", "--database", database))
    file = tmp_path / "guichet.toml"
    file.write_text(
        f'database = "{database}"\n[access.issuers.ministry]\nissuer = "https://login.example"\n'
        'audience = "https://window.example"\nkeys = "https://login.example/keys"\n'
    )
    added = guichet("account", "subject", "add", "Acme", "ministry", "acme-erp", "--settings", str(file))
    assert added.stdout.endswith(b" of Acme is acme-erp of https://login.example\n"), added.stderr
    [line] = guichet("account", "subject", "list", "--format", "json", "--settings", str(file)).stdout.splitlines()
    told = json.loads(line)
    assert (told["label"], told["state"]) == ("ministry: acme-erp", "live")
    refused = guichet("account", "subject", "add", "Acme", "nobody", "x", "--settings", str(file))
    assert refused.returncode == USAGE and b"no issuer 'nobody'; there is: ministry" in b" ".join(
        refused.stderr.replace("│".encode(), b" ").split()
    )
    gone = guichet("account", "subject", "revoke", "Acme", told["id"], "--settings", str(file))
    assert gone.stdout.startswith(f"subject {told['id']} of Acme is revoked since 20".encode())
