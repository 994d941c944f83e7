"""Commands on rules: lint what an administration wrote, list what is in force, try a draft on stored messages."""

import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Layout, SettingsFile, load_settings

if TYPE_CHECKING:
    from datamodel.codecs import Parsed
    from datamodel.registry import Registry
    from datamodel.rule_trial import Change, RuleChange, Trial
    from datamodel.rules import RuleBook

PIPED_WIDTH = 400  # a table that goes into a file or a pipe is not squeezed into a terminal's width
SUFFIXES = (".xml", ".json")

rules = typer.Typer(no_args_is_help=True)

Lines = Annotated[Layout, typer.Option("--format", help="text, or json: one object a line.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        metavar="DAY",
        help="The day whose rules count; else the day of acceptance in the message, else today.",
    ),
]
Source = Annotated[
    Path | None,
    typer.Argument(metavar="[FOLDER]", exists=True, help="A folder of rules or one file; without it, the live rules."),
]


@rules.command("lint", short_help="Check rules; print every fault with its place.")
def lint(source: Source = None, layout: Lines = Layout.TEXT, settings_file: SettingsFile = None) -> None:
    """Check rules and print every fault as file:line with the rule and what is wrong with it.

    \b
    Examples:
      guichet rules lint
      guichet rules lint drafts/2027
    Refused are rules without a purpose or a legal basis, paths that the message type does not have, types that do
    not go together, unknown functions, the same id twice on a day, and rules that contradict each other.
    Ends with 0 where nothing is wrong, else with 1.
    """
    import msgspec

    from datamodel.rule_files import BadRules
    from datamodel.rules import RuleBook

    registry, live = _registry(settings_file)
    try:
        book = RuleBook.load(source or live, registry)
    except BadRules as bad:
        for fault in bad.faults:
            typer.echo(msgspec.json.encode(fault) if layout is Layout.JSON else str(fault))
        raise typer.Exit(1) from None
    if layout is Layout.TEXT:
        count = len(book.rules)
        typer.echo(f"{count} rule{' is' if count == 1 else 's are'} good.")


@rules.command("list", short_help="List the rules in force on a day.")
def list_rules(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DAY", help="Today without it.")
    ] = None,
    layout: Lines = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """List the rules that are in force, with their purpose and the act behind them.

    \b
    Examples:
      guichet rules list
      guichet rules list --on 2026-06-30 --format json | jq .id
    """
    import msgspec

    day = on.date() if on else date.today()
    found = [rule for rule in _live(settings_file).rules if rule.in_force(day)]
    if layout is Layout.JSON:
        for rule in found:
            typer.echo(msgspec.json.encode(rule))
        return
    headings = ("Id", "Severity", "Country", "From", "To", "Purpose", "Legal basis")
    _print_table(
        headings,
        [
            (
                rule.id,
                rule.severity,
                rule.country or "any",
                str(rule.effective_from),
                str(rule.effective_to or ""),
                rule.purpose,
                rule.legal_basis,
            )
            for rule in found
        ],
    )


