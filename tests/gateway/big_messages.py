"""Big messages of any size, made from our samples by repeating one part of them: the same seed, the same bytes.

Each copy has a number and places of its own, and the totals above are those of the copies, so that all rules are met.
"""

import random
import re
from decimal import Decimal

from tests.gateway.scripted import sample

MANIFEST = "packages/xz-cargo/CargoReportIn-aircraft-two-air-waybills.xml"
DECLARATION = "import-supermarket-thirty-items.xml"
PLACES = ("Almar", "Tollham", "Port Klang", "Moerdijk", "Saint-Éloi")
# Of a declaration: a total, and the element of an item that adds up to it.
TOTALS = {
    b"InvoiceAmount": b"ItemChargeAmount",
    b"TotalGrossMassMeasure": b"GrossMassMeasure",
    b"TotalPackageQuantity": b"QuantityQuantity",
}


def manifest(consignments: int, seed: int = 4) -> bytes:
    """A cargo report in XML."""
    return _repeated(sample(MANIFEST), b"Consignment", consignments, seed)


def declaration(items: int, seed: int = 4, reference: str = "BIG-1") -> bytes:
    """A declaration (DEC) in XML."""
    text = _repeated(sample(DECLARATION), b"GovernmentAgencyGoodsItem", items, seed)
    head, goods, rest = text.partition(b"<GovernmentAgencyGoodsItem>")
    values = {b"GoodsItemQuantity": items, b"FunctionalReferenceID": reference}
    values |= {total: _sum(goods + rest, part) for total, part in TOTALS.items()}
    for name, value in values.items():
        head = re.sub(rb"(<%s\b[^>]*>)[^<]+" % name, rb"\g<1>" + str(value).encode(), head, count=1)
    return head + goods + rest


def _sum(text: bytes, name: bytes) -> Decimal:
    return sum((Decimal(each.decode()) for each in re.findall(rb"<%s\b[^>]*>([^<]+)" % name, text)), Decimal())


def _repeated(text: bytes, name: bytes, count: int, seed: int) -> bytes:
    """The text with the run of elements of that name replaced by `count` of them."""
    dice = random.Random(seed)
    parts = list(re.finditer(rb" *<%s>.*?</%s>\n" % (name, name), text, re.DOTALL))
    made = [_numbered(parts[number % len(parts)][0], number + 1, dice) for number in range(count)]
    return text[: parts[0].start()] + b"".join(made) + text[parts[-1].end() :]


def _numbered(part: bytes, number: int, dice: random.Random) -> bytes:
    part = re.sub(rb"(<SequenceNumeric>)\d+", rb"\g<1>%d" % number, part, count=1)
    place = f"{dice.choice(PLACES)} {dice.randrange(100)}".encode()
    return re.sub(rb"(<CityName>)[^<]+", rb"\g<1>" + place, part)
