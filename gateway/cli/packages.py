"""Commands on information packages: list them, lint what an administration wrote, compare two, report on one."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import bundles
from gateway.cli.options import Layout, SettingsFile, load_settings
from gateway.cli.output import writing_files

if TYPE_CHECKING:
    from rich.table import Table

    from datamodel.derivation_file import Fault
    from datamodel.diff import Difference
    from datamodel.model import Model
    from datamodel.registry import Message, Registry
    from datamodel.report import MessageReport

PIPED_WIDTH = 400  # a table that goes into a file or a pipe is not squeezed into a terminal's width

package = typer.Typer(no_args_is_help=True)

Lines = Annotated[Layout, typer.Option("--format", help="text, or json: one object a line.")]
Day = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DAY", help="As 2027-01-01; today without it.")
]
PackageName = Annotated[
    str, typer.Argument(metavar="PACKAGE", help="As xz-dms/2026; without a version, the one in force.")
]


def _load(settings_file: Path | None) -> "tuple[Registry, Path]":
    """The message types and the folder that they came from. What cannot be read is a usage error."""
    from datamodel.registry import Registry

    schemas = load_settings(settings_file).schemas
    try:
        return Registry.load(schemas), schemas
    except ValueError as error:
        raise typer.BadParameter(f"{error}\nguichet package lint tells more") from None


def _packages(registry: "Registry") -> "dict[str, dict[str, Message]]":
    """The message types by package and by type."""
    found: dict[str, dict[str, Message]] = {}
    for key, message in registry.messages.items():
        name, _, kind = key.rpartition("/")
        found.setdefault(name, {})[kind] = message
    return found


def _find(registry: "Registry", name: str, day: date) -> str:
    """The `package/version` that is meant. An unknown one is a usage error that lists the known."""
    packages = _packages(registry)
    if name in packages:
        return name
    from datamodel.versions import current

    for known, messages in packages.items():
        if known.partition("/")[0] == name:
            try:
                return current(registry.messages, name, next(iter(messages)), day).key.rpartition("/")[0]
            except KeyError:
                continue
    raise typer.BadParameter(f"there is no package {name!r} in force on {day}; there is {', '.join(packages)}")


def _print(table: "Table") -> None:
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


@package.command("list", short_help="List the packages with their countries, days and bases.")
def list_packages(
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], metavar="DAY", help="Only those in force on a day, as 2027-01-01."),
    ] = None,
    layout: Lines = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """List the packages with their countries, days, bases and message types.

    \b
    Examples:
      guichet package list
      guichet package list --on 2027-01-01
    """
    import msgspec

    from datamodel.versions import in_force

    registry, _ = _load(settings_file)
    table = _table("Package", "Country", "From", "To", "Base", "Message types")
    for name, messages in _packages(registry).items():
        first = next(iter(messages.values()))
        facts = first.model.facts
        if on and not in_force(first, on.date()):
            continue
        base = facts.base.rpartition("/")[0]
        if layout is Layout.JSON:
            row = {"package": name, **msgspec.to_builtins(facts), "base": base, "messages": list(messages)}
            typer.echo(msgspec.json.encode(row))
        days = (str(day or "") for day in (facts.effective_from, facts.effective_to))
        table.add_row(name, facts.country, *days, base, " ".join(messages))
    if layout is Layout.TEXT:
        _print(table)


@package.command("diff", short_help="What differs between two packages, and whom it breaks.")
def diff(
    old: Annotated[
        str, typer.Argument(metavar="A", help="Package or message type, as xz-dms/2026 or xz-dms/2026/DEC.")
    ],
    new: Annotated[str, typer.Argument(metavar="B", help="What it is compared with.")],
    layout: Lines = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """What differs from A to B, position by position, and whom it breaks.

    \b
    Examples:
      guichet package diff xz-dms/2026 xz-dms/2027
      guichet package diff wco-dms/3.6/DEC xz-dms/2026/DEC --format json
    Senders write documents as A says and are judged by B. Receivers were built
    to read A and get what B allows. What breaks neither is harmless.
    """
    import msgspec

    from datamodel.diff import compare, compare_packages

    registry, _ = _load(settings_file)
    before, after = _models(registry, old), _models(registry, new)
    single = [name for name in (old, new) if name in registry.messages]
    if len(single) == 1:
        raise typer.BadParameter(f"{single[0]} is a message type: compare it with one, or a package with a package")
    found = compare(*before.values(), *after.values()) if single else compare_packages(before, after)
    if layout is Layout.JSON:
        for each in found:
            typer.echo(msgspec.json.encode(each))
        return
    _print_differences(found)


def _models(registry: "Registry", name: str) -> "dict[str, Model]":
    """The models of a package by message type, or of one message type."""
    if name in registry.messages:
        message = registry.messages[name]
        return {message.key.rpartition("/")[2]: message.model}
    messages = _packages(registry)[_find(registry, name, date.today())]
    return {kind: message.model for kind, message in messages.items()}


def _print_differences(found: "Sequence[Difference]") -> None:
    table = _table("Message", "Path", "What", "Change", "Before", "After", "Breaks")
    for each in found:
        breaks = " and ".join(each.breaks) or "nobody"
        table.add_row(each.message, each.path or "(all of it)", each.what, each.kind, each.old, each.new, breaks)
    if found:
        _print(table)
    senders = sum("senders" in each.breaks for each in found)
    receivers = sum("receivers" in each.breaks for each in found)
    harmless = sum(not each.breaks for each in found)
    typer.echo(f"{len(found)} differences: {senders} break senders, {receivers} break receivers, {harmless} harmless")


@package.command("report", short_help="What a package uses of the data model, and how far it conforms to its base.")
def report(
    name: PackageName,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Write the report as HTML and CSV into this folder."),
    ] = None,
    on: Day = None,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: the whole report.")] = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """Which classes, attributes, WCO IDs and codes a package uses, and what it
    narrows, forbids and adds: the National Information Package report.

    \b
    Examples:
      guichet package report xz-dms/2026
      guichet package report xz-dms --on 2027-01-01 --out reports
    """
    import msgspec

    from datamodel.codelists import CodeLists
    from datamodel.report import report as make
    from datamodel.report_page import write

    registry, schemas = _load(settings_file)
    found = _find(registry, name, on.date() if on else date.today())
    made = make(registry, found, schemas / "packages" / found, CodeLists.load(schemas / "codelists"))
    if out is not None:
        with writing_files(out):
            files = write(made, out)
        for file in files:
            typer.echo(file)
    elif layout is Layout.JSON:
        typer.echo(msgspec.json.encode(made))
    else:
        for message in made.messages:
            _print_message(message)


def _print_message(message: "MessageReport") -> None:
    typer.echo(f"{message.key}: {message.title}")
    facts = {
        "classes": sum(use.positions for use in message.classes),
        "attributes": sum(use.positions for use in message.attributes),
        "WCO IDs": len(message.wco_ids),
        "attributes with codes": len(message.coded),
    }
    typer.echo("  uses " + ", ".join(f"{count} {what}" for what, count in facts.items()))
    if not message.base:
        return
    typer.echo(f"  of {message.base}: " + ", ".join(f"{count} {status}" for status, count in message.counts.items()))
    groups = {
        "narrowed attributes": message.having("narrowed", "attribute"),
        "narrowed classes": message.having("narrowed", "class"),
        "extensions": message.extensions,
        "forbidden": message.forbidden,
    }
    for heading, positions in groups.items():
        typer.echo(f"  {heading}: {len(positions)}")
        for each in positions:
            told = "; ".join(each.changes) or each.purpose
            typer.echo(f"    {each.path}{': ' if told else ''}{told}")


@package.command("lint", short_help="Every fault of the derived packages, with its line and a remedy.")
def lint(
    drafts: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]...", exists=True, file_okay=False, help="Drafts, as drafts/xz-dms/2028."),
    ] = None,
    layout: Lines = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """Check all packages that derive from others: what is not there in the base,
    what would widen it, extensions that clash. Every fault, with its line.

    \b
    Examples:
      guichet package lint
      guichet package lint drafts/xz-dms/2028
    A draft is a folder NAME/VERSION with its package.toml; it is checked as if
    it stood among the packages. Ends with 0 where all is well, else with 1.
    """
    import msgspec

    from datamodel.registry import Loader

    folder = load_settings(settings_file).schemas / "packages"
    try:
        faults = Loader(folder, [draft.resolve() for draft in drafts or ()]).check()
    except ValueError as error:
        typer.echo(str(error))
        raise typer.Exit(1) from None
    for fault in faults:
        typer.echo(msgspec.json.encode(fault) if layout is Layout.JSON else _paragraph(fault))
    if not faults and layout is Layout.TEXT:
        typer.echo("no faults")
    raise typer.Exit(int(bool(faults)))


def _paragraph(fault: "Fault") -> str:
    """A fault for people: the place, what it is, and the remedy below."""
    return f"{fault.place}: {fault.key}: {fault.text}\n    remedy: {fault.remedy}"


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    words = "Information packages: add, list, lint, diff, report."
    bundles.register(package)
    app.add_typer(package, name="package", short_help=words, help=words)
