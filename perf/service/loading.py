"""Runs of the load tool against a server, and what their figures become as rows.

Rule: a run in which anything failed is no measurement, and raises. Reason: a server that refuses is fast.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import msgspec

from perf.data import DEC
from perf.options import ROOT, Options
from perf.results import Row
from perf.service.load import KEY_VARIABLE, POINTS, Load
from perf.service.processes import Server
from perf.service.references import Declaration

GREATEST_SHARE = 0.2  # of the machine, for the load tool
PER_SECOND = "1/s"
Flags = Mapping[str, float | int | bool]


class Run(msgspec.Struct, frozen=True):
    """What the load tool found, and the processor seconds that the server spent on each declaration meanwhile."""

    load: Load
    spent: float


class Driver:
    """Lodges one set of declarations at any server. `share` is the greatest part of the machine that the tool took."""

    def __init__(self, declarations: Sequence[Declaration], place: Path) -> None:
        self.share = 0.0
        place.mkdir()
        self._files = [place / f"{each.name}.xml" for each in declarations]
        for file, each in zip(self._files, declarations, strict=True):
            file.write_bytes(each.document)
        count, size = len(declarations), statistics.mean(each.size for each in declarations)
        self.about = f"{count} declaration{'s' * (count > 1)} of {size:,.0f} bytes"

    def drive(self, server: Server, seconds: float, **flags: float | int | bool) -> Run:
        """One run; the flags are those of `python -m perf.service.load`. Raises RuntimeError where anything failed."""
        command = [sys.executable, "-m", "perf.service.load", "--json", "--url", server.url, "--message", DEC]
        for name, value in {"seconds": seconds, **flags}.items():
            command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        spent = server.cpu()
        surroundings = os.environ | {KEY_VARIABLE: server.key}
        ended = subprocess.run(
            [*command, *map(str, self._files)], env=surroundings, cwd=ROOT, capture_output=True, check=False
        )
        if not ended.stdout:
            raise RuntimeError(f"the load tool failed at the {server.name}: {ended.stderr.decode()[-1000:]}")
        found = msgspec.json.decode(ended.stdout, type=Load)
        if found.failed or not found.micros:
            raise RuntimeError(
                f"{found.failed} of {found.begun} failed at the {server.name}: {list(found.faults.items())[:3]}, "
                f"{found.unfinished} without an answer"
            )
        self.share = max(self.share, found.share)
        return Run(found, (server.cpu() - spent) / found.lodged)

    def share_row(self, group: str, case: str, options: Options) -> Row:
        """What the tool took of the machine, at most."""
        if self.share > GREATEST_SHARE:
            options.note(f"{case}: the load tool took {self.share:.0%} of the machine, more than {GREATEST_SHARE:.0%}")
        return Row(group, "load tool's part of the machine", case, self.share * 100, "%")


def rounds(runs: Mapping[str, Callable[[], Run]], count: int, seed: int) -> dict[str, list[Run]]:
    """Every run once a round, in an order drawn anew for each."""
    chance, names = Random(seed), list(runs)
    found: dict[str, list[Run]] = {name: [] for name in runs}
    for _ in range(count):
        chance.shuffle(names)
        for name in names:
            found[name].append(runs[name]())
    return found


def rate_row(
    group: str, name: str, case: str, own: Sequence[Run], other: Sequence[Run] = (), against: str | None = None
) -> Row:
    """Median and quartiles of the rates."""
    return _row(group, name, case, PER_SECOND, [[each.load.rate for each in runs] for runs in (own, other)], against)


def spent_row(
    group: str, name: str, case: str, own: Sequence[Run], other: Sequence[Run] = (), against: str | None = None
) -> Row:
    """Processor time for each declaration: what neighbours on the machine do falls on it far less than on a rate."""
    return _row(group, name, case, "µs", [[each.spent * 1e6 for each in runs] for runs in (own, other)], against)


def _row(group: str, name: str, case: str, unit: str, found: list[list[float]], against: str | None) -> Row:
    """The ratio is the median of those within each round."""
    own, other = found
    low, middle, high = quartiles(own)
    ratio = statistics.median(a / b for a, b in zip(own, other, strict=True)) if other else None
    return Row(group, name, case, middle, unit, low, high, ratio, against)


def time_rows(
    group: str, name: str, case: str, own: Sequence[Run], other: Sequence[Run] = (), others: str | None = None
) -> list[Row]:
    """p50, p95 and p99 in ms, each the median of those of the rounds.

    The ratio is to p50; that of p99 is to the p99 of other runs, where some are given.
    """
    first, last = POINTS[0], POINTS[-1]
    held: dict[int, tuple[list[float], str | None]] = {first: ([], None)}
    if other:
        held[last] = (_milliseconds(other, last), f"{others}, p{last}")
    middle = (_milliseconds(own, first), f"{name}, p{first}")
    rows = []
    for point in POINTS:
        compared, against = held.get(point, middle)
        rows.append(_row(group, f"{name}, p{point}", case, "ms", [_milliseconds(own, point), compared], against))
    return rows


def _milliseconds(runs: Sequence[Run], point: float) -> list[float]:
    return [run.load.milliseconds(point) for run in runs]


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; of one value, three times that."""
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
