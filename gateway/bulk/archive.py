"""A batch as a ZIP file of XML and JSON files, which lies on disk while it is worked on; its directory is judged first.

Rule: a file that tells two stories is refused whole (more entries than it says, entries that share bytes, a second
directory), and of an entry no more is unpacked than one message may have. Reason: a ZIP of kilobytes can hold
gigabytes, and entries that overlap hold the same ones over and over. Nothing is written under the name of an entry:
names are keys here, and no paths.
"""

import asyncio
import struct
import zlib
from collections.abc import AsyncGenerator
from typing import BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from datamodel.wording import issue, phrase, refused
from gateway.bulk.items import SHOWN, Hold, Item, Keys, given_back, media_of, too_many
from gateway.bulk.settings import BulkSettings
from gateway.offload import THREAD

GREATEST_RATIO: Final = 200  # of an entry that is unpacked to its size: XML of a thousand like items has 50
_END: Final = struct.Struct("<4s4H2LH")  # of the directory: signature, disks, entries, size, offset, comment
_END_SIGNATURE, _END_64 = b"PK\x05\x06", b"PK\x06\x07"
_LOCATOR_64: Final = 20
_HEAD: Final = 30  # bytes before the name of an entry
_ENTRY: Final = b"PK\x01\x02"
_ENTRY_BYTES: Final = 46 + 2 * 1024  # of the directory for each, at most: head, name, and what packers add
_ENCRYPTED: Final = 0x1
_NOT_READ: Final = (BadZipFile, LargeZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error, ValueError)


def opened(file: BinaryIO, settings: BulkSettings) -> ZipFile:
    """The archive in a file, fit to be read entry by entry. Raises Refused."""
    start = _directory(file, settings)
    try:
        archive = ZipFile(file)
    except (*_NOT_READ, struct.error) as error:
        raise _malformed("batch.zip.directory") from error
    entries = archive.infolist()
    total = sum(each.file_size for each in entries)
    if total > settings.max_bytes:
        raise refused(issue("batch.bytes", expected=phrase("size.bytes", count=settings.max_bytes)), status=413)
    ends = 0
    for each in sorted(entries, key=lambda entry: entry.header_offset):
        if each.header_offset < ends:
            raise _malformed("batch.zip.overlap", each)
        ends = each.header_offset + _HEAD + len(each.orig_filename) + each.compress_size
    if ends > start:
        raise _malformed("batch.zip.overlap")
    return archive


async def items(archive: ZipFile, most: int, hold: Hold) -> AsyncGenerator[Item, None]:
    """The items in the order of the directory. Folders are none."""
    keys = Keys(most)
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        number, key, unfit = keys.next(entry.filename)
        held, body = hold(0), b""
        fault = unfit or _unfit(entry)
        if fault is None:
            try:
                with given_back(held):
                    held.grow(entry.file_size)
                    body = await _unpacked(archive, entry)
            except Exception as error:  # told of the item, whatever it is
                fault = error
        yield Item(number=number, key=key, held=held, body=body, media=media_of(entry.filename), fault=fault)


async def _unpacked(archive: ZipFile, entry: ZipInfo) -> bytes:
    """What an entry holds: never more than its head says. Raises Refused."""
    try:
        if entry.file_size <= THREAD:
            return archive.read(entry)
        return await asyncio.to_thread(archive.read, entry)
    except _NOT_READ as error:
        raise refused(issue("batch.zip.entry"), status=400) from error


def _unfit(entry: ZipInfo) -> Exception | None:
    """What keeps an entry from being unpacked, as far as its head tells."""
    if entry.flag_bits & _ENCRYPTED:
        return refused(issue("batch.zip.encrypted"))
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return refused(issue("batch.zip.method"), status=415)
    if entry.file_size > THREAD and entry.file_size > GREATEST_RATIO * max(1, entry.compress_size):
        return refused(issue("batch.zip.ratio", expected=phrase("batch.ratio", count=GREATEST_RATIO)), status=413)
    return None


def _directory(file: BinaryIO, settings: BulkSettings) -> int:
    """Where the directory begins. Raises Refused for one that is not at the end, or holds more than a batch.

    The library would read all that a directory of gigabytes holds, and believe a second one.
    """
    length = file.seek(0, 2)
    tail_at = max(0, length - _END.size - _LOCATOR_64)
    file.seek(tail_at)
    tail = file.read()
    end = tail[-_END.size :]
    if len(end) < _END.size or not end.startswith(_END_SIGNATURE):
        raise _malformed("batch.zip.directory")
    _, disk, first_disk, here, entries, size, offset, _ = _END.unpack(end)
    if _END_64 in tail[: -_END.size] or disk or first_disk or here != entries:
        raise _malformed("batch.zip.directory")
    if entries > settings.items or size > entries * _ENTRY_BYTES:
        raise too_many(settings.items)
    if offset + size != length - _END.size:
        raise _malformed("batch.zip.directory")
    file.seek(offset)
    if file.read(size).count(_ENTRY) != entries:
        raise _malformed("batch.zip.directory")
    return int(offset)


def _malformed(rule: str, entry: ZipInfo | None = None) -> Exception:
    shown = "".join(each if each.isprintable() else "\ufffd" for each in entry.filename[:SHOWN]) if entry else None
    return refused(issue(rule, value=shown), status=400)
