"""How the command line writes: rows for people, and standard output that ends in order.

A reader that closed the pipe has read enough: what follows goes nowhere, and the command ends as it would have. A disk
that takes no more is wrong usage, because the place that was chosen will not do.
"""

import io
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import typer

from gateway.cli.options import Layout

T = TypeVar("T")

STDOUT = 1
USAGE = 2
GAP = 2


class Outlet(io.FileIO):
    """Standard output as the system has it, which may stop taking bytes at any time."""

    lost = False

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Write, or drop what has nowhere to go. Raises SystemExit the first time that the system refuses."""
        if not self.lost:
            try:
                return super().write(data) or 0
            except BrokenPipeError:
                self.lost = True
            except OSError as error:
                self.lost = True
                typer.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
                raise SystemExit(USAGE) from None
        return len(data)


@contextmanager
def guarded_output() -> Iterator[None]:
    """Standard output through an `Outlet`, written to its end. A program that was started without one has none."""
    plain = sys.stdout
    if plain is None:
        yield
        return
    outlet = Outlet(STDOUT, "w", closefd=False)
    # Python was told to buffer nothing where the text stands on the file itself.
    unbuffered = isinstance(plain.buffer, io.RawIOBase)
    sys.stdout = io.TextIOWrapper(
        outlet if unbuffered else io.BufferedWriter(outlet),
        encoding=plain.encoding,
        errors="replace" if plain.errors == "strict" else plain.errors,  # signs that a terminal has not
        line_buffering=bool(plain.line_buffering),
        write_through=unbuffered,
    )
    try:
        yield
    finally:
        sys.stdout.flush()


@contextmanager
def writing_files(folder: os.PathLike[str]) -> Iterator[None]:
    """Where files are written into a folder: what the system refuses is a usage error that names it."""
    try:
        yield
    except OSError as error:
        raise typer.BadParameter(f"cannot write into {folder}: {error.strerror or error}") from None


def print_found(
    layout: Layout,
    found: Sequence[T],
    headings: Sequence[str],
    row: Callable[[T], Sequence[str]],
    none: str,
    line: Callable[[T], object] = lambda each: each,
) -> None:
    """What was found: as JSON a `line` each, as text a table with a `row` each, or else what `none` says."""
    import msgspec

    if layout is Layout.JSON:
        for each in found:
            typer.echo(msgspec.json.encode(line(each)))
    elif found:
        print_rows(headings, [row(each) for each in found])
    else:
        typer.echo(none)


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, one line a row; in a terminal that is too narrow for it, a block a row. Words are never cut."""
    shown = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *shown, strict=True)]
    terminal = shutil.get_terminal_size().columns
    if sys.stdout.isatty() and sum(widths) + GAP * (len(widths) - 1) > terminal:
        for row in shown:
            _print_block(headings, row, terminal)
        return
    for line in ([*headings], *shown):
        typer.echo((" " * GAP).join(map(str.ljust, line, widths)).rstrip())


def _print_block(headings: Sequence[str], row: Sequence[str], width: int) -> None:
    """The first cell, then below it the others, each behind its heading."""
    label = max(map(len, headings)) + 2 * GAP
    typer.echo(row[0])
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        start = " " * GAP + heading.ljust(label - GAP)
        text = textwrap.fill(
            cell,
            max(width, label + 1),
            initial_indent=start,
            subsequent_indent=" " * label,
            break_long_words=False,
            break_on_hyphens=False,
        )
        typer.echo((text or start).rstrip())


def _printable(text: str) -> str:
    """On one line, and without what would command the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
