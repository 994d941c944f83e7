"""What several commands share: the settings with the command line above them, and how results are laid out."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.settings import Settings

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Settings in TOML; variables GUICHET_* of the environment go over it.",
    ),
]
Database = Annotated[
    str | None, typer.Option(metavar="URL", help="Where cases are kept: sqlite:///path. Goes over the settings.")
]


class Layout(StrEnum):
    """How results are printed: for people, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


def load_settings(file: Path | None, **given: str | int | None) -> "Settings":
    """The settings, with the options given over them. What cannot be used is a usage error."""
    from gateway.settings import PREFIX, SettingsError, load

    over = {f"{PREFIX}{name.upper()}": str(value) for name, value in given.items() if value is not None}
    try:
        return load(file, {**os.environ, **over})
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None
