"""Peers as processes: one that works is timed, one that loses data, fails or ends is found out."""

import sys

import pytest

from perf.data import DEC, Samples, goods_items
from perf.options import Options
from perf.peers import host
from perf.peers.host import XML_TO_JSON, Peer, Unavailable

PROGRAM = """
import json, re
from perf.peers.protocol import Step, serve
def texts(body):
    print("a library that prints")
    found = re.findall('>([^<]+)<| (?!xmlns)[a-zA-Z]+="([^"]*)"', body.decode())
    return json.dumps([text or value for text, value in found]).encode()
def work(body): return {work}
serve(".xml", {{"to-json": Step(work)}})
"""


@pytest.fixture
def samples(registry):
    return Samples(registry, DEC, [goods_items(registry, count, seed=1) for count in (1, 2)])


@pytest.fixture
def take(samples, tmp_path, monkeypatch):
    """Start a peer that does some work, let it take the samples, and go on in the block given."""
    monkeypatch.setattr(host, "WORK", tmp_path)
    host.lay_out({"case": samples})

    def start(program):
        peer = Peer("scripted", {XML_TO_JSON: "to-json"}, lambda name: [])
        monkeypatch.setitem(host.PEERS, "scripted", peer)
        with host.running({"scripted": [sys.executable, "-c", program, str(tmp_path)]}) as peers:
            peers["scripted"].take("case", samples)
            return peers["scripted"].step(XML_TO_JSON)([1, 0, 1])

    return start


def test_a_peer_that_keeps_the_data_is_timed(take):
    assert take(PROGRAM.format(work="texts(body)")) > 0


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            PROGRAM.format(work='texts(body).replace(b"Kolbenfabrik", b"")'),
            "scripted, XML to JSON: loses .'Kolbenfabrik",
        ),
        (PROGRAM.format(work="1 / 0"), "ZeroDivisionError"),
        (PROGRAM.format(work="exit(3)"), "scripted"),
        ("import no_such_library", "no_such_library"),
    ],
)
def test_a_peer_that_does_not_do_the_work_is_found_out(take, program, words):
    with pytest.raises(RuntimeError, match=words):
        take(program)


def test_a_peer_that_cannot_be_set_up_is_left_out_and_told(registry, monkeypatch, tmp_path):
    def refuse(name):
        raise Unavailable("there is no javac; apt-get install it")

    monkeypatch.setattr(host, "WORK", tmp_path)
    monkeypatch.setattr(host, "PEERS", {"lame": Peer("Lame", {}, refuse), "fit": Peer("Fit", {}, lambda name: ["fit"])})
    options = Options()
    assert host.set_up(registry.message(DEC), options) == {"fit": ["fit"]}
    assert options.notes == ["Lame is left out: there is no javac; apt-get install it"]
    assert (tmp_path / "xsd" / "DEC.xsd").exists()
    assert (tmp_path / "schema.json").exists()
