"""Commands on the accounts of a gateway: who holds a key, a new one, one that is withdrawn."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings
from gateway.cli.output import print_rows

if TYPE_CHECKING:
    from gateway.settings import Settings

HEADINGS = ("Name", "Role", "Agency", "Revoked")

account = typer.Typer(no_args_is_help=True)


class Role(StrEnum):
    """What an account may do."""

    TRADER = "trader"
    AGENCY = "agency"
    OPERATOR = "operator"


@account.command("add", short_help="Register an account and print its API key, once.")
def add(
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
    _say_where(settings)
    typer.echo(key)


@account.command("list", short_help="List the accounts.")
def list_accounts(
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one account a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List the accounts with their roles, and when they were revoked. Keys are not kept, so none is shown.

    \b
    Examples:
      guichet account list
      guichet account list --format json | jq -r .name
    """
    import asyncio

    import msgspec

    from gateway.registration import list_accounts as listed

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(listed(settings))
    except RuntimeError as error:  # a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    if layout is Layout.JSON:
        for each in found:
            typer.echo(msgspec.json.encode(each))
    elif found:
        print_rows(HEADINGS, [[each.name, each.role, each.agency or "", each.revoked_at or ""] for each in found])
    else:
        typer.echo("There are no accounts yet.")


@account.command("revoke", short_help="Withdraw an account's API key.")
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As guichet account list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Withdraw an account's API key for good. Its name stays taken, its cases stay on record.

    \b
    Examples:
      guichet account revoke "Acme Forwarding"
    It may be done while the gateway runs: the key stops within half a minute.
    """
    import asyncio

    from gateway.registration import revoke_account

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        revoked = asyncio.run(revoke_account(settings, name))
    except (ValueError, RuntimeError) as error:  # a wrong name, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    _say_where(settings)
    typer.echo(f"{revoked.name} is revoked since {revoked.revoked_at}")


def _say_where(settings: "Settings") -> None:
    """Which database it was: settings come from several places, and a slip is found here and not at the first 401."""
    typer.echo(f"in the database {settings.database_path.resolve()}", err=True)


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(account, name="account", short_help="Accounts of a gateway.", help="Accounts of a gateway.")
