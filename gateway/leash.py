"""A process that does not outlive the one that started it, even where that one is killed.

The kernel sees to it on Linux. Elsewhere there is no such thing, and whoever needs it has to watch for the end himself.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that this process gets when its parent ends


def leash(parent: int) -> Callable[[], None] | None:
    """What a child of the process `parent` runs first, so that it is killed when that one ends."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the leash was on
            os.kill(os.getpid(), signal.SIGKILL)

    return tie
