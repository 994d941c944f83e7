"""How a peer is timed: it stays alive, takes a line for each pass, and answers with the processor time that it took.

Only the standard library is used here, because this module runs in the environment of the peer. Lines, each answered
by one line:

    load CASE            read the samples of a case, files in the folder of its name; the answer is how many
    time STEP 0 2 1      one pass of a step over these samples; the answer is seconds of processor time
    show STEP 2          the output for one sample, in base64
    error TEXT           is the answer to anything that failed
"""

import base64
import gc
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

WARMING = 20  # samples that go first, untimed: a step is not charged for caches that another one has filled


class Step:
    """What a peer does with one input. `prepare` makes the input from a sample, outside of the time."""

    def __init__(self, work: Callable[[Any], bytes], prepare: Callable[[bytes], Any] = lambda sample: sample) -> None:
        self.work = work
        self.prepare = prepare


class Desk:
    """Answers the lines."""

    def __init__(self, folder: Path, suffix: str, steps: Mapping[str, Step]) -> None:
        self.folder, self.suffix, self.steps = folder, suffix, steps
        self.inputs: dict[str, list[Any]] = {}

    def load(self, case: str) -> int:
        """Take the samples of a case in place of those before."""
        samples = [file.read_bytes() for file in sorted((self.folder / case).glob(f"*{self.suffix}"))]
        self.inputs = {name: [step.prepare(sample) for sample in samples] for name, step in self.steps.items()}
        gc.collect()
        return len(samples)

    def time(self, name: str, *order: str) -> float:
        """Seconds of processor time of one pass."""
        work, inputs = self.steps[name].work, self.inputs[name]
        chosen = [inputs[int(number)] for number in order]
        gc.collect()
        for sample in chosen[: min(WARMING, len(chosen) // 2)]:
            work(sample)
        start = process_time()
        for sample in chosen:
            work(sample)
        return process_time() - start

    def show(self, name: str, number: str) -> str:
        """The output for one sample."""
        return base64.b64encode(self.steps[name].work(self.inputs[name][int(number)])).decode()


def serve(suffix: str, steps: Mapping[str, Step]) -> None:
    """Answer lines on standard input until it ends. The working folder is the only argument of the program."""
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not answer
    desk = Desk(Path(sys.argv[1]), suffix, steps)
    commands: dict[str, Callable[..., object]] = {"load": desk.load, "time": desk.time, "show": desk.show}
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            answer = commands[command](*arguments)
        except Exception as error:  # told to the runner, which knows what it asked for
            answer = f"error {type(error).__name__}: {error}".replace("\n", " ")[:500]
        print(answer, file=answers, flush=True)
