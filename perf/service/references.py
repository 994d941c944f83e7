"""Documents with a place for a reference of their own.

Rule: no two requests carry the same reference. Reason: a repeat is answered from the record, which is another path than
the one that is measured. References have one length, so that a request differs from the next in those bytes alone.
"""

import os
import re
from collections.abc import Iterator
from itertools import count

import msgspec

REFERENCE_LENGTH = 20
_REFERENCE = re.compile(rb"(<(?:\w+:)?FunctionalReferenceID>)[^<]*(</(?:\w+:)?FunctionalReferenceID>)")


class Declaration(msgspec.Struct, frozen=True):
    """A document around its reference."""

    name: str
    before: bytes
    after: bytes

    @property
    def size(self) -> int:
        """Bytes of the document."""
        return len(self.before) + REFERENCE_LENGTH + len(self.after)

    @property
    def document(self) -> bytes:
        """The document under a reference that is nobody's."""
        return b"".join((self.before, b"0" * REFERENCE_LENGTH, self.after))


def declaration(name: str, document: bytes) -> Declaration:
    """A document split at its reference. Raises ValueError where it has none or several."""
    found = list(_REFERENCE.finditer(document))
    if len(found) != 1:
        raise ValueError(f"{name}: {len(found)} elements FunctionalReferenceID; exactly one is wanted")
    return Declaration(name, document[: found[0].end(1)], document[found[0].start(2) :])


def references() -> Iterator[bytes]:
    """References that no other run has: eight random characters, and a number."""
    run = os.urandom(4).hex().upper()
    return (b"%s%012d" % (run.encode(), number) for number in count(1))
