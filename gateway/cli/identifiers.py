"""Commands on the identifiers of parties: what declarations call a trader by, and which account that is."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings, say_database
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.mandates.kept import PartyIdentifier
    from gateway.settings import Settings

ABOUT = """\
Identifiers of a trader: what declarations carry as the ID of importer, exporter
or declarant. Who lodges for a party whose identifier is another account's needs
a mandate of that account (guichet mandate).
"""
HEADINGS = ("Account", "Identifier", "Since", "Removed")

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="As guichet account list shows it.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="As declarations carry it, for example XZ640099112234.")]

identifier = typer.Typer(no_args_is_help=True)


@identifier.command("add", short_help="Register an identifier for a trader.")
def add(name: Name, wanted: Id, database: Database = None, settings_file: SettingsFile = None) -> None:
    """Register an identifier for a trader. It belongs to one account at a time.

    \b
    Examples:
      guichet account identifier add "Acme Imports" XZ640099112234
    It may be done while the gateway runs, which heeds it within seconds: from then
    on others need a mandate of this account to lodge for it.
    """
    from gateway.mandates import office

    settings = existing_database(load_settings(settings_file, database=database))
    known = _run(settings, office.add_identifier, name, wanted)
    say_database(settings)
    typer.echo(f"{known} belongs to {name}")


@identifier.command("remove", short_help="Take an identifier back from a trader.")
def remove(name: Name, wanted: Id, database: Database = None, settings_file: SettingsFile = None) -> None:
    """Take an identifier back. It stays on record whose it was.

    \b
    Examples:
      guichet account identifier remove "Acme Imports" XZ640099112234
    """
    from gateway.mandates import office

    settings = existing_database(load_settings(settings_file, database=database))
    known = _run(settings, office.remove_identifier, name, wanted)
    say_database(settings)
    typer.echo(f"{known} belongs to {name} no more")


@identifier.command("list", short_help="List the identifiers of one account or of all.")
def list_identifiers(
    name: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Else those of all accounts.")] = None,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one identifier a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List the identifiers, and since when they belong to their account; those that
    were taken back too.

    \b
    Examples:
      guichet account identifier list
      guichet account identifier list "Acme Imports" --format json
    """
    import asyncio

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(_listed(settings, name))
    except RuntimeError as error:  # a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    none = "There are no identifiers yet." if name is None else f"No identifier belongs to {name}."
    print_found(layout, found, HEADINGS, _row, none)


def _row(each: "PartyIdentifier") -> list[str]:
    return [each.account, each.identifier, each.added_at, each.removed_at or ""]


async def _listed(settings: "Settings", name: str | None) -> "list[PartyIdentifier]":
    from gateway.access.registration import opened

    async with opened(settings) as store:
        return await store.identifiers(name)


def _run(settings: "Settings", act: object, name: str, wanted: str) -> str:
    """Do it in the ledger. What cannot be done is a usage error."""
    import asyncio

    from gateway.access.registration import opened
    from gateway.clock import utc_now

    async def run() -> str:
        async with opened(settings) as store:
            return str(await act(store, name, wanted, utc_now()))  # type: ignore[operator]

    try:
        return asyncio.run(run())
    except (ValueError, RuntimeError) as error:  # a wrong name, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
