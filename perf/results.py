"""What a measurement leaves behind: rows, kept by group in perf/results.json with the machine that they were taken on.

Ratios travel between machines, values do not, and rows of two machines are never mixed: a run on another machine
starts a new file. Running one group again replaces its rows and leaves the others.
"""

import os
import platform
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec
from lxml import etree
from rich.table import Table

from perf.options import HERE

RESULTS = HERE / "results.json"
LIBRARIES = ("lxml", "msgspec", "aiohttp", "uvloop")
TIMES = {"s": 1.0, "ms": 1e3, "µs": 1e6}


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One figure. `value` is a median, `low` and `high` its quartiles (or what the README says of the group).

    `ratio` is the value over that of the row `against` of the same group and case; a floor has none.
    """

    group: str
    name: str
    case: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    against: str | None = None


class Machine(msgspec.Struct, frozen=True):
    """Where figures were taken."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str


class Measured(msgspec.Struct, frozen=True):
    """One run of one group."""

    date: str
    mode: str
    libraries: dict[str, str]
    rows: list[Row]
    notes: list[str] = []


class Results(msgspec.Struct, frozen=True):
    """All that perf/results.json holds."""

    machine: Machine
    groups: dict[str, Measured] = {}

    @property
    def rows(self) -> list[Row]:
        """The rows of all groups."""
        return [row for measured in self.groups.values() for row in measured.rows]


def this_machine() -> Machine:
    """The facts that a reader needs to judge an absolute figure."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gb=round(pages / 2**30, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def measured(rows: Sequence[Row], notes: Sequence[str], mode: str) -> Measured:
    """What a group found, dated, with the versions that it ran on."""
    libraries = {name: metadata.version(name) for name in LIBRARIES if _installed(name)}
    libraries |= {"libxml2": ".".join(map(str, etree.LIBXML_VERSION)), "sqlite": sqlite3.sqlite_version}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Measured(now, mode, libraries, list(rows), list(notes))


def _installed(name: str) -> bool:
    return bool(list(metadata.distributions(name=name)))


def load(file: Path = RESULTS) -> Results | None:
    """What was measured last, or None where nothing was."""
    return msgspec.json.decode(file.read_bytes(), type=Results) if file.exists() else None


def merge(machine: Machine, before: Results | None, found: Mapping[str, Measured]) -> Results:
    """The groups just measured over those measured before on the same machine."""
    kept = dict(before.groups) if before and before.machine == machine else {}
    return Results(machine, kept | dict(found))


def save(results: Results, file: Path = RESULTS) -> None:
    """Written beside and moved into place, so that an interrupted run leaves the last results whole."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    aside.replace(file)


def table(results: Results, groups: Iterable[str] | None = None) -> Table:
    """All rows, or those of some groups, as one table."""
    machine = results.machine
    shown = Table(
        title=f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb} GB, Python {machine.python}",
        caption="ratio: how many times the row named in the last column; low and high: quartiles",
    )
    for heading in ("group", "what", "case"):
        shown.add_column(heading)
    for heading in ("median", "low", "high", "ratio"):
        shown.add_column(heading, justify="right")
    shown.add_column("against")
    wanted = list(results.groups) if groups is None else [group for group in groups if group in results.groups]
    for group in wanted:
        for row in results.groups[group].rows:
            shown.add_row(group, row.name, row.case, *_figures(row), row.against or "")
        shown.add_section()
    return shown


def _figures(row: Row) -> list[str]:
    spread = [_number(value) for value in (row.low, row.high)]
    return [f"{_number(row.value)} {row.unit}", *spread, _number(row.ratio)]


def _number(value: float | None) -> str:
    """Three digits that count, never an exponent."""
    if value is None:
        return ""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return f"{value:,.{places}f}"


def in_time_unit(row: Row) -> bool:
    """Whether the value is a time, which no budget may judge."""
    return any(part in TIMES for part in row.unit.replace("/", " ").split())
