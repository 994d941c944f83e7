"""Documents come in over real HTTP: whole and in parts, held to their digest, their type and their limits."""

import io
import struct
import zipfile

import pytest

from gateway.attachments.settings import DocumentSettings
from tests.gateway.attachments.papers import KINDS, PDF, SHEET, digest, digest_header, office, send, sent
from tests.gateway.http.conftest import housed

BIG = PDF + b"\n" * (3 * 1024 * 1024)  # more than a block
UPLOADS = "/v1/uploads"


async def test_what_is_sent_is_given_back_under_the_type_of_its_bytes(house):
    for name, (body, media) in KINDS.items():
        reply = await send(house, body, name, Content_Type="application/x-what-the-sender-says")
        told = reply.json
        assert (reply.status, told["state"], told["media"]) == (201, "available", media)
        assert (told["size"], told["digest"]) == (len(body), digest(body))
        assert reply.headers["Location"] == f"/v1/documents/{told['id']}"
        found = await house.get(told["content"])
        assert (found.status, found.body, found.media) == (200, body, media)
        assert found.headers["Content-Disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["Repr-Digest"] == digest_header(body)


async def test_the_same_bytes_are_one_document_of_an_account_and_another_of_the_next(house):
    first, again, rivals = await send(house), await send(house), await send(house, caller="rival")
    assert (again.status, again.json["id"], again.json["replayed"]) == (201, first.json["id"], True)
    assert rivals.json["id"] != first.json["id"]
    assert [each["id"] for each in (await house.get("/v1/documents")).json["documents"]] == [first.json["id"]]


async def test_a_document_is_held_to_the_digest_that_its_sender_gives(house):
    for header in "Content_Digest", "Repr_Digest":
        headers = {header: "sha-512=:AAAA:, " + digest_header(PDF)}
        assert (await send(house, **headers)).status == 201
        refused = await send(house, PDF + b" ", **headers)
        assert (refused.status, refused.rules) == (422, ["document.digest"])
        assert len((await house.get("/v1/documents")).json["documents"]) == 1
        assert (await send(house, **{header: "sha-256=:A:"})).rules == ["header.digest"]


async def test_parts_make_a_document_and_can_be_taken_up_again_after_a_break(house):
    begun = await house.call("POST", f"{UPLOADS}?size={len(BIG)}&name=big.pdf", "trader")
    place, half = begun.headers["Location"], len(BIG) // 2
    assert begun.status == 201
    async with house.wire() as wire:  # a connection that breaks in the second half
        key = f"Authorization: Bearer {house.keys['trader']}"
        await wire.send(f"PUT {place}?offset=0 HTTP/1.1", "Host: x", key, f"Content-Length: {len(BIG)}", "", BIG[:half])
        while (await house.get(place)).json["received"] < 1024 * 1024:
            pass
    wrong = await house.call("PUT", f"{place}?offset={len(BIG) - 1}", "trader", b"x")
    assert wrong.status == 409
    while True:  # until the broken request has let go of it
        standing = (await house.get(place)).json["received"]
        assert standing <= half
        rest = await house.call("PUT", f"{place}?offset={standing}", "trader", BIG[standing:])
        if rest.status != 409:
            break
    assert (rest.status, rest.json["received"]) == (200, len(BIG))
    done = await house.call("POST", f"{place}/finish?sha256={digest(BIG)}", "trader")
    again = await house.call("POST", f"{place}/finish?sha256={digest(BIG)}", "trader")
    assert (done.status, done.json["digest"], again.json["replayed"]) == (201, digest(BIG), True)
    assert (await house.get(done.json["content"])).body == BIG


async def test_an_upload_ends_only_with_all_its_bytes_and_their_digest(house):
    place = (await house.call("POST", f"{UPLOADS}?size={len(PDF)}", "trader")).headers["Location"]
    early = await house.call("POST", f"{place}/finish?sha256={digest(PDF)}", "trader")
    assert (early.status, early.headers["Upload-Offset"]) == (409, "0")
    await house.call("PUT", f"{place}?offset=0", "trader", PDF)
    beyond = await house.call("PUT", f"{place}?offset={len(PDF)}", "trader", b"more")
    assert beyond.status == 413
    assert (await house.call("POST", f"{place}/finish?sha256={'0' * 64}", "trader")).rules == ["document.digest"]
    assert (await house.get(place)).status == 404, "what is not what it should be is not kept"


async def test_another_account_sees_neither_uploads_nor_documents(house):
    place = (await house.call("POST", f"{UPLOADS}?size=5", "trader")).headers["Location"]
    document = await sent(house)
    for method, path, body in (
        ("GET", place, None),
        ("PUT", f"{place}?offset=0", b"12345"),
        ("POST", f"{place}/finish?sha256={'0' * 64}", None),
        ("DELETE", place, None),
        ("GET", f"/v1/documents/{document}", None),
        ("GET", f"/v1/documents/{document}/content", None),
        ("DELETE", f"/v1/documents/{document}", None),
    ):
        assert (await house.call(method, path, "rival", body)).status == 404, path
    assert (await house.get("/v1/documents", "rival")).json["documents"] == []
    assert (await house.get(place)).json["received"] == 0


async def test_a_part_of_a_document_and_word_that_the_caller_has_it(house):
    told = (await send(house)).json
    path, tag = told["content"], f'"{digest(PDF)}"'
    part = await house.get(path, Range="bytes=5-7", If_Range=tag)
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, PDF[5:8], f"bytes 5-7/{len(PDF)}")
    assert (await house.get(path, Range="bytes=-4")).body == PDF[-4:]
    assert (await house.get(path, Range="bytes=5-")).body == PDF[5:]
    assert (await house.get(path, Range="bytes=5-7", If_Range='"older"')).body == PDF
    assert (await house.get(path, Range="bytes=0-1,4-5")).body == PDF
    beyond = await house.get(path, Range=f"bytes={len(PDF)}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(PDF)}")
    assert (await house.get(path, If_None_Match=tag)).status == 304
    head = await house.call("HEAD", path, "trader")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(PDF)), b"")


