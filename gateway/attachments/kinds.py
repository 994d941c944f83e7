"""What a document is, by its bytes: a name and a header are only what its sender says.

Rule: a type is what the bytes say, and is on the list, or the document is refused. Reason: whoever opens it at an
agency does so by its type. What is text is read whole, so that nothing binary hides behind a readable beginning; XML
must be well-formed and brings no DTD, with which it could grow when it is opened; an office document is unpacked to
its end, because the sizes that it states are its sender's word too. Nothing of what is unpacked is kept.
"""

import codecs
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat

import puremagic

from datamodel.issues import Refused
from datamodel.wording import issue, phrase, refused
from gateway.attachments.settings import DocumentSettings

HEAD: Final = 4096
BLOCK: Final = 64 * 1024
PARTS: Final = 10_000  # of an office document; more than any office program writes
DIRECTORY: Final = 1024 * 1024  # bytes of the list of its parts, which is read at once
ARCHIVE: Final = b"PK\x03\x04"
PICTURES: Final = ("application/pdf", "image/png", "image/jpeg", "image/tiff")
XML, CSV, TEXT = "application/xml", "text/csv", "text/plain"
_OPEN: Final = "application/vnd.openxmlformats-officedocument."
_OFFICE: Final = {
    "word/document.xml": f"{_OPEN}wordprocessingml.document",
    "xl/workbook.xml": f"{_OPEN}spreadsheetml.sheet",
    "ppt/presentation.xml": f"{_OPEN}presentationml.presentation",
}
_DECLARED: Final = "mimetype"  # the part of an OpenDocument file that says what it is
_LONGEST: Final = 100
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f"))
_BOM: Final = codecs.BOM_UTF8


class _Sparing(io.BufferedReader):
    """A file of which nobody reads more at once than he should."""

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(DIRECTORY + 1 if size is None or size < 0 else min(size, DIRECTORY + 1))
        if len(found) > DIRECTORY:
            raise zipfile.BadZipFile("there is too much to read at once")
        return found


def kind_of(file: Path, name: str, settings: DocumentSettings) -> str:
    """The media type of a file; its name tells only tables from other text. Raises Refused."""
    with _Sparing(io.FileIO(file)) as stream:
        head = stream.read(HEAD)
        stream.seek(0)
        if head.startswith(ARCHIVE):
            found = _office(stream, settings.unpacked)
        else:
            found = _picture(head) or _text(stream, head, name)
    if found not in settings.types:
        raise refused(issue("document.type", value=found or "", expected=", ".join(settings.types)), status=415)
    return found


def _picture(head: bytes) -> str | None:
    """A type that its first bytes give away."""
    try:
        guesses = puremagic.magic_string(head)
    except puremagic.PureError:
        return None
    return next((guess.mime_type for guess in guesses if guess.mime_type in PICTURES), None)


def _text(stream: IO[bytes], head: bytes, name: str) -> str | None:
    """XML, a table, or other text; None for what is not text to its end."""
    if head.removeprefix(_BOM).lstrip().startswith(b"<"):
        return _xml(stream)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in _blocks(stream):
            if len(block.translate(None, _CONTROLS)) < len(block):
                return None
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return CSV if name.lower().endswith(".csv") else TEXT


def _xml(stream: IO[bytes]) -> str:
    """Raises Refused for what is not well-formed, and for a document type declaration."""

    def refuse(*declared: Any) -> None:
        raise _unfit("document.xml.dtd")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        for block in _blocks(stream):
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _unfit("document.xml", line=error.lineno) from None
    return XML


def _office(stream: IO[bytes], ceiling: int) -> str | None:
    """An office document that unpacks to no more than it may. Raises Refused for one that does not."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            if len(parts) > PARTS:
                raise _unfit("document.parts", count=PARTS)
            _unpack(archive, parts, ceiling)
            return _kind(archive, {part.filename for part in parts})
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise _unfit("document.archive") from None


def _unpack(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], ceiling: int) -> None:
    """To the end of every part. Parts that share their bytes are how a small file gets to be a huge one."""
    ends = 0
    for part in sorted(parts, key=lambda each: each.header_offset):
        if part.header_offset < ends:
            raise _unfit("document.overlap")
        ends = part.header_offset + part.compress_size
    left = ceiling
    for part in parts:
        if part.compress_type not in _METHODS:
            raise _unfit("document.archive")
        with archive.open(part) as stream:
            for block in _blocks(stream):
                left -= len(block)
                if left < 0:
                    raise _unfit("document.unpacked", count=ceiling)


def _kind(archive: zipfile.ZipFile, names: set[str]) -> str | None:
    if "[Content_Types].xml" in names:
        return next((kind for part, kind in _OFFICE.items() if part in names), None)
    if _DECLARED in names:
        with archive.open(_DECLARED) as stream:
            return stream.read(_LONGEST).decode("ascii", "replace").strip()
    return None


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


def _unfit(why: str, **words: object) -> Refused:
    """A document of a type that is taken, which holds what is not."""
    return refused(issue("document.content", value=phrase(why, **words)), status=422)
