"""Commands on documents: validate, convert, xsd, messages. They need no gateway and no store.

What a machine reads goes to standard output without colour or wrapping; notes for people go to standard error.
"""

import os
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Language, Layout, SettingsFile, chosen, load_settings
from gateway.cli.output import writing_files

if TYPE_CHECKING:
    from datamodel.issues import Issue, Report
    from datamodel.limits import Limits
    from datamodel.registry import Message, Registry
    from datamodel.semantics import Semantics
    from gateway.settings import Settings

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
AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        metavar="DAY",
        help="The day whose code lists and rules count; else the day of acceptance in the document, else today.",
    ),
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


def load_registry(settings: "Settings") -> "Registry":
    """The message types of this installation. Tables that cannot be used are a usage error."""
    from datamodel.registry import Registry

    try:
        return Registry.load(settings.schemas)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def load_checks(settings: "Settings", registry: "Registry") -> "Semantics":
    """The code lists and rules of this installation. Tables that cannot be used are a usage error."""
    from gateway.checks import load_checks as load

    try:
        return load(settings.schemas, registry, settings.country)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def find_message(registry: "Registry", key: str) -> "Message":
    """A message type by its key. An unknown one is a usage error that lists the known."""
    try:
        return registry.message(spelled(registry, key))
    except KeyError:
        known = ", ".join(registry.messages)
        raise typer.BadParameter(f"no message type {key!r}; there are: {known}") from None


def check_name(registry: "Registry", key: str | None) -> str | None:
    """The key, or one without its version, as it is spelled. An unknown one is a usage error that lists the known."""
    from datamodel.codecs import named
    from datamodel.issues import Refused

    if key is None:
        return None
    try:
        named(registry, spelled(registry, key))
    except Refused:
        raise typer.BadParameter(f"no message type {key!r}; there are: {', '.join(registry.messages)}") from None
    return spelled(registry, key)


def spelled(registry: "Registry", key: str) -> str:
    """A key in the letters of the registry, whatever their case; what is not there stays as it is."""
    parts = {part for name in registry.messages for part in name.split("/")}
    small = {part.lower(): part for part in parts}
    return "/".join(part if part in parts else small.get(part.lower(), part) for part in key.split("/"))


def path_of(issue: "Issue", form: Format) -> str:
    """The path to the value as the document's own format writes it."""
    paths = {Format.XML: issue.xpath, Format.JSON: issue.json_pointer}
    return paths[form] or ""


def place(name: str, issue: "Issue", form: Format) -> str:
    """`file:line:column` where there are lines, else `file` and the path to the value."""
    from datamodel.wording import phrase

    if issue.line is not None:
        return f"{name}:{issue.line}:{issue.column or 1}:"
    return f"{name}: {path_of(issue, form) or phrase('cli.document')}:"


def print_report(name: str, report: "Report", form: Format, layout: Layout, *, err: bool = False) -> None:
    """Every issue: a paragraph for people, or one JSON object a line that starts with the file's name."""
    import msgspec

    from datamodel.wording import phrase

    for issue in report.issues:
        if layout is Layout.JSON:
            typer.echo(msgspec.json.encode({"file": name, **msgspec.to_builtins(issue)}), err=err)
            continue
        kind = issue.rule if issue.severity == "error" else f"{issue.severity} {issue.rule}"
        typer.echo(f"{place(name, issue, form)} {kind} {issue.text}", err=err)
        details = {
            "cli.at": path_of(issue, form),
            "cli.wco": issue.wco_id,
            "cli.value": issue.value,
            "cli.expected": issue.expected,
            "cli.remedy": issue.remedy,
        }
        for label, text in details.items():
            if text:
                typer.echo("    " + phrase("cli.detail", label=phrase(label), text=text), err=err)
    if report.total > len(report.issues):
        typer.echo(phrase("cli.more", file=name, count=report.total - len(report.issues)), err=True)


