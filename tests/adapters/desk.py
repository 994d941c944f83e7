"""A stand-in gateway, permit requests to lodge, and virtual agencies as real processes."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from datamodel.codecs import read, write
from datamodel.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
# Three goods items: orchid plants (06029091), cut orchids (06031300), flower pots (69120023).
SAMPLE = json.loads((SCHEMAS / "samples" / "import-orchids-thailand.json").read_text(encoding="utf-8"))
SECONDS = 15.0


def permit_request(delivery_id: str = "D-1", agency: str = "PHS", **changes: Any) -> dict[str, Any]:
    """A permit request as its JSON."""
    requirements = [
        {
            "ID": f"XZ-{agency}-{number}",
            "LPCOTypeCode": kind,
            "Purpose": "Keep out pests",
            "LegalBasis": "Plant Health Act",
            "SequenceNumeric": [number],
        }
        for number, kind in enumerate(("N851", "C085", "N851"), 1)
    ]
    content = {
        "DeliveryID": delivery_id,
        "DeclarationID": "26XZ0000000000001A",
        "AgencyCode": agency,
        "IssueDateTime": "2026-01-30T08:00:00.000Z",
        "DueDateTime": "2026-01-31T08:00:00.000Z",
        "Requirement": requirements,
        "od:Declaration": SAMPLE["MetaData"]["Declaration"],
    }
    return {"PermitRequest": content | changes}


def agency_notice(kind: str = "answer", number: int = 2, delivery_id: str = "D-1", agency: str = "PHS") -> bytes:
    """A notice as JSON."""
    content = {
        "NoticeID": f"{delivery_id}.{number}",
        "NoticeCode": kind,
        "DeliveryID": delivery_id,
        "DeclarationID": "26XZ0000000000001A",
        "AgencyCode": agency,
        "IssueDateTime": "2026-01-30T09:00:00.000Z",
        "Description": "Something was said.",
    }
    answered = {"Query": {"ID": f"{agency}-1", "Text": "Which lot?"}, "AnswerText": "Lot 17"}
    return json.dumps({"AgencyNotice": content | (answered if kind == "answer" else {})}).encode()


def as_json(request: dict[str, Any]) -> bytes:
    """Bytes of a permit request."""
    return json.dumps(request).encode()


def as_xml(registry: Registry, request: dict[str, Any]) -> bytes:
    """The same permit request as XML."""
    return write(read(registry, as_json(request), "json", message="guichet/1/PermitRequest"), "xml")


def decision(registry: Registry, body: bytes, media: str = "application/json") -> dict[str, Any]:
    """A decision as its JSON, after it was found valid. Raises Refused."""
    parsed = read(registry, body, "xml" if media.endswith("xml") else "json", message="guichet/1/Decision")
    content: dict[str, Any] = json.loads(write(parsed, "json"))["Decision"]
    return content


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask until the answer is yes, for a bounded time."""
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.02)


