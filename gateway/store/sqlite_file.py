"""The database file: who may write to it, how connections to it are set up, how its tables reach their newest form.

Rule: one gateway at a time serves. Reason: a start makes everything due that a dead gateway had claimed, and beside a
living one that would send deliveries twice. The claim is a lock on a file beside the database; the kernel lets go of
it when the process ends, however it ends. Processes forked from the one that holds it hold it with it, so that it is
free when the last of them has ended. Anybody may still read, and an operator's command may write a row now and then:
it waits for its turn like the gateway's own writers.
"""

import fcntl
import os
import sqlite3
from importlib.resources import files
from pathlib import Path

from gateway.store.sqlite_notifications import TELL

_MIGRATIONS = files("gateway.store") / "migrations"
_CACHED_STATEMENTS = 128
# Pages of 4 KiB in the log before it is folded into the file. What many cases write to (the ends of indexes) is then
# folded once for many; but who writes while it is folded waits, and of more pages at a time the slowest answers suffer.
_LOGGED_PAGES = 2000


class DatabaseInUse(RuntimeError):
    """Another process has the database open for writing."""


class UnfitDatabase(RuntimeError):
    """The file cannot serve as the ledger; the text says why."""


def turns_file(path: Path) -> Path:
    """The file beside the database on which writers stand in line.

    It is not the one of the claim, because some systems hold locks of both kinds against each other.
    """
    return path.with_name(path.name + ".turns")


def lock(path: Path) -> int:
    """Claim the database for this process. The claim lasts while the file descriptor returned is open."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise DatabaseInUse(f"{path} is already in use by another guichet process") from None
    return descriptor


def connect_to_write(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """The write connection, tables in their newest form. Only one thread at a time may use it."""
    path.touch(mode=0o600)  # declarations are nobody else's to read; SQLite gives its other files the same mode
    connection = _connect(path, "rw", busy_seconds)
    try:
        (journal,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if journal != "wal":
            raise UnfitDatabase(f"{path} lies on a file system that cannot hold a write-ahead log")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOGGED_PAGES}")
        _migrate(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")  # from here on: a migration may make anew what others refer to
        connection.execute(TELL)
    except BaseException:
        connection.close()
        raise
    return connection


def log_bytes(path: Path) -> int:
    """The size of the write-ahead log, which is there only while somebody has the database open."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


def connect_to_read(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection that cannot write. Only one thread at a time may use it."""
    return _connect(path, "ro", busy_seconds)


def _connect(path: Path, mode: str, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,  # transactions are begun and ended where the code says so
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Run the migrations that the file has not seen, each in one transaction together with its number."""
    scripts = {int(file.name.partition("_")[0]): file for file in _MIGRATIONS.iterdir() if file.name.endswith(".sql")}
    newest = max(scripts)
    (seen,) = connection.execute("PRAGMA user_version").fetchone()
    if seen > newest:
        raise UnfitDatabase(f"{path} was written by a newer guichet (tables of form {seen}, this one knows {newest})")
    for number in sorted(number for number in scripts if number > seen):
        script = scripts[number].read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
