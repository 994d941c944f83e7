"""Who looks for harm in documents: a program of this host, or a service that is asked by HTTP.

Rule: only a clear answer is one; whatever else happens is `Unanswered`, and the document stays where it is. Reason: a
scanner that failed, or that was reached at a wrong address, has found nothing out.
"""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterable

import aiohttp
import msgspec

from adapters.port import Scan, Unanswered, Verdict

CLEAN, INFECTED = 0, 1  # what a scanner's program ends with, as those of ClamAV do
LONGEST_ANSWER = 64 * 1024
ASKED = frozenset({200, 202, 204})


class CommandScanner:
    """A program that reads a document from its standard input; what it writes first is the reason, if it found one."""

    def __init__(self, command: str) -> None:
        """Raises ValueError for what is no command line."""
        self._command = shlex.split(command)

    async def ask(self, scan: Scan, content: AsyncIterable[bytes]) -> Verdict | None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=None
            )
        except OSError as error:
            raise Unanswered(f"{self._command[0]} cannot be run: {error.strerror}") from error
        try:
            _, said = await asyncio.gather(_feed(process, content), _answer(process))
            ended = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if ended not in (CLEAN, INFECTED):
            raise Unanswered(f"{self._command[0]} ended with {ended}")
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return Verdict(ended == INFECTED, lines[0] if lines else None)

    async def close(self) -> None:
        """Programs end with what they were asked."""


async def _feed(process: asyncio.subprocess.Process, content: AsyncIterable[bytes]) -> None:
    """One that has seen enough may stop reading."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        async for block in content:
            process.stdin.write(block)
            await process.stdin.drain()
    with contextlib.suppress(ConnectionError):
        process.stdin.close()
        await process.stdin.wait_closed()


async def _answer(process: asyncio.subprocess.Process) -> bytes:
    """The beginning of what it writes; all of it is read, so that it does not wait for that."""
    assert process.stdout is not None
    kept = bytearray()
    while block := await process.stdout.read(LONGEST_ANSWER):
        kept += block[: LONGEST_ANSWER - len(kept)]
    return bytes(kept)


class HttpScanner:
    """A service that is told of a document by a POST of JSON, and fetches it, and answers, in its own time."""

    def __init__(self, url: str, *, token: str | None, timeout: float) -> None:
        self._url, self._token, self._timeout = url, token, timeout
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, scan: Scan, content: AsyncIterable[bytes]) -> Verdict | None:
        headers = {"Content-Type": "application/json", "User-Agent": "guichet"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        self._session = self._session or aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        limit = aiohttp.ClientTimeout(total=self._timeout)
        body = msgspec.json.encode(scan)
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False, timeout=limit
            ) as answer:
                if answer.status not in ASKED:
                    raise Unanswered(f"the scanner answered {answer.status}")
        except TimeoutError as error:
            raise Unanswered(f"the scanner did not answer within {self._timeout:g} s") from error
        except aiohttp.ClientError as error:
            raise Unanswered("the scanner was not reached") from error
        return None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