class Desk:
    """The gateway as an agency sees it. `answers` are the statuses of the next decisions posted; after them, 200.

    A status of 0 drops the connection. `inbox` maps delivery ids to requests; pages hold two.
    """

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.posts: asyncio.Queue[tuple[str, dict[str, str], bytes]] = asyncio.Queue()
        self.inbox: dict[str, bytes] = {}
        self.notices: dict[str, bytes] = {}
        self.looks: list[str | None] = []
        self.media = "application/json"

    def callback(self, delivery_id: str = "D-1") -> str:
        """Where the decision on a delivery goes."""
        return f"{self.url}/v1/agency/deliveries/{delivery_id}/decision"

    async def posted(self) -> tuple[str, dict[str, str], bytes]:
        """The next decision posted: delivery id, headers, body."""
        return await asyncio.wait_for(self.posts.get(), SECONDS)

    async def take(self, request: web.Request) -> web.Response:
        """POST decision."""
        headers = dict(request.headers.items())
        self.posts.put_nowait((request.match_info["id"], headers, await request.read()))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0 and request.transport is not None:
            request.transport.abort()
        if status == 200:
            self.inbox.pop(request.match_info["id"], None)
        return web.json_response({}, status=status or 500)

    async def list(self, request: web.Request) -> web.Response:
        """GET inbox."""
        self.looks.append(request.headers.get("Authorization"))
        after = request.query.get("after", "")
        waiting = sorted(each for each in self.inbox if each > after)
        page = [
            {"id": each, "mrn": "M", "media": self.media, "due_at": "", "href": f"/v1/agency/deliveries/{each}"}
            for each in waiting[:2]
        ]
        return web.json_response({"deliveries": page, "next": waiting[1] if len(waiting) > 2 else None})

    async def fetch(self, request: web.Request) -> web.Response:
        """GET one delivery."""
        return web.Response(body=self.inbox[request.match_info["id"]], content_type=self.media)

    async def list_notices(self, request: web.Request) -> web.Response:
        """GET notices."""
        return web.json_response({"notices": [{"id": each} for each in self.notices], "next": None})

    async def fetch_notice(self, request: web.Request) -> web.Response:
        """GET one notice."""
        return web.Response(body=self.notices[request.match_info["id"]], content_type=self.media)

    async def acknowledge(self, request: web.Request) -> web.Response:
        """POST that a notice was taken."""
        del self.notices[request.match_info["id"]]
        return web.json_response({})


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """A stand-in gateway on a free port."""
    made = Desk()
    app = web.Application()
    app.router.add_get("/v1/agency/deliveries", made.list)
    app.router.add_get("/v1/agency/deliveries/{id}", made.fetch)
    app.router.add_post("/v1/agency/deliveries/{id}/decision", made.take)
    app.router.add_get("/v1/agency/notices", made.list_notices)
    app.router.add_get("/v1/agency/notices/{id}", made.fetch_notice)
    app.router.add_post("/v1/agency/notices/{id}/acknowledgement", made.acknowledge)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


class Process:
    """A virtual agency that runs."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.url = url
        self.session = session

    async def ledger(self) -> dict[str, Any]:
        """What it has in its book."""
        async with self.session.get(f"{self.url}/ledger") as answer:
            content: dict[str, Any] = await answer.json()
            return content

    async def post(
        self, body: bytes, callback: str, media: str = "application/json"
    ) -> tuple[int, bytes, dict[str, str]]:
        """Deliver; status, body and headers of the answer."""
        headers = {"Content-Type": media, "Guichet-Callback": callback}
        async with self.session.post(self.url, data=body, headers=headers) as answer:
            return answer.status, await answer.read(), dict(answer.headers.items())

    async def settled(self, delivery_id: str, steps: int = 1) -> list[dict[str, Any]]:
        """Wait until that many steps of a delivery were told; the answer lines."""
        lines: list[dict[str, Any]] = []

        async def told() -> bool:
            lines[:] = [line for line in (await self.ledger())["answers"] if line["delivery_id"] == delivery_id]
            return len(lines) >= steps

        await until(told)
        return lines

    async def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        await self.process.wait()


async def run(*arguments: str) -> tuple[int, str, str]:
    """Run the simulator to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.simulator",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    return process.returncode or 0, out.decode(), err.decode()


@contextlib.asynccontextmanager
async def agency(
    folder: Path, behaviour: str = "", *, gateway: str | None = None, code: str = "PHS"
) -> AsyncIterator[Process]:
    """A virtual agency with these lines of behaviour as a process; its ledger is in the folder and stays there."""
    toml = folder / "behaviour.toml"
    toml.write_text(f"[{code}]\n{behaviour}\n", encoding="utf-8")
    arguments = ["--code", code, "--behaviour", str(toml), "--ledger", str(folder / "ledger.jsonl")]
    if gateway is not None:
        arguments += ["--gateway", gateway, "--token-env", "AGENCY_KEY"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "adapters.simulator",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "AGENCY_KEY": "gk_agency"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), SECONDS))
        assert ready["code"] == code
        async with aiohttp.ClientSession() as session:
            yield Process(process, ready["url"], session)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), SECONDS) == 0
