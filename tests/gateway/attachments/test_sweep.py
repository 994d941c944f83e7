"""What nobody needs ends, whatever a crash left half done, and nothing that somebody needs."""

import logging
from datetime import timedelta

import pytest

from gateway.attachments.documents import STORING
from gateway.attachments.staging import Staged
from gateway.attachments.sweep import sweep
from gateway.clock import utc_now
from tests.gateway.attachments.papers import PDF, PNG, digest, naming, sent


def in_days(days: float):
    return lambda: utc_now() + timedelta(days=days)


async def swept(house, days: float) -> dict[str, int]:
    return await sweep(house.gateway.store, house.gateway.uploads, in_days(days))


async def upload(house, body: bytes = b"") -> str:
    size = max(len(body), 9)
    place = (await house.call("POST", f"/v1/uploads?size={size}", "trader")).headers["Location"]
    if body:
        assert (await house.call("PUT", f"{place}?offset=0", "trader", body)).status == 200
    return place.rpartition("/")[2]


async def test_what_was_not_finished_and_what_nobody_refers_to_ends(house, caplog):
    caplog.set_level(logging.INFO, "gateway.attachments.sweep")
    used, unused, begun = await sent(house), await sent(house, PNG), await upload(house, PDF)
    assert (await house.post("/v1/declarations", naming(used))).status == 202
    uploads = house.gateway.uploads
    assert await swept(house, 0.9) == {}
    assert await swept(house, 1.1) == {"unfinished": 1}
    assert not uploads._file(begun).exists()
    assert (await house.get(f"/v1/uploads/{begun}")).status == 404
    assert await swept(house, 29) == {}
    assert await swept(house, 31) == {"unused": 1}
    assert (await house.get(f"/v1/documents/{unused}")).status == 404
    assert not await uploads.objects.has(unused)
    assert (await house.get(f"/v1/documents/{used}/content")).body == PDF
    assert caplog.messages == ["documents were removed: 1 unfinished", "documents were removed: 1 unused"]
    numbers = (await house.get("/metrics", "operator")).body.decode()
    assert 'guichet_documents_total{result="unused"} 1.0' in numbers


async def test_what_somebody_writes_to_is_left_for_the_next_time(house):
    begun = await upload(house, PDF)
    writing = Staged(house.gateway.uploads._file(begun), new=False)
    assert await swept(house, 2) == {}
    writing.close()
    assert await swept(house, 2) == {"left": 1}


@pytest.mark.parametrize("moved", [False, True])
async def test_a_crash_while_the_bytes_were_put_in_place_is_made_good_by_the_sender(house, moved):
    """The row says that all came; the bytes are still where they came in, or where they stay already."""
    begun, uploads = await upload(house, PDF), house.gateway.uploads
    await house.gateway.store.store_document(
        begun, digest(PDF), "application/pdf", len(PDF), "2026-01-01T00:00:00.000Z"
    )
    if moved:
        await uploads.objects.put(begun, uploads._file(begun))
    assert (await house.gateway.store.document(begun)).state == STORING
    done = await house.call("POST", f"/v1/uploads/{begun}/finish?sha256={digest(PDF)}", "trader")
    assert (done.status, done.json["id"]) == (201, begun)
    assert (await house.get(done.json["content"])).body == PDF


async def test_a_crash_whose_sender_never_comes_again_leaves_nothing(house):
    begun, uploads = await upload(house, PDF), house.gateway.uploads
    await house.gateway.store.store_document(
        begun, digest(PDF), "application/pdf", len(PDF), "2026-01-01T00:00:00.000Z"
    )
    await uploads.objects.put(begun, uploads._file(begun))
    assert await swept(house, 0) == {"unfinished": 1}
    assert not await uploads.objects.has(begun)
