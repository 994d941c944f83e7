"""The examples do what they say, against a gateway with its agencies."""

import hashlib
import hmac
import http.client
import json
import subprocess
import sys
import time

from gateway.demo.processes import free_port
from tests.system.conftest import ROOT, clean_environment


def follow(stage, file: str, key: str | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "docs/examples/follow.py", stage.url, file]
    environment = clean_environment(PYTHONPATH=str(ROOT)) | {"GUICHET_KEY": key or stage.trader_key}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=50, check=False)


async def test_a_declaration_is_followed_to_its_end_and_again(stage, tmp_path):
    sample = "schemas/samples/import-orchids-thailand.json"
    first = follow(stage, sample)
    assert first.returncode == 0, first.stderr.decode()
    lines = first.stdout.decode().splitlines()
    assert "accepted at" in lines[0]
    assert any(line.endswith("released") for line in lines)
    assert sum("granted" in line and ": " in line for line in lines[-2:]) == 2, "both agencies, each with its permits"
    again = follow(stage, sample)
    assert again.stdout.decode().splitlines()[1:] == lines[1:]
    assert "before" in again.stdout.decode().splitlines()[0]
    broken = tmp_path / "broken.xml"
    broken.write_bytes((ROOT / sample).with_suffix(".xml").read_bytes().replace(b"TypeCode>", b"TypoCode>"))
    refused = follow(stage, str(broken))
    assert refused.returncode == 1
    assert b"element.unknown" in refused.stderr


SECRET = "gs_of-a-test"


def receiver(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """The receiver as a process."""
    return subprocess.Popen(
        [sys.executable, "docs/examples/receiver.py", *arguments],
        cwd=ROOT,
        env=clean_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def posted(port: int, told: dict, age: int = 0, **instead: bytes) -> int:
    """Post a notification, signed that many seconds ago, with other headers where they are given; the status."""
    body = json.dumps(told).encode()
    timestamp = str(int(time.time()) - age).encode()
    signature = hmac.new(SECRET.encode(), timestamp + b"." + body, hashlib.sha256).hexdigest()
    headers = {"Timestamp": timestamp, "Signature": b"sha256=" + signature.encode()} | instead
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/in", body, {f"Guichet-{name}": value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_receiver_prints_what_the_gateway_signed_once_and_refuses_all_else():
    port = free_port()
    address = f"http://127.0.0.1:{port}/in"
    told = {"number": 7, "kind": "decision", "mrn": "26XZ1", "agency": "PHS", "outcome": "granted", "reason": None}
    with receiver(address, SECRET=SECRET) as running:
        try:
            assert running.stdout.readline().decode() == f"Listening at {address}\n"
            assert [posted(port, told) for _ in range(2)] == [204, 204], "a repeat is taken, too"
            assert posted(port, told | {"number": 8}, age=3600) == 401, "overheard, and sent once more"
            assert posted(port, told | {"number": 8}, Signature=b"sha256=\xff\xfe") == 401
            assert posted(port, told | {"number": 8}, Timestamp=b"\xe9") == 401
            assert posted(port, told | {"number": 8, "reason": "x" * (2 << 20)}) == 413
            second = receiver(address, SECRET=SECRET)
            assert b"Cannot listen" in second.communicate(timeout=20)[1] and second.returncode == 1
            for arguments, environment in (((address,), {}), (("127.0.0.1",), {"SECRET": SECRET})):
                wrong = receiver(*arguments, **environment)
                assert b"SECRET=gs_" in wrong.communicate(timeout=20)[1] and wrong.returncode == 2
        finally:
            running.terminate()
        lines = running.stdout.read().decode().splitlines()
    refused = "refused: not signed with the secret, or too long ago"
    assert lines == ["#7 26XZ1 decision PHS granted", *[refused] * 3]
