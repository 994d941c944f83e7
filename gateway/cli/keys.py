"""Commands on the API keys of accounts: another one, all of them, one that is withdrawn."""

from typing import Annotated

import typer

from gateway.cli import credentials
from gateway.cli.credentials import USER, Label, Listing, Name, Scopes, User, Whose, done, existing, terms
from gateway.cli.options import Database, Layout, SettingsFile, say_database

ABOUT = """\
Keys of an account. A user has two keys that work at most, so that one can
take the place of the other without a gap.

\b
  guichet account key add "Acme Forwarding" --label 2027   a second key
  (give it to the trader, and wait until the list says that it is used)
  guichet account key list "Acme Forwarding"
  guichet account key revoke "Acme Forwarding" KEYID       the first one
A key is an OAuth client, too: KEYID is its client_id, the key itself its
client_secret, at POST /oauth2/token.
"""

Expires = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Its last day: 90d from now, or a date as 2027-01-31. Else it has no end."),
]

key = typer.Typer(no_args_is_help=True)


@key.command("add", short_help="Make another API key and print it, once.")
def add(
    name: Name,
    user: User = USER,
    label: Label = "",
    expires: Expires = None,
    scope: Scopes = None,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Make an account another API key and print it. Only its digest is kept,
    so this is the one time that it can be read.

    \b
    Examples:
      guichet account key add "Acme Forwarding" --label "2027" --expires 365d
      guichet account key add "Acme Forwarding" --label dashboard --scope read
      guichet account key add "Acme Forwarding" --user "A. Miller"
      guichet account key add FSA --expires 2027-01-31
    It may be done while the gateway runs: the key works at once, and the key that
    it is to replace works on until it is revoked. In its last 30 days a key's
    answers carry the header Guichet-Key-Expires.
    """
    from gateway.access.registration import add_key

    settings = existing(database, settings_file)
    made, secret = done(add_key(settings, name, terms("key", user, label, expires, scope)))
    say_database(settings)
    typer.echo(f"key {made.key.id} of {made.account.name}", err=True)
    typer.echo(secret)


@key.command("list", short_help="List keys, and which of them end soon.")
def list_keys(
    name: Whose = None,
    layout: Listing = Layout.TEXT,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """List the keys of an account, or of all: when each was made, its last day,
    what it may do, when it was last used, and whether it lives, ends soon (in 30
    days), expired or was revoked. The keys themselves are not kept.

    \b
    Examples:
      guichet account key list "Acme Forwarding"
      guichet account key list --format json | jq 'select(.state | startswith("ends"))'
    Which key somebody holds: printf %s "$KEY" | sha256sum | cut -c 1-12
    """
    credentials.show("key", existing(database, settings_file), name, layout)


@key.command("revoke", short_help="Withdraw one key of an account.")
def revoke(
    name: Name,
    key_id: Annotated[str, typer.Argument(metavar="KEYID", help="As guichet account key list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Withdraw one key of an account for good; its other keys work on. Tokens
    that were had with it stop with it.

    \b
    Examples:
      guichet account key revoke "Acme Forwarding" 3f1c0a9b7d52
    It may be done while the gateway runs: the key stops within half a minute.
    """
    credentials.withdraw("key", existing(database, settings_file), name, key_id)
