"""Servers as processes of their own, started, watched and stopped: the gateway as it ships, floors and peers.

What a process took is read from the kernel, with all that it started: processor seconds, memory, the greatest memory.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from datamodel.registry import Registry
from datamodel.xsd_writer import write_bundle
from gateway.access.registration import NewAccount, register_accounts
from gateway.demo.processes import free_port
from gateway.settings import PREFIX, load
from perf.data import DEC
from perf.options import HERE, ROOT, SCHEMAS
from perf.peers.host import environment
from perf.service.load import KEY_VARIABLE

_TICKS = os.sysconf("SC_CLK_TCK")
_URL = re.compile(r"http://\S+")
START_SECONDS = 60.0
STOP_SECONDS = 20.0


class NotStarted(RuntimeError):
    """A server did not say that it is ready; the text holds the end of its log."""


class Server:
    """A process that serves at `url`. `key` is a trader's, for the gateway."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", url: str, key: str = "") -> None:
        self.name, self.url, self.key = name, url, key
        self.process = process

    @property
    def pids(self) -> list[int]:
        """The process and all that descend from it."""
        found = [self.process.pid]
        for pid in found:
            for thread in Path(f"/proc/{pid}/task").glob("*"):
                found += [int(child) for child in _told(pid, f"task/{thread.name}/children").split()]
        return found

    def cpu(self) -> float:
        """Processor seconds since the start."""
        return sum(_cpu(pid) for pid in self.pids)

    def memory(self) -> float:
        """MB resident."""
        return sum(_status(pid, "VmRSS") for pid in self.pids) / 1024

    def peak(self) -> float:
        """MB that were resident at most, since `forget_peak`."""
        return sum(_status(pid, "VmHWM") for pid in self.pids) / 1024

    def forget_peak(self) -> None:
        """Count the peak from here on (the kernel's clear_refs, 5)."""
        for pid in self.pids:
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def stop(self) -> None:
        """Ask it to end, and make it where it does not."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _cpu(pid: int) -> float:
    fields = _told(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def _status(pid: int, name: str) -> int:
    """Kilobytes."""
    found = re.search(rf"{name}:\s*(\d+)", _told(pid, "status"))
    return int(found[1]) if found else 0


def _told(pid: int, file: str) -> str:
    """What the kernel tells of a process; nothing of one that has ended meanwhile, as those for big messages do."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@contextmanager
def work_folder() -> Iterator[Path]:
    """An empty folder below perf/.work, on the disk that the repository lies on. It goes with all that is in it."""
    above = HERE / ".work"
    above.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=above, prefix="run-") as made:
        yield Path(made)


def disk(place: Path) -> str:
    """The device and the kind of file system that a folder lies on. Raises RuntimeError where that is memory."""
    mounts = [line.split()[:3] for line in Path("/proc/mounts").read_text().splitlines()]
    device, _, kind = max((each for each in mounts if place.is_relative_to(each[1])), key=lambda each: len(each[1]))
    if kind in ("tmpfs", "ramfs"):
        raise RuntimeError(f"{place} lies in memory ({kind}); durability can only be measured on a disk")
    return f"{device} ({kind})"


@contextmanager
def running(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    key: str = "",
    url: str | None = None,
) -> Iterator[Server]:
    """A server until the end of the context. It is ready with its first line, which names its address.

    One whose address is given beforehand, as `url`, is ready when it answers there.
    """
    around = {variable: value for variable, value in os.environ.items() if not variable.startswith(PREFIX)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(each) for each in command],
            stdin=subprocess.DEVNULL,
            stdout=output if url else subprocess.PIPE,
            stderr=output,
            env=around | dict(environment or {}),
            cwd=ROOT,
        )
    server = Server(name, process, url or "", key)
    try:
        _wait(server, log)
        yield server
    finally:
        server.stop()


def _wait(server: Server, log: Path) -> None:
    """Until it is ready; its address is known then. Raises NotStarted."""
    if server.url:
        ready = _answers(server)
    else:
        assert server.process.stdout is not None  # it is a pipe, as asked for
        found = _URL.search(server.process.stdout.readline().decode())
        ready, server.url = found is not None, found[0].rstrip("/") if found else ""
    if not ready:
        raise NotStarted(f"{server.name} is not ready; its log ends:\n{log.read_text(errors='replace')[-2000:]}")


def _answers(server: Server) -> bool:
    """Whether it answers anything before patience or the process ends."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            urllib.request.urlopen(server.url, timeout=START_SECONDS)
        except urllib.error.HTTPError:
            return True  # an error is an answer
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


@contextmanager
def gateway(place: Path, workers: int = 1, agencies: Mapping[str, str] | None = None) -> Iterator[Server]:
    """`guichet serve` on a database in `place`, which is made with a trader's account where there is none yet.

    Everything is as it ships, the log of every answer included.
    """
    place.mkdir(exist_ok=True)
    settings = {f"{PREFIX}DATABASE": f"sqlite:///{place / 'guichet.db'}"}
    settings |= {f"{PREFIX}AGENCIES__{code}__URL": url for code, url in (agencies or {}).items()}
    kept = place / "trader.key"
    if not kept.exists():
        (key,) = asyncio.run(register_accounts(load(None, settings), [NewAccount("measured", "trader")]))
        kept.write_text(key)
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0"]
    command += ["--workers", str(workers)] if workers > 1 else []
    with running("gateway", command, place / "gateway.log", settings, kept.read_text()) as server:
        yield server


@contextmanager
def bare_handler(place: Path, workers: int = 1, agencies: Sequence[str] = (), projection: int = 0) -> Iterator[Server]:
    """The floor for intake; with agencies' addresses, that of the full loop."""
    command = [sys.executable, "-m", "perf.peers.bare_handler", "--workers", str(workers)]
    command += ["--agencies", *agencies, "--projection", str(projection)] if agencies else []
    with running("bare handler", command, place / "bare_handler.log") as server:
        yield server


@contextmanager
def agencies(place: Path) -> Iterator[Server]:
    """Agencies that grant everything at once, each at its own path below the address."""
    command = [sys.executable, "-m", "perf.service.agencies"]
    with running("agencies", command, place / "agencies.log") as server:
        yield server


@contextmanager
def plain_stack(place: Path, workers: int = 1) -> Iterator[Server]:
    """The peer, in its own environment, on a database in `place`. Raises perf.peers.host.Unavailable."""
    python = environment("plain_stack") / "python"
    bundle = place / "xsd"
    bundle.mkdir()
    files = write_bundle(Registry.load(SCHEMAS).message(DEC).model)
    for name, text in files.items():
        (bundle / name).write_bytes(text)
    settings = {
        "SCHEMA": str(bundle / next(iter(files))),
        "DATABASE": str(place / "plain_stack.db"),
        "REQUIREMENTS": str(SCHEMAS / "requirements" / "xz.csv"),
        KEY_VARIABLE: "plain-stack-key",
    }
    url = f"http://127.0.0.1:{free_port()}"
    command: list[str | Path] = [python, "-m", "uvicorn", "app:app", "--app-dir", HERE / "peers" / "plain_stack"]
    command += ["--port", url.rpartition(":")[2], "--workers", str(workers)]
    with running("plain stack", command, place / "plain_stack.log", settings, settings[KEY_VARIABLE], url) as server:
        yield server
