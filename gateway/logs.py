"""How the lines of the log are written: as text for people, or as one JSON object a line for programs.

Rule: what a line is about has a name in it (`log.info("... %(delivery)s", {"delivery": ...})`), and of these names JSON
has those in FIELDS, as members of their own. Reason: to find all about a delivery nobody should have to take sentences
apart; and because the list is closed, nothing gets there that was only meant for a sentence. Bodies, queries and keys
are given to no line.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gateway.clock import stamp

FIELDS: Final = (
    "conversation",
    "method",
    "path",
    "status",
    "bytes",
    "milliseconds",
    "agency",
    "delivery",
    "attempt",
)


def formatter(form: str, worker: int | None = None) -> logging.Formatter:
    """Of the form `text` or `json`; where several workers write to one place, each line says whose it is."""
    if form == "json":
        return JsonFormatter(worker)
    whose = "" if worker is None else f"worker-{worker} "
    return logging.Formatter(f"%(asctime)s %(levelname)s {whose}%(name)s %(message)s")


def name_worker(number: int) -> None:
    """From now on this process writes as the worker of that number, in the form that it has."""
    for handler in logging.root.handlers:
        handler.setFormatter(formatter("json" if isinstance(handler.formatter, JsonFormatter) else "text", number))


class JsonFormatter(logging.Formatter):
    """One object a line. `trace` is there where something failed that was not foreseen."""

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._own = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": stamp(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._own,
        }
        named = record.args if isinstance(record.args, Mapping) else {}
        line |= {name: named[name] for name in FIELDS if name in named}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode({name: _plain(value) for name, value in line.items()}).decode()


def _plain(value: Any) -> Any:
    """Fit for JSON, and no longer than it tells: half a character of a hostile text becomes its number."""
    if isinstance(value, float):
        return round(value, 1)
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
