"""Commands on deliveries to agencies: list those that stand still, send again what was parked."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.ports import Listed
    from gateway.settings import Settings

HEADINGS = ("Delivery", "MRN", "Agency", "State", "Attempts", "Due", "Problem")

delivery = typer.Typer(no_args_is_help=True)


class State(StrEnum):
    """Where a delivery may stand still."""

    PARKED = "parked"
    QUEUED = "queued"
    AWAITING = "awaiting"
    HELD = "held"


@delivery.command("list", short_help="List deliveries that are not decided.")
def list_deliveries(
    state: Annotated[State, typer.Option(help="Which ones.")] = State.PARKED,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one delivery a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List the deliveries to agencies that are not decided, oldest first, with the
    reason why they stand still: the agency's own words among it.

    \b
    Examples:
      guichet delivery list --state parked
      guichet delivery list --state queued --format json | jq .delivery.problem
    """
    import asyncio

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(_undecided(settings, state.value))
    except RuntimeError as error:  # a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    print_found(layout, found, HEADINGS, _row, f"No delivery is {state.value}.")


@delivery.command("revive", short_help="Send parked deliveries again.")
def revive(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As guichet delivery list shows them.")],
    reason: Annotated[str, typer.Option(help="Why it will go through now. The trader can read it in the timeline.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who answers for it; the timeline shows it too.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Send deliveries again that were parked, because the agency declined them or
    answered with what cannot be read.

    \b
    Examples:
      guichet delivery revive 01a1fd1e-8c00-7382-805a-b520509bc915 \\
          --reason "importer is registered now" --by "A. Miller"
    It may be done while the gateway runs, which sends them within a few seconds.
    Reason and name become an event of the case.
    """
    from gateway.cli.reviving import send_again
    from gateway.revival import revive as again

    send_again(existing_database(load_settings(settings_file, database=database)), again, ids, reason, by)


async def _undecided(settings: "Settings", state: str) -> "list[Listed]":
    from gateway import revival
    from gateway.access.registration import opened

    async with opened(settings) as store:
        return [listed async for listed in revival.undecided(store, state)]


def _row(listed: "Listed") -> list[str]:
    each = listed.delivery
    return [each.id, listed.mrn, each.agency, each.state, str(each.attempts), each.due_at, each.problem or ""]


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(
        delivery, name="delivery", short_help="Deliveries to agencies.", help="Deliveries to agencies of a gateway."
    )
