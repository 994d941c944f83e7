"""Which adapter serves which channel: one table, so that a channel is added by one file and one row."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from adapters.folder import FolderAdapter
from adapters.http import DEFAULT_CONNECTIONS, HttpAdapter
from adapters.port import DEFAULT_TIMEOUT_SECONDS, Adapter


class _Options(msgspec.Struct, frozen=True):
    url: str | None
    folder: str | Path | None
    token: str | None
    timeout: float
    connections: int


def _http(options: _Options) -> Adapter:
    if not options.url:
        raise ValueError("channel 'http' needs a url")
    return HttpAdapter(options.url, token=options.token, timeout=options.timeout, connections=options.connections)


def _folder(options: _Options) -> Adapter:
    if not options.folder:
        raise ValueError("channel 'folder' needs a folder")
    return FolderAdapter(options.folder, timeout=options.timeout)


def _inbox(options: _Options) -> None:
    """An agency with an inbox polls us: nothing is carried to it."""


CHANNELS: dict[str, Callable[[_Options], Adapter | None]] = {"http": _http, "folder": _folder, "inbox": _inbox}


def build(
    channel: str,
    *,
    url: str | None = None,
    folder: str | Path | None = None,
    token: str | None = None,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
    connections: int = DEFAULT_CONNECTIONS,
) -> Adapter | None:
    """The adapter of one agency; None where the agency polls. `timeout` is in seconds, for one exchange.

    `connections` bounds those kept to it at one time: as many as there may be exchanges.

    Raises ValueError, naming the choices, for an unknown channel, and for an option that is missing or not valid.
    """
    if channel not in CHANNELS:
        raise ValueError(f"unknown channel {channel!r}; choose one of {', '.join(sorted(CHANNELS))}")
    if not timeout > 0:
        raise ValueError(f"timeout must be more than 0 seconds, not {timeout!r}")
    return CHANNELS[channel](_Options(url, folder, token, timeout, connections))
