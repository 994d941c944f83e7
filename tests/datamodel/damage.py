"""Sample declarations damaged in their values and parts that still have the right form; the same on each run."""

import random
from collections.abc import Iterator
from typing import Any

from datamodel.codecs import Parsed
from datamodel.issues import Refused
from datamodel.registry import Registry
from tests.datamodel.rule_material import SCHEMAS, parsed, sample

SAMPLES = sorted(file.stem for file in (SCHEMAS / "samples").glob("*.json"))
TEXTS = ["1", "XZ", "EXA", "IMD", "TSP", "4000", "1007", "380", "KGM", "US", "goods", "Parts.", "a@b.cd", "20200230"]
TEXTS += ["XZ123456789012", "20261019101500Z", "MSCU1234566", "9074729", "0603110000", "é\u2028"]


def damaged(registry: Registry, count: int) -> Iterator[tuple[Parsed, random.Random]]:
    """So many declarations, each with the generator, for whoever has more to draw."""
    rng = random.Random(20261120)
    while count:
        document = sample(rng.choice(SAMPLES))
        for _ in range(rng.choice((1, 3, 10))):
            damage(document["MetaData"]["Declaration"], rng)
        try:
            message = parsed(registry, document)
        except Refused:
            continue
        count -= 1
        yield message, rng


def damage(part: Any, rng: random.Random) -> None:
    """Change, remove or double something somewhere below."""
    keys = list(part) if isinstance(part, dict) else list(range(len(part)))
    key = rng.choice(keys)
    value = part[key]
    if isinstance(value, dict | list) and value and rng.random() < 0.9:
        damage(value, rng)
    elif rng.random() < 0.3:
        del part[key]
    elif isinstance(value, str):
        part[key] = rng.choice(TEXTS)
    elif isinstance(part, list):
        part.append(value)
    elif not isinstance(value, dict | list):
        part[key] = rng.choice((value + 1, value * 2, 0, 1))
