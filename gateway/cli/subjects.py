"""Commands on subjects of other issuers of tokens: whose one is, all of them, one that is withdrawn."""

from typing import Annotated

import typer

from gateway.cli import credentials
from gateway.cli.credentials import USER, Listing, Name, Scopes, User, Whose, done, existing, terms
from gateway.cli.options import Database, Layout, SettingsFile, say_database

ABOUT = """\
Subjects of other issuers. An organisation that has an identity service of its
own, or a national one, need not have keys here: the settings name the issuer,
and here is entered whose a subject of it is.

\b
  [access.issuers.ministry]
  issuer = "https://login.example/realms/customs"
  audience = "https://window.example"
  keys = "https://login.example/realms/customs/protocol/openid-connect/certs"
  claim = "azp"                  # names who calls; "sub" without it
  types = ["at+jwt", "JWT"]      # of typ in the header; "at+jwt" without it

\b
  guichet account subject add "Acme Forwarding" ministry acme-erp
"""
LONGEST = 40

subject = typer.Typer(no_args_is_help=True)


@subject.command("add", short_help="Enter whose a subject of an issuer is.")
def add(
    name: Name,
    issuer: Annotated[str, typer.Argument(metavar="ISSUER", help="Its name in the settings, as ministry.")],
    called: Annotated[str, typer.Argument(metavar="SUBJECT", help="What the issuer's tokens say in the claim.")],
    user: User = USER,
    scope: Scopes = None,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Enter whose a subject of an issuer is. Its tokens then do what the user may
    do, or the scopes given here; the issuer's own scopes are words of its own.

    \b
    Examples:
      guichet account subject add "Acme Forwarding" ministry acme-erp
      guichet account subject add FSA ministry 8b7c --user "A. Miller" --scope read
    It may be done while the gateway runs: tokens of the subject work at once.
    """
    from gateway.access.issuers import subject_digest
    from gateway.access.registration import add_credential

    settings = existing(database, settings_file)
    known = settings.access.issuers
    if issuer not in known:
        told = ", ".join(known) or "none; the settings have a table [access.issuers.NAME] for each"
        raise typer.BadParameter(f"the settings name no issuer {issuer!r}; there is: {told}")
    label = f"{issuer}: {called}"
    shown = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
    digest = subject_digest(known[issuer].issuer, called)
    holder = done(add_credential(settings, name, digest, terms("subject", user, shown, None, scope)))
    say_database(settings)
    typer.echo(f"subject {holder.key.id} of {name} is {called} of {known[issuer].issuer}")


@subject.command("list", short_help="List subjects.")
def list_subjects(
    name: Whose = None, layout: Listing = Layout.TEXT, database: Database = None, settings_file: SettingsFile = None
) -> None:
    """List the subjects of issuers that belong to an account, or to all.

    \b
    Examples:
      guichet account subject list "Acme Forwarding"
    """
    credentials.show("subject", existing(database, settings_file), name, layout)


@subject.command("revoke", short_help="Withdraw a subject of an account.")
def revoke(
    name: Name,
    subject_id: Annotated[str, typer.Argument(metavar="ID", help="As guichet account subject list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Withdraw a subject for good. Its issuer may go on making tokens for it, but
    they open nothing here.

    \b
    Examples:
      guichet account subject revoke "Acme Forwarding" 3f1c0a9b7d52
    It may be done while the gateway runs: its tokens stop within half a minute.
    """
    credentials.withdraw("subject", existing(database, settings_file), name, subject_id)
