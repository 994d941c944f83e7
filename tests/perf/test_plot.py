"""The picture: every step that grows is in it, whatever number of peers there is."""

import pytest

from perf.conversion import FLOOR
from perf.growth import ELEMENTS, GROUP, SIZE
from perf.peers.host import PEERS, XML_TO_JSON
from perf.results import Row, measured, merge, this_machine

pytest.importorskip("matplotlib", reason="pip install '.[perf]' for the picture")

from perf.plot import draw, points

STEPS = [FLOOR, XML_TO_JSON, *(f"{peer.name}: {XML_TO_JSON}" for peer in PEERS.values())]
ROWS = [
    row
    for case, elements in (("1 item", 100.0), ("999 items", 50_000.0), ("10 consignments", 700.0))
    for row in (
        Row(GROUP, ELEMENTS, case, elements, "elements"),
        Row(GROUP, SIZE, case, elements / 25, "kB"),
        *(Row(GROUP, step, case, 1.0 + number, "µs/element") for number, step in enumerate(STEPS)),
    )
]


def test_a_picture_is_drawn_of_all_that_was_measured(tmp_path):
    results = merge(this_machine(), None, {GROUP: measured(ROWS, [], "usual")})
    assert draw(results, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_without_measurements_there_is_no_picture(tmp_path):
    assert not draw(merge(this_machine(), None, {}), tmp_path / "plot.png")
    assert not (tmp_path / "plot.png").exists()


def test_a_point_is_size_and_cost_of_the_whole_message():
    assert points(ROWS, XML_TO_JSON, "item") == [(4.0, 0.2), (2000.0, 100.0)]
    assert points(ROWS, XML_TO_JSON, "consignment") == [(28.0, 1.4)]
