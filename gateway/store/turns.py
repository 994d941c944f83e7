"""Whose turn it is to write, among all processes that have one database open.

Rule: who writes stands in line first, and who has just written goes to its end. Reason: SQLite's own lock is waited for
by asking again after pauses of up to a tenth of a second, and whoever asks at the right moment has it; with several
writers that makes the slowest answers slow, and some wait for ever. Here the kernel wakes who is next.

Each byte of a file is a place, byte 0 is the turn. A place is left only when the one before it has been taken, so that
nobody is overtaken: one byte alone would go to whoever runs at the moment, which is mostly the one that just had it.
Where the line is empty, all of it is taken at once, and all but the turn given back: while a commit lasts, there is
time to stand behind it. The kernel lets go of a place when a process ends, however it ends.
This is manners and not safety: SQLite's lock is taken all the same, and it decides.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

TURN = 0
PLACES = 16  # of more processes than that, the kernel chooses who is next to stand at the end


class Turns:
    """One process's part in the line. As a context, its turn."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> Self:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, PLACES, TURN)
        except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as systems differ: somebody is there
            self._stand_in_line()
        else:
            self._leave(TURN + 1, PLACES - 1)
        return self

    def __exit__(self, *exc: object) -> None:
        self._leave(TURN)

    def close(self) -> None:
        """Stand in no line any more."""
        os.close(self._descriptor)

    def _stand_in_line(self) -> None:
        for place in reversed(range(PLACES)):
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, place)
            if place + 1 < PLACES:
                self._leave(place + 1)

    def _leave(self, place: int, count: int = 1) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, count, place)
