"""Child processes of the demo: started with a log each, waited for until they are ready, stopped together.

They stand in sessions of their own, so that Ctrl-C reaches the demo alone and it can stop them in order. Should the
demo itself be killed, the kernel kills them (on Linux; elsewhere they have to be stopped by hand).
"""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from gateway.leash import leash
from gateway.settings import PREFIX

START_SECONDS = 20.0
STOP_SECONDS = 10.0
LAST_LINES = 10


class Child(NamedTuple):
    """A program that runs, and the line by which it said that it is ready."""

    process: asyncio.subprocess.Process
    ready: str


class NotStarted(Exception):
    """A child ended, or was not ready in time. The text names it and says how its log ends."""


def free_port() -> int:
    """A port of this host that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Children:
    """A group of running programs, as an async context: leaving it stops them all."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        # Settings of the shell that the demo runs in are for another gateway.
        self._surroundings = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(self.stop(name) for name in list(self._running)))

    def log(self, name: str) -> Path:
        """Where a child's output goes."""
        return self._logs / f"{name}.log"

    def _last_words(self, name: str) -> str:
        lines = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return ":\n  " + "\n  ".join(lines) if lines else ""

    async def start(self, name: str, arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Child:
        """Run `python ARGUMENTS` until it says that it is ready, by its first line on standard output.

        Raises NotStarted.
        """
        with self.log(name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # our packages, not a folder of the same name that the demo happens to be started in
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**self._surroundings, **(env or {})},
                start_new_session=True,
                preexec_fn=leash(os.getpid()),
            )
        self._running[name] = process
        return Child(process, await self._ready(name, process))

    async def _ready(self, name: str, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None  # it is a pipe, as asked for above
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        except TimeoutError:
            raise NotStarted(f"{name} is not ready after {START_SECONDS:g} s{self._last_words(name)}") from None
        if not line:
            raise NotStarted(f"{name} ended before it was ready{self._last_words(name)}")
        return line.decode().strip()

    async def stop(self, name: str) -> None:
        """Ask a child to end, and make it where it does not. One that has ended already is only forgotten."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
