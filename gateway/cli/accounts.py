"""Commands on the accounts of a gateway: all of them, a new one, one that is withdrawn. Their keys are in `keys`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import certificates, identifiers, keys, signing, subjects, users
from gateway.cli.credentials import USER, Label, Scopes, terms
from gateway.cli.keys import Expires
from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings, say_database
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.ports import Account

ABOUT = """\
Accounts of a gateway, and how those who call prove who they are.

An account is an organisation's: it owns the cases. Its users act for it, each
with scopes of its own if wanted; it begins with one, called "first". A user has

\b
  keys           shown as they are, or for OAuth tokens at POST /oauth2/token
  certificates   shown in TLS: guichet serve --client-ca
  subjects       tokens of an issuer that the settings name

\b
Examples:
  guichet account add "Acme Forwarding" --role trader
  guichet account user add "Acme Forwarding" "A. Miller" --scope read
  guichet account key add "Acme Forwarding" --user "A. Miller" --expires 90d
  guichet account certificate add "Acme Forwarding" acme.pem
What is withdrawn stops within half a minute.
"""
HEADINGS = ("Name", "Role", "Agency", "Test", "Revoked")

account = typer.Typer(no_args_is_help=True)
account.add_typer(keys.key, name="key", short_help="Keys of an account.", help=keys.ABOUT)
account.add_typer(users.user, name="user", short_help="Users of an account.", help=users.ABOUT)
account.add_typer(
    certificates.certificate, name="certificate", short_help="Client certificates.", help=certificates.ABOUT
)
account.add_typer(subjects.subject, name="subject", short_help="Subjects of other issuers.", help=subjects.ABOUT)
account.add_typer(signing.signing, name="signing-key", short_help="The key that signs tokens.", help=signing.ABOUT)
account.add_typer(
    identifiers.identifier,
    name="identifier",
    short_help="What declarations call a trader by.",
    help=identifiers.ABOUT,
)


class Role(StrEnum):
    """What an account may do."""

    TRADER = "trader"
    AGENCY = "agency"
    OPERATOR = "operator"
    AUTHOR = "author"
    AUDITOR = "auditor"


@account.command("add", short_help="Register an account and print its API key, once.")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Any name that is not taken.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    agency: Annotated[str | None, typer.Option(metavar="CODE", help="For role agency: which one, as FSA.")] = None,
    test: Annotated[bool, typer.Option("--test", help="For role trader: to try things out only.")] = False,
    label: Label = "first",
    expires: Expires = None,
    scope: Scopes = None,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Register an account and print its API key. Only the key's digest is kept,
    so this is the one time that it can be read.

    \b
    Examples:
      guichet account add "Acme Forwarding" --role trader
      guichet account add FSA --role agency --agency FSA
      guichet account add "Acme, trade test" --role trader --test
      guichet account add "Court of audit" --role auditor --expires 90d
    It may be done while the gateway runs: the key works at once. A trader lodges
    and sees its own cases, an agency its own deliveries. An operator sees how any
    case stands, but not what was declared; an auditor sees all and changes
    nothing. A rule author tries messages. What a test account lodges is answered
    by virtual agencies (docs/trade-test.md). Another key: guichet account key add.
    """
    import asyncio

    from gateway.access.accounts import key_id
    from gateway.access.registration import NewAccount, register_accounts

    settings = load_settings(settings_file, database=database)
    try:
        wanted = NewAccount(name, role.value, agency, terms("key", USER, label, expires, scope), test)
        (key,) = asyncio.run(register_accounts(settings, [wanted]))
    except (ValueError, RuntimeError) as error:  # a wrong account, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    say_database(settings)
    typer.echo(f"key {key_id(key)} of {name}", err=True)
    typer.echo(key)


@account.command("list", short_help="List the accounts.")
def list_accounts(
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one account a line.")] = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List the accounts with their roles, and when they were revoked. Their keys: guichet account key list.

    \b
    Examples:
      guichet account list
      guichet account list --format json | jq -r .name
    """
    import asyncio

    from gateway.access.registration import list_accounts as listed

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(listed(settings))
    except RuntimeError as error:  # a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    print_found(layout, found, HEADINGS, _row, "There are no accounts yet.")


def _row(each: "Account") -> list[str]:
    return [each.name, each.role, each.agency or "", "test" * each.test, each.revoked_at or ""]


@account.command("revoke", short_help="Withdraw all keys of an account.")
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As guichet account list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Withdraw all API keys of an account for good. Its name stays taken, its cases stay on record.

    \b
    Examples:
      guichet account revoke "Acme Forwarding"
    It may be done while the gateway runs: the keys stop within half a minute.
    One key alone: guichet account key revoke.
    """
    import asyncio

    from gateway.access.registration import revoke_account

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        revoked = asyncio.run(revoke_account(settings, name))
    except (ValueError, RuntimeError) as error:  # a wrong name, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    say_database(settings)
    typer.echo(f"{revoked.name} is revoked since {revoked.revoked_at}")


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(account, name="account", short_help="Accounts of a gateway.", help=ABOUT)
