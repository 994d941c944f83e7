"""A document that comes in: a file of this host, which one process at a time writes to.

Rule: what was confirmed of it is on disk, and its length is how far it has come. Reason: a sender whose connection
broke then needs to ask for one number to go on. The lock is the kernel's, so it ends with whoever held it.
All of it blocks, so it is done in threads, which are not those of messages.
"""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

THREADS: Final = 4
_WORKERS: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="guichet-document")  # none is started before its use


async def apart(work: Callable[[], T]) -> T:
    """What `work` returns or raises, done in a thread."""
    inside = copy_context()  # the language that is spoken goes along
    return await asyncio.get_running_loop().run_in_executor(_WORKERS, inside.run, work)


class Occupied(Exception):
    """Somebody else writes to the file now."""


class Staged:
    """An open file that comes in. `size` is how much of it is here; `digest` is that of what went through here."""

    def __init__(self, file: Path, *, new: bool) -> None:
        """Raises Occupied, and FileNotFoundError where it is neither new nor there."""
        self.file = file
        if new:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(file, os.O_RDWR | (os.O_CREAT | os.O_EXCL if new else 0), 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise Occupied from None
        self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal; of the whole file where all of it was appended here."""
        return self._hash.hexdigest()

    async def append(self, blocks: AsyncIterable[bytes]) -> None:
        """Take all that comes, one block at a time: the next is asked for when this one is written."""
        async for block in blocks:
            await apart(partial(self._write, block))

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._hash.update(block)
        self.size += len(block)

    def sync(self) -> None:
        """What is here is on disk, and so is the name of the file."""
        os.fsync(self._descriptor)
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let another go on."""
        os.close(self._descriptor)


def digest_of(file: Path) -> str:
    """SHA-256 of a file, read once from end to end."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove(file: Path) -> bool:
    """Remove a file that comes in; False where somebody writes to it."""
    try:
        staged = Staged(file, new=False)
    except FileNotFoundError:
        return True
    except Occupied:
        return False
    try:
        file.unlink(missing_ok=True)
    finally:
        staged.close()
    return True
