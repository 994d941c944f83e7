"""What grows with what has been taken: the time of an acceptance, the memory of the process. And a body of 1 GB.

The two ledgers that are compared are both copies of the same real cases, each served by a gateway of its own; both
stand ready and are driven by turns at one rate. Four in five cases go to no agency, the others have been through three.
"""

import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from perf.options import Options
from perf.results import Row
from perf.service import processes
from perf.service.declarations import HTTP_AGENCIES, corpus_files, for_three_agencies, sample_files, unwanted
from perf.service.loading import Driver, rounds, spent_row, time_rows
from perf.service.prefill import multiply
from perf.service.traders import LODGE
from perf.service.upload import stream

GROUP = "scale"
FEW = 1_000
GIGABYTE = 10**9
HALF = 0.5
MB = 1e6
SEEDS = {False: 160, True: 40}  # real cases that the ledgers are copied from, by whether they go through agencies
PATIENCE_SECONDS = 3600.0


def run(options: Options) -> list[Row]:
    """Stored cases, memory over many declarations, a body of 1 GB."""
    with processes.work_folder() as place:
        options.note(f"database on {processes.disk(place)}, {options.workers} worker(s)")
        driver = Driver(unwanted(corpus_files() or sample_files(), place), place / "declarations")
        rows = _stored(driver, place, options.choose(10_000, 100_000, 1_000_000), options)
        rows += _memory(driver, place, *options.choose((500, 2_000), (2_000, 10_000), (10_000, 100_000)), options)
        return rows + _uploads(place, options)


def _stored(driver: Driver, place: Path, many: int, options: Options) -> list[Row]:
    """The time of an acceptance with few and with many cases in the ledger."""
    cases = f"{many:,} stored, against {FEW:,}"
    names = {count: f"accept, {count:,} stored" for count in (FEW, many)}
    ledgers = _ledgers(driver, place, tuple(names), options)
    size = (ledgers[many] / "guichet.db").stat().st_size
    with ExitStack() as servers:
        few, more = (servers.enter_context(processes.gateway(each, options.workers)) for each in ledgers.values())
        seconds = options.choose(3.0, 6.0, 30.0)
        for server in (more, few):
            greatest = driver.drive(server, seconds, warm=1).load.rate
        runs = {
            name: partial(driver.drive, server, seconds, warm=1, rate=greatest * HALF)
            for name, server in zip(names.values(), (few, more), strict=True)
        }
        options.say(f"  {cases}, {greatest * HALF:.0f} a second")
        found = rounds(runs, options.choose(2, 4, 5), options.seed)
    rows = time_rows(GROUP, names[FEW], cases, found[names[FEW]])
    rows += time_rows(GROUP, names[many], cases, found[names[many]], found[names[FEW]], names[FEW])
    spent = f"processor time, {FEW:,} stored"
    rows.append(spent_row(GROUP, spent, cases, found[names[FEW]]))
    more_spent = f"processor time, {many:,} stored"
    rows.append(spent_row(GROUP, more_spent, cases, found[names[many]], found[names[FEW]], spent))
    shutil.rmtree(ledgers[many])
    return [Row(GROUP, "ledger", cases, size / MB, "MB"), *rows]


def _ledgers(driver: Driver, place: Path, counts: tuple[int, ...], options: Options) -> dict[int, Path]:
    """A folder with a ledger for each number of cases, and the trader's key beside it."""
    seed = place / "seed"
    with processes.agencies(place) as agencies:
        urls = {code: f"{agencies.url}/{code}" for code in HTTP_AGENCIES}
        through = Driver([for_three_agencies(place)], place / "for-agencies")
        with processes.gateway(seed, 1, urls) as gateway:
            driver.drive(gateway, PATIENCE_SECONDS, count=SEEDS[False])
            through.drive(gateway, PATIENCE_SECONDS, count=SEEDS[True], through=True)
    each = (seed / "guichet.db").stat().st_size / sum(SEEDS.values())
    free = shutil.disk_usage(place).free
    if free < 2 * each * sum(counts):
        raise RuntimeError(
            f"{each * sum(counts) / MB:,.0f} MB for the ledgers; of {free / MB:,.0f} MB that is too much"
        )
    made = {}
    for count in counts:
        options.say(f"  a ledger of {count:,} cases")
        made[count] = place / f"stored-{count}"
        shutil.copytree(seed, made[count])
        multiply(made[count] / "guichet.db", count)
    return made


def _memory(driver: Driver, place: Path, early: int, late: int, options: Options) -> list[Row]:
    """Resident memory of the gateway after so many declarations over HTTP."""
    case = f"{late:,} accepted, against {early:,}"
    with processes.gateway(place / "memory", options.workers) as gateway:
        options.say(f"  {case}")
        start = gateway.memory()
        driver.drive(gateway, PATIENCE_SECONDS, count=early)
        first = gateway.memory()
        driver.drive(gateway, PATIENCE_SECONDS, count=late - early)
        second = gateway.memory()
    shutil.rmtree(place / "memory")
    before = f"memory after {early:,}"
    return [
        Row(GROUP, "memory when ready", case, start, "MB"),
        Row(GROUP, before, case, first, "MB"),
        Row(GROUP, f"memory after {late:,}", case, second, "MB", ratio=second / first, against=before),
        Row(GROUP, "growth of memory", case, second - first, "MB"),
    ]


def _uploads(place: Path, options: Options) -> list[Row]:
    """How far memory grows while a body of 1 GB is refused."""
    rows = []
    for case, chunked in {"1 GB with Content-Length": False, "1 GB in chunks": True}.items():
        with processes.gateway(place / "upload", options.workers) as gateway:
            options.say(f"  {case}")
            refusal = stream(gateway, LODGE, GIGABYTE, chunked)
        if not 400 <= refusal.status < 500:
            raise RuntimeError(f"{case} was answered with {refusal.status}")
        options.note(f"{case}: {refusal.status} after {refusal.sent:,.0f} MB")
        rows.append(Row(GROUP, "growth of memory at its peak", case, refusal.growth, "MB"))
    return rows
