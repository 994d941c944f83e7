"""A batch as lines of JSON: on each a declaration, or `{"key": ..., "declaration": {...}}`. Blank lines are none.

The declaration is lodged as its bytes stand in the line, so that its digest is one that its sender can compute.
"""

from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from datamodel.wording import issue, refused
from gateway.bulk.cutting import Cutter, Source
from gateway.bulk.items import Hold, Item, Keys, given_back
from gateway.media import MEDIA_TYPES

_MEMBERS: Final = ("key", "declaration")
_SLACK: Final = 1024  # bytes that a line may have beside its declaration
_SPACE: Final = b" \t\r\n"
_DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)


async def items(source: Source, most: int, hold: Hold) -> AsyncGenerator[Item, None]:
    """The items as they come, so many at `most`; `hold` gives each its room."""
    cutter, keys, marked = Cutter(source), Keys(most), True
    while marked:
        held = hold(_SLACK)
        with given_back(held):
            piece = await cutter.piece(b"\n", held.grow)
        marked, line = piece.marked, piece.body.strip(_SPACE)
        if not line and piece.fault is None:
            held.release()
            continue
        named, body, fault = (None, b"", piece.fault) if piece.fault else _opened(line)
        with given_back(held):
            number, key, unfit = keys.next(named)
        yield Item(number=number, key=key, held=held, body=body, media=MEDIA_TYPES["json"], fault=fault or unfit)


def _opened(line: bytes) -> tuple[str | None, bytes, Exception | None]:
    """The key and the declaration of a line. What is no envelope is a declaration, and judged as one."""
    try:
        members = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, line, None
    if not any(name in members for name in _MEMBERS):
        return None, line, None
    try:
        key = _TEXT.decode(members["key"]) if "key" in members else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, b"", refused(issue("batch.line"))
    if "declaration" not in members or len(members) > len(_MEMBERS) or _twice(line, members):
        return key, b"", refused(issue("batch.line"))
    return key, bytes(members["declaration"]), None


def _twice(line: bytes, members: dict[str, msgspec.Raw]) -> bool:
    """Whether a member stands in the envelope twice, or not as it is called: of two declarations none is meant."""
    for name in members:
        word = b'"%s"' % name.encode()
        if line.count(word) - sum(bytes(value).count(word) for value in members.values()) != 1:
            return True
    return False
