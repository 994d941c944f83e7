"""One picture: what a message costs against its size, both on logarithmic axes, where proportion is a straight line."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from perf.conversion import FLOOR
from perf.growth import ELEMENTS, GROUP, SIZE
from perf.peers.host import JSON_TO_XML, PEERS, XML_TO_JSON
from perf.results import Results, Row

Points = list[tuple[float, float]]
COLOURS = ("#7f7f7f", "#c44e00", "#e8a33d", "#d89b8a", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#17becf")
KINDS = {"item": ("o", "-"), "consignment": ("s", "--")}


def draw(results: Results, file: Path) -> bool:
    """Write the picture. False where nothing that grows was measured."""
    found = results.groups.get(GROUP)
    if found is None:
        return False
    names = {FLOOR: FLOOR, XML_TO_JSON: "Guichet: XML to JSON", JSON_TO_XML: "Guichet: JSON to XML"}
    names |= {f"{peer.name}: {XML_TO_JSON}": f"{peer.name}: XML to JSON" for peer in PEERS.values()}
    figure, axes = plt.subplots(figsize=(10, 6.5), layout="constrained")
    colours = cycle(COLOURS)
    for name, label in names.items():
        by_kind = {kind: points(found.rows, name, kind) for kind in KINDS}
        if any(by_kind.values()):
            _lines(axes, by_kind, label, next(colours))
    machine = results.machine
    axes.set(xscale="log", yscale="log", xlabel="size of the message as XML, kB", ylabel="processor time, ms")
    axes.set_title(
        "Cost of a message against its size: declarations of 1 to 999 goods items (circles), "
        f"manifests to 10,000 consignments (squares)\n{machine.cpu}, one core, Python {machine.python}",
        fontsize=10,
    )
    axes.grid(visible=True, which="major", alpha=0.3)
    handles, entries = axes.get_legend_handles_labels()
    dearest_first = sorted(zip(handles, entries, strict=True), key=lambda each: -each[0].get_ydata()[-1])
    axes.legend(*zip(*dearest_first, strict=True), loc="upper left", fontsize=9, frameon=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)
    plt.close(figure)
    return True


def points(rows: list[Row], name: str, kind: str) -> Points:
    """Size in kB and cost in ms of each message of a kind that a step was timed on."""
    facts = {what: {row.case: row.value for row in rows if row.name == what} for what in (ELEMENTS, SIZE)}
    timed = {row.case: row.value for row in rows if row.name == name and kind in row.case}
    return sorted((facts[SIZE][case], cost * facts[ELEMENTS][case] / 1000) for case, cost in timed.items())


def _lines(axes: Axes, by_kind: Mapping[str, Points], label: str, colour: str) -> None:
    """One step: a line for each kind of message, one entry in the legend."""
    for kind, at in by_kind.items():
        marker, style = KINDS[kind]
        entry = label if kind == "item" else None
        if at:
            width = 2.2 if label.startswith("Guichet") else 1.4
            axes.plot(*zip(*at, strict=True), style, marker=marker, color=colour, label=entry, lw=width, ms=5)
