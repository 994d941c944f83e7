"""Commands on client certificates: whose one is, all of them, one that is withdrawn."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import credentials
from gateway.cli.credentials import USER, Listing, Name, Scopes, User, Whose, done, existing, terms
from gateway.cli.options import Database, Layout, SettingsFile, say_database

ABOUT = """\
Client certificates. Who shows one in TLS needs no key. The gateway is told
which authorities may sign them (guichet serve --client-ca), and here whose each
one is. A user has two that work at most, so that one can take the place of the
other without a gap.

\b
  guichet account certificate add "Acme Forwarding" acme-2027.pem
  guichet account certificate list "Acme Forwarding"
  guichet account certificate revoke "Acme Forwarding" ID
"""

certificate = typer.Typer(no_args_is_help=True)


@certificate.command("add", short_help="Enter whose a certificate is.")
def add(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate, PEM or DER; not its key.")],
    user: User = USER,
    scope: Scopes = None,
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Enter whose a client certificate is. Its SHA-256 is kept, its name and its
    last day; in its last 30 days answers carry the header Guichet-Key-Expires.

    \b
    Examples:
      guichet account certificate add "Acme Forwarding" acme.pem
      guichet account certificate add FSA fsa.pem --user "A. Miller" --scope read
    It may be done while the gateway runs: the certificate works at once.
    """
    from gateway.access.certificates import entry
    from gateway.access.registration import add_credential
    from gateway.clock import utc_now

    settings = existing(database, settings_file)
    try:
        found = entry(file, utc_now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    made = terms("certificate", user, found.name, found.last_day, scope)
    holder = done(add_credential(settings, name, found.digest, made))
    say_database(settings)
    typer.echo(f"certificate {holder.key.id} of {name} is good until {found.last_day}")


@certificate.command("list", short_help="List certificates, and which of them end soon.")
def list_certificates(
    name: Whose = None, layout: Listing = Layout.TEXT, database: Database = None, settings_file: SettingsFile = None
) -> None:
    """List the client certificates of an account, or of all: the name in each, its
    last day, when it was last used, and whether it lives, ends soon (in 30 days),
    expired or was revoked.

    \b
    Examples:
      guichet account certificate list
      guichet account certificate list --format json | jq 'select(.state | startswith("ends"))'
    Which one a file is: openssl x509 -in FILE -outform DER | sha256sum | cut -c 1-12
    """
    credentials.show("certificate", existing(database, settings_file), name, layout)


@certificate.command("revoke", short_help="Withdraw a certificate of an account.")
def revoke(
    name: Name,
    certificate_id: Annotated[str, typer.Argument(metavar="ID", help="As guichet account certificate list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Withdraw a client certificate for good. The gateway no longer knows it;
    whether its authority has revoked it, the gateway does not ask.

    \b
    Examples:
      guichet account certificate revoke "Acme Forwarding" 3f1c0a9b7d52
    It may be done while the gateway runs: it stops within half a minute.
    """
    credentials.withdraw("certificate", existing(database, settings_file), name, certificate_id)
