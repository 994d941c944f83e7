"""A batch as multipart (RFC 2046, and form-data of RFC 7578): each part a declaration, with its media type.

A part goes by its file name, else by its Content-ID, else by its place: forms give all files of a field one name.
"""

import re
from collections.abc import AsyncGenerator
from email.message import Message
from email.parser import HeaderParser
from typing import Final

from datamodel.wording import issue, phrase, refused
from gateway.bulk.cutting import Cutter, Source
from gateway.bulk.items import SHOWN, Grow, Hold, Item, Keys, given_back, media_of

HEAD_BYTES: Final = 16 * 1024
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_END: Final = b"--"
_AS_IT_IS: Final = ("", "binary", "8bit", "7bit")
_PARSER: Final = (
    HeaderParser()
)  # the modern policy of the library takes as long over a head as we do over a declaration


def boundary_of(header: str) -> bytes:
    """The boundary that a Content-Type names. Raises Refused."""
    message = Message()
    try:
        message["Content-Type"] = header
        named = message.get_boundary("")
    except (ValueError, LookupError):
        named = ""
    if not named or not _BOUNDARY.fullmatch(named):
        raise refused(issue("batch.boundary", value=str(named)[:SHOWN]), status=400)
    return named.encode()


async def items(source: Source, boundary: bytes, most: int, hold: Hold) -> AsyncGenerator[Item, None]:
    """The items as they come. Raises Refused where what comes is not in parts, with the number of the last good one."""
    cutter, keys, mark = Cutter(source, b"\r\n"), Keys(most), b"\r\n--" + boundary
    preamble = await cutter.piece(mark, _ceiling(HEAD_BYTES))
    good = preamble.marked and not preamble.fault
    while good:
        if (head := await _head(cutter)) is None:
            break
        if head == _END:
            return
        held = hold(0)
        with given_back(held):
            piece = await cutter.piece(mark, held.grow)
        good = piece.marked
        if not good:
            held.release()
            break
        name, media, fault = _described(head)
        with given_back(held):
            number, key, unfit = keys.next(name)
        found = piece.fault or fault or unfit
        yield Item(number=number, key=key, held=held, body=piece.body, media=media, fault=found)
    raise refused(issue("batch.parts", value=phrase("batch.after", count=keys.count)), status=400)


async def _head(cutter: Cutter) -> bytes | None:
    """The head of the part that begins behind a boundary, _END behind the last one, None where there is neither."""
    begun = await cutter.take(2)
    if begun == _END:
        return _END
    cutter.put_back(begun)
    padding = await cutter.piece(b"\r\n", _ceiling(HEAD_BYTES))
    if not padding.marked or padding.fault or padding.body.strip(b" \t"):
        return None
    cutter.put_back(b"\r\n")  # a part without a head begins with the empty line that ends heads
    head = await cutter.piece(b"\r\n\r\n", _ceiling(HEAD_BYTES))
    return head.body.lstrip(b"\r\n") if head.marked and not head.fault else None


def _ceiling(most: int) -> Grow:
    def grow(size: int) -> None:
        if size > most:
            raise refused(issue("size.body", expected=phrase("size.bytes", count=most)), status=413)

    return grow


def _described(head: bytes) -> tuple[str | None, str, Exception | None]:
    """Name and media type of a part, or what is wrong with its head."""
    try:
        message = _PARSER.parsestr(head.decode(errors="replace"))
        name = message.get_filename() or message.get("Content-ID", "").strip("<> ") or None
        coding = str(message.get("Content-Transfer-Encoding", "")).strip().lower()
        packed = str(message.get("Content-Encoding", "")).strip().lower()
        kind = str(message["Content-Type"]) if "Content-Type" in message else ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return None, "", refused(issue("batch.head"), status=400)
    if coding not in _AS_IT_IS or packed not in ("", "identity"):
        told = issue("media.coding", value=(packed or coding)[:SHOWN], expected=phrase("body.coding"))
        return name, "", refused(told, status=415)
    return name, kind or media_of(name or ""), None
