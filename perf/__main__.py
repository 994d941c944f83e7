"""Run groups of measurements, keep what they find, show it as one table and one picture.

A group that fails is told at the end and makes the run fail; the others keep their results.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from rich.console import Console

from perf.groups import GROUPS
from perf.options import HERE, Options
from perf.results import Measured, Row, load, measured, merge, save, table, this_machine

PLOT = HERE / "plot.png"


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
        _finish(found, options)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, options: Options) -> list[Row]:
    rows: list[Row] = import_module(GROUPS[name].module).run(options)
    if not rows:
        raise RuntimeError(f"the group {name} measured nothing")
    return rows


def _finish(found: dict[str, Measured], options: Options) -> None:
    results = merge(this_machine(), load(), found)
    save(results)
    output = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    output.print(table(results))
    for note in results.notes:
        output.print(note, markup=False)
    if any(name in found for name in ("codecs", "growth")):
        _draw(options)


def _draw(options: Options) -> None:
    try:
        from perf.plot import draw  # noqa: PLC0415 - matplotlib takes a second to import
    except ImportError as missing:
        options.say(f"no picture: {missing}; pip install '.[perf]'")
        return
    results = load()
    if results and draw(results, PLOT):
        options.say(f"picture: {PLOT}")


def _parser() -> argparse.ArgumentParser:
    groups = "\n".join(f"  {name:<10}{group.about}{' (long)' * group.long}" for name, group in GROUPS.items())
    parser = argparse.ArgumentParser(
        "python -m perf",
        description="Measure, and keep the results in perf/results.json. How to read them: perf/README.md",
        epilog=f"groups:\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help="these groups and no others")
    parser.add_argument("--seed", type=int, default=1, help="of the generated data and of the order of passes")
    parser.add_argument("--workers", type=int, default=1, help="processes of each server (default: %(default)d)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="few passes, small sizes: a look, not a result")
    length.add_argument("--full", action="store_true", help="the long groups too, and more passes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
