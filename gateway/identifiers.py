"""The identifiers that the gateway issues. Randomness is an argument, so that a test can fix it.

MRN, 18 characters: two digits of the year of acceptance, the country, 13 random upper-case letters and digits, and a
check character. The check is that of ISO 6346 over the first 17 characters: digits count as themselves, letters from
A = 10 upwards leaving out multiples of 11, each times 2 to the power of its position from 0; the sum modulo 11, and of
that the last digit. The movement reference numbers of the European and the British systems end in the same check.
"""

from collections.abc import Callable
from datetime import datetime

Random = Callable[[int], bytes]

# Bytes that are drawn for one identifier.
RANDOM_OF_MRN = 16
RANDOM_OF_DELIVERY = 10
RANDOM_OF_DOCUMENT = 10
_RANDOM_CHARACTERS = 13
_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALPHABET = _DIGITS + _LETTERS
_PAIRS = [first + second for second in _ALPHABET for first in _ALPHABET]  # the two lowest places of a number
# 11, 22 and 33 would count as nothing modulo 11, so the standard leaves them out.
_VALUES = dict(zip(_ALPHABET, (number for number in range(39) if number == 0 or number % 11), strict=True))


def check_character(text: str) -> str:
    """The ISO 6346 check digit of a text of upper-case letters and digits. Raises KeyError on any other character."""
    total = 0
    for position, character in enumerate(text):
        total += _VALUES[character] << position
    return str(total % 11 % 10)


def new_mrn(now: datetime, country: str, random: Random) -> str:
    """A fresh MRN. 36 to the power of 13 values make a second one alike a matter of the store's unique index."""
    number = int.from_bytes(random(RANDOM_OF_MRN)) % len(_ALPHABET) ** _RANDOM_CHARACTERS
    body = ""
    while len(body) < _RANDOM_CHARACTERS:
        number, places = divmod(number, len(_PAIRS))
        body += _PAIRS[places]
    stem = f"{now.year % 100:02d}{country}{body[:_RANDOM_CHARACTERS]}"
    return stem + check_character(stem)


def new_delivery_id(now: datetime, random: Random) -> str:
    """A UUID of version 7 (RFC 9562): it begins with the time, so that the store's index grows at its end."""
    milliseconds = int(now.timestamp() * 1000)
    return _uuid(milliseconds.to_bytes(6) + random(RANDOM_OF_DELIVERY), "7")


def new_conversation_id(random: Random) -> str:
    """A UUID of version 4, for a caller who brought none."""
    return _uuid(random(16), "4")


def new_document_id(now: datetime, random: Random) -> str:
    """The id of a supporting document: `gdoc-`, the time in milliseconds and 80 random bits, as 26 digits to base 32.

    It fits where a declaration names a document, which a UUID with a prefix would not in every country's message types.
    """
    number = int.from_bytes(int(now.timestamp() * 1000).to_bytes(6) + random(RANDOM_OF_DOCUMENT))
    digits = ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return f"gdoc-{digits.lower()}"


def _uuid(content: bytes, version: str) -> str:
    """Sixteen bytes in the text form of RFC 9562, version and variant written over what stands in their places."""
    text = content.hex()
    variant = "89ab"[content[8] >> 4 & 3]
    return f"{text[:8]}-{text[8:12]}-{version}{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
