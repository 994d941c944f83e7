"""ZIP files made to hurt: each is refused whole, or the one entry is, before anything of it is unpacked."""

import io
import struct
import zipfile
import zlib
from random import Random

import pytest

from gateway.bulk.settings import BulkSettings
from tests.gateway.http.batches import as_json, as_xml, send, sent, zipped
from tests.gateway.http.conftest import CEILING, housed

ZIP = "application/zip"
GOOD = {"first.json": as_json("FIRST"), "last.xml": as_xml("LAST")}
END = 22


def directory(packed: bytes) -> int:
    """Where the directory begins."""
    return struct.unpack("<L", packed[-6:-2])[0]


def patched(packed: bytes, at: int, form: str, value: int) -> bytes:
    size = struct.calcsize(form)
    at = at % len(packed)
    return packed[:at] + struct.pack(form, value) + packed[at + size :]


def overlapping() -> bytes:
    """Both entries of the directory are of the first file's bytes."""
    packed = zipped({"a.json": as_json("A"), "b.json": as_json("A")})
    second = packed.index(b"PK\x01\x02", directory(packed) + 4)
    return patched(packed, second + 42, "<L", 0)


def into_the_directory() -> bytes:
    """The last entry says that it goes on beyond where the directory begins."""
    packed = zipped({"a.json": as_json("A")}, zipfile.ZIP_STORED)
    return patched(packed, directory(packed) + 20, "<L", len(as_json("A")) + 100)


def more_than_told() -> bytes:
    """The end tells of one entry; the directory holds two."""
    packed = zipped({"a.json": as_json("A"), "b.json": as_json("B")})
    return patched(patched(packed, -END + 8, "<H", 1), -END + 10, "<H", 1)


def second_directory() -> bytes:
    """A ZIP64 locator stands before the end, which readers would follow elsewhere."""
    packed = zipped(GOOD)
    return packed[:-END] + struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) + packed[-END:]


WHOLE = {
    "overlapping": (overlapping, "batch.zip.overlap"),
    "beyond the directory": (into_the_directory, "batch.zip.overlap"),
    "more than told": (more_than_told, "batch.zip.directory"),
    "zip64": (second_directory, "batch.zip.directory"),
    "something behind": (lambda: zipped(GOOD) + b"more", "batch.zip.directory"),
    "something before": (lambda: b"more" + zipped(GOOD), "batch.zip.directory"),
    "cut off": (lambda: zipped(GOOD)[:-30], "batch.zip.directory"),
    "no ZIP": (lambda: b"PK\x05\x06" * 10, "batch.zip.directory"),
    "empty": (lambda: zipped({}), "body.empty"),
    "folders alone": (lambda: zipped({"a/": b"", "b/": b""}), "body.empty"),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", WHOLE)
async def test_an_archive_that_tells_two_stories_is_refused_whole(shared, case):
    make, rule = WHOLE[case]
    reply = await send(shared, make(), ZIP)
    assert (reply.status, reply.rules) == (400, [rule])


def over_the_ceiling() -> bytes:
    """Two megabytes that do not pack; a message may have one."""
    return zipped({**GOOD, "big.xml": Random(1).randbytes(2 * CEILING)})


def within_the_ceiling() -> bytes:
    """It may be as large as that, but not grow a thousand times."""
    return zipped({**GOOD, "middle.xml": b" " * (CEILING - 1)})


def larger_than_told() -> bytes:
    """The directory says 100 bytes, the packed stream holds a megabyte."""
    packed = zipped({"a.json": as_json("FIRST"), "bomb.xml": bytes(CEILING), "c.xml": as_xml("LAST")})
    entry = packed.index(b"bomb.xml", directory(packed)) - 46
    return patched(packed, entry + 24, "<L", 100)


def encrypted() -> bytes:
    packed = zipped({"a.json": as_json("FIRST"), "b.xml": as_xml("HIDDEN"), "c.xml": as_xml("LAST")})
    entry = packed.index(b"b.xml", directory(packed)) - 46
    return patched(packed, entry + 8, "<H", 1)


def damaged() -> bytes:
    packed = zipped({"a.json": as_json("FIRST"), "b.xml": as_xml("DAMAGED"), "c.xml": as_xml("LAST")})
    return patched(packed, packed.index(b"b.xml") + 200, "<L", 0xDEADBEEF)


ONE = {
    "too big": (over_the_ceiling, "size.body", 413),
    "grows too much": (within_the_ceiling, "batch.zip.ratio", 413),
    "larger than told": (larger_than_told, "batch.zip.entry", 400),
    "encrypted": (encrypted, "batch.zip.encrypted", 422),
    "damaged": (damaged, "batch.zip.entry", 400),
    "nested": (lambda: zipped({**GOOD, "more.zip": zipped(GOOD)}), "media.unsupported", 415),
    "another method": (lambda: mixed(zipfile.ZIP_BZIP2), "batch.zip.method", 415),
    "the same name": (lambda: twice("first.json"), "batch.key-twice", 422),
    "a name of controls": (lambda: zipped({**GOOD, "a\nb.json": as_json("C")}), "batch.key", 422),
}


def mixed(method: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, body in GOOD.items():
            archive.writestr(name, body)
        archive.writestr("odd.xml", as_xml("ODD"), method)
    return packed.getvalue()


def twice(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for each, body in [*GOOD.items(), (name, as_json("OTHER"))]:
            archive.writestr(each, body)
    return packed.getvalue()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", ONE)
async def test_an_entry_that_is_made_to_hurt_is_refused_and_the_others_are_taken(shared, case):
    make, rule, status = ONE[case]
    items, end = await sent(shared, make(), ZIP)
    assert (end["items"], end["refused"], end["complete"]) == (3, 1, True)
    [bad] = [each for each in items if each["status"] != 202]
    assert (bad["problem"]["issues"][0]["rule"], bad["status"]) == (rule, status)


@pytest.mark.asyncio(loop_scope="module")
async def test_names_are_keys_and_no_paths(shared, tmp_path):
    names = ["../up.json", "/root.json", "c:\\x.json", "é/ü.json"]
    items, _ = await sent(shared, zipped({name: as_json(f"P{at}") for at, name in enumerate(names)}), ZIP, "paths")
    assert [each["key"] for each in items] == names
    assert {each["status"] for each in items} == {202}


async def test_all_entries_together_may_be_so_large_and_no_larger(tmp_path):
    async with housed(tmp_path, bulk=BulkSettings(max_bytes=CEILING)) as house:
        reply = await send(house, zipped({f"{at}.xml": bytes(CEILING // 2) for at in range(3)}), ZIP)
        assert (reply.status, reply.rules) == (413, ["batch.bytes"])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_directory_of_very_many_entries_is_not_read(shared):
    head = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, zlib.crc32(b""), 0, 0, 1, 0, 0, 0, 0, 0, 0)
    entries = 60_000
    body = (head + b"a") * entries
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, len(body), 0, 0)
    reply = await send(shared, body + end, ZIP)
    assert (reply.status, reply.rules) == (413, ["batch.items"])
