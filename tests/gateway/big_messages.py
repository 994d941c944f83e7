"""Big messages of any size, made from our samples by repeating one part of them: the same seed, the same bytes.

Each copy gets numbers and names of its own, so that nothing can be taken for the copy before it.
"""

import random
import re

from tests.gateway.scripted import sample

MANIFEST = "packages/xz-cargo/CargoReportIn-aircraft-two-air-waybills.xml"
DECLARATION = "import-supermarket-thirty-items.xml"
PLACES = ("Almar", "Tollham", "Port Klang", "Moerdijk", "Saint-Éloi")


def manifest(consignments: int, seed: int = 4) -> bytes:
    """A cargo report in XML."""
    return _repeated(sample(MANIFEST), rb"  <Consignment>.*?\n  </Consignment>\n", consignments, seed)


def declaration(items: int, seed: int = 4) -> bytes:
    """A declaration (DEC) in XML."""
    text = sample(DECLARATION)
    indent = re.search(rb"( *)<GovernmentAgencyGoodsItem>", text)[1]
    pattern = rb"%s<GovernmentAgencyGoodsItem>.*?\n%s</GovernmentAgencyGoodsItem>\n" % (indent, indent)
    text = re.sub(rb"(<GoodsItemQuantity[^>]*>)\d+", rb"\g<1>%d" % items, text)
    return _repeated(text, pattern, items, seed)


def _repeated(text: bytes, pattern: bytes, count: int, seed: int) -> bytes:
    """The text with its first run of parts replaced by `count` of them, numbered from 1."""
    dice = random.Random(seed)
    parts = list(re.finditer(pattern, text, re.DOTALL))
    made = [_numbered(parts[number % len(parts)][0], number + 1, dice) for number in range(count)]
    return text[: parts[0].start()] + b"".join(made) + text[parts[-1].end() :]


def _numbered(part: bytes, number: int, dice: random.Random) -> bytes:
    part = re.sub(rb"(<SequenceNumeric>)\d+", rb"\g<1>%d" % number, part, count=1)
    place = dice.choice(PLACES).encode()
    return re.sub(rb"(<CityName>)[^<]+", rb"\g<1>" + place + b" %d" % dice.randrange(100), part)
