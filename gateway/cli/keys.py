"""Commands on the keys of accounts: another one, all of them, one that is withdrawn.

Rule: an account has two living keys at most. Reason: one is at work, and the other is there to take its place; a third
would be one that nobody watches.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, Layout, SettingsFile, existing_database, load_settings, say_database
from gateway.cli.output import print_rows

if TYPE_CHECKING:
    from gateway.ports import Holder, KeyTerms

ABOUT = """\
Keys of an account. An account has two keys that work at most, so that one can
take the place of the other without a gap.

\b
  guichet account key add "Acme Forwarding" --label 2027   a second key
  (give it to the trader, and wait until the list says that it is used)
  guichet account key list "Acme Forwarding"
  guichet account key revoke "Acme Forwarding" KEYID       the first one
"""
HEADINGS = ("Account", "Key", "Label", "Made", "Last day", "Scopes", "Used", "State")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As guichet account list shows it.")]
Label = Annotated[str, typer.Option(metavar="TEXT", help="What you know the key by; at most 40 characters.")]
Expires = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Its last day: 90d from now, or a date as 2027-01-31. Else it has no end."),
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SCOPE",
        help="What the key may do: lodge, read, validate, decide, mandate, confirm; may be repeated. Else all that the "
        "role may do.",
    ),
]

key = typer.Typer(no_args_is_help=True)


def terms(label: str, expires: str | None, scopes: list[str] | None) -> "KeyTerms":
    """What a key is to be made with. An end that cannot be is a usage error."""
    from gateway.access.accounts import last_day
    from gateway.clock import utc_now
    from gateway.ports import KeyTerms

    try:
        end = None if expires is None else last_day(expires, utc_now().date())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return KeyTerms(label=label, expires_on=end, scopes=tuple(dict.fromkeys(scopes)) if scopes else None)


@key.command("add", short_help="Make an account another API key and print it, once.")
def add(
    name: Name,
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
      guichet account key add FSA --expires 2027-01-31
    It may be done while the gateway runs: the key works at once, and the key that
    it is to replace works on until it is revoked. In its last 30 days a key's
    answers carry the header Guichet-Key-Expires.
    """
    import asyncio

    from gateway.access.registration import add_key

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        made, secret = asyncio.run(add_key(settings, name, terms(label, expires, scope)))
    except (ValueError, RuntimeError) as error:  # a wrong key, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    say_database(settings)
    typer.echo(f"key {made.key.id} of {made.account.name}", err=True)
    typer.echo(secret)


@key.command("list", short_help="List keys, and which of them end soon.")
def list_keys(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Whose; without it those of all.")] = None,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one key a line.")] = Layout.TEXT,
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
    import asyncio

    import msgspec

    from gateway.access.registration import list_keys as listed

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        found = asyncio.run(listed(settings, name))
    except (ValueError, RuntimeError) as error:  # a wrong name, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    if layout is Layout.JSON:
        for each in found:
            typer.echo(msgspec.json.encode({"account": each.account.name, **_told(each)}))
    elif found:
        print_rows(HEADINGS, [_row(each) for each in found])
    else:
        typer.echo("There are no keys yet.")


@key.command("revoke", short_help="Withdraw one key of an account.")
def revoke(
    name: Name,
    key_id: Annotated[str, typer.Argument(metavar="KEYID", help="As guichet account key list shows it.")],
    database: Database = None,
    settings_file: SettingsFile = None,
) -> None:
    """Withdraw one key of an account for good; its other keys work on.

    \b
    Examples:
      guichet account key revoke "Acme Forwarding" 3f1c0a9b7d52
    It may be done while the gateway runs: the key stops within half a minute.
    """
    import asyncio

    from gateway.access.registration import list_keys as listed
    from gateway.access.registration import revoke_key

    settings = existing_database(load_settings(settings_file, database=database))
    try:
        revoked = asyncio.run(revoke_key(settings, name, key_id))
        left = asyncio.run(listed(settings, name))
    except (ValueError, RuntimeError) as error:  # a wrong name or id, or a database that cannot be used now
        raise typer.BadParameter(str(error)) from None
    say_database(settings)
    typer.echo(f"key {revoked.key.id} of {name} is revoked since {revoked.key.revoked_at}")
    if all(_told(each)["state"] in ("revoked", "expired") for each in left):
        typer.echo(f"{name} has no key that works any more; to make one: guichet account key add", err=True)


def _told(holder: "Holder") -> dict[str, object]:
    """A key as it is listed; a key of a revoked account opens nothing, whatever it says of itself."""
    import msgspec

    from gateway.access.accounts import standing
    from gateway.clock import utc_now

    gone = holder.account.revoked_at is not None
    state = "revoked" if gone else standing(holder.key, utc_now().date())
    return {"id": holder.key.id, **msgspec.structs.asdict(holder.key), "state": state}


def _row(holder: "Holder") -> list[str]:
    key = holder.key
    scopes = "all" if key.scopes is None else ", ".join(key.scopes)
    days = [(key.made_at or "")[:10], key.expires_on or "", scopes, key.used_on or "", str(_told(holder)["state"])]
    return [holder.account.name, key.id, key.label, *days]
