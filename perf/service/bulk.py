"""Declarations in batches: as many a second as one by one, and what a batch does to those who lodge one by one.

The same documents go by turns, each under a reference of its own: one by one over as many connections as the service's
greatest rate takes, and in one call as multipart. The batch is written first and its answer read afterwards, as plain
clients do. Beside a batch, declarations are lodged at a modest, steady rate, and are timed from when each was due.
"""

import statistics
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from random import Random
from time import perf_counter
from typing import NamedTuple

import msgspec

from perf.options import Options
from perf.results import Row
from perf.service import processes
from perf.service.declarations import corpus_files, sample_files, unwanted
from perf.service.loading import PER_SECOND, Driver, Run, quartiles, rounds, time_rows
from perf.service.processes import Server
from perf.service.references import Declaration, references
from perf.service.repeating import repeating

GROUP, CASE, ALONE = "bulk", "stripped", "single, alone"
SINGLE, BULK = "single", "in a batch"
RATE = 40.0  # single declarations a second, beside a batch
PATIENCE_SECONDS = 300.0
BOUNDARY = "declarations-end-here"


def run(options: Options) -> list[Row]:
    """Rates by turns, then times beside a batch."""
    with processes.work_folder() as place:
        declarations = unwanted(corpus_files() or sample_files(), place)
        driver = Driver(declarations, place / "declarations")
        options.note(f"{CASE}: {driver.about}, {options.workers} worker(s)")
        with processes.gateway(place / "gateway", options.workers) as ours:
            batches = Batches(ours, declarations, options.choose(2_000, 5_000, 10_000))
            rows = list(_rates(driver, ours, batches, options))
            return rows + _beside(driver, ours, batches, options)


class Found(NamedTuple):
    """Declarations a second, and the processor seconds that the server spent on each."""

    rate: float
    spent: float


def _rates(driver: Driver, ours: Server, batches: "Batches", options: Options) -> Iterator[Row]:
    def single() -> Found:
        found = driver.drive(ours, options.choose(2.0, 3.0, 10.0), warm=1)
        return Found(found.load.rate, found.spent)

    runs: dict[str, Callable[[], Found]] = {SINGLE: single, BULK: batches.send}
    chance, found = Random(options.seed), {name: list[Found]() for name in runs}
    for _ in range(options.choose(2, 5, 9)):
        for name in chance.sample(list(runs), len(runs)):
            found[name].append(runs[name]())
    for name, unit, of in ("{}", PER_SECOND, _rate), ("processor time, {}", "µs", _spent):
        own, other = ([of(each) for each in found[kind]] for kind in (BULK, SINGLE))
        ratio = statistics.median(a / b for a, b in zip(own, other, strict=True))
        yield _row(name.format(BULK), unit, own, ratio, name.format(SINGLE))
        yield _row(name.format(SINGLE), unit, other)


def _rate(found: Found) -> float:
    return found.rate


def _spent(found: Found) -> float:
    return found.spent * 1e6


def _row(name: str, unit: str, values: Sequence[float], ratio: float | None = None, against: str | None = None) -> Row:
    low, middle, high = quartiles(values)
    return Row(GROUP, name, CASE, middle, unit, low, high, ratio, against)


def _beside(driver: Driver, ours: Server, batches: "Batches", options: Options) -> list[Row]:
    alone = partial(driver.drive, ours, options.choose(4.0, 6.0, 20.0), warm=0.5, rate=RATE, connections=64)

    def beside() -> Run:
        with repeating(batches.send):
            return alone()

    found = rounds({"alone": alone, "beside": beside}, options.choose(1, 3, 5), options.seed)
    return [
        *time_rows(GROUP, ALONE, CASE, found["alone"]),
        *time_rows(GROUP, "single, beside a batch", CASE, found["beside"], found["alone"], ALONE),
    ]


class Batches:
    """Sends batches of so many declarations. Raises RuntimeError where any item was not accepted."""

    def __init__(self, server: Server, declarations: Sequence[Declaration], count: int) -> None:
        self._server, self._declarations, self._count = server, declarations, count
        self._references = references()

    def send(self) -> Found:
        """One batch."""
        request, spent = self._request(), self._server.cpu()
        begun = perf_counter()
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            *_, last = answer
        seconds = perf_counter() - begun
        end = msgspec.json.decode(last)
        if end.get("accepted") != self._count:
            raise RuntimeError(f"of {self._count} declarations in a batch, {end}")
        return Found(self._count / seconds, (self._server.cpu() - spent) / self._count)

    def _request(self) -> urllib.request.Request:
        parts = []
        for each, reference in zip(islice(cycle(self._declarations), self._count), self._references, strict=False):
            head = f"--{BOUNDARY}\r\nContent-Type: application/xml\r\n\r\n".encode()
            parts += [head, each.before, reference, each.after, b"\r\n"]
        body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
        headers = {
            "Authorization": f"Bearer {self._server.key}",
            "Content-Type": f"multipart/mixed; boundary={BOUNDARY}",
            "Guichet-Message": "wco-dms/3.6/DEC",
        }
        return urllib.request.Request(f"{self._server.url}/v1/batches", body, headers)
