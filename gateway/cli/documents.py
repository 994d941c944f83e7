"""Commands on documents: validate, convert, xsd, messages. They need no gateway and no store.

What a machine reads goes to standard output without colour or wrapping; notes for people go to standard error.
"""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Layout, load_settings

if TYPE_CHECKING:
    from datamodel.issues import Issue, Report
    from datamodel.registry import Message, Registry

STDIN = "-"
UTF8_BOM = b"\xef\xbb\xbf"


class Format(StrEnum):
    """The two faces of a document."""

    XML = "xml"
    JSON = "json"


def existing(name: str) -> Path:
    """A file that can be read, or `-` for standard input."""
    file = Path(name)
    if name != STDIN and (not file.exists() or file.is_dir() or not os.access(file, os.R_OK)):
        raise typer.BadParameter(f"there is no file {name!r} that can be read")
    return file


Files = Annotated[list[Path], typer.Argument(metavar="FILE...", parser=existing, help="- is standard input.")]
OneFile = Annotated[Path, typer.Argument(metavar="FILE", parser=existing, help="- is standard input.")]
MessageKey = Annotated[
    str | None,
    typer.Option("--message", metavar="KEY", help="Take it for this message type (see: guichet messages)."),
]
As = Annotated[
    Format | None,
    typer.Option("--as", help="Format of the input; without it, told by the content, then by the file's name."),
]


def read_bytes(file: Path) -> bytes:
    """The file's bytes, or those of standard input."""
    return sys.stdin.buffer.read() if str(file) == STDIN else file.read_bytes()


def sniff(body: bytes, file: Path) -> Format:
    """XML or JSON: by the first character that is not white space, else by the file's name, else XML."""
    start = body[:256].removeprefix(UTF8_BOM).lstrip()[:1]
    by_content = {b"<": Format.XML, b"{": Format.JSON, b"[": Format.JSON}.get(start)
    return by_content or (Format.JSON if file.suffix.lower() == ".json" else Format.XML)


def load_registry() -> "Registry":
    """The message types of this installation."""
    from datamodel.registry import Registry

    return Registry.load(load_settings(None).schemas)


def find_message(registry: "Registry", key: str) -> "Message":
    """A message type by its key. An unknown one is a usage error that lists the known."""
    try:
        return registry.message(key)
    except KeyError:
        known = ", ".join(registry.messages)
        raise typer.BadParameter(f"no message type {key!r}; there are: {known}") from None


def place(name: str, issue: "Issue") -> str:
    """`file:line:column` where there are lines, else `file` and the path to the value."""
    if issue.line is not None:
        return f"{name}:{issue.line}:{issue.column or 1}:"
    return f"{name}: {issue.json_pointer or issue.xpath or '(document)'}:"


def print_report(name: str, report: "Report", layout: Layout, *, err: bool = False) -> None:
    """Every issue: a paragraph for people, or one JSON object a line that starts with the file's name."""
    import msgspec

    for issue in report.issues:
        if layout is Layout.JSON:
            typer.echo(msgspec.json.encode({"file": name, **msgspec.to_builtins(issue)}), err=err)
            continue
        typer.echo(f"{place(name, issue)} {issue.rule} {issue.text}", err=err)
        details = {"at": issue.xpath, "expected": issue.expected, "remedy": issue.remedy}
        for label, text in details.items():
            if text:
                typer.echo(f"    {label}: {text}", err=err)
    if report.total > len(report.issues):
        typer.echo(f"{name}: {report.total - len(report.issues)} more faults are not shown", err=True)


def validate(
    files: Files,
    message: MessageKey = None,
    as_: As = None,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one issue a line.")] = Layout.TEXT,
) -> None:
    """Check documents and print every fault of each, with its place, what was expected and a remedy.

    \b
    Examples:
      guichet validate import.xml export.json
      guichet validate --format json *.xml | jq .rule
      curl -s https://example.org/d.xml | guichet validate -
    Ends with 0 where all are valid, with 1 where one is not.
    """
    from datamodel.codecs import read
    from datamodel.issues import Refused

    registry = load_registry()
    if message:
        find_message(registry, message)
    invalid = False
    for file in files:
        body = read_bytes(file)
        try:
            parsed = read(registry, body, (as_ or sniff(body, file)).value, message=message)
        except Refused as refused:
            invalid = True
            print_report(str(file), refused.report, layout)
        else:
            if layout is Layout.TEXT:
                typer.echo(f"{file}: valid {parsed.message.key}")
    raise typer.Exit(int(invalid))


def convert(
    file: OneFile,
    to: Annotated[Format, typer.Option("--to", help="Format of the output.")],
    message: MessageKey = None,
    as_: As = None,
) -> None:
    """Write a document in the other format, or in the canonical form of its own, to standard output.

    \b
    Examples:
      guichet convert --to json declaration.xml > declaration.json
      guichet convert --to xml - < declaration.json
    Nothing is lost on the way: numbers keep their digits, codes their zeros. An invalid document ends with 1.
    """
    from datamodel.codecs import read, write
    from datamodel.issues import Refused

    registry = load_registry()
    if message:
        find_message(registry, message)
    body = read_bytes(file)
    try:
        parsed = read(registry, body, (as_ or sniff(body, file)).value, message=message)
    except Refused as refused:
        print_report(str(file), refused.report, Layout.TEXT, err=True)
        raise typer.Exit(1) from None
    sys.stdout.buffer.write(write(parsed, to.value).rstrip(b"\n") + b"\n")


def xsd(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Key or short name, as DEC.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Write all files of the schema into this folder."),
    ] = None,
) -> None:
    """Write the XML schema of a message type, made from the tables of the data model.

    \b
    Examples:
      guichet xsd DEC --out schemas-for-partners
      guichet xsd guichet/1/Decision --out .
    Without --out, the schema that the others hang on goes to standard output.
    """
    from datamodel.xsd_writer import write_bundle

    bundle = write_bundle(find_message(load_registry(), message).model)
    if out is None:
        entry, *others = bundle
        sys.stdout.buffer.write(bundle[entry])
        if others:
            typer.echo(f"{entry} also needs {', '.join(others)}: use --out DIR", err=True)
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, text in bundle.items():
        (out / name).write_bytes(text)
        typer.echo(out / name)


def messages() -> None:
    """List the message types of this installation."""
    for key in load_registry().messages:
        typer.echo(key)


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.command(short_help="Check documents; print every fault of each.")(validate)
    app.command(short_help="Write a document in the other format.")(convert)
    app.command(short_help="Write the XML schema of a message type.")(xsd)
    app.command(short_help="List the message types.")(messages)
