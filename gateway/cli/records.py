"""Commands on what an administration keeps: its requirements table and the accounts of a gateway."""

import sys
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, load_settings

if TYPE_CHECKING:
    from gateway.requirements import Agency, Requirement

PIPED_WIDTH = 240  # a table that goes into a file or a pipe is not squeezed into a terminal's width
ANY = "any"

account = typer.Typer(no_args_is_help=True)


class Direction(StrEnum):
    """Which way the goods go."""

    IMPORT = "import"
    EXPORT = "export"


class Role(StrEnum):
    """What an account may do."""

    TRADER = "trader"
    AGENCY = "agency"
    OPERATOR = "operator"


def requirements(
    hs: Annotated[str, typer.Option(help="HS code of the goods, 2 to 10 digits.")],
    direction: Annotated[Direction | None, typer.Option(help="Without it, both.")] = None,
    origin: Annotated[str | None, typer.Option(metavar="COUNTRY", help="As KE. Without it, any.")] = None,
    destination: Annotated[str | None, typer.Option(metavar="COUNTRY", help="As KE. Without it, any.")] = None,
    procedure: Annotated[str | None, typer.Option(metavar="CODE", help="As 4000. Without it, any.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of import or export; today.")] = None,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one requirement a line.")] = Layout.TEXT,
    settings_file: SettingsFile = None,
) -> None:
    """Which agency wants which document for which goods, and by what law.

    \b
    Examples:
      guichet requirements --hs 0603 --direction import --origin KE
      guichet requirements --hs 30 --on 2027-01-01 --format json
    It answers from the very table that declarations are routed by. A fact that
    is left out lifts no requirement: what may be asked for is listed too.
    """
    import msgspec

    from gateway.requirements import RequirementTable, load_agencies

    folder = load_settings(settings_file).schemas
    try:
        agencies = load_agencies(folder / "agencies")
        table = RequirementTable.load(folder / "requirements", agencies)
        day = on.date() if on else date.today()
        found = table.enquire(hs, direction.value if direction else None, procedure, origin, destination, day)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if layout is Layout.JSON:
        for row in found:
            typer.echo(msgspec.json.encode(row))
    elif found:
        _print_table(found, agencies)
    else:
        typer.echo("No agency asks for a document for these goods.")


def _print_table(found: "list[Requirement]", agencies: "dict[str, Agency]") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    table = Table(box=None, pad_edge=False)
    for heading in ("Id", "Agency", "Document", "HS", "Way", "Procedure", "From", "To", "Purpose", "Legal basis"):
        table.add_column(heading, overflow="fold")
    for row in found:
        table.add_row(
            row.id,
            agencies[row.agency].name,
            row.lpco_type,
            row.hs_prefix,
            row.direction,
            row.procedure or ANY,
            row.origin or ANY,
            row.destination or ANY,
            row.purpose,
            row.legal_basis,
        )
    console.print(table)


@account.command("add", short_help="Register an account and print its API key, once.")
def add_account(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Any name that is not taken.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    agency: Annotated[str | None, typer.Option(metavar="CODE", help="For role agency: which one, as FSA.")] = None,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Register an account and print its API key. Only the key's digest is kept,
    so this is the one time that it can be read.

    \b
    Examples:
      guichet account add "Acme Forwarding" --role trader
      guichet account add FSA --role agency --agency FSA
    It may be done while the gateway runs: the key works at once.
    """
    import asyncio

    from gateway.registration import NewAccount, register_accounts

    settings = load_settings(settings_file, database=database)
    try:
        (key,) = asyncio.run(register_accounts(settings, [NewAccount(name, role.value, agency)]))
    except (ValueError, RuntimeError) as error:  # a wrong account, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    typer.echo(key)


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.command(short_help="Which documents which agency wants for goods.")(requirements)
    app.add_typer(account, name="account", short_help="Accounts of a gateway.", help="Accounts of a gateway.")
