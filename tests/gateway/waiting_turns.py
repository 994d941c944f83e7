"""A process that takes turns without a pause: `python -m tests.gateway.waiting_turns FILE`.

It prints `has it` in its first turn, and `turn` in each that follows. A turn lasts about as long as a commit does.
"""

import sys
import time
from pathlib import Path

from gateway.store.turns import Turns

COMMIT_SECONDS = 0.001


def take(turns: Turns, text: str) -> None:
    """One turn, in which the text is printed."""
    with turns:
        if text:
            print(text, flush=True)
        end = time.perf_counter() + COMMIT_SECONDS
        while time.perf_counter() < end:
            pass


def main(file: str) -> None:
    """Never pause."""
    turns = Turns(Path(file))
    take(turns, "has it")
    while True:
        take(turns, "turn")


if __name__ == "__main__":
    main(sys.argv[1])
