"""`guichet package add`: anybody's schemas become a package."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.options import SettingsFile, load_settings


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case, as ncts.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As 5.1.")],
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder with the .xsd files.")],
    root: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE|ELEMENT", help="A file to begin with, or a root element. May be repeated."),
    ] = None,
    settings_file: SettingsFile = None,
) -> None:
    """Make a package of a folder of XML Schema files. Its messages can then be
    validated, converted and published like any other; restart the gateway.

    \b
    Examples:
      guichet package add ncts 5.1 ./ncts-schemas
      guichet package add uk 3.6 ./declaration --root DocumentMetaData_2_DMS.xsd \\
          --root WCO_DEC_2_DMS.xsd --root MetaData
    Without --root every file that no other names is read, and each of its
    global elements is a root. With an element alone, the file that declares
    it is looked for. Nothing is fetched, and nothing outside FOLDER is read.
    What cannot be carried without loss (mixed content, a DTD, XML Schema 1.1)
    is refused with file and line, and nothing is left behind.
    """
    from datamodel import bundles
    from datamodel.bundle_guard import BadBundle

    packages = load_settings(settings_file).schemas / "packages"
    try:
        keys = bundles.add(packages, name, version, folder, tuple(root or ()))
    except BadBundle as error:
        typer.echo(f"not added: {error}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {packages}: {error.strerror}") from None
    for key in keys:
        typer.echo(key)


def register(package: typer.Typer) -> None:
    """Put this module's command beside the others on packages."""
    package.command("add", short_help="Make a package of a folder of XML Schema files.")(add)
