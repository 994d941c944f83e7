"""Commands on what traders are told: the addresses that it is sent to, and what could not be sent."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.notify.told import DeadLetter
    from gateway.ports import Store
    from gateway.settings import Settings

Result = TypeVar("Result")

HEADINGS = ("Account", "Number", "MRN", "Attempts", "Problem")
SHOWN = 10_000

notification = typer.Typer(no_args_is_help=True)


@notification.command("callback", short_help="Have notifications sent to a trader's address; prints the secret, once.")
def callback(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As guichet account list shows it.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the trader wants to be told, with https://.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Have whatever the trader is told from now on sent to its address, and print
    the secret that signs it: give it to the trader. For an account that has an
    address already, address and secret are replaced.

    \b
    Examples:
      guichet notification callback "Acme Forwarding" https://acme.example/in
    It may be done while the gateway runs. How a receiver checks the signature is
    in docs/api.md. Private addresses, and http://, are refused unless the setting
    notifications.private allows them.
    """
    import os

    from gateway import bootstrap
    from gateway.notify.callbacks import new_secret

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        bootstrap.poster(settings).check(url)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    secret = new_secret(os.urandom)
    _on(settings, lambda store: store.set_callback(name, url, secret))
    typer.echo(secret)


@notification.command("silence", short_help="Send nothing more to a trader's address.")
def silence(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As guichet account list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Forget a trader's address, and what was still to be sent there. The trader
    can pull all of it.

    \b
    Examples:
      guichet notification silence "Acme Forwarding"
    """
    settings = existing_database(load_settings(settings_file, database=database))
    _on(settings, lambda store: store.remove_callback(name))
    typer.echo(f"nothing more is sent to {name}")


@notification.command("list", short_help="List what could not be sent, with the reason.")
def list_dead(
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List the notifications that were given up because the trader's address did
    not take them, with the reason of the last attempt.

    \b
    Examples:
      guichet notification list
      guichet notification list --format json | jq -r .account | sort | uniq -c
    """

    settings = existing_database(load_settings(settings_file, database=database))
    found = _on(settings, lambda store: store.dead_letters(SHOWN))
    print_found(layout, found, HEADINGS, _row, "No notification was given up.")


def _row(each: "DeadLetter") -> list[str]:
    return [each.account, str(each.number), each.mrn, str(each.attempts), each.problem]


@notification.command("redeliver", short_help="Send again what was given up for a trader.")
def redeliver(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As guichet notification list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Send again all that was given up for a trader, when its address works again.

    \b
    Examples:
      guichet notification redeliver "Acme Forwarding"
    It may be done while the gateway runs, which sends them in a moment.
    """
    from gateway.clock import stamp, utc_now

    settings = existing_database(load_settings(settings_file, database=database))
    count = _on(settings, lambda store: store.redeliver(name, stamp(utc_now())))
    if not count:
        raise typer.BadParameter(f"nothing was given up for {name!r}")
    typer.echo(f"notifications that are sent again: {count}")


def _on(settings: "Settings", work: "Callable[[Store], Awaitable[Result]]") -> "Result":
    """What is done to the ledger, beside a gateway that may be running. What cannot be done is a usage error."""
    import asyncio

    from gateway.access.registration import opened

    async def done() -> "Result":
        async with opened(settings) as store:
            return await work(store)

    try:
        return asyncio.run(done())
    except (ValueError, RuntimeError) as error:  # a wrong name, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    about = "What traders are told, and the addresses that it is sent to."
    app.add_typer(notification, name="notification", short_help="What is sent to traders.", help=about)
