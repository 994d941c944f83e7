"""Declarations accepted a second, against a handler that stores nothing and against a plain stack, in the same rounds.

All three servers stand ready all the time and are driven by turns, so that a slow moment of the machine falls on each
alike. The declarations go to no agency: what follows an acceptance is another group.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from perf.options import Options
from perf.peers.host import Unavailable
from perf.results import Row
from perf.service import processes
from perf.service.declarations import corpus_files, sample_files, unwanted
from perf.service.loading import Driver, Run, rate_row, rounds, spent_row, time_rows
from perf.service.processes import Server

GROUP = "service"
FLOOR, PEER = "bare handler", "plain stack"
HALF = 0.5
PARTS = (0.25, HALF, 0.75)  # of the greatest rate


def run(options: Options) -> list[Row]:
    """The corpus stripped, and our own samples."""
    rows: list[Row] = []
    with processes.work_folder() as place:
        options.note(f"database on {processes.disk(place)}, {options.workers} worker(s), synchronous FULL")
        for case, files in {"stripped": corpus_files(), "own": sample_files()}.items():
            if not files:
                options.note("the corpus is not here (GUICHET_CORPUS names its folder): the case is left out")
                continue
            inside = place / case
            inside.mkdir()
            driver = Driver(unwanted(files, inside), inside / "declarations")
            options.note(f"{case}: {driver.about} that go to no agency")
            rows += _case(case, driver, inside, options)
            rows.append(driver.share_row(GROUP, case, options))
    return rows


def _case(case: str, driver: Driver, place: Path, options: Options) -> list[Row]:
    with ExitStack() as servers:
        ours = servers.enter_context(processes.gateway(place / "gateway", options.workers))
        floor = servers.enter_context(processes.bare_handler(place, options.workers))
        stood = [ours, floor]
        try:
            stood.append(servers.enter_context(processes.plain_stack(place, options.workers)))
        except Unavailable as reason:
            options.note(f"the {PEER} is left out: {reason}")
        options.say(f"  {case}: greatest rates")
        seconds = options.choose(2.0, 3.0, 10.0)
        runs = {each.name: partial(driver.drive, each, seconds, warm=1) for each in stood}
        rows = _greatest(case, rounds(runs, options.choose(2, 4, 9), options.seed))
        return rows + list(_paced(case, driver, {"accept": ours, FLOOR: floor}, rows[0].value, options))


def _greatest(case: str, found: dict[str, list[Run]]) -> list[Row]:
    """The gateway's rate first, against the floor."""
    own, floor, peer = found["gateway"], found[FLOOR], found.get(PEER)
    rows = [rate_row(GROUP, f"accept / {FLOOR}", case, own, floor, FLOOR)]
    if peer:
        rows.append(rate_row(GROUP, f"accept / {PEER}", case, own, peer, PEER))
        rows.append(rate_row(GROUP, PEER, case, peer, floor, FLOOR))
    return [
        *rows,
        rate_row(GROUP, FLOOR, case, floor),
        spent_row(GROUP, f"processor time, {FLOOR}", case, floor),
        spent_row(GROUP, "processor time, accept", case, own, floor, f"processor time, {FLOOR}"),
        *time_rows(GROUP, "accept at the greatest rate", case, own),
    ]


def _paced(case: str, driver: Driver, servers: dict[str, Server], greatest: float, options: Options) -> Iterator[Row]:
    """Times at parts of the gateway's greatest rate; at half of it, those of the floor under the same rate as well."""
    seconds = options.choose(3.0, 4.0, 20.0)
    for part in PARTS:
        options.say(f"  {case}: {part:.0%} of the greatest rate")
        driven = {name: each for name, each in servers.items() if part == HALF or name != FLOOR}
        runs = {
            name: partial(driver.drive, each, seconds, warm=1, rate=greatest * part) for name, each in driven.items()
        }
        for name, found in rounds(runs, options.choose(1, 3, 5), options.seed).items():
            yield from time_rows(GROUP, f"{name} at {part:.0%}", case, found)
