"""Interleaved passes: every step goes over all samples once a pass, steps and samples in an order shuffled anew.

Time is processor time: conversion does nothing but compute, and what else runs on the machine is not its cost. A slow
moment of the machine falls on all steps alike. The first passes warm up and are dropped. A ratio is the median of the
ratios of passes, which compares only what was timed within the same moment.
"""

import gc
import os
import random
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import process_time
from typing import Any

import msgspec

from perf.results import Row

WARMING = 20  # samples that go first, untimed: a step is not charged for caches that another one has filled
Step = Callable[[Sequence[int]], float]  # the numbers of samples in order -> seconds of one pass over them


class Times(msgspec.Struct, frozen=True):
    """Seconds of each pass, by step. Passes of all steps belong together by their number."""

    seconds: dict[str, list[float]]
    per_pass: int = 1  # in how many parts a reader wants the seconds: messages, say

    def row(self, group: str, step: str, case: str, floor: str | None, name: str | None = None) -> Row:
        """Microseconds of a step, and its ratio to another in the same passes."""
        own = self.seconds[step]
        low, middle, high = statistics.quantiles(own, n=4) if len(own) > 1 else own * 3
        ratio = None if floor is None else self.ratio(step, floor)
        low, middle, high = (each / self.per_pass * 1e6 for each in (low, middle, high))
        return Row(group, name or step, case, middle, "µs", low, high, ratio, floor)

    def ratio(self, step: str, other: str) -> float:
        """How many times the other a step takes."""
        pairs = zip(self.seconds[step], self.seconds[other], strict=True)
        return statistics.median(own / others for own, others in pairs)


def local(function: Callable[[Any], object], samples: Sequence[Any]) -> Step:
    """A step in this process. What others left to the collector is collected before, its own garbage is its own."""

    def one_pass(order: Sequence[int]) -> float:
        chosen = [samples[number] for number in order]
        gc.collect()
        for sample in chosen[: min(WARMING, len(chosen) // 2)]:
            function(sample)
        start = process_time()
        for sample in chosen:
            function(sample)
        return process_time() - start

    return one_pass


def interleave(
    steps: Mapping[str, Step], samples: int, passes: int, seed: int, warm: int = 2, repeat: int = 1
) -> Times:
    """Every step `passes` times over all samples, each sample `repeat` times a pass."""
    chance = random.Random(seed)
    names, order = list(steps), list(range(samples)) * repeat
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm, passes):
        chance.shuffle(names)
        chance.shuffle(order)
        for name in names:
            taken = steps[name](order)
            if number >= 0:
                seconds[name].append(taken)
    return Times(seconds, samples * repeat)


@contextmanager
def one_core() -> Iterator[None]:
    """This process and those that it starts meanwhile keep to one core, where the system can be asked for that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
