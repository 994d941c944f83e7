"""The command line until it has answered, the server until it is ready, against an interpreter's own start.

Time is that of the clock on the wall, since files are read and processes started; the first round fills the caches.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from time import perf_counter

import msgspec

from perf.options import ROOT, Options
from perf.results import Row
from perf.timing import interleave

GROUP = "start"
BARE, LIBRARIES = "python -c pass", "python -c 'import lxml.etree, msgspec, aiohttp'"
HELP, SERVE = "guichet --help", "guichet serve, until ready"
READY = "Guichet is ready"
AGAINST = {BARE: None, LIBRARIES: None, HELP: BARE, SERVE: LIBRARIES}


def run(options: Options) -> list[Row]:
    """Rounds of all four, in an order shuffled anew."""
    works: dict[str, Callable[[], None]] = {
        BARE: lambda: _to_the_end("-c", "pass"),
        LIBRARIES: lambda: _to_the_end("-c", "import lxml.etree, msgspec, aiohttp"),
        HELP: lambda: _to_the_end("-m", "gateway", "--help"),
        SERVE: _until_ready,
    }
    rounds = options.choose(quick=3, usual=11, full=31)
    options.say(f"  {len(works)} starts, {rounds} rounds")
    timed = {name: (lambda _, work=work: _seconds(work)) for name, work in works.items()}
    times = interleave(timed, 1, rounds, options.seed, warm=1)
    return [_in_seconds(times.row(GROUP, name, "warm cache", AGAINST[name])) for name in works]


def _seconds(work: Callable[[], None]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def _in_seconds(row: Row) -> Row:
    low, high = (None if each is None else each / 1e6 for each in (row.low, row.high))
    return msgspec.structs.replace(row, value=row.value / 1e6, low=low, high=high, unit="s")


def _to_the_end(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _until_ready() -> None:
    """A gateway on a new database, without settings; it is told to stop once it has said that it is ready."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GUICHET_")}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--log-level", "error"]
        database = f"sqlite:///{folder}/gateway.db"
        process = subprocess.Popen(
            [*command, "--database", database], cwd=ROOT, env=plain, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        with process:
            said = process.stdout.readline()
            process.terminate()
        if not said.startswith(READY):
            raise RuntimeError(f"the gateway did not start: {said}")
