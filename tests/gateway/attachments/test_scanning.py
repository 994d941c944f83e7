"""Documents in quarantine, with real scanners: a program of this host, and a service behind a socket."""

import asyncio
import shlex
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from gateway import bootstrap
from gateway.attachments import scanning
from gateway.attachments.scanning import Scanning
from gateway.attachments.settings import DocumentSettings, ScannerSettings
from gateway.retry import RetryPolicy
from tests.gateway.attachments.papers import PDF, PNG, digest, naming, send, sent
from tests.gateway.http.conftest import House, housed

# Ends as scanners do: 1 with a name for what has PNG in it, 2 for what has neither that nor PDF, else 0.
PROGRAM = """
import sys
found = sys.stdin.buffer.read()
print("Harmful-Test") if b"PNG" in found else None
sys.exit(1 if b"PNG" in found else 0 if b"PDF" in found else 2)
"""
SOON = RetryPolicy(first=0.01, cap=0.02)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(scanning, "LOOK_SECONDS", 0.02)


@asynccontextmanager
async def scanned(house: House, address: str = ""):
    """The gateway asks its scanner; `address` is where that reaches it."""
    gateway = house.gateway
    asked = bootstrap.scanner(gateway.settings)
    at_work = Scanning(gateway.store, gateway.uploads, asked, address or house.url, gateway.clock, gateway.random)
    try:
        yield at_work
    finally:
        await at_work.stop()


async def until(house: House, document: str, state: str, caller: str = "trader") -> dict:
    async with asyncio.timeout(20):
        while True:
            told = (await house.get(f"/v1/documents/{document}", caller)).json
            if told["state"] == state:
                return told


def with_command(program: str) -> DocumentSettings:
    command = shlex.join([sys.executable, "-c", program])
    return DocumentSettings(scanner=ScannerSettings(command=command, retry=SOON))


async def test_a_program_lets_the_clean_ones_out_and_the_traders_of_others_are_told(tmp_path):
    async with housed(tmp_path, documents=with_command(PROGRAM)) as house:
        clean, harmful = await sent(house), await sent(house, PNG)
        for document in clean, harmful:
            reply = await house.get(f"/v1/documents/{document}/content")
            assert (reply.status, reply.json["type"]) == (409, "urn:guichet:problem:withheld")
        mrn = (await house.post("/v1/declarations", naming(harmful))).json["mrn"]
        [delivery] = await house.deliveries("fsa")
        given = f"{delivery['href']}/documents/{harmful}"
        assert (await house.get(given, "fsa")).status == 409, "the agency knows of it, and is not given it"
        async with scanned(house):
            await until(house, clean, "available")
            told = await until(house, harmful, "rejected")
        assert told["reason"] == "Harmful-Test"
        assert (await house.get(f"/v1/documents/{clean}/content")).body == PDF
        assert (await house.get(given, "fsa")).status == 409
        assert not await house.gateway.uploads.objects.has(harmful)
        events = (await house.get(f"/v1/declarations/{mrn}/timeline")).json
        assert (events["intact"], events["events"][-1]["kind"]) == (True, "document-rejected")
        [notice] = [
            each
            for each in (await house.get("/v1/notifications")).json["notifications"]
            if each["kind"] == "document-rejected"
        ]
        assert (notice["mrn"], notice["document_id"]) == (mrn, harmful)
        again = await house.post("/v1/declarations", naming(harmful, "import-chilled-beef-argentina"))
        assert (again.status, "document.rejected" in again.rules) == (422, True)


async def test_a_scanner_that_fails_lets_nothing_out_and_is_asked_again(tmp_path, caplog):
    async with housed(tmp_path, documents=with_command(PROGRAM)) as house:
        document = await sent(house, b"neither of them", "note.txt")
        async with scanned(house), asyncio.timeout(20):
            while (await house.gateway.store.document(document)).attempts < 3:
                pass
        told = (await house.get(f"/v1/documents/{document}")).json
        assert (told["state"], told["reason"]) == ("quarantine", None)
        assert len([line for line in caplog.messages if "ended with 2; it is asked again" in line]) == 1
        numbers = (await house.get("/metrics", "operator")).body.decode()
        assert "guichet_documents_quarantined 1.0" in numbers
        assert 'guichet_document_scans_total{result="failed"} 0.0' not in numbers


async def test_a_program_that_is_not_there_is_a_scanner_that_fails(tmp_path):
    settings = DocumentSettings(scanner=ScannerSettings(command="/nowhere/scan -", retry=SOON))
    async with housed(tmp_path, documents=settings) as house:
        document = await sent(house)
        async with scanned(house), asyncio.timeout(20):
            while "cannot be run" not in ((await house.gateway.store.document(document)).reason or ""):
                pass


class Service:
    """A scanner behind a socket: keeps what it was asked; the first time it is down."""

    def __init__(self) -> None:
        self.down, self.asked = True, asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        if self.down:
            self.down = False
            return web.Response(status=503)
        await self.asked.put((request.headers["Authorization"], await request.json()))
        return web.Response(status=202)


@asynccontextmanager
async def service():
    made, application = Service(), web.Application()
    application.router.add_post("/scan", made.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield made, f"http://127.0.0.1:{runner.addresses[0][1]}/scan"
    finally:
        await runner.cleanup()


async def test_a_service_fetches_the_document_and_answers_when_it_likes(tmp_path, monkeypatch):
    monkeypatch.setenv("SCANNER_TOKEN", "its own")
    async with service() as (made, url):
        chosen = ScannerSettings(url=url, token_env="SCANNER_TOKEN", retry=SOON)
        async with housed(tmp_path, documents=DocumentSettings(scanner=chosen)) as house, scanned(house):
            clean, harmful = await sent(house), (await send(house, PNG, caller="rival")).json["id"]
            async with asyncio.timeout(20), ClientSession() as session:
                for _ in range(2):
                    token, question = await made.asked.get()
                    body = PDF if question["document"] == clean else PNG
                    assert (token, question["sha256"], question["size"]) == ("Bearer its own", digest(body), len(body))
                    async with session.get(question["content"]) as answer:
                        assert await answer.read() == body
                    async with session.post(f"{question['answer']}&verdict=perhaps") as answer:
                        assert answer.status == 400
                    verdict = "clean" if body is PDF else "infected&reason=Harmful-Test"
                    for expected in 200, 404:  # the second time the token is worth nothing
                        async with session.post(f"{question['answer']}&verdict={verdict}") as answer:
                            assert answer.status == expected
                    async with session.get(question["content"]) as answer:
                        assert answer.status == 404
            assert (await until(house, clean, "available"))["reason"] is None
            assert (await until(house, harmful, "rejected", "rival"))["reason"] == "Harmful-Test"


@pytest.mark.parametrize(
    "wrong",
    [
        {"command": "scan", "url": "http://x"},
        {"url": "ftp://x"},
        {"answer": 0.0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ValueError):
        ScannerSettings(**wrong)


def test_a_token_that_is_not_there_is_told_of_at_the_start(monkeypatch, tmp_path):
    monkeypatch.delenv("SCANNER_TOKEN", raising=False)
    chosen = DocumentSettings(scanner=ScannerSettings(url="http://x", token_env="SCANNER_TOKEN"))
    settings = bootstrap.Settings(database=f"sqlite:///{tmp_path}/x.db", documents=chosen)
    with pytest.raises(bootstrap.SettingsError, match="SCANNER_TOKEN.*is not set"):
        bootstrap.build(settings)
