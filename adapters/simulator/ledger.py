"""The agency's book: a JSON line for each request, decision, answer and notice; a decision is there before it is told.

Writing blocks the process on purpose: between looking a delivery up and having its decision on disk nothing else runs,
which is what makes a second decision on it impossible. After a crash the book is read back, so that a delivery that
comes again gets the decision it had.
"""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from adapters.simulator.behaviour import Asked, Step, Told

KINDS = ("request", "decision", "answer", "notice")


class File(msgspec.Struct):
    """What the agency knows of one delivery. `told` counts the steps that are settled with the gateway."""

    delivery_id: str
    mrn: str
    digest: str
    callback: str
    steps: tuple[Step, ...]
    told: int = 0

    @property
    def finished(self) -> bool:
        """Nothing is left to tell."""
        return self.told == len(self.steps)


class Ledger:
    """Keeps `files` by delivery id, and every line of the book as `entries` by kind. Without a path, in memory only.

    `notices` are the ids of those that came, `answered` the deliveries of which a query was answered.
    """

    def __init__(self, path: Path | None) -> None:
        self.files: dict[str, File] = {}
        self.notices: set[str] = set()
        self.answered: set[str] = set()
        self.entries: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        self._book: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a line is with the system when it is written.
            self._book = path.open("a+b", buffering=0)
            self._read_back(self._book)

    def request(self, delivery_id: str | None, via: str, fault: str | None = None) -> None:
        """A request came in. `delivery_id` is what its header says."""
        self._add("request", {"delivery_id": delivery_id, "via": via, "fault": fault})

    def decide(self, asked: Asked, digest: str, callback: str, steps: tuple[Step, ...]) -> File:
        """Put a decision on record. Raises OSError when it could not be written; then nothing was decided."""
        facts = {
            "delivery_id": asked.delivery_id,
            "mrn": asked.mrn,
            "digest": digest,
            "callback": callback,
            "outcome": steps[-1].outcome,
            "steps": msgspec.to_builtins(steps),
        }
        return self._open_file(self._add("decision", facts, durable=True))

    def answer(self, file: File, index: int, via: str, status: int) -> None:
        """The gateway was told step `index` and answered with a status."""
        facts = {"delivery_id": file.delivery_id, "step": index, "outcome": file.steps[index].outcome}
        self._add("answer", facts | {"via": via, "status": status})
        file.told = max(file.told, index + 1)

    def notice(self, told: Told, via: str) -> bool:
        """A notice came. Put on record once; whether it was new. Raises OSError when it could not be written."""
        if told.notice_id in self.notices:
            return False
        self._hear(self._add("notice", msgspec.to_builtins(told) | {"via": via}, durable=True))
        return True

    def close(self) -> None:
        """Close the book."""
        if self._book is not None:
            self._book.close()

    def _hear(self, line: dict[str, Any]) -> None:
        self.notices.add(line["notice_id"])
        if line["about"] == "answer":
            self.answered.add(line["delivery_id"])

    def _open_file(self, line: dict[str, Any]) -> File:
        file = msgspec.convert({key: line[key] for key in File.__struct_fields__ if key in line}, File)
        return self.files.setdefault(file.delivery_id, file)

    def _add(self, kind: str, facts: dict[str, Any], *, durable: bool = False) -> dict[str, Any]:
        line = {"kind": kind, "at": datetime.now(UTC).isoformat(timespec="milliseconds")} | facts
        if self._book is not None:
            _append(self._book, msgspec.json.encode(line) + b"\n")
            if durable:
                os.fsync(self._book.fileno())
        self.entries[kind].append(line)
        return line

    def _read_back(self, book: IO[bytes]) -> None:
        """Take up the book where it ended; half a line at its end was never acted on and goes."""
        book.seek(0)
        text = book.read()
        whole = text.rfind(b"\n") + 1
        book.truncate(whole)
        for row in text[:whole].splitlines():
            line = msgspec.json.decode(row)
            self.entries[line["kind"]].append(line)
            if line["kind"] == "decision":
                self._open_file(line)
            elif line["kind"] == "notice":
                self._hear(line)
            elif line["kind"] == "answer":
                file = self.files[line["delivery_id"]]
                file.told = max(file.told, line["step"] + 1)


def _append(book: IO[bytes], row: bytes) -> None:
    """The whole row or nothing of it, so that a full disk does not leave half a line in the middle of the book."""
    end = book.seek(0, os.SEEK_END)
    try:
        if book.write(row) != len(row):
            raise OSError(errno.ENOSPC, "the disk is full")
    except OSError:
        book.truncate(end)
        raise
