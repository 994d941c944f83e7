"""Run groups of measurements, keep what they find, show it as one table and one picture.

A group that fails is told at the end and makes the run fail; the others keep their results.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console

from perf.groups import GROUPS
from perf.options import HERE, Options
from perf.results import RESULTS, Measured, Results, Row, load, measured, merge, save, table, this_machine


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every group asked for was measured."""
    chosen = _parser().parse_args(arguments)
    names = chosen.only or [name for name, group in GROUPS.items() if chosen.full or not group.long]
    mode = "quick" if chosen.quick else "full" if chosen.full else "usual"
    options = Options(quick=chosen.quick, full=chosen.full, seed=chosen.seed, workers=chosen.workers)
    found, failed = {}, []
    for name in names:
        options.notes.clear()
        options.say(f"{name}: {GROUPS[name].about}")
        try:
            found[name] = measured(_run(name, options), options.notes, mode)
        except Exception:  # one group must not cost the results of the others
            traceback.print_exc()
            failed.append(name)
    if found:
        _finish(found, chosen.out, options)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, options: Options) -> list[Row]:
    rows: list[Row] = import_module(GROUPS[name].module).run(options)
    if not rows:
        raise RuntimeError(f"the group {name} measured nothing")
    return rows


def _finish(found: dict[str, Measured], folder: Path, options: Options) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RESULTS.name
    results = merge(this_machine(), load(file), found)
    save(results, file)
    output = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    output.print(table(results, found))
    for name, group in found.items():
        for note in group.notes:
            output.print(f"{name}: {note}", markup=False)
    if "growth" in found:
        _draw(results, folder / "plot.png", options)


def _draw(results: Results, file: Path, options: Options) -> None:
    try:
        from perf.plot import draw  # noqa: PLC0415 - matplotlib takes a second to import
    except ImportError as missing:
        options.say(f"no picture: {missing}; pip install '.[perf]'")
        return
    if draw(results, file):
        options.say(f"picture: {file}")


def _parser() -> argparse.ArgumentParser:
    groups = "\n".join(f"  {name:<10}{group.about}{' (long)' * group.long}" for name, group in GROUPS.items())
    parser = argparse.ArgumentParser(
        "python -m perf",
        description="Measure, print a table, keep it in results.json. How to read them: perf/README.md",
        epilog=f"groups:\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help="these groups and no others")
    parser.add_argument("--seed", type=int, default=1, help="of the generated data and of the order of passes")
    parser.add_argument("--workers", type=int, default=1, help="processes of each server (default: %(default)d)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="few passes, small sizes: a look, not a result")
    length.add_argument("--full", action="store_true", help="the long groups too, and more passes")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="keep the results elsewhere, to compare")
    return parser


if __name__ == "__main__":
    sys.exit(main())
