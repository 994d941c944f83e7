"""Small requests while big messages are worked on: what one sender's ten megabytes do to everybody else.

Declarations are lodged at a modest, steady rate, and are timed from when each was due. Meanwhile one sender posts a big
message to a dry run or a conversion, over and over. The ratio is between runs with and without that sender, by turns.
"""

import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from time import perf_counter

from datamodel.registry import Registry
from perf.data import CARGO, DEC, goods_items, manifest
from perf.options import SCHEMAS, Options
from perf.results import Row
from perf.service import processes
from perf.service.declarations import corpus_files, sample_files, unwanted
from perf.service.loading import Driver, Run, quartiles, rounds, time_rows
from perf.service.processes import Server
from perf.service.repeating import repeating

GROUP, ALONE = "stalls", "small, alone"
RATE = 40.0  # small requests a second
PATIENCE_SECONDS = 300.0
PATHS = {"validated": "/v1/validations", "converted": "/v1/conversions"}


def run(options: Options) -> list[Row]:
    """A declaration of 999 items and a manifest of 10,000 consignments."""
    registry = Registry.load(SCHEMAS)
    consignments = options.choose(1_000, 10_000)
    big = {
        "999 items": (DEC, goods_items(registry, 999, options.seed)),
        f"{consignments:,} consignments": (CARGO, manifest(registry, consignments, options.seed)),
    }
    rows: list[Row] = []
    with processes.work_folder() as place, ExitStack() as servers:
        driver = Driver(unwanted(corpus_files() or sample_files(), place), place / "declarations")
        options.note(f"{RATE:g} a second of {driver.about}, {options.workers} worker(s)")
        ours = servers.enter_context(processes.gateway(place / "gateway", options.workers))
        for case, (message, body) in big.items():
            options.note(f"{case}: {len(body) / 1e6:.1f} MB as XML")
            rows += _case(case, driver, ours, message, body, options)
    return rows


def _case(case: str, driver: Driver, ours: Server, message: str, body: bytes, options: Options) -> list[Row]:
    small = partial(driver.drive, ours, options.choose(4.0, 6.0, 20.0), warm=0.5, rate=RATE, connections=64)
    senders = {name: Sender(ours, path, message, body) for name, path in PATHS.items()}
    options.say(f"  {case}")
    runs: dict[str, Callable[[], Run]] = {"alone": small}
    runs |= {name: partial(_beside, sender, small) for name, sender in senders.items()}
    found = rounds(runs, options.choose(1, 3, 5), options.seed)
    alone = found["alone"]
    rows = time_rows(GROUP, ALONE, case, alone)
    for name, sender in senders.items():
        low, middle, high = quartiles(sender.seconds)
        rows.append(Row(GROUP, f"big, {name}", case, middle * 1000, "ms", low * 1000, high * 1000))
        rows += time_rows(GROUP, f"small, while big is {name}", case, found[name], alone, ALONE)
    return rows


class Sender:
    """Posts one message; `seconds` are the times of the answers."""

    def __init__(self, server: Server, path: str, message: str, body: bytes) -> None:
        headers = {
            "Authorization": f"Bearer {server.key}",
            "Content-Type": "application/xml",
            "Accept": "application/json",
            "Guichet-Message": message,
        }
        self.seconds: list[float] = []
        self._request = urllib.request.Request(server.url + path, body, headers)

    def send(self) -> None:
        """Once."""
        begun = perf_counter()
        with urllib.request.urlopen(self._request, timeout=PATIENCE_SECONDS) as answer:
            answer.read()
        self.seconds.append(perf_counter() - begun)


def _beside(sender: Sender, small: Callable[[], Run]) -> Run:
    with repeating(sender.send):
        return small()
