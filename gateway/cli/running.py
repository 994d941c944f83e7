"""Commands that run: serve and demo."""

import logging
import socket
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import Database, SettingsFile, load_settings

if TYPE_CHECKING:
    from gateway.settings import Settings


class LogFormat(StrEnum):
    """How the log is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """How much is logged to standard error."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Workers = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Processes that serve together; 1 is the default.")
]
TlsCertificate = Annotated[
    Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Serve HTTPS with this certificate chain (PEM).")
]
TlsKey = Annotated[Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Its private key (PEM).")]
ClientCa = Annotated[
    Path | None,
    typer.Option(metavar="FILE", dir_okay=False, help="Callers may show certificates that these signed (PEM)."),
]


def serve(
    settings_file: SettingsFile = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = None,
    workers: Workers = None,
    database: Database = None,
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    client_ca: ClientCa = None,
    log_level: Annotated[LogLevel, typer.Option(help="What goes to standard error.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="For people, or one JSON object a line.")] = LogFormat.TEXT,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM.

    \b
    Examples:
      guichet serve --port 8080 --database sqlite:///guichet.db
      GUICHET_AGENCIES__FSA__URL=https://fsa.example/in guichet serve
      guichet serve --workers 4 --log-format json
      guichet serve --tls-certificate w.pem --tls-key w.key --client-ca ca.pem
    One worker is one process, which keeps one core busy. Choose as many workers
    as there are cores to spare for the gateway; more do not help. All serve one
    port and one database, a worker that ends is replaced, and SIGTERM to the
    process that was started ends all in order.
    Accounts are made with: guichet account add. What was accepted is never
    lost: after a crash the next start goes on where the last one ended.
    """
    _begin_log(log_level, log_format)
    tls = {"certificate": tls_certificate, "key": tls_key, "client_ca": client_ca}
    given = {"host": host, "workers": workers, "database": database} | {f"access__tls__{k}": v for k, v in tls.items()}
    settings = load_settings(settings_file, **given, port=port)
    with _listen(settings) as listener:
        # Port 0 is known as the port that it became, because agencies are told where to call back.
        settings = load_settings(settings_file, **given, port=listener.getsockname()[1])
        from gateway.cli import serving

        (serving.serve_alone if settings.workers == 1 else serving.serve_together)(settings, listener)


def _listen(settings: "Settings") -> socket.socket:
    address = (settings.host, settings.port)
    try:
        return socket.create_server(address, family=_family(settings.host), backlog=socket.SOMAXCONN)
    except OSError as error:
        raise typer.BadParameter(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None


def _begin_log(level: LogLevel, form: LogFormat) -> None:
    from gateway import logs

    # A line for each request: what no line shows (caller, thread, process) need not be found out for it.
    logging._srcfile, logging.logThreads, logging.logProcesses, logging.logMultiprocessing = None, False, False, False
    logging.basicConfig(level=level.upper())
    logging.root.handlers[0].setFormatter(logs.formatter(form))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when all cases have ended; 0 if all as expected.")] = False,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many declarations.")] = 100,
    folder: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Keep database and logs in this new or empty folder."),
    ] = None,
) -> None:
    """Try it all on this machine: a gateway, an agency process for each
    agency of the fictitious country XZ, and a trader with 100 declarations.

    \b
    Examples:
      guichet demo                        then call the gateway; Ctrl-C ends it
      guichet demo --once --count 24      a self-test: 1 if a case ended otherwise
    """
    from gateway.cli.serving import run
    from gateway.demo.stage import perform

    if folder and folder.exists() and any(folder.iterdir()):
        raise typer.BadParameter(f"the folder {folder} is not empty")
    raise typer.Exit(run(perform(once, count, folder)))


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.command(short_help="Run the gateway.")(serve)
    app.command(short_help="Try a whole single window on this machine.")(demo)
