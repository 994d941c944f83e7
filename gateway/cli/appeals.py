"""Commands on appeals: those that wait, a ruling on one, and whether a frozen record holds together."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.acts.appeals import Appeal
    from gateway.acts.ruling import Ruled, Ruling
    from gateway.service import Gateway
    from gateway.settings import Settings

HEADINGS = ("MRN", "Number", "Agency", "Delivery", "Lodged")
SHOWN = 10_000

appeal = typer.Typer(no_args_is_help=True)


class Outcome(StrEnum):
    """What is ruled of the decision."""

    UPHELD = "upheld"
    OVERTURNED = "overturned"


class Role(StrEnum):
    """As whom somebody rules."""

    OPERATOR = "operator"
    AUDITOR = "auditor"


@appeal.command("verify", short_help="Check a frozen record, without the gateway.")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="JSON or XML.")],
    head: Annotated[str | None, typer.Option(metavar="DIGEST", help="The head that the trader was told.")] = None,
) -> None:
    """Check that a record, as GET .../appeals/{number}/record gives it, holds
    together: the bytes of every version, of the permit request, the decision and
    the appeal against their digests, these against the events, and the events
    against one another. What does not match is listed; the exit code is then 1.

    \b
    Examples:
      guichet appeal verify record.json
      guichet appeal verify record.xml --head 5d41402abc4b2a76b9719d911017c592...
    It needs neither database nor network. A record that somebody made up as a
    whole holds together too: --head, from the answer to the appeal or from the
    timeline, tells it from the true one.
    """
    from gateway.acts.record import verify as faults_of
    from gateway.acts.record_files import read_record

    try:
        record = read_record(file.read_bytes())
    except ValueError as error:
        raise typer.BadParameter(f"{file}: {error}") from None
    faults = faults_of(record)
    if head is not None and head != record.head:
        faults.append(f"head: it is {record.head}, and not {head}")
    for fault in faults:
        typer.echo(f"{file}: {fault}")
    if faults:
        raise typer.Exit(1)
    counts = f"{len(record.versions)} version(s), {len(record.events)} events"
    typer.echo(
        f"{file}: the record of appeal {record.appeal.number} of {record.mrn} holds: {counts}, head {record.head}"
    )


@appeal.command("list", short_help="List the appeals that wait for a ruling.")
def list_appeals(
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List the appeals that wait for a ruling, the oldest first.

    \b
    Examples:
      guichet appeal list
      guichet appeal list --format json | jq -r .agency | sort | uniq -c
    """
    import asyncio

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(_waiting(settings))
    except RuntimeError as error:  # a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    print_found(layout, found, HEADINGS, _row, "No appeal waits for a ruling.")


def _row(each: "Appeal") -> list[str]:
    return [each.mrn, str(each.number), each.agency, each.delivery_id, each.lodged_at]


@appeal.command("rule", short_help="Rule on an appeal, for an agency that cannot.")
def rule(
    mrn: Annotated[str, typer.Argument(metavar="MRN", help="Of the case.")],
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As guichet appeal list shows it.")],
    outcome: Annotated[Outcome, typer.Argument(help="What becomes of the decision.")],
    reason: Annotated[str, typer.Option(help="Why. The trader reads it.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who answers for it; the timeline shows it.")],
    role: Annotated[Role, typer.Option(help="As whom.")] = Role.OPERATOR,
    decision: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The new decision, .xml or .json, if overturned.")
    ] = None,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Rule on an appeal where the agency does not do so itself: the decision is
    upheld, or overturned by a new one, which the case then follows.

    \b
    Examples:
      guichet appeal rule 26XZ0A1B2C3D4E5F67 1 upheld \\
          --reason "The pest was found again" --by "A. Miller"
      guichet appeal rule 26XZ0A1B2C3D4E5F67 1 overturned --decision granted.json \\
          --reason "The laboratory was wrong" --by "A. Miller" --role auditor
    It may be done while the gateway runs. Name and reason go on record.
    """
    import asyncio

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        ruled = asyncio.run(_rule(settings, mrn, number, (outcome.value, reason, decision), f"{role.value}:{by}"))
    except (ValueError, RuntimeError) as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(f"appeal {ruled.appeal} of {ruled.mrn}: the decision is {ruled.outcome}")


async def _waiting(settings: "Settings") -> "list[Appeal]":
    from gateway.access.registration import opened

    async with opened(settings) as store:
        return await store.open_appeals(None, SHOWN)


async def _rule(settings: "Settings", mrn: str, number: int, said: tuple[str, str, Path | None], actor: str) -> "Ruled":
    """Raises ValueError for what cannot be ruled, in the words of the refusal."""
    from datamodel.issues import Refused
    from datamodel.wording import ENGLISH, speaking
    from gateway import bootstrap, decisions
    from gateway.access.registration import opened
    from gateway.acts.ruling import Way, record_ruling
    from gateway.clock import stamp, utc_now
    from gateway.collect import DecisionConflict, DeliveryClosed, UnknownDelivery
    from gateway.lifecycle import IllegalAct

    gateway = bootstrap.build(settings, adapters={}, shared=True)
    async with opened(settings) as store:
        file = await store.case_file(mrn)
        found = [each for each in await store.appeals(file.case.id) if each.number == number] if file else []
        if not found:
            raise ValueError(f"there is no appeal {number} of {mrn!r}")
        tables = {"rules": gateway.rules, "checks": gateway.checks.digest}
        way = Way(agency=found[0].agency, actor=actor, at=stamp(utc_now()), tables=tables)
        with speaking(gateway.words[ENGLISH]):
            try:
                ruling = _ruling(gateway, found[0].delivery_id, *said, actor.partition(":")[2])
                return await record_ruling(store, found[0].delivery_id, ruling, way)
            except Refused as error:
                raise ValueError(decisions.describe(error)) from None
            except (UnknownDelivery, DecisionConflict, DeliveryClosed, IllegalAct) as error:
                raise ValueError(str(error)) from None


def _ruling(gateway: "Gateway", delivery_id: str, outcome: str, reason: str, file: Path | None, by: str) -> "Ruling":
    from gateway import decisions
    from gateway.acts.ruling import Ruling, checked
    from gateway.revival import check_line

    check_line("the reason", reason)
    check_line("the name", by)
    if file is None:
        return checked(Ruling(outcome=outcome, reason=reason))
    form = "xml" if file.suffix == ".xml" else "json"
    answer = decisions.read_answer(gateway.registry, file.read_bytes(), form, gateway.settings.limits, delivery_id)
    return checked(Ruling(outcome=outcome, reason=reason, decision=answer))


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(appeal, name="appeal", short_help="Appeals against decisions.", help="Appeals against decisions.")
