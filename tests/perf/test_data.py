"""What is made to measure on: valid, adding up, the same for the same seed. Validity is checked where it is made."""

import io
from decimal import Decimal

import pytest
from lxml import etree
from rich.console import Console

from datamodel.codecs import read
from perf.data import CARGO, DEC, declarations, goods_items, manifest, stripped
from perf.options import Options


def every(body, path):
    return [element.text for element in etree.fromstring(body).iterfind(path)]


@pytest.mark.parametrize("count", [1, 7])
def test_goods_items_add_up(registry, count):
    body = goods_items(registry, count, seed=3)
    assert read(registry, body, "xml").message.key == DEC
    items = every(body, ".//{*}GovernmentAgencyGoodsItem/{*}SequenceNumeric")
    assert items == [str(number) for number in range(1, count + 1)]
    assert every(body, ".//{*}GoodsItemQuantity") == [str(count)]
    prices = sum(map(Decimal, every(body, ".//{*}ItemChargeAmount")))
    assert every(body, ".//{*}InvoiceAmount") == [str(prices)]


def test_a_manifest_has_each_consignment_in_a_container_of_its_own(registry):
    body = manifest(registry, 12, seed=3)
    assert read(registry, body, "xml").message.key == CARGO
    containers = every(body, "{*}Consignment/{*}TransportEquipment/{*}ID")
    assert len(containers) == len(set(containers)) == 12


@pytest.mark.parametrize("make", [goods_items, manifest])
def test_a_seed_decides_what_is_made(registry, make):
    assert make(registry, 3, seed=1) == make(registry, 3, seed=1) != make(registry, 3, seed=2)


def test_stripped_is_the_same_document(registry):
    body = b"<!-- a --><m>\n  <a> x </a><!-- b -->\n</m>"
    assert etree.tostring(etree.fromstring(stripped(body))) == b"<m><a> x </a></m>"


def test_without_a_corpus_our_samples_stand_in_and_the_notes_say_so(registry, monkeypatch, tmp_path):
    monkeypatch.setenv("GUICHET_CORPUS", str(tmp_path))
    options = Options(console=Console(file=io.StringIO()))
    found = declarations(registry, options)
    assert found["raw"].xml == found["own"].xml
    assert any("stand in" in note for note in options.notes)
    assert found["stripped"].size < found["raw"].size
