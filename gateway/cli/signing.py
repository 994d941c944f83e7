"""Commands on the key that signs the gateway's own access tokens."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.credentials import Listing, done, existing
from gateway.cli.options import Database, Layout, SettingsFile, say_database
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from gateway.access.users import SigningKey

ABOUT = """\
The key that signs the gateway's own access tokens. It is made when the first
token is asked for, lies in the database (who can read that can make tokens), and
is the same for all workers. Its public half is at /.well-known/jwks.json.

\b
  guichet account signing-key rotate            as a matter of routine
  guichet account signing-key rotate --forget   when it may have got about
"""
HEADINGS = ("Key", "Made", "Retired")

signing = typer.Typer(no_args_is_help=True)


@signing.command("rotate", short_help="Make another key that signs.")
def rotate(
    forget: Annotated[
        bool, typer.Option("--forget", help="Tokens of the keys before end within half a minute.")
    ] = False,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Make another key that signs tokens. The one before verifies what it has
    signed, until the last of those tokens has ended.

    \b
    Examples:
      guichet account signing-key rotate
      guichet account signing-key rotate --forget
    It may be done while the gateway runs: the new key signs within half a minute.
    """
    from gateway.access.registration import rotate_signing_key

    settings = existing(database, settings_file)
    made = done(rotate_signing_key(settings, forget))
    say_database(settings)
    typer.echo(f"tokens are signed with the key {made.kid}")


@signing.command("list", short_help="List the keys that sign or signed.")
def list_signing_keys(
    layout: Listing = Layout.TEXT, database: Database = None, settings_file: SettingsFile = None
) -> None:
    """List the keys that sign or signed tokens, the latest first. The keys
    themselves are not shown.

    \b
    Examples:
      guichet account signing-key list
    """
    from gateway.access.registration import list_signing_keys as listed

    found = done(listed(existing(database, settings_file)))
    none = "There are no keys yet; the first is made when a token is asked for."
    print_found(layout, found, HEADINGS, _row, none, _told)


def _row(each: "SigningKey") -> list[str]:
    return [each.kid, each.made_at, each.retired_at or ""]


def _told(each: "SigningKey") -> dict[str, str | None]:
    """Without the key itself."""
    return {"kid": each.kid, "made_at": each.made_at, "retired_at": each.retired_at}
