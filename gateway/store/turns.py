"""Whose turn it is to write, among all processes that have one database open.

Rule: who writes stands in line first, and who has just written goes to its end. Reason: SQLite's own lock is waited for
by asking again after pauses of up to a tenth of a second, and whoever asks at the right moment has it; with several
writers that makes the slowest answers slow, and some wait for ever. Here the kernel wakes who is next.
Two bytes of the lock file are locked: the head of the line, of which one is let in at a time, and the turn itself. Who
comes back from a turn finds the head taken, so it cannot overtake. The kernel lets go of both when a process ends,
however it ends. This is manners and not safety: SQLite's lock is taken all the same, and it decides.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

_HEAD, _TURN = 0, 1


class Turns:
    """One process's place among the writers. As a context, its turn."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> Self:
        self._take(_HEAD)
        try:
            self._take(_TURN)
        finally:
            self._leave(_HEAD)
        return self

    def __exit__(self, *exc: object) -> None:
        self._leave(_TURN)

    def close(self) -> None:
        """Stand in no line any more."""
        os.close(self._descriptor)

    def _take(self, byte: int) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, byte)

    def _leave(self, byte: int) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, byte)
