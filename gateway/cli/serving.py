"""How `guichet serve` serves: alone in this process, or with several workers forked from it.

The socket listens before anything else is done, so that callers of a gateway that is just starting wait instead of
failing. What stands above the loop here is imported before the first fork, once for all workers.
"""

import asyncio
import gc
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Any, TypeVar

import typer
from aiohttp import web

from gateway import bootstrap, logs
from gateway.access.certificates import tls_context
from gateway.doorbell import Chime
from gateway.http.app import create
from gateway.http.door import Board, Door
from gateway.http.server import Runner
from gateway.service import ALONE, Gateway, Seat
from gateway.settings import Settings
from gateway.workers import READY, NotStarted, Supervisor

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]

Result = TypeVar("Result")

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 10.0
SPARE_SECONDS = 2.0  # that a worker may take to end over what requests and sends under way may


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end on uvloop, or on the standard loop where there is no uvloop."""
    return asyncio.run(main) if uvloop is None else uvloop.run(main)


def serve_alone(settings: Settings, listener: socket.socket) -> None:
    """One process, this one. Returns after SIGINT or SIGTERM."""
    with _faults_of_usage():
        gateway = bootstrap.build(settings)
        tls = tls_context(settings.access.tls)
        bootstrap.warm(gateway)
        _settle()

    async def main() -> None:
        await _serve(
            gateway,
            ALONE,
            lambda runner: web.SockSite(runner, listener, ssl_context=tls, backlog=socket.SOMAXCONN),
            lambda: typer.echo(f"Guichet is ready at {settings.base_url}"),
            _told_to_stop(signal.SIGINT, signal.SIGTERM),
        )

    run(main())


def serve_together(settings: Settings, listener: socket.socket) -> None:
    """As many workers as the settings say, with this process as their supervisor. Returns after SIGINT or SIGTERM."""
    with ExitStack() as closing:
        with _faults_of_usage():
            gateway = bootstrap.build(settings, shared=True)
            tls = tls_context(settings.access.tls)
            bootstrap.warm(gateway)
            closing.enter_context(bootstrap.held_ledger(settings))
        _settle()
        grace = SHUTDOWN_SECONDS + settings.outbox.stop + SPARE_SECONDS
        try:
            Supervisor(_Workers(gateway, listener, tls), settings.workers, grace=grace).run()
        except NotStarted as error:
            log.error("%s; what it logged says why", error)
            raise typer.Exit(1) from None


def _settle() -> None:
    """What is here now stays as long as the gateway: no collection need look at it again.

    One would write to every object, too, and what is written to is no longer shared with a process that was forked.
    """
    gc.collect()
    gc.freeze()


class _Workers:
    """The crew: each worker is the whole gateway that was built before it was forked, on a share of its work."""

    def __init__(self, gateway: Gateway, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._gateway, self._listener, self._tls = gateway, listener, tls
        self._count = gateway.settings.workers
        self._board, self._chime = Board(self._count), Chime(self._count)

    def work(self, number: int, line: socket.socket) -> None:
        """Serve until SIGTERM, or the end of the supervisor."""
        logs.name_worker(number)
        run(self._main(number, line))

    async def _main(self, number: int, line: socket.socket) -> None:
        stopped = _told_to_stop(signal.SIGTERM)
        asyncio.get_running_loop().add_reader(line, stopped.set)  # nothing ever comes on it but its end
        self._chime.join(number, self._gateway.doorbell)
        await _serve(
            self._gateway,
            Seat(number, self._count),
            lambda runner: Door(runner, self._listener, self._board, number, self._tls),
            lambda: line.send(READY),
            stopped,
        )

    def ready(self) -> None:
        """The one line on standard output."""
        typer.echo(f"Guichet is ready at {self._gateway.settings.base_url} with {self._count} workers")

    def gone(self, number: int) -> None:
        """Nobody gives way at the door to a worker that is not there, and it does nothing any more."""
        self._board.absent(number)
        self._gateway.metrics.leave(number)

    def stopping(self) -> None:
        """When the last worker lets go of the door too, callers are refused and need not wait for nothing."""
        self._listener.close()


def _told_to_stop(*signals: signal.Signals) -> asyncio.Event:
    """An event that these signals set."""
    stopped = asyncio.Event()
    for number in signals:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _serve(
    gateway: Gateway,
    seat: Seat,
    site: Callable[[web.AppRunner], web.BaseSite],
    ready: Callable[[], object],
    stopped: asyncio.Event,
) -> None:
    """Open the gateway and its door, say that it is ready, and close both in order when told to stop."""
    async with AsyncExitStack() as closing:
        with _faults_of_usage():
            await closing.enter_async_context(bootstrap.running(gateway, seat))
        runner = Runner(create(gateway), shutdown_timeout=SHUTDOWN_SECONDS)
        closing.push_async_callback(runner.cleanup)
        await runner.setup()
        await site(runner).start()
        ready()
        await stopped.wait()


@contextmanager
def _faults_of_usage() -> Iterator[None]:
    """Tables or settings at fault, and a database that cannot be used now, are told as what can be mended."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise typer.BadParameter(str(error)) from error
