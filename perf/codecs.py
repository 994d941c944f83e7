"""Declarations read, written and converted, against the floor and, where they can be set up, against peers."""

from collections.abc import Mapping

from datamodel import native
from datamodel.codecs import read, write
from datamodel.registry import Registry
from perf.conversion import FLOOR, convert, floor
from perf.data import DEC, Samples, declarations
from perf.options import SCHEMAS, Options
from perf.peers.host import JSON_TO_JSON, JSON_TO_XML, XML_TO_JSON, Running, lay_out, running, set_up
from perf.results import Row
from perf.timing import Step, interleave, local, one_core

GROUP = "codecs"
WITH_PEERS = "stripped"


def run(options: Options) -> list[Row]:
    """All steps over the corpus stripped, raw, and our own samples; peers over the first of these."""
    registry = Registry.load(SCHEMAS)
    cases = declarations(registry, options)
    lay_out({WITH_PEERS: cases[WITH_PEERS]})
    options.note(f"the compiled codecs are {'in use' if native.AVAILABLE else 'not there, so Python does it all'}")
    commands = set_up(registry.message(DEC), options)
    rows: list[Row] = []
    with one_core(), running(commands) as peers:
        for case, samples in cases.items():
            rows += measure(registry, case, samples, options, peers if case == WITH_PEERS else {})
    return rows


def measure(
    registry: Registry, case: str, samples: Samples, options: Options, peers: Mapping[str, Running]
) -> list[Row]:
    """The floor, our steps and those of peers over one set of samples."""
    against: dict[str, str | None] = dict.fromkeys(ours(registry, samples), FLOOR) | {FLOOR: None}
    timed = ours(registry, samples)
    for peer in peers.values():
        options.say(f"  warming up {peer.peer.name}")
        peer.take(case, samples)
        for step in peer.peer.steps:
            name = f"{peer.peer.name}: {step}"
            timed[name], against[name] = peer.step(step), step
    passes = options.choose(quick=5, usual=40, full=150)
    options.say(f"  {case}: {len(timed)} steps, {passes} passes")
    times = interleave(timed, len(samples.xml), passes, options.seed)
    return [times.row(GROUP, name, case, against[name]) for name in timed]


def ours(registry: Registry, samples: Samples) -> dict[str, Step]:
    """The floor and each of our steps, by name."""
    return {
        FLOOR: local(floor(samples.message), samples.xml),
        XML_TO_JSON: local(lambda body: convert(registry, body, "xml", "json"), samples.xml),
        JSON_TO_XML: local(lambda body: convert(registry, body, "json", "xml"), samples.json),
        JSON_TO_JSON: local(lambda body: write(read(registry, body, "json"), "json"), samples.json),
        "read XML": local(lambda body: read(registry, body, "xml").document, samples.xml),
        "read JSON": local(lambda body: read(registry, body, "json").document, samples.json),
        "write XML": local(lambda document: write(document, "xml"), samples.documents),
        "write JSON": local(lambda document: write(document, "json"), samples.documents),
    }