async def test_a_document_is_deleted_with_its_bytes(house):
    document = await sent(house)
    assert (await house.call("DELETE", f"/v1/documents/{document}", "trader")).status == 200
    assert (await house.get(f"/v1/documents/{document}")).status == 404
    assert not await house.gateway.uploads.objects.has(document)
    assert await sent(house) != document


PROGRAM = b"MZ" + bytes(200)


def lying() -> bytes:
    """A spreadsheet whose great part says of itself that it is small."""
    body = bytearray(office({"xl/a.xml": bytes(4 * 1024 * 1024)}))
    size = struct.pack("<I", 4 * 1024 * 1024)
    while size in body:
        at = body.index(size)
        body[at : at + 4] = struct.pack("<I", 10)
    return bytes(body)


def overlapping() -> bytes:
    """Two names in the directory for the same bytes."""
    stream = io.BytesIO(office({"xl/a.xml": b"a" * 1000}))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.filelist.append(archive.filelist[-1])
        archive._didModify = True
    return stream.getvalue()


HARMFUL = {
    "program.pdf": (PROGRAM, 415, "document.type"),
    "archive.zip": (office({}).replace(b"xl/workbook", b"no/workbook"), 415, "document.type"),
    "hidden.txt": (b"readable " * 1000 + b"\x00\x01", 415, "document.type"),
    "latin.txt": ("Geburtstagsgrüße".encode("latin-1"), 415, "document.type"),
    "page.html": (b"<html><body>not well formed<br></body></html>", 422, "document.content"),
    "laughs.xml": (b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', 422, "document.content"),
    "bomb.xlsx": (office({"xl/a.xml": bytes(4 * 1024 * 1024)}), 422, "document.content"),
    "lying.xlsx": (lying(), 422, "document.content"),
    "overlap.xlsx": (overlapping(), 422, "document.content"),
    "crowd.xlsx": (office({f"xl/{at}": b"" for at in range(10_001)}, zipfile.ZIP_STORED), 422, "document.content"),
    "broken.xlsx": (office({})[:-30], 422, "document.content"),
    "nothing.txt": (b"", 400, "body.empty"),
}


@pytest.fixture
async def strict(tmp_path):
    """A house with little room."""
    chosen = DocumentSettings(largest=1024 * 1024, daily=2 * 1024 * 1024, unpacked=2 * 1024 * 1024, unfinished=2)
    async with housed(tmp_path, documents=chosen) as made:
        yield made


async def test_harmful_documents_are_refused_and_leave_nothing(strict):
    for name, (body, status, rule) in HARMFUL.items():
        reply = await send(strict, body, name)
        assert (reply.status, reply.rules) == (status, [rule]), name
    assert (await strict.get("/v1/documents")).json["documents"] == []
    assert list(strict.gateway.uploads._incoming.glob("*")) == []
    good = await send(strict, office({"xl/a.xml": bytes(1024 * 1024)}), "good.xlsx")
    assert (good.status, good.json["media"]) == (201, SHEET)


async def test_limits_of_size_of_a_day_and_of_uploads_under_way(strict):
    large = PDF + b"\n" * (900 * 1024)

    async def drip():
        yield large
        yield large

    assert (await send(strict, bytes(1024 * 1024 + 1))).status == 413
    assert (await send(strict, drip())).status == 413, "who does not say how much is cut off when it is too much"
    assert (await send(strict, large)).status == 201
    assert (await send(strict, large + b"\n")).status == 201
    more = await send(strict, large + b"\n\n")
    assert (more.status, "Retry-After" in more.headers) == (429, True)
    assert (await send(strict, large, caller="rival")).status == 201
    for _ in range(2):
        assert (await strict.call("POST", f"{UPLOADS}?size=9", "rival")).status == 201
    assert (await strict.call("POST", f"{UPLOADS}?size=9", "rival")).status == 429


async def test_what_cannot_be_used_is_named(house):
    for method, path in (
        ("POST", "/v1/documents?name=a/b"),
        ("POST", f"{UPLOADS}?size=0"),
        ("POST", UPLOADS),
        ("GET", "/v1/documents?limit=0"),
    ):
        reply = await house.call(method, path, "trader", PDF if "name" in path else None)
        assert (reply.status, reply.rules) == (400, ["query.filter"]), path


async def test_a_slow_sender_is_let_go_and_nothing_is_kept(tmp_path):
    async with housed(tmp_path, patience=0.3) as house, house.wire() as wire:
        key = f"Authorization: Bearer {house.keys['trader']}"
        await wire.send("POST /v1/documents HTTP/1.1", "Host: x", key, "Content-Length: 100", "", PDF[:10])
        assert (await wire.reply()).status == 408
        assert list(house.gateway.uploads._incoming.glob("*")) == []
