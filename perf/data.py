"""What is measured on: public declarations, our own samples, and messages of any size made from them with a seed.

Everything is read by the codecs before it is handed out, and what was made here is held to the code lists and rules of
XZ as well: a figure for a message that would be refused says nothing. All parties are invented.
"""

import os
import random
from collections.abc import Sequence
from copy import deepcopy
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path

from lxml import etree

from datamodel.codecs import Parsed, read, write
from datamodel.issues import Refused
from datamodel.registry import Registry
from gateway.checks import load_checks
from perf.options import ROOT, SCHEMAS, Options

DEC = "wco-dms/3.6/DEC"
CARGO = "xz-cargo/1/CargoReportIn"
ITEM = "import-machine-parts-germany.xml"
MANIFEST = "packages/xz-cargo/CargoReportIn-ship-manifest-thirty-houses.xml"
DAY = date(2026, 11, 20)  # on which the samples hold
GOODS = ("Pistons", "Piston rings", "Cylinder liners", "Fuel injectors", "Crankshaft bearings", "Valve seats")


class Samples:
    """Messages of one type as XML, each valid. The other form and the documents are made when first asked for."""

    def __init__(self, registry: Registry, message: str, bodies: Sequence[bytes]) -> None:
        self.registry = registry
        self.message = registry.message(message)
        self.xml = tuple(bodies)
        self.counts = tuple(sum(1 for _ in etree.fromstring(body, _parser()).iter()) for body in self.xml)
        self.elements = sum(self.counts)

    @cached_property
    def documents(self) -> tuple[Parsed, ...]:
        """The typed documents, without what reading may have written already."""
        read_ones = (read(self.registry, body, "xml") for body in self.xml)
        return tuple(Parsed(each.message, each.document) for each in read_ones)

    @cached_property
    def json(self) -> tuple[bytes, ...]:
        """The same messages as we write them in JSON."""
        return tuple(write(document, "json") for document in self.documents)

    @property
    def size(self) -> int:
        """Bytes of XML in all."""
        return sum(map(len, self.xml))


def declarations(registry: Registry, options: Options) -> dict[str, Samples]:
    """The corpus as it is and stripped, and our own samples. Ours stand in for a corpus that is not here."""
    own = [file.read_bytes() for file in sorted((SCHEMAS / "samples").glob("*.xml"))]
    folder = Path(os.environ.get("GUICHET_CORPUS", ROOT.parent / "shared" / "corpus")) / "uk-cds"
    files = sorted((folder / "samples" / "declarations").glob("*.xml"))
    raw = [body for body in (file.read_bytes() for file in files) if _is_declaration(registry, body)]
    if not raw:
        options.note("the corpus is not here (GUICHET_CORPUS names its folder): our own samples stand in for it")
    cases = {"stripped": [stripped(body) for body in raw or own], "raw": raw or own, "own": own}
    found = {name: Samples(registry, DEC, bodies) for name, bodies in cases.items()}
    for name, samples in found.items():
        count, average = len(samples.xml), samples.size / len(samples.xml) / 1000
        options.note(f"{name}: {count} declarations of {average:.1f} kB and {samples.elements // count} elements each")
    return found


def _is_declaration(registry: Registry, body: bytes) -> bool:
    """The corpus holds invalidations too, which are another message type. Raises Refused for neither."""
    return read(registry, body, "xml").message.key == DEC


def stripped(body: bytes) -> bytes:
    """Without comments, and without white space between elements."""
    return etree.tostring(etree.fromstring(body, _parser()), encoding="UTF-8", xml_declaration=True)


@cache
def _parser() -> etree.XMLParser:
    return etree.XMLParser(remove_comments=True, remove_blank_text=True, resolve_entities=False, huge_tree=True)


def goods_items(registry: Registry, count: int, seed: int) -> bytes:
    """One declaration with so many goods items, whose totals add up."""
    chance = random.Random(seed)
    root = etree.fromstring((SCHEMAS / "samples" / ITEM).read_bytes(), _parser())
    shipment = _one(root, "Declaration/GoodsShipment")
    model = _one(shipment, "GovernmentAgencyGoodsItem")
    place, amount, mass, packages = shipment.index(model), Decimal(0), Decimal(0), 0
    for number in range(1, count + 1):
        item = deepcopy(model)
        price, gross = Decimal(chance.randrange(100_00, 900_00)) / 100, Decimal(chance.randrange(20_00, 90_00)) / 100
        boxes = chance.randint(1, 9)
        value = str((price * Decimal("4.1025")).quantize(Decimal("0.01")))
        _set(item, "SequenceNumeric", number)
        _set(item, "CustomsValueAmount", value)
        _set(item, "StatisticalValueAmount", value)
        _set(item, "Commodity/Description", f"{chance.choice(GOODS)} for marine diesel engines, lot {number}")
        _set(item, "Commodity/GoodsMeasure/GrossMassMeasure", gross)
        _set(item, "Commodity/GoodsMeasure/NetNetWeightMeasure", f"{gross - 5:.3f}")
        _set(item, "Commodity/InvoiceLine/ItemChargeAmount", price)
        _set(item, "Packaging/QuantityQuantity", boxes)
        _set(item, "PreviousDocument/LineNumeric", number)
        shipment.insert(place + number, item)
        amount, mass, packages = amount + price, mass + gross, packages + boxes
    shipment.remove(model)
    totals = {
        "GoodsItemQuantity": count,
        "InvoiceAmount": amount,
        "TotalGrossMassMeasure": mass,
        "TotalPackageQuantity": packages,
    }
    for name, total in totals.items():
        _set(root, f"Declaration/{name}", total)
    return _approved(registry, DEC, root)


def manifest(registry: Registry, count: int, seed: int) -> bytes:
    """One cargo report of so many consignments, each in a container of its own."""
    chance = random.Random(seed)
    root = etree.fromstring((SCHEMAS / "samples" / MANIFEST).read_bytes(), _parser())
    model, *others = root.findall("{*}Consignment")
    for other in others:
        root.remove(other)
    place, mass = root.index(model), Decimal(0)
    for number in range(1, count + 1):
        consignment = deepcopy(model)
        gross = Decimal(chance.randrange(2_000_00, 26_000_00)) / 100
        container = f"XZMU{chance.randrange(10**7):07}"
        _set(consignment, "SequenceNumeric", number)
        _set(consignment, "TotalGrossMassMeasure", gross)
        _set(consignment, "ConsignmentItem/GoodsMeasure/GrossMassMeasure", gross)
        _set(consignment, "ConsignmentItem/TransportEquipment/ID", container)
        _set(consignment, "TransportEquipment/ID", container)
        _set(consignment, "TransportContractDocument/ID", f"MHLPKG2642{number:05}")
        root.insert(place + number, consignment)
        mass += gross
    root.remove(model)
    _set(root, "TotalGrossMassMeasure", mass)
    _set(root, "TotalPackageQuantity", count)
    return _approved(registry, CARGO, root)


def _one(element: etree._Element, path: str) -> etree._Element:
    found = element.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    if found is None:
        raise LookupError(f"the sample has no {path} below {element.tag}")
    return found


def _set(element: etree._Element, path: str, value: object) -> None:
    _one(element, path).text = str(value)


def _approved(registry: Registry, message: str, root: etree._Element) -> bytes:
    """As XML, when neither the schema nor the code lists and rules of XZ have anything against it."""
    body = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    parsed = read(registry, body, "xml", message=message)
    report = load_checks(SCHEMAS, registry, "XZ").examine(parsed, body, DAY)
    if report.total:
        raise Refused(report)
    return body
