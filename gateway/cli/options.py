"""What several commands share: the settings with the command line above them, and how results are laid out."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datamodel.wording import Wording
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


Language = Annotated[
    str | None,
    typer.Option(metavar="LANGUAGE", help="Of what is said about documents, as en, fr, es; else that of the locale."),
]
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set counts (POSIX.1-2017, section 8.2)


class Layout(StrEnum):
    """How results are printed: for people, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


def load_settings(file: Path | None, **given: "str | int | Path | None") -> "Settings":
    """The settings, with the options given over them. What cannot be used is a usage error."""
    from gateway.settings import PREFIX, SettingsError, load

    over = {f"{PREFIX}{name.upper()}": str(value) for name, value in given.items() if value is not None}
    try:
        settings = load(file, {**os.environ, **over})
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None
    if not (settings.schemas / "packages").is_dir():
        told = "schemas (or the variable GUICHET_SCHEMAS) must be a folder with packages in it"
        raise typer.BadParameter(f"{told}, and {settings.schemas} is none")
    return settings


def chosen(settings: "Settings", language: str | None) -> "Wording":
    """The words of the language given, else of the locale's. One that was given and is not there is a usage error."""
    from datamodel.wording import ENGLISH, catalogue

    try:
        words = catalogue(settings.schemas)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if language is not None and language not in words:
        raise typer.BadParameter(f"no language {language!r}; there are: {', '.join(words)}")
    locale = next(filter(None, map(os.environ.get, LOCALE)), "").partition(".")[0].partition("@")[0].replace("_", "-")
    names = (language, locale, locale.partition("-")[0], ENGLISH)
    return next(words[name] for name in names if name in words)


def existing_database(settings: "Settings") -> "Settings":
    """The settings, where their database is there: a command that only looks or changes must not make one."""
    if not settings.database_path.is_file():
        raise typer.BadParameter(f"there is no database {settings.database_path.resolve()}")
    return settings


def say_database(settings: "Settings") -> None:
    """Which database it was: settings come from several places, and a slip is found here and not at the first 401."""
    typer.echo(f"in the database {settings.database_path.resolve()}", err=True)
