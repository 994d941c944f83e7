"""Hold what was measured last to the budgets: `make perf-check`.

A budget names a row and the ratio that it may have, with the reason. Times are no budget on any machine, so the value
itself is judged only where it is none, say a number of megabytes. A budgeted row that is missing is a failure too,
except where the budget says which program it needs and this machine has none.
"""

import argparse
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from perf.options import HERE
from perf.results import RESULTS, Row, in_time_unit, load

BUDGETS = HERE / "budgets.toml"


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one row may cost. `at_most` and `at_least` judge its ratio, `value_at_most` its value."""

    group: str
    row: str
    case: str
    reason: str
    at_most: float | None = None
    at_least: float | None = None
    value_at_most: float | None = None
    needs: str | None = None

    def __post_init__(self) -> None:
        if self.at_most is None and self.at_least is None and self.value_at_most is None:
            raise ValueError(f"the budget of {self.row!r}, {self.case!r} sets no limit")

    @property
    def limit(self) -> str:
        """As a reader would say it."""
        limits = (("at most", self.at_most), ("at least", self.at_least), ("value at most", self.value_at_most))
        return ", ".join(f"{words} {limit:g}" for words, limit in limits if limit is not None)

    @property
    def excused(self) -> bool:
        """Whether this machine cannot measure the row."""
        return self.needs is not None and shutil.which(self.needs) is None


class Breach(msgspec.Struct, frozen=True):
    """A budget that does not hold, and what was found instead."""

    budget: Budget
    found: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    budget: list[Budget]


def budgets(file: Path = BUDGETS) -> list[Budget]:
    """The budgets of a file. Raises msgspec.ValidationError with the place of a fault."""
    return msgspec.convert(tomllib.loads(file.read_text()), _File).budget


def judge(limits: Sequence[Budget], rows: Sequence[Row]) -> list[Breach]:
    """The budgets that do not hold."""
    by_name = {(row.group, row.name, row.case): row for row in rows}
    breaches = []
    for budget in limits:
        row = by_name.get((budget.group, budget.row, budget.case))
        found = _fault(budget, row) if row else None if budget.excused else "not measured"
        if found:
            breaches.append(Breach(budget, found))
    return breaches


def _fault(budget: Budget, row: Row) -> str | None:
    if budget.value_at_most is not None:
        if in_time_unit(row):
            return f"{row.unit} is a time, which no budget may judge"
        if not row.value <= budget.value_at_most:
            return f"{row.value:.4g} {row.unit}"
    if budget.at_most is None and budget.at_least is None:
        return None
    if row.ratio is None:
        return "no ratio"
    low = float("-inf") if budget.at_least is None else budget.at_least
    high = float("inf") if budget.at_most is None else budget.at_most
    return None if low <= row.ratio <= high else f"{row.ratio:.3g} times {row.against}"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every budget holds."""
    parser = argparse.ArgumentParser("python -m perf.check", description="Hold measurements to perf/budgets.toml.")
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, help="by default perf/results.json")
    file = parser.parse_args(arguments).results
    output = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    results = load(file)
    if results is None:
        print(f"nothing measured yet: {file} is made by `make perf`", file=sys.stderr)
        return 1
    limits = budgets()
    breaches = judge(limits, results.rows)
    for budget in limits:
        if budget.excused:
            output.print(f"left out: {budget.row}, {budget.case}: there is no {budget.needs} here", markup=False)
    if breaches:
        output.print(_table(breaches))
    output.print(f"{len(limits) - len(breaches)} of {len(limits)} budgets hold")
    return 1 if breaches else 0


def _table(breaches: Sequence[Breach]) -> Table:
    shown = Table(title="out of budget")
    for heading in ("group", "what", "case", "budget", "found", "why the budget"):
        shown.add_column(heading)
    for breach in breaches:
        budget = breach.budget
        shown.add_row(budget.group, budget.row, budget.case, budget.limit, breach.found, budget.reason)
    return shown


if __name__ == "__main__":
    sys.exit(main())
