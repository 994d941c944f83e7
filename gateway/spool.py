"""A body that is too big to be kept in memory lies in a file without a name, which ends with the last who holds it.

Its place is the folder for temporary files (`TMPDIR`).
"""

import os
from tempfile import TemporaryFile
from typing import Final

BLOCK: Final = 1024 * 1024  # bytes; a shorter body stays in memory, a longer one goes to its file in such blocks


class Spool:
    """Owns an open file. Writing and reading block, for as long as the disk does."""

    def __init__(self, descriptor: int | None = None) -> None:
        if descriptor is None:
            with TemporaryFile(buffering=0) as file:
                descriptor = os.dup(file.fileno())
        self.descriptor = descriptor

    def __del__(self) -> None:
        # Never closed before: a write in a thread that was given up must not meet another file under this number.
        os.close(self.descriptor)

    def __len__(self) -> int:
        return os.fstat(self.descriptor).st_size

    def write(self, block: bytes | memoryview) -> None:
        """Put a block at the end. Raises OSError where the disk is full."""
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]

    def read(self) -> bytes:
        """All of it."""
        with open(self.descriptor, "rb", buffering=0, closefd=False) as file:  # noqa: PTH123  it has no path
            file.seek(0)
            return file.readall()


Kept = bytes | Spool


def whole(kept: Kept) -> bytes:
    """A body in memory."""
    return kept if isinstance(kept, bytes) else kept.read()
