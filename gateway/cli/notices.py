"""Commands on notices to agencies: list those that were declined, send them again."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.notices.records import ListedNotice
    from gateway.settings import Settings

HEADINGS = ("Notice", "MRN", "Agency", "About", "Attempts", "Since", "Problem")

notice = typer.Typer(no_args_is_help=True)


@notice.command("list", short_help="List notices that agencies declined.")
def list_notices(
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one notice a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List what agencies were to be told of their deliveries and declined, oldest
    first, with the reason: the agency's own words among it.

    \b
    Examples:
      guichet notice list
      guichet notice list --format json | jq .notice.problem
    """
    import asyncio

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(_parked(settings))
    except RuntimeError as error:  # a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    print_found(layout, found, HEADINGS, _row, "No notice is parked.", _told)


@notice.command("revive", short_help="Send notices again that were declined.")
def revive(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As guichet notice list shows them.")],
    reason: Annotated[str, typer.Option(help="Why it will go through now. The trader can read it in the timeline.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who answers for it; the timeline shows it too.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Send notices again that agencies declined.

    \b
    Examples:
      guichet notice revive 01a1fd1e-8c00-7382-805a-b520509bc915.4 \\
          --reason "they read notices now" --by "A. Miller"
    It may be done while the gateway runs, which sends them within a few seconds.
    Reason and name become an event of the case.
    """
    from gateway.cli.reviving import send_again
    from gateway.notices.revival import revive as again

    send_again(existing_database(load_settings(settings_file, database=database)), again, ids, reason, by)


async def _parked(settings: "Settings") -> "list[ListedNotice]":
    from gateway.access.registration import opened
    from gateway.notices import revival

    async with opened(settings) as store:
        return [listed async for listed in revival.parked(store)]


def _told(listed: "ListedNotice") -> dict[str, object]:
    return {"mrn": listed.mrn, "notice": listed.notice}


def _row(listed: "ListedNotice") -> list[str]:
    each = listed.notice
    return [each.id, listed.mrn, each.agency, each.kind, str(each.attempts), each.created_at, each.problem or ""]


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(
        notice, name="notice", short_help="What agencies are told.", help="What agencies are told of their deliveries."
    )
