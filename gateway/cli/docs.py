"""The command `guichet docs build`: what the gateway publishes, as a folder for a web server or to hand over."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import SettingsFile, load_settings
from gateway.cli.output import writing_files

if TYPE_CHECKING:
    from gateway.docs.library import Library

ABOUT = "What the gateway publishes, as files."

docs = typer.Typer(no_args_is_help=True)


@docs.command("build", short_help="Write all schemas and pages into a folder.")
def build(
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="Where to; made where it is not there.")
    ] = Path("docs-site"),
    settings_file: SettingsFile = None,
) -> None:
    """Write what the gateway publishes into a folder: a page for each message type,
    XML and JSON Schemas, code lists, rules, requirements.

    \b
    Examples:
      guichet docs build
      guichet docs build --out /var/www/single-window
    Open index.html of the folder: the pages need no web server and no network.
    """
    from rich.console import Console
    from rich.progress import Progress

    from datamodel.wording import ENGLISH, catalogue, speaking
    from gateway.docs.site import Folder, publications
    from gateway.http import openapi
    from gateway.http.app import ROUTES

    library = load_library(settings_file)
    with speaking(catalogue(library.schemas)[ENGLISH]):
        description = openapi.document(ROUTES)
    todo = list(publications(library, description))
    folder, console = Folder(out), Console(stderr=True, quiet=not sys.stderr.isatty())
    with writing_files(out), Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(todo))
        for publication in todo:
            progress.update(task, description=publication.name)
            folder.write(publication.make())
            progress.advance(task)
        folder.finish()
    typer.echo(f"{len(folder.written)} files in {out}; begin with {out / 'index.html'}")


def load_library(settings_file: Path | None) -> "Library":
    """The publications of this installation. Tables that cannot be used are a usage error."""
    from datamodel.registry import Registry
    from gateway.checks import load_checks
    from gateway.docs.library import Library
    from gateway.requirements import RequirementTable, load_agencies

    settings = load_settings(settings_file)
    schemas = settings.schemas
    try:
        registry = Registry.load(schemas)
        agencies = load_agencies(schemas / "agencies")
        table = RequirementTable.load(schemas / "requirements", agencies)
        library = Library(registry, schemas, table, agencies, load_checks(schemas, registry, settings.country))
        _ = (library.codelists, library.rulebook)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return library


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.add_typer(docs, name="docs", short_help=ABOUT, help=ABOUT)
