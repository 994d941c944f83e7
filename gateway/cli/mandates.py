"""Commands on mandates: which trader lets which other lodge for it. Traders do it themselves over HTTP as well."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings, say_database
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.mandates.kept import Mandate
    from gateway.mandates.office import Wanted
    from gateway.settings import Settings

ABOUT = """\
Mandates: a trader, the principal, lets another, the agent, lodge for it.
Traders grant and revoke their own over HTTP; what an operator does for them has
a reason and a name, which stay on record.
"""
HEADINGS = ("Mandate", "Principal", "Agent", "For", "From", "Until", "Confirms", "Granted by", "State")

Reason = Annotated[str, typer.Option(help="Why, in one line; principal and agent can read it.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Who answers for it.")]


class Direction(StrEnum):
    """Which declarations a mandate is for."""

    IMPORT = "import"
    EXPORT = "export"


mandate = typer.Typer(no_args_is_help=True)


@mandate.command("grant", short_help="Let a trader lodge for another.")
def grant(
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="The account that is lodged for.")],
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The account that lodges.")],
    reason: Reason,
    by: By,
    direction: Annotated[list[Direction] | None, typer.Option(help="May be repeated; else both.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DAY", help="Its first day; else today.")] = None,
    last: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Its last day; else it has no end.")
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Every filing waits for the principal.")] = False,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Let a trader lodge for another, and print the mandate's id.

    \b
    Examples:
      guichet mandate grant "Acme Imports" "Harbour Brokers" --direction import \\
          --until 2027-12-31 --reason "power of attorney of 3 May" --by "A. Miller"
    It may be done while the gateway runs, which heeds it within seconds. The same
    terms again give the mandate that is there.
    """
    import asyncio

    from gateway.clock import utc_now
    from gateway.mandates.office import Wanted

    settings = existing_database(load_settings(settings_file, database=database))
    directions = tuple(each.value for each in Direction if each in (direction or Direction))
    wanted = Wanted(principal, agent, directions, first or utc_now().date().isoformat(), last, confirm)
    try:
        granted = asyncio.run(_grant(settings, wanted, reason, by))
    except (ValueError, RuntimeError) as error:  # what cannot be, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    say_database(settings)
    typer.echo(granted.id)


@mandate.command("revoke", short_help="End a mandate.")
def revoke(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="As guichet mandate list shows it.")],
    reason: Reason,
    by: By,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """End a mandate. What was lodged by it stays lodged; it stays on record.

    \b
    Examples:
      guichet mandate revoke 01a1fd1e-8c00-7382-805a-b520509bc915 \\
          --reason "the importer asked for it" --by "A. Miller"
    A gateway that runs heeds it within seconds.
    """
    import asyncio

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        ended = asyncio.run(_revoke(settings, wanted, reason, by))
    except (ValueError, RuntimeError) as error:  # a wrong id, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    say_database(settings)
    typer.echo(f"{ended.id} is revoked since {ended.revoked_at}")


@mandate.command("list", short_help="List mandates.")
def list_mandates(
    name: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Those that it gave and got; else all.")
    ] = None,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one mandate a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List mandates in the order in which they were granted, those that are over too.
    JSON tells who revoked one, and why, as well.

    \b
    Examples:
      guichet mandate list
      guichet mandate list "Harbour Brokers" --format json | jq .principal
    """
    import asyncio

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(_listed(settings, name))
    except (ValueError, RuntimeError) as error:  # a wrong name, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    print_found(layout, found, HEADINGS, _row, "There are no mandates yet.")


def _row(each: "Mandate") -> list[str]:
    from gateway.clock import utc_now

    days = [each.first_day, each.last_day or ""]
    confirms = "yes" if each.confirm else ""
    state = each.standing(utc_now().date().isoformat())
    return [each.id, each.principal, each.agent, ", ".join(each.directions), *days, confirms, each.granted_by, state]


async def _grant(settings: "Settings", wanted: "Wanted", reason: str, by: str) -> "Mandate":
    import os

    from gateway.access.registration import opened
    from gateway.clock import utc_now
    from gateway.mandates import office

    async with opened(settings) as store:
        return await office.grant(store, wanted, reason, by, settings.mandates.most, utc_now(), os.urandom)


async def _revoke(settings: "Settings", wanted: str, reason: str, by: str) -> "Mandate":
    from gateway.access.registration import opened
    from gateway.clock import utc_now
    from gateway.mandates import office

    async with opened(settings) as store:
        return await office.revoke(store, wanted, reason, by, utc_now())


async def _listed(settings: "Settings", name: str | None) -> "list[Mandate]":
    from gateway.access.registration import opened
    from gateway.mandates import office

    async with opened(settings) as store:
        return [each async for each in office.mandates(store, name)]


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(mandate, name="mandate", short_help="Who may lodge for whom.", help=ABOUT)