def validate(
    files: Files,
    message: MessageKey = None,
    as_: As = None,
    as_of: AsOf = None,
    layout: Annotated[Layout, typer.Option("--format", help="text, or json: one issue a line.")] = Layout.TEXT,
    settings_file: SettingsFile = None,
    language: Language = None,
) -> None:
    """Check documents and print every fault of each, with its place, what was expected and a remedy.

    \b
    Examples:
      guichet validate import.xml export.json
      guichet validate --as-of 2022-01-01 import.xml
      guichet validate --format json *.xml | jq .rule
      curl -s https://example.org/d.xml | guichet validate -
    Ends with 0 where all are valid, with 1 where one is not. Warnings and advice are printed too; they refuse nothing.
    """
    from datamodel.wording import phrase, speaking

    settings = load_settings(settings_file)
    registry = load_registry(settings)
    message, day = check_name(registry, message), as_of.date() if as_of else None
    checks = load_checks(settings, registry)
    invalid = False
    with speaking(chosen(settings, language)):
        for file in files:
            body = read_bytes(file)
            form = as_ or sniff(body, file)
            key, report = judge(registry, checks, body, form, message, day, settings.limits)
            print_report(str(file), report, form, layout)
            invalid = invalid or key is None
            if key and layout is Layout.TEXT:
                typer.echo(phrase("cli.valid", file=file, message=key))
    raise typer.Exit(int(invalid))


def judge(
    registry: "Registry",
    checks: "Semantics",
    body: bytes,
    form: Format,
    message: str | None,
    as_of: date | None,
    limits: "Limits",
) -> "tuple[str | None, Report]":
    """The message type of a document that may pass, None for one that may not; and what is to be said about it."""
    from datamodel.codecs import read
    from datamodel.issues import Refused
    from datamodel.semantics import day_of
    from datamodel.versions import Days

    today = date.today()
    try:
        parsed = read(registry, body, form.value, message=message, limits=limits, days=Days(as_of=as_of, today=today))
        return parsed.message.key, checks.admit(parsed, body, day_of(parsed, as_of, today), limits)
    except Refused as refused:
        return None, refused.report


def convert(
    file: OneFile,
    to: Annotated[Format, typer.Option("--to", help="Format of the output.")],
    message: MessageKey = None,
    as_: As = None,
    settings_file: SettingsFile = None,
    language: Language = None,
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
    from datamodel.versions import Days
    from datamodel.wording import speaking

    settings = load_settings(settings_file)
    registry = load_registry(settings)
    message, days = check_name(registry, message), Days(today=date.today())
    body = read_bytes(file)
    form = as_ or sniff(body, file)
    with speaking(chosen(settings, language)):
        try:
            parsed = read(registry, body, form.value, message=message, limits=settings.limits, days=days)
        except Refused as refused:
            print_report(str(file), refused.report, form, Layout.TEXT, err=True)
            raise typer.Exit(1) from None
    sys.stdout.buffer.write(write(parsed, to.value).rstrip(b"\n") + b"\n")


def xsd(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Key or short name, as DEC.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Write all files of the schema into this folder."),
    ] = None,
    settings_file: SettingsFile = None,
) -> None:
    """Write the XML schema of a message type, made from the tables of the data model.

    \b
    Examples:
      guichet xsd DEC --out schemas-for-partners
      guichet xsd guichet/1/Decision --out .
    Without --out, the schema that the others hang on goes to standard output.
    """
    from datamodel.xsd_writer import write_bundle

    bundle = write_bundle(find_message(load_registry(load_settings(settings_file)), message).model)
    if out is None:
        entry, *others = bundle
        sys.stdout.buffer.write(bundle[entry])
        if others:
            typer.echo(f"{entry} also needs {', '.join(others)}: use --out DIR", err=True)
        return
    with writing_files(out):
        out.mkdir(parents=True, exist_ok=True)
        for name, text in bundle.items():
            (out / name).write_bytes(text)
    for name in bundle:
        typer.echo(out / name)


def messages(settings_file: SettingsFile = None) -> None:
    """List the message types of this installation, each with its title."""
    known = load_registry(load_settings(settings_file)).messages
    width = max(map(len, known), default=0)
    for key, message in known.items():
        typer.echo(f"{key:<{width}}  {message.title}".rstrip())


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.command(short_help="Check documents; print every fault of each.")(validate)
    app.command(short_help="Write a document in the other format.")(convert)
    app.command(short_help="Write the XML schema of a message type.")(xsd)
    app.command(short_help="List the message types.")(messages)