@rules.command("try", short_help="What a draft would change, on stored messages.")
def try_draft(
    draft: Annotated[
        Path, typer.Argument(metavar="DRAFT", exists=True, help="A folder: the whole set. A file: over the live rules.")
    ],
    on: Annotated[
        Path, typer.Option("--on", metavar="FOLDER", exists=True, file_okay=False, help="Stored messages, XML or JSON.")
    ],
    as_of: AsOf = None,
    layout: Lines = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """Try a draft of rules on stored messages and print what would change against the live rules.

    \b
    Examples:
      guichet rules try drafts/2027 --on archive/2026-11 --as-of 2027-01-01
      guichet rules try new-rule.toml --on archive/2026-11
    A folder is taken for the whole set as it would be; rules that it leaves out are gone. The rules of a file take
    the place of live rules with the same id, or come beside them. Messages that are not valid are named and left out.
    Nothing is stored and nobody is told. Ends with 0 whatever would change.
    """
    from datamodel.rule_trial import Trial

    registry, _ = _registry(settings_file)
    trial = Trial(_live(settings_file), _drafted(draft, registry, settings_file))
    left_out = []
    files = sorted(file for file in on.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    for file in _with_progress(files):
        parsed = _read(registry, file, as_of.date() if as_of else None)
        if parsed is None:
            left_out.append(str(file.relative_to(on)))
        else:
            trial.add(str(file.relative_to(on)), parsed, _day(parsed, as_of))
    (_print_json if layout is Layout.JSON else _print_trial)(trial, left_out)


def _registry(settings_file: Path | None) -> "tuple[Registry, Path]":
    """The message types of this installation and the folder of its rules. What cannot be read is a usage error."""
    from datamodel.registry import Registry

    schemas = load_settings(settings_file).schemas
    try:
        return Registry.load(schemas), schemas / "rules"
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _live(settings_file: Path | None) -> "RuleBook":
    from datamodel.rules import RuleBook

    registry, folder = _registry(settings_file)
    try:
        return RuleBook.load(folder, registry)
    except ValueError as error:
        raise typer.BadParameter(f"{error}\nguichet rules lint tells more") from None


def _drafted(draft: Path, registry: "Registry", settings_file: Path | None) -> "RuleBook":
    """The rules as they would be. A draft with faults is a usage error that names them."""
    from datamodel.rule_files import read_rules
    from datamodel.rule_trial import laid_over
    from datamodel.rules import RuleBook

    try:
        if draft.is_dir():
            return RuleBook.load(draft, registry)
        live, _ = read_rules(_registry(settings_file)[1])
        return RuleBook.of(laid_over(live, *read_rules(draft)), registry)
    except ValueError as error:
        raise typer.BadParameter(f"the draft cannot be tried:\n{error}") from None


def _read(registry: "Registry", file: Path, as_of: date | None) -> "Parsed | None":
    """A stored message; None where it is not valid, whatever the rules."""
    from datamodel.codecs import read
    from datamodel.issues import Refused
    from datamodel.versions import Days
    from gateway.cli.documents import sniff

    body = file.read_bytes()
    try:
        return read(registry, body, sniff(body, file).value, days=Days(as_of=as_of, today=date.today()))
    except Refused:
        return None


def _day(parsed: "Parsed", as_of: datetime | None) -> date:
    from datamodel.semantics import day_of

    return day_of(parsed, as_of.date() if as_of else None, date.today())


def _with_progress(files: list[Path]) -> Iterator[Path]:
    """The files, with a bar on the terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        yield from progress.track(files, description="Trying")


def _print_json(trial: "Trial", left_out: list[str]) -> None:
    import msgspec

    for change in trial.changes:
        typer.echo(msgspec.json.encode({"kind": "message", **msgspec.to_builtins(change)}))
    for counts in trial.rules.values():
        typer.echo(msgspec.json.encode({"kind": "rule", **msgspec.to_builtins(counts)}))
    for name in left_out:
        typer.echo(msgspec.json.encode({"kind": "left-out", "message": name}))


def _print_trial(trial: "Trial", left_out: list[str]) -> None:
    refused = sum(change.newly_refused for change in trial.changes)
    accepted = sum(change.newly_accepted for change in trial.changes)
    warned = sum(change.new_warnings > 0 for change in trial.changes)
    typer.echo(
        f"{trial.messages} messages tried: {refused} newly refused, {accepted} newly accepted, "
        f"{warned} with new warnings, {trial.messages - len(trial.changes)} unchanged."
    )
    if trial.changes:
        typer.echo("\nBy rule, in how many messages:")
        headings = ("Rule", "Newly refuses", "No longer refuses", "Newly warns", "No longer warns")
        _print_table(headings, [_rule_row(trial.rules[name]) for name in sorted(trial.rules)])
        typer.echo("\nBy message:")
        headings = ("Message", "Verdict", "New warnings", "Fewer warnings", "Rules")
        _print_table(headings, [_message_row(change) for change in trial.changes])
    for name in left_out:
        typer.echo(f"left out, not valid: {name}", err=True)


def _rule_row(counts: "RuleChange") -> tuple[str, ...]:
    found = (counts.newly_refuses, counts.no_longer_refuses, counts.newly_warns, counts.no_longer_warns)
    return (counts.rule, *map(str, found))


def _message_row(change: "Change") -> tuple[str, ...]:
    verdict = "newly refused" if change.newly_refused else "newly accepted" if change.newly_accepted else "as before"
    return (
        change.message,
        verdict,
        str(change.new_warnings),
        str(change.fewer_warnings),
        ", ".join(change.rules),
    )


def _print_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(rules, name="rules", short_help="Rules: lint, list, try.", help="Rules of the administration.")
