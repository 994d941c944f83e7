"""The command `guichet`. Exit codes: 0 good, 1 invalid input, 2 usage (a missing file, an unknown message type).

Each command imports what it needs when it runs, so that `guichet --help` answers at once.
"""

from typing import Annotated

import typer

from gateway.cli import (
    accounts,
    codelists,
    deliveries,
    docs,
    documents,
    mandates,
    notifications,
    packages,
    records,
    rules,
    running,
)
from gateway.cli.output import guarded_output

ABOUT = """\
A customs single window gateway on the WCO Data Model.

\b
Examples:
  guichet demo                           try it: 100 declarations, 5 agencies
  guichet serve --settings guichet.toml  run the gateway
  guichet validate declaration.xml       every fault at once, each with a remedy
  guichet convert --to json d.xml        the same declaration in the other format
  guichet requirements --hs 0603 --direction import --origin KE

Each command has its own --help. Exit codes: 0 good, 1 invalid input, 2 usage.
"""

app = typer.Typer(
    help=ABOUT, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"guichet {version('guichet')}")
        raise typer.Exit


@app.callback()
def guichet(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Options of all commands."""


for module in (
    running,
    documents,
    records,
    packages,
    docs,
    codelists,
    rules,
    accounts,
    mandates,
    deliveries,
    notifications,
):
    module.register(app)


def main() -> None:
    """Entry point of the command."""
    with guarded_output():
        app(prog_name="guichet")
