"""One item of a batch, and the key that it goes by: its sender's name for it, else its place in the batch.

Rule: what is wrong with one item is told of that item, and the next is taken; only where the container itself cannot
be read further is the batch at its end. Reason: who sends ten thousand cannot start anew for each slip.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import msgspec

from datamodel.issues import Refused
from datamodel.wording import issue, phrase, refused
from gateway.media import MEDIA_TYPES

LONGEST: Final = 255
_KEY: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{LONGEST}}}")
SHOWN: Final = 60

Grow = Callable[[int], None]  # told how many bytes an item has by now; raises where that is too much
_BY_ENDING: Final = {f".{form}": media for form, media in MEDIA_TYPES.items()}


class Holding(Protocol):
    """The room that one item takes, until it is released."""

    def grow(self, size: int) -> None:
        """The item has so many bytes by now. Raises where that is more than one may have, or than there is room for."""

    def release(self) -> None:
        """Give it back; to do so again does no harm."""


@contextmanager
def given_back(held: Holding) -> Iterator[None]:
    """Gives room back where what happens within fails, or is given up."""
    try:
        yield
    except BaseException:
        held.release()
        raise


Hold = Callable[[int], Holding]  # room for one item, beside so many bytes that are not its own


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """`media` is a Content-Type as it came; with a `fault` there is nothing that could be lodged."""

    number: int
    key: str
    held: Holding
    body: bytes = b""
    media: str = ""
    fault: Exception | None = None


class Keys:
    """The keys of one batch, none of which may come twice."""

    def __init__(self, most: int) -> None:
        self._seen: set[str] = set()
        self._most, self.count = most, 0

    def next(self, named: str | None) -> tuple[int, str, Exception | None]:
        """Number and key of the next item; with a fault where its name cannot be a key, or stood before.

        Raises Refused where the batch has more items than it may.
        """
        if self.count == self._most:
            raise too_many(self._most)
        self.count += 1
        key = str(self.count) if named is None else named
        if not _KEY.fullmatch(key):
            found = issue("batch.key", value=_shown(key), expected=phrase("batch.key", count=LONGEST))
            return self.count, str(self.count), refused(found)
        if key in self._seen:
            return self.count, key, refused(issue("batch.key-twice", value=_shown(key)))
        self._seen.add(key)
        return self.count, key, None


def too_many(most: int) -> Refused:
    """There are more items than a batch may have."""
    return refused(issue("batch.items", expected=phrase("batch.items", count=most)), status=413)


def media_of(name: str) -> str:
    """The media type that the ending of a file's name stands for; nothing where it stands for none."""
    return _BY_ENDING.get(name[name.rfind(".") :].lower(), "")


def _shown(key: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in key[:SHOWN])
