"""Commands on the users of accounts: another one, all of them, one that is withdrawn."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.credentials import Listing, Name, Scopes, Whose, done, existing
from gateway.cli.options import Database, Layout, SettingsFile, say_database
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.access.users import User

ABOUT = """\
Users of an account. An account is an organisation's: it owns the cases. A user
is a person or a program that acts for it, with keys of its own, and perhaps for
some things only; the history of a case says which user did what. Every account
begins with the user "first".

\b
  guichet account user add "Acme Forwarding" "A. Miller" --scope read
  guichet account key add "Acme Forwarding" --user "A. Miller"
  guichet account user revoke "Acme Forwarding" "A. Miller"
"""
HEADINGS = ("Account", "User", "Number", "Scopes", "Made", "Revoked")

user = typer.Typer(no_args_is_help=True)
Called = Annotated[str, typer.Argument(metavar="USER", help="Its name within the account; at most 40 characters.")]


@user.command("add", short_help="Make an account another user.")
def add(
    name: Name, called: Called, scope: Scopes = None, database: Database = None, settings_file: SettingsFile = None
) -> None:
    """Make an account another user. It can do nothing before it has a key, a
    client certificate, or a subject of an issuer.

    \b
    Examples:
      guichet account user add "Acme Forwarding" "A. Miller"
      guichet account user add "Acme Forwarding" dashboard --scope read
    Then: guichet account key add "Acme Forwarding" --user "A. Miller"
    """
    from gateway.access.registration import add_user

    settings = existing(database, settings_file)
    made = done(add_user(settings, name, called, tuple(dict.fromkeys(scope)) if scope else None))
    say_database(settings)
    typer.echo(f"{made.name} is user {made.number} of {made.account}")


@user.command("list", short_help="List the users of accounts.")
def list_users(
    name: Whose = None, layout: Listing = Layout.TEXT, database: Database = None, settings_file: SettingsFile = None
) -> None:
    """List the users of an account, or of all, with the numbers under which the
    history of a case names them: trader:12/3 is user 3 of the trader with the
    account 12.

    \b
    Examples:
      guichet account user list "Acme Forwarding"
      guichet account user list --format json | jq -r 'select(.revoked_at == null).name'
    """

    from gateway.access.registration import list_users as listed

    found = done(listed(existing(database, settings_file), name))
    print_found(layout, found, HEADINGS, _row, "There are no users yet.")


def _row(each: "User") -> list[str]:
    scopes = "all" if each.scopes is None else ", ".join(each.scopes)
    return [each.account, each.name, str(each.number), scopes, (each.made_at or "")[:10], each.revoked_at or ""]


@user.command("revoke", short_help="Withdraw a user with all its keys.")
def revoke(name: Name, called: Called, database: Database = None, settings_file: SettingsFile = None) -> None:
    """Withdraw a user for good, with all its keys, certificates and subjects. Its
    name stays taken, and the account's other users work on.

    \b
    Examples:
      guichet account user revoke "Acme Forwarding" "A. Miller"
    It may be done while the gateway runs: the keys stop within half a minute, and
    so do tokens.
    """
    from gateway.access.registration import revoke_user

    settings = existing(database, settings_file)
    revoked = done(revoke_user(settings, name, called))
    say_database(settings)
    typer.echo(f"{revoked.name} of {name} is revoked since {revoked.revoked_at}")
