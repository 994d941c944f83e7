"""What the commands on keys, client certificates and subjects of issuers share: options, the list, the withdrawal.

Rule: a user has two living ones of a kind at most. Reason: one is at work, and the other is there to take its place; a
third would be one that nobody watches.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Layout, existing_database, load_settings, say_database
from gateway.cli.output import print_found

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from typing import Any, TypeVar

    from gateway.ports import Holder, KeyTerms
    from gateway.settings import Settings

    T = TypeVar("T")

HEADINGS = ("Account", "User", "{}", "Label", "Made", "Last day", "Scopes", "Used", "State")
USER = "first"  # as in gateway.access.users, which loads what the help of a command can do without

Name = Annotated[str, typer.Argument(metavar="NAME", help="As guichet account list shows it.")]
Whose = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Whose; without it those of all.")]
User = Annotated[str, typer.Option(metavar="USER", help="Of which of the account's users.")]
Label = Annotated[str, typer.Option(metavar="TEXT", help="What you know it by; at most 40 characters.")]
Listing = Annotated[Layout, typer.Option("--format", help="text, or json: one a line.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SCOPE",
        help="What it may do: lodge, read, validate, decide, mandate, confirm, notify; may be repeated. Else all "
        "that its user may do.",
    ),
]


def terms(kind: str, user: str, label: str, expires: str | None, scopes: list[str] | None) -> "KeyTerms":
    """What a key is to be made with. An end that cannot be is a usage error."""
    from gateway.access.accounts import last_day
    from gateway.clock import utc_now
    from gateway.ports import KeyTerms

    try:
        end = None if expires is None else last_day(expires, utc_now().date())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    chosen = tuple(dict.fromkeys(scopes)) if scopes else None
    return KeyTerms(kind=kind, user=user, label=label, expires_on=end, scopes=chosen)


def existing(database: str | None, settings_file: "Path | None") -> "Settings":
    """The settings for a command on a database that is there."""
    return existing_database(load_settings(settings_file, database=database))


def done(work: "Coroutine[Any, Any, T]") -> "T":
    """What was done. What cannot be, and a database that cannot be used now, are usage errors."""
    import asyncio

    try:
        return asyncio.run(work)
    except (ValueError, RuntimeError) as error:
        raise typer.BadParameter(str(error)) from None


def show(kind: str, settings: "Settings", name: str | None, layout: Layout) -> None:
    """List those of a kind, of one account or of all."""

    from gateway.access.registration import list_keys

    found = done(list_keys(settings, name, kind))
    headings = [heading.format(kind.capitalize()) for heading in HEADINGS]
    print_found(
        layout,
        found,
        headings,
        _row,
        f"There are no {kind}s yet.",
        lambda each: {"account": each.account.name, **_told(each)},
    )


def withdraw(kind: str, settings: "Settings", name: str, key_id: str) -> None:
    """Revoke one for good, and say so where its user is left without any that works."""
    from gateway.access.registration import list_keys, revoke_key

    if key_id not in [each.key.id for each in done(list_keys(settings, name, kind))]:
        raise typer.BadParameter(f"there is no {kind} {key_id!r} of an account named {name!r}")
    revoked = done(revoke_key(settings, name, key_id))
    left = [each for each in done(list_keys(settings, name, kind)) if each.user == revoked.user]
    say_database(settings)
    typer.echo(f"{kind} {revoked.key.id} of {name} is revoked since {revoked.key.revoked_at}")
    if all(_told(each)["state"] in ("revoked", "expired") for each in left):
        whose = name if revoked.key.user == USER else f"the user {revoked.key.user} of {name}"
        typer.echo(f"{whose} has no {kind} that works any more; to make one: guichet account {kind} add", err=True)


def _told(holder: "Holder") -> dict[str, object]:
    """One as it is listed; one of a revoked account or user opens nothing, whatever it says of itself."""
    import msgspec

    from gateway.access.accounts import standing
    from gateway.clock import utc_now

    gone = holder.account.revoked_at is not None or holder.user.revoked_at is not None
    state = "revoked" if gone else standing(holder.key, utc_now().date())
    return {"id": holder.key.id, **msgspec.structs.asdict(holder.key), "state": state}


def _row(holder: "Holder") -> list[str]:
    key = holder.key
    scopes = "all" if key.scopes is None else ", ".join(key.scopes)
    days = [(key.made_at or "")[:10], key.expires_on or "", scopes, key.used_on or "", str(_told(holder)["state"])]
    return [holder.account.name, key.user, key.id, key.label, *days]
