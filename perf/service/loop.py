"""The full loop: a declaration accepted, three agencies asked over HTTP, all decided, the response fetched.

Two things are set beside it in the same rounds. The *floor* is the bare handler making the same exchanges: it parses
and validates the declaration, posts as many bytes to the same agencies, answers the trader's question; it decides
nothing and stores nothing. *Accept* is the same declaration taken by a gateway whose agencies stay silent: what the
loop costs on top of it is the deliveries, the decisions and the response.
"""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from perf.options import Options
from perf.results import Row
from perf.service import processes
from perf.service.declarations import HTTP_AGENCIES, for_three_agencies
from perf.service.load import POINTS, percentile
from perf.service.loading import Driver, Run, rate_row, rounds, spent_row, time_rows
from perf.service.processes import Server

GROUP, CASE = "loop", "three agencies"
FLOOR, ACCEPT, LOOPS = "floor: the same exchanges", "accept", "loops"
IN_FLIGHT = 64
HALF = 0.5


def run(options: Options) -> list[Row]:
    """Greatest rates by turns, then times at half the gateway's greatest."""
    with processes.work_folder() as place, ExitStack() as servers:
        driver = Driver([for_three_agencies(place)], place / "declarations")
        options.note(f"database on {processes.disk(place)}, {options.workers} worker(s); {driver.about}")
        agencies = servers.enter_context(processes.agencies(place))
        urls = {code: f"{agencies.url}/{code}" for code in HTTP_AGENCIES}
        silent = dict.fromkeys(HTTP_AGENCIES, servers.enter_context(silence()))
        ours = servers.enter_context(processes.gateway(place / "loop", options.workers, urls))
        quiet = servers.enter_context(processes.gateway(place / "accept", options.workers, silent))
        warm(driver, ours)
        floor = servers.enter_context(processes.bare_handler(place, 1, list(urls.values()), projection_size(place)))
        if options.workers > 1:
            options.note("the floor of the loop runs in one process: without a store, no other could answer for it")
        rows = _greatest(driver, ours, quiet, floor, options)
        rows += _paced(driver, ours, place, rows[-1].value, options)
        return [*rows, driver.share_row(GROUP, CASE, options)]


def warm(driver: Driver, server: Server) -> None:
    """A few cases through all agencies, which also tells how long a permit request is."""
    driver.drive(server, 1, through=True, in_flight=4)


@contextmanager
def silence() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def projection_size(place: Path) -> int:
    """Mean bytes of a permit request."""
    with _ledger(place) as ledger:
        return int(ledger.execute("SELECT avg(length(body)) FROM delivery_body").fetchone()[0])


def _greatest(driver: Driver, ours: Server, quiet: Server, floor: Server, options: Options) -> list[Row]:
    options.say("  greatest rates")
    seconds = options.choose(4.0, 6.0, 20.0)
    through = partial(driver.drive, seconds=seconds, warm=1, through=True, in_flight=IN_FLIGHT)
    found = rounds(
        {
            FLOOR: partial(through, floor),
            ACCEPT: partial(driver.drive, quiet, seconds, warm=1),
            LOOPS: partial(through, ours),
        },
        options.choose(2, 3, 7),
        options.seed,
    )
    own = found[LOOPS]
    return [
        rate_row(GROUP, FLOOR, CASE, found[FLOOR]),
        rate_row(GROUP, ACCEPT, CASE, found[ACCEPT]),
        *(spent_row(GROUP, f"processor time, {name}", CASE, runs) for name, runs in found.items() if name != LOOPS),
        spent_row(GROUP, f"processor time, {LOOPS}", CASE, own, found[ACCEPT], f"processor time, {ACCEPT}"),
        *time_rows(GROUP, "loop at the greatest rate", CASE, own),
        Row(GROUP, "questions for each response", CASE, questions(own), "requests"),
        rate_row(GROUP, f"{LOOPS} / floor", CASE, own, found[FLOOR], FLOOR),
        rate_row(GROUP, f"{LOOPS} / {ACCEPT}", CASE, own, found[ACCEPT], ACCEPT),
    ]


def questions(runs: list[Run]) -> float:
    """How often a trader asked before a response said released."""
    return sum(run.load.polls for run in runs) / sum(run.load.begun for run in runs)


def _paced(driver: Driver, ours: Server, place: Path, greatest: float, options: Options) -> list[Row]:
    options.say(f"  {HALF:.0%} of the greatest rate")
    seconds = options.choose(4.0, 6.0, 30.0)
    run = partial(driver.drive, ours, seconds, warm=1, through=True, rate=greatest * HALF)
    with _ledger(place) as ledger:
        (last,) = ledger.execute("SELECT max(id) FROM declaration_case").fetchone()
        found = rounds({LOOPS: run}, options.choose(1, 3, 5), options.seed)[LOOPS]
        rows = time_rows(GROUP, f"loop at {HALF:.0%}", CASE, found)
        return rows + _released(ledger, last)


def _released(ledger: sqlite3.Connection, last: int) -> list[Row]:
    """From acceptance to release, by the ledger's own times; raises RuntimeError where a case is not released."""
    name = f"accepted to released at {HALF:.0%}"
    states = ledger.execute(
        "SELECT accepted_at, updated_at, state FROM declaration_case WHERE id > ?", (last,)
    ).fetchall()
    if any(state != "released" for _, _, state in states):
        raise RuntimeError("not every case was released")
    micros = sorted(_micros(begun, ended) for begun, ended, _ in states)
    return [Row(GROUP, f"{name}, p{point}", CASE, percentile(micros, point) / 1000, "ms") for point in POINTS]


def _micros(begun: str, ended: str) -> int:
    return round((datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds() * 1e6)


@contextmanager
def _ledger(place: Path) -> Iterator[sqlite3.Connection]:
    """The ledger of the gateway that sees loops through, to read."""
    connection = sqlite3.connect(f"file:{place / 'loop' / 'guichet.db'}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()
