"""The gateway is killed in the middle of a batch and started again: the same batch goes on, whatever it comes in.

What was answered is on record under the same MRN, what was not is there once or not at all, and in the end all is.
"""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.gateway.http.batches import as_json, as_xml, envelope, zipped
from tests.system.conftest import GUICHET, clean_environment

COUNT, READ = 400, 60
NAMES = [f"K{number:04}.xml" for number in range(COUNT)]


@contextmanager
def serving(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A gateway on the folder's database, and its address."""
    environment = clean_environment(GUICHET_DATABASE="sqlite:///x.db", GUICHET_PORT="0")
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "gateway", "serve"]
        gateway = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log)
    try:
        yield gateway, gateway.stdout.readline().decode().split()[-1].rpartition("/")[2]
    finally:
        gateway.kill()
        gateway.wait(20)
        gateway.stdout.close()


def records(address: str, key: str, body: bytes, media: str) -> Iterator[dict]:
    """What is answered to a batch, as it comes; it ends where the answer breaks off."""
    connection = http.client.HTTPConnection(address, timeout=50)
    headers = {"X-API-Key": key, "Content-Type": media, "Idempotency-Key": "killed"}
    connection.request("POST", "/v1/batches", body, headers)
    with suppress(http.client.HTTPException, ConnectionError), connection.getresponse() as answer:
        for line in answer:
            if line.endswith(b"\n"):
                yield json.loads(line)
    connection.close()


@pytest.mark.timeout(150)
def test_a_batch_goes_on_where_the_gateway_was_killed(tmp_path):
    command = [GUICHET, "account", "add", "Waymark", "--role", "trader", "--database", "sqlite:///x.db"]
    added = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, check=True, timeout=50)
    key = added.stdout.decode().strip()
    lines = b"\n".join(envelope(name, as_json(name)) for name in NAMES)
    answered: dict[str, str] = {}
    with serving(tmp_path) as (gateway, address):
        for record in records(address, key, lines, "application/x-ndjson"):
            assert "complete" not in record, "killed in the middle"
            answered[record["key"]] = record["acceptance"]["mrn"]
            if len(answered) == READ:
                gateway.send_signal(signal.SIGKILL)
    assert READ <= len(answered) < COUNT
    with serving(tmp_path) as (gateway, address):
        archive = zipped({name: as_xml(name) for name in NAMES})
        *items, end = records(address, key, archive, "application/zip")
        assert (end["complete"], end["refused"], end["items"]) == (True, 0, COUNT)
        assert len(answered) <= end["replayed"] < COUNT, "it went on, and did not begin anew"
        given = {item["key"]: item["acceptance"]["mrn"] for item in items}
        assert {name: given[name] for name in answered} == answered
        assert len(set(given.values())) == COUNT
        assert kept(address, key) == given


def kept(address: str, key: str) -> dict[str, str]:
    """All items that are on record."""
    connection, found, after = http.client.HTTPConnection(address, timeout=50), {}, ""
    while after is not None:
        connection.request("GET", f"/v1/batches/killed?after={after}", headers={"X-API-Key": key})
        page = json.loads(connection.getresponse().read())
        found |= {item["key"]: item["mrn"] for item in page["items"]}
        after = page["next"]
    connection.close()
    return found
