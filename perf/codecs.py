"""Declarations read, written and converted, against the floor and, where they can be set up, against peers."""

from datamodel.codecs import read, write
from datamodel.registry import Registry
from perf.conversion import FLOOR, convert, floor
from perf.data import Samples, declarations
from perf.options import SCHEMAS, Options
from perf.results import Row
from perf.timing import Step, interleave, local, one_core

GROUP = "codecs"


def run(options: Options) -> list[Row]:
    """All steps over the corpus stripped, raw, and our own samples."""
    registry = Registry.load(SCHEMAS)
    cases = declarations(registry, options)
    rows: list[Row] = []
    with one_core():
        for case, samples in cases.items():
            rows += measure(registry, case, samples, options)
    return rows


def measure(registry: Registry, case: str, samples: Samples, options: Options) -> list[Row]:
    """Our steps and the floor over one set of samples."""
    timed = ours(registry, samples)
    passes = options.choose(quick=10, usual=60, full=200)
    options.say(f"  {case}: {len(timed)} steps, {passes} passes")
    times = interleave(timed, len(samples.xml), passes, options.seed)
    return [times.row(GROUP, name, case, None if name == FLOOR else FLOOR) for name in timed]


def ours(registry: Registry, samples: Samples) -> dict[str, Step]:
    """The floor and each of our steps, by name."""
    return {
        FLOOR: local(floor(samples.message), samples.xml),
        "XML to JSON": local(lambda body: convert(registry, body, "xml", "json"), samples.xml),
        "JSON to XML": local(lambda body: convert(registry, body, "json", "xml"), samples.json),
        "read XML": local(lambda body: read(registry, body, "xml"), samples.xml),
        "read JSON": local(lambda body: read(registry, body, "json"), samples.json),
        "write XML": local(lambda document: write(document, "xml"), samples.documents),
        "write JSON": local(lambda document: write(document, "json"), samples.documents),
    }
