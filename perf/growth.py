"""Cost and memory as messages grow: from one goods item to the 999 of a declaration, to manifests of 10,000.

What grows in proportion has the same cost per element at every size, so the ratio is to the smallest message of its
kind. All sizes are timed in the same passes, small ones often enough that the clock does not matter.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from datamodel.registry import Registry
from perf.conversion import FLOOR, convert, floor
from perf.data import CARGO, DEC, Samples, goods_items, manifest
from perf.footprint import STATUS
from perf.options import ROOT, SCHEMAS, Options
from perf.peers.host import JSON_TO_XML, XML_TO_JSON, Running, lay_out, running, set_up
from perf.results import Row
from perf.timing import Step, interleave, local, one_core

GROUP = "growth"
ENOUGH = 20_000  # elements in a pass of a small message
ELEMENTS, SIZE = "elements of the message", "size of the message"
WORK_OF_MEMORY = (FLOOR, XML_TO_JSON, JSON_TO_XML)


def run(options: Options) -> list[Row]:
    """Declarations with peers, manifests without; then memory."""
    registry = Registry.load(SCHEMAS)
    items = options.choose(quick=(1, 10, 100), usual=(1, 10, 100, 999))
    consignments = options.choose(quick=(1, 10, 1000), usual=(1, 10, 1000, 10_000))
    options.say("  making and checking messages")
    declarations = Samples(registry, DEC, [goods_items(registry, count, options.seed) for count in items])
    manifests = Samples(registry, CARGO, [manifest(registry, count, options.seed) for count in consignments])
    lay_out({"items": declarations})
    commands = set_up(registry.message(DEC), options)
    of_items, of_manifests = _names(items, "item"), _names(consignments, "consignment")
    rows = _sizes(declarations, of_items) + _sizes(manifests, of_manifests)
    with one_core():
        with running(commands) as peers:
            rows += measure(registry, declarations, of_items, options, peers)
        rows += measure(registry, manifests, of_manifests, options, {})
    if not STATUS.exists():
        options.note(f"no figures of memory: there is no {STATUS} here")
        return rows
    return rows + memory(declarations, of_items[-1:], options) + memory(manifests, of_manifests[-2:], options)


def _names(counts: tuple[int, ...], what: str) -> list[str]:
    return [f"{count:,} {what}{'s' * (count > 1)}" for count in counts]


def _sizes(samples: Samples, cases: list[str]) -> list[Row]:
    """How large the messages are, which the picture needs."""
    sizes = zip(cases, samples.counts, samples.xml, strict=True)
    return [
        row
        for case, count, body in sizes
        for row in (Row(GROUP, ELEMENTS, case, count, "elements"), Row(GROUP, SIZE, case, len(body) / 1000, "kB"))
    ]


def measure(
    registry: Registry, samples: Samples, cases: list[str], options: Options, peers: Mapping[str, Running]
) -> list[Row]:
    """Microseconds an element, of every step at every size."""
    steps = _steps(registry, samples)
    for peer in peers.values():
        if XML_TO_JSON in peer.peer.steps:
            options.say(f"  warming up {peer.peer.name}")
            peer.take("items", samples)
            steps[f"{peer.peer.name}: {XML_TO_JSON}"] = peer.step(XML_TO_JSON)
    timed = {
        f"{name}, {case}": _per_element(step, number, samples.counts[number])
        for name, step in steps.items()
        for number, case in enumerate(cases)
    }
    passes = options.choose(quick=3, usual=7, full=21)
    options.say(f"  {cases[0]} to {cases[-1]}: {len(timed)} steps, {passes} passes")
    times = interleave(timed, 1, passes, options.seed, warm=1)
    rows = []
    for name in steps:
        for case in cases:
            smallest = None if case == cases[0] else f"{name}, {cases[0]}"
            row = times.row(GROUP, f"{name}, {case}", case, smallest, name)
            rows.append(msgspec.structs.replace(row, unit="µs/element", against=smallest and cases[0]))
    return rows


def _steps(registry: Registry, samples: Samples) -> dict[str, Step]:
    return {
        FLOOR: local(floor(samples.message), samples.xml),
        XML_TO_JSON: local(lambda body: convert(registry, body, "xml", "json"), samples.xml),
        JSON_TO_XML: local(lambda body: convert(registry, body, "json", "xml"), samples.json),
    }


def _per_element(step: Step, number: int, elements: int) -> Step:
    """A pass over one message, repeated, in seconds an element."""
    order = [number] * max(1, ENOUGH // elements)
    return lambda _: step(order) / (len(order) * elements)


def memory(samples: Samples, cases: list[str], options: Options) -> list[Row]:
    """The greatest memory of a fresh process above what it had before it read the message, in sizes of the message."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case, xml, text in zip(cases, samples.xml[-len(cases) :], samples.json[-len(cases) :], strict=True):
            options.say(f"  memory of {case}")
            for work in WORK_OF_MEMORY:
                file = Path(folder) / ("message.json" if work == JSON_TO_XML else "message.xml")
                file.write_bytes(text if work == JSON_TO_XML else xml)
                command = [sys.executable, "-m", "perf.footprint", samples.message.key, work, str(file)]
                done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
                grown = json.loads(done.stdout)["grown"]
                ratio = grown / file.stat().st_size
                rows.append(Row(GROUP, f"memory, {work}", case, grown / 1e6, "MB", ratio=ratio, against="the message"))
    return rows
