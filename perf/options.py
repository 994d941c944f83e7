"""What a group is told when it runs: how much to measure, and where to say what it does meanwhile.

Progress goes to standard error and is drawn between timings only: a bar that redraws itself would be measured too.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "schemas"
HERE = Path(__file__).resolve().parent
Choice = TypeVar("Choice")


@dataclass
class Options:
    """Given to every group. `quick` is for a look, `full` adds what takes minutes; neither is the usual run.

    `workers` is the number of processes that the gateway and what it is held against are given.
    """

    quick: bool = False
    full: bool = False
    seed: int = 1
    workers: int = 1
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    notes: list[str] = field(default_factory=list)

    def choose(self, quick: Choice, usual: Choice, full: Choice | None = None) -> Choice:
        """A number of passes, a list of sizes: whatever depends on how long the run may take."""
        if self.quick:
            return quick
        return full if self.full and full is not None else usual

    def say(self, text: str) -> None:
        """One line of progress."""
        self.console.print(text, style="dim", markup=False)

    def note(self, text: str) -> None:
        """What a reader must know beside the figures: something left out, something that stands in. Kept with them."""
        self.notes.append(text)
        self.console.print(text, style="yellow", markup=False)
