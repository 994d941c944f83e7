"""The command `guichet requirements`: what an administration asks for, from the table that routes declarations."""

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Layout, SettingsFile, load_settings
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.requirements import Agency, Requirement

ANY = "any"
FLAGS = {"hs_prefix": "--hs", "procedure": "--procedure", "origin": "--origin", "destination": "--destination"}
HEADINGS = ("Id", "Agency", "Document", "HS", "Way", "Procedure", "From", "To", "Purpose", "Legal basis")


class Direction(StrEnum):
    """Which way the goods go."""

    IMPORT = "import"
    EXPORT = "export"


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

    from gateway.requirements import NoSuchCode, RequirementTable, load_agencies

    folder = load_settings(settings_file).schemas
    try:
        agencies = load_agencies(folder / "agencies")
        table = RequirementTable.load(folder / "requirements", agencies)
        found = table.enquire(hs, direction.value if direction else None, procedure, origin, destination, _day(on))
    except NoSuchCode as error:
        given = {"hs_prefix": hs, "procedure": procedure, "origin": origin, "destination": destination}
        raise typer.BadParameter(f"{FLAGS[error.column]} {given[error.column]}: {error.remedy}") from None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    print_found(
        layout,
        found,
        HEADINGS,
        lambda row: _row(row, agencies[row.agency]),
        "No agency asks for a document for these goods.",
    )


def _day(on: datetime | None) -> date:
    return on.date() if on else date.today()


def _row(row: "Requirement", agency: "Agency") -> list[str]:
    places = (row.procedure or ANY, row.origin or ANY, row.destination or ANY)
    return [row.id, agency.name, row.lpco_type, row.hs_prefix, row.direction, *places, row.purpose, row.legal_basis]


def register(app: typer.Typer) -> None:
    """Put this module's command into the command line."""
    app.command(short_help="Which documents which agency wants for goods.")(requirements)
