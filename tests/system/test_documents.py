"""Documents and a gateway that is killed; and hundreds of megabytes through one whose memory stays as it is.

What was answered with 201 must be there, byte for byte; an upload goes on where it had come to; and what nobody was
answered for is nobody's document.
"""

import asyncio
import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from tests.gateway.attachments.papers import PDF, digest, naming
from tests.system.conftest import GUICHET, clean_environment

MIB = 1024 * 1024
BLOCK = PDF + os.urandom(MIB - len(PDF))
BIG = 256  # blocks
GROWTH = 24 * MIB  # of the greatest memory, while ten times that and more goes through


class Gateway(NamedTuple):
    """A gateway that serves."""

    process: subprocess.Popen[bytes]
    url: str

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def greatest(self) -> int:
        """The greatest memory that it has had, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Gateway]:
    environment = clean_environment(GUICHET_DATABASE="sqlite:///x.db", GUICHET_PORT="0", **settings)
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "gateway", "serve"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log)
    try:
        yield Gateway(process, process.stdout.readline().decode().split()[-1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    found = {}
    for name, *role in ("trader", "--role", "trader"), ("agency", "--role", "agency", "--agency", "FSA"):
        environment = clean_environment(GUICHET_DATABASE="sqlite:///x.db")
        command = [GUICHET, "account", "add", name, *role]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True, timeout=50)
        found[name] = done.stdout.decode().strip()
    return found


def caller(gateway: Gateway, key: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(gateway.url, headers={"X-API-Key": key})


async def blocks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield BLOCK


async def ending(count: int, come: asyncio.Event) -> AsyncIterator[bytes]:
    """Some blocks, then word that they have gone, and no end."""
    async for block in blocks(count):
        yield block
    come.set()
    await asyncio.Event().wait()


@pytest.mark.timeout(120)
async def test_what_was_confirmed_survives_a_kill_and_an_upload_goes_on(tmp_path, keys):
    size = 8 * MIB
    with serving(tmp_path) as gateway:
        async with caller(gateway, keys["trader"]) as session:
            taken = await (await session.post("/v1/documents?name=a.pdf", data=PDF)).json()
            begun = await session.post(f"/v1/uploads?name=big.pdf&size={size}")
            place, come, broken = begun.headers["Location"], asyncio.Event(), asyncio.Event()
            part = asyncio.create_task(session.put(f"{place}?offset=0", data=ending(5, come)))
            lost = asyncio.create_task(session.post("/v1/documents?name=b.pdf", data=ending(3, broken)))
            await asyncio.gather(come.wait(), broken.wait())
            while (await (await session.get(place)).json())["received"] < 3 * MIB:
                pass
            gateway.kill()
            for each in part, lost:
                with pytest.raises(aiohttp.ClientError):
                    await each
    with serving(tmp_path) as gateway, serving_agency(gateway, keys) as (session, agency):
        async with session, agency:
            received = (await (await session.get(place)).json())["received"]
            assert 3 * MIB <= received <= 5 * MIB
            whole = BLOCK * 8
            rest = await session.put(f"{place}?offset={received}", data=whole[received:])
            assert (rest.status, (await rest.json())["received"]) == (200, size)
            done = await session.post(f"{place}/finish?sha256={digest(whole)}")
            assert done.status == 201
            lodged = await session.post(
                "/v1/declarations",
                data=naming(taken["id"], "import-chilled-beef-argentina"),
                headers={"Content-Type": "application/json"},
            )
            assert lodged.status == 202
            document = await done.json()
            gateway.kill()
    with serving(tmp_path) as gateway, serving_agency(gateway, keys) as (session, agency):
        async with session, agency:
            listed = (await (await session.get("/v1/documents")).json())["documents"]
            assert [each["id"] for each in listed] == [taken["id"], document["id"]], "and nothing of what was lost"
            assert await (await session.get(document["content"])).read() == whole
            [delivery] = (await (await agency.get("/v1/agency/deliveries")).json())["deliveries"]
            given = await agency.get(f"{delivery['href']}/documents/{taken['id']}")
            assert await given.read() == PDF


@contextmanager
def serving_agency(
    gateway: Gateway, keys: dict[str, str]
) -> Iterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    yield caller(gateway, keys["trader"]), caller(gateway, keys["agency"])


@pytest.mark.timeout(120)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
async def test_memory_stays_flat_while_hundreds_of_megabytes_go_through(tmp_path, keys):
    expected = hashlib.sha256()
    for _ in range(BIG):
        expected.update(BLOCK)
    with serving(tmp_path) as gateway:
        async with caller(gateway, keys["trader"]) as session:

            async def there_and_back(count: int) -> str:
                reply = await session.post("/v1/documents?name=big.pdf", data=blocks(count))
                assert reply.status == 201, await reply.text()
                found = hashlib.sha256()
                async with session.get((await reply.json())["content"]) as answer:
                    async for chunk in answer.content.iter_any():
                        found.update(chunk)
                return found.hexdigest()

            await there_and_back(8)
            level = gateway.greatest()
            assert await there_and_back(BIG) == expected.hexdigest()
            assert gateway.greatest() - level < GROWTH
