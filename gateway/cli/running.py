"""Commands that run: serve and demo."""

import logging
import signal
import socket
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gateway.cli.options import Database, SettingsFile, load_settings

if TYPE_CHECKING:
    from gateway.settings import Settings

Result = TypeVar("Result")

SHUTDOWN_SECONDS = 10.0


class LogLevel(StrEnum):
    """How much is logged to standard error."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on uvloop, or on the standard loop where there is no uvloop."""
    import asyncio

    try:
        from uvloop import run as run_loop
    except ImportError:
        return asyncio.run(main)
    return run_loop(main)


def serve(
    settings_file: SettingsFile = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = None,
    database: Database = None,
    log_level: Annotated[LogLevel, typer.Option(help="What goes to standard error.")] = LogLevel.INFO,
) -> None:
    """Run the gateway until Ctrl-C or SIGTERM.

    \b
    Examples:
      guichet serve --port 8080 --database sqlite:///guichet.db
      GUICHET_AGENCIES__FSA__URL=https://fsa.example/in guichet serve
    Accounts are made with: guichet account add. What was accepted is never
    lost: after a crash the next start goes on where the last one ended.
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = load_settings(settings_file, host=host, port=port, database=database)
    try:
        listener = socket.create_server((settings.host, settings.port), family=_family(settings.host), backlog=1024)
    except OSError as error:
        raise typer.BadParameter(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    with listener:
        # Port 0 is known as the port that it became, because agencies are told where to call back.
        settings = load_settings(settings_file, host=host, port=listener.getsockname()[1], database=database)
        run(_serve(settings, listener))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _serve(settings: "Settings", listener: socket.socket) -> None:
    """The socket listens already, so that callers of a gateway that is just starting wait instead of failing."""
    import asyncio

    from aiohttp import web

    from gateway import bootstrap
    from gateway.http.app import create
    from gateway.http.server import Runner

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as closing:
        try:
            gateway = await closing.enter_async_context(bootstrap.running(bootstrap.build(settings)))
        except (ValueError, RuntimeError) as error:  # tables or settings at fault; a database that cannot be used now
            raise typer.BadParameter(str(error)) from error
        runner = Runner(create(gateway), shutdown_timeout=SHUTDOWN_SECONDS)
        closing.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        typer.echo(f"Guichet is ready at {settings.base_url}")
        await stopped.wait()


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
    from gateway.demo.stage import perform

    if folder and folder.exists() and any(folder.iterdir()):
        raise typer.BadParameter(f"the folder {folder} is not empty")
    raise typer.Exit(run(perform(once, count, folder)))


def register(app: typer.Typer) -> None:
    """Put this module's commands into the command line."""
    app.command(short_help="Run the gateway.")(serve)
    app.command(short_help="Try a whole single window on this machine.")(demo)
