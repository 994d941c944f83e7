"""How much conversion costs above the floor: hardened parse plus XSD validation, which any honest gateway must do.

A ratio travels between machines, a time does not. All samples go through every step once a pass; the passes are
interleaved, so that a slow moment of the machine falls on all steps alike, and the median of the passes counts.
Run it with `make perf`; what the numbers mean is in perf/README.md.
"""

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from lxml import etree

from datamodel.codecs import Parsed, read, write
from datamodel.registry import Registry
from datamodel.xsd_writer import write_bundle

ROOT = Path(__file__).resolve().parent.parent
MESSAGE = "DEC"
Step = Callable[[int], object]


def floor_schema(registry: Registry) -> etree.XMLSchema:
    """The XSD that the tables make of the declaration, compiled by libxml2."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = write_bundle(registry.message(MESSAGE).model)
        for name, text in bundle.items():
            (Path(folder) / name).write_bytes(text)
        return etree.XMLSchema(file=str(Path(folder) / next(iter(bundle))))


def parse_and_validate(body: bytes, schema: etree.XMLSchema) -> None:
    """The floor. A parser of its own for each document, as a server has to."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    schema.assertValid(etree.fromstring(body, parser))


def steps(registry: Registry, bodies: list[bytes]) -> dict[str, Step]:
    """Name -> what is timed, given the number of a sample. The first is the floor."""
    schema = floor_schema(registry)
    parsed: list[Parsed] = [read(registry, body, "xml") for body in bodies]
    as_json = [write(document, "json") for document in parsed]
    return {
        "floor: parse + XSD": lambda i: parse_and_validate(bodies[i], schema),
        "read XML": lambda i: read(registry, bodies[i], "xml"),
        "read JSON": lambda i: read(registry, as_json[i], "json"),
        "write XML": lambda i: write(parsed[i], "xml"),
        "write JSON": lambda i: write(parsed[i], "json"),
        "convert XML to JSON": lambda i: write(read(registry, bodies[i], "xml"), "json"),
        "convert JSON to XML": lambda i: write(read(registry, as_json[i], "json"), "xml"),
    }


def measure(timed: dict[str, Step], samples: int, passes: int, seed: int) -> dict[str, float]:
    """Name -> median seconds of one pass over all samples. Steps and samples are shuffled anew for each pass."""
    shuffle = random.Random(seed).shuffle
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    names, order = list(timed), list(range(samples))
    for number in range(passes + 1):
        shuffle(names)
        shuffle(order)
        for name in names:
            step = timed[name]
            start = perf_counter()
            for sample in order:
                step(sample)
            if number:  # the first pass warms up
                seconds[name].append(perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    """Measure and print one line for each step."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--passes", type=int, default=30)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("files", nargs="*", type=Path, help="declarations as XML; without any, our own samples")
    chosen = options.parse_args()
    files = chosen.files or sorted((ROOT / "schemas" / "samples").glob("*.xml"))
    if not files:
        sys.exit("no samples found")
    bodies = [file.read_bytes() for file in files]
    registry = Registry.load(ROOT / "schemas")
    medians = measure(steps(registry, bodies), len(bodies), chosen.passes, chosen.seed)
    floor = next(iter(medians.values()))
    total = sum(map(len, bodies))
    print(f"{len(bodies)} declarations, {total / 1024:.0f} KiB of XML, median of {chosen.passes} interleaved passes")
    print(f"{'step':<22}{'ms/pass':>10}{'MB/s of XML':>13}{'x floor':>10}")
    for name, seconds in medians.items():
        print(f"{name:<22}{seconds * 1000:>10.2f}{total / seconds / 1e6:>13.1f}{seconds / floor:>10.2f}")


if __name__ == "__main__":
    main()
