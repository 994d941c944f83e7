"""The load tool: declarations over HTTP, as many as the server takes or so many a second, and how long each took.

Ours and not wrk: every declaration needs a reference of its own, a rate has to be kept whatever the server does (else
a stall hides the requests that it kept from being sent), and a case is followed through several requests. It runs as a
process of its own and says what part of the machine it took itself.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from perf.service.engine import Engine, Outcome, Task
from perf.service.references import declaration
from perf.service.traders import Trader

KEY_VARIABLE = "TRADER_KEY"  # a command line can be read by all
POINTS = (50, 95, 99)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one run found. `rate` counts what ended within the time; `micros` are the times, sorted.

    `lodged` counts the tasks of the time before as well, which warms up. `share` is the part of the whole machine that
    this tool took, from 0 to 1.
    """

    rate: float
    lodged: int
    begun: int
    faults: dict[str, int]
    unfinished: int
    polls: int
    share: float
    micros: list[int]

    @property
    def failed(self) -> int:
        """Tasks that did not go well."""
        return sum(self.faults.values()) + self.unfinished

    def milliseconds(self, point: float) -> float:
        """The time that `point` of a hundred tasks kept within."""
        return percentile(self.micros, point) / 1000


def percentile(ordered: list[int], point: float) -> float:
    """The nearest rank; not a number where there is nothing."""
    if not ordered:
        return float("nan")
    return ordered[max(1, ceil(len(ordered) * point / 100)) - 1]


def main() -> int:
    """0 where all went well."""
    chosen = _parser().parse_args()
    address = urlsplit(chosen.url)
    if address.hostname is None or address.port is None:
        sys.exit("--url: http://HOST:PORT is wanted")
    documents = [declaration(file.stem, file.read_bytes()) for file in chosen.files]
    trader = Trader(address.netloc, os.environ.get(KEY_VARIABLE, ""), chosen.message, documents)
    try:
        found = _run(Engine((address.hostname, address.port), chosen.connections), trader, chosen)
    except OSError as error:
        sys.exit(f"{chosen.url} cannot be reached: {error}")
    sys.stdout.buffer.write(msgspec.json.encode(found) if chosen.json else _told(found).encode())
    return 1 if found.failed else 0


def _run(engine: Engine, trader: Trader, chosen: argparse.Namespace) -> Load:
    make = trader.see_through if chosen.through else trader.lodge
    warmed = _drive(engine, make, chosen, chosen.warm).begun if chosen.warm else 0
    trader.polls, wall, spent = 0, time.perf_counter(), time.process_time()
    outcome = _drive(engine, make, chosen, chosen.seconds)
    spent, wall = time.process_time() - spent, time.perf_counter() - wall
    engine.close()
    return _load(outcome, warmed, trader.polls, spent / wall / (os.cpu_count() or 1))


def _drive(engine: Engine, make: Callable[[], Task], chosen: argparse.Namespace, seconds: float) -> Outcome:
    if chosen.rate:
        return engine.open(make, chosen.rate, seconds)
    return engine.closed(make, chosen.in_flight or chosen.connections, seconds, chosen.count)


def _load(outcome: Outcome, warmed: int, polls: int, share: float) -> Load:
    return Load(
        rate=outcome.within / outcome.span,
        lodged=warmed + outcome.begun,
        begun=outcome.begun,
        faults=dict(outcome.faults),
        unfinished=outcome.unfinished,
        polls=polls,
        share=share,
        micros=sorted(round(each * 1e6) for each in outcome.seconds),
    )


def _told(found: Load) -> str:
    points = ", ".join(f"p{point} {found.milliseconds(point):.2f} ms" for point in POINTS)
    faults = "".join(f"{number} x {text}\n" for text, number in found.faults.items())
    waiting = f"{found.unfinished} without an answer\n" if found.unfinished else ""
    return f"{found.rate:.1f} a second, {points}, tool {found.share:.1%} of the machine\n{faults}{waiting}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m perf.service.load",
        description="Lodge declarations at a gateway, each under a reference of its own, and time the answers.",
        epilog=f"The trader's API key is read from the variable {KEY_VARIABLE}. Exit code 1: not all went well.",
    )
    parser.add_argument("files", nargs="+", type=Path, help="declarations as XML; they are lodged in turn")
    parser.add_argument("--url", required=True, help="of the gateway, as http://127.0.0.1:8080")
    parser.add_argument("--message", help="the message type to name in the header Guichet-Message")
    parser.add_argument("--through", action="store_true", help="follow each case until its response says released")
    parser.add_argument("--seconds", type=float, default=10, help="how long (default: %(default)g)")
    parser.add_argument("--warm", type=float, default=0, help="seconds before that which do not count")
    parser.add_argument("--count", type=int, help="end when so many were begun (not with --rate)")
    parser.add_argument("--connections", type=int, default=32, help="kept alive (default: %(default)d)")
    parser.add_argument("--json", action="store_true", help="one JSON object, with every time in microseconds")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=float, help="so many a second, timed from when each was due")
    pace.add_argument("--in-flight", type=int, help="so many at any time (default: one for each connection)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
