"""Commands on code lists: check what an administration wrote, list the lists, show the codes of one on a day."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Layout, SettingsFile, load_settings

if TYPE_CHECKING:
    from datamodel.codelist import Code, CodeList
    from datamodel.codelists import CodeLists

PIPED_WIDTH = 400  # a table that goes into a file or a pipe is not squeezed into a terminal's width
EVERYBODY = "any"

codelist = typer.Typer(no_args_is_help=True)

Lines = Annotated[Layout, typer.Option("--format", help="text, or json: one object a line.")]
Day = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DAY", help="As 2022-01-01; today without it.")
]


@codelist.command("check", short_help="Check the tables; print every fault with its place and a remedy.")
def check(layout: Lines = Layout.TEXT, settings_file: SettingsFile = None) -> None:
    """Check the files of schemas/codelists and print every fault as file:line, with a remedy.

    \b
    Examples:
      guichet codelist check
      guichet codelist check --format json | jq .file
    Codes in force twice on a day, days that do not exist or end before they
    begin, codes that name one which is not there, bindings to positions or
    lists that there are not. Ends with 0 where there is none, else with 1.
    """
    import msgspec

    from datamodel.codelist_lint import lint
    from datamodel.registry import Registry

    schemas = load_settings(settings_file).schemas
    try:
        registry = Registry.load(schemas)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    faults = lint(schemas / "codelists", registry)
    for fault in faults:
        if layout is Layout.JSON:
            typer.echo(msgspec.json.encode(fault))
        else:
            typer.echo(f"{fault.file}:{fault.line}: {fault.text}\n    remedy: {fault.remedy}")
    if not faults and layout is Layout.TEXT:
        typer.echo("The code lists are good.")
    raise typer.Exit(int(bool(faults)))


@codelist.command("list", short_help="List the code lists.")
def list_lists(on: Day = None, layout: Lines = Layout.TEXT, settings_file: SettingsFile = None) -> None:
    """List the code lists, with the number of codes that are in force.

    \b
    Examples:
      guichet codelist list
      guichet codelist list --on 2017-06-30
    """
    import msgspec

    day = on.date() if on else date.today()
    lists = _load(settings_file).lists.values()
    if layout is Layout.JSON:
        for known in lists:
            now = {"name": known.name, "edition": known.edition(day), "codes": len(known.on(day))}
            now |= {"complete": known.complete}
            typer.echo(msgspec.json.encode(msgspec.to_builtins(known.facts) | now))
        return
    rows = []
    for known in lists:
        facts, count = known.facts, str(len(known.on(day)))
        rows.append((known.name, facts.country or EVERYBODY, known.edition(day) or "", count, facts.title))
    _print_table(("Name", "Country", "Edition", "Codes", "Title"), rows)


@codelist.command("show", short_help="Show the codes of a list on a day.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As hs-headings; guichet codelist list names them.")],
    on: Day = None,
    everything: Annotated[bool, typer.Option("--all", help="Also codes that are not in force that day.")] = False,
    layout: Lines = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """Show the codes of a list that are in force on a day.

    \b
    Examples:
      guichet codelist show currencies
      guichet codelist show hs-headings --on 2021-12-31
      guichet codelist show xz-offices --all
    """
    import msgspec

    day = on.date() if on else date.today()
    known = _find(_load(settings_file), name)
    codes = known.codes if everything else known.on(day)
    if layout is Layout.JSON:
        for code in codes:
            typer.echo(msgspec.json.encode(code))
        return
    edition = known.edition(day)
    typer.echo(f"{known.facts.title}{f', edition {edition}' if edition else ''}, {len(codes)} codes on {day}")
    for note in filter(None, (known.facts.source, known.facts.note)):
        typer.echo(note)
    _print_table(("Code", "Name", "From", "To", "Parent", "Instead", "Notes"), [_cells(code) for code in codes])


def _cells(code: "Code") -> tuple[str, ...]:
    first, last = str(code.effective_from or ""), str(code.effective_to or "")
    return (code.code, code.name, first, last, code.parent, " ".join(code.instead), code.notes)


def _load(settings_file: Path | None) -> "CodeLists":
    """The code lists of this installation. Tables that cannot be used are a usage error."""
    from datamodel.codelists import CodeLists

    try:
        return CodeLists.load(load_settings(settings_file).schemas / "codelists")
    except ValueError as error:
        raise typer.BadParameter(f"{error}\nguichet codelist check tells more") from None


def _find(lists: "CodeLists", name: str) -> "CodeList":
    """A list by its name. An unknown one is a usage error that lists the known."""
    try:
        return lists.lists[name]
    except KeyError:
        raise typer.BadParameter(f"no code list {name!r}; there are: {', '.join(lists.lists)}") from None


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    table = Table(box=None, pad_edge=False)
    for at, heading in enumerate(headings):
        if any(row[at] for row in rows):
            table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell for at, cell in enumerate(row) if any(other[at] for other in rows)))
    console.print(table)


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(codelist, name="codelist", short_help="Code lists: check, list, show.", help="Code lists.")
