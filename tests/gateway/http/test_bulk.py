"""A batch over real HTTP: each item is answered as if it came alone, in its order, whatever is wrong with others."""

import asyncio

import pytest

from gateway.access.quotas import Quota
from gateway.bulk import desk
from gateway.bulk.settings import BulkSettings
from gateway.settings import RateSettings
from tests.gateway.attachments.papers import PDF
from tests.gateway.http.batches import (
    NDJSON,
    PATH,
    as_json,
    as_xml,
    chunk,
    envelope,
    head,
    lines,
    multipart,
    send,
    sent,
    until,
    zipped,
)
from tests.gateway.http.conftest import housed
from tests.gateway.scripted import PATIENCE, eventually


@pytest.mark.parametrize("media", ["application/x-ndjson", "multipart/form-data; boundary=limit", "application/zip"])
async def test_every_container_gives_the_same_cases_and_a_repeat_in_another_the_first_answers(house, media):
    named = {f"{number}.xml": as_xml(f"B-{number}") for number in range(40)}
    bodies = {
        "application/x-ndjson": b"\n".join(envelope(f"{n}.xml", as_json(f"B-{n}")) for n in range(40)),
        "multipart/form-data; boundary=limit": multipart(named),
        "application/zip": zipped(named),
    }
    items, end = await sent(house, bodies.pop(media), media, "B")
    assert [each["number"] for each in items] == list(range(1, 41))
    assert [each["key"] for each in items] == list(named)
    assert {each["status"] for each in items} == {202}
    assert end == {"complete": True, "items": 40, "accepted": 40, "replayed": 0, "refused": 0}
    for other, body in bodies.items():
        again, end = await sent(house, body, other, "B")
        assert end["refused"] == 0, again[0]
        assert [each["acceptance"]["mrn"] for each in again] == [each["acceptance"]["mrn"] for each in items]
        assert (end["replayed"], end["accepted"]) == (40, 0)


BAD_LINES = {
    b"{]": ("json.malformed", 400),
    b'{"declaration":{}}': None,
    envelope("first", as_json("AGAIN")): ("batch.key-twice", 422),
    envelope("bell\a", as_json("BELL")): ("batch.key", 422),
    b'{"key":7,"declaration":{}}': ("batch.line", 422),
    b'{"key":"only"}': ("batch.line", 422),
    b'{"key":"k","declaration":{},"more":1}': ("batch.line", 422),
    b'{"declaration":{},"declaration":{}}': ("batch.line", 422),
}


async def test_what_is_wrong_with_an_item_is_told_of_it_and_the_others_go_on(house):
    body = b"\n \r\n".join([envelope("first", as_json("FIRST")), *BAD_LINES, as_json("LAST")])
    items, end = await sent(house, body)
    assert (end["items"], end["accepted"], end["refused"], end["complete"]) == (len(items), 2, len(BAD_LINES), True)
    assert [items[0]["status"], items[-1]["status"]] == [202, 202]
    assert items[-1]["key"] == str(len(items)), "an item without a key goes by its place"
    for item, expected in zip(items[1:-1], BAD_LINES.values(), strict=True):
        if expected:
            assert (item["problem"]["issues"][0]["rule"], item["status"]) == expected


@pytest.mark.parametrize(
    "declaration", [b"{}", as_json("X").replace(b'"TypeCode"', b'"TypoCode"'), b'{"MetaData":{"Nothing":1}}']
)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_problem_of_an_item_is_that_of_the_declaration_alone(shared, declaration):
    [item], _ = await sent(shared, envelope("k", declaration))
    alone = (await shared.post("/v1/declarations", declaration)).json
    own = {"instance", "conversation_id"}
    assert {name: value for name, value in item["problem"].items() if name not in own} == {
        name: value for name, value in alone.items() if name not in own
    }


async def test_parts_say_what_they_are_and_one_that_does_not_is_refused_alone(house):
    heads = {
        "Content-Type: application/json": as_json("J"),
        "Content-Type: text/xml; charset=utf-8\r\nContent-ID: <mine>": as_xml("X"),
        'Content-Disposition: attachment; filename="p.json"': as_json("N"),
        "": as_json("SILENT"),
        "Content-Type: application/xml; charset=latin-1": as_xml("L"),
        "Content-Type: application/json\r\nContent-Transfer-Encoding: base64": b"e30=",
    }
    body = b"preamble" + b"".join(b"\r\n--b\r\n%s\r\n\r\n%s" % (head.encode(), part) for head, part in heads.items())
    items, end = await sent(
        house, body.replace(b"--b\r\n\r\n\r\n", b"--b \t\r\n\r\n") + b"\r\n--b--", 'multipart/mixed; boundary="b"'
    )
    assert [(each["key"], each["status"]) for each in items] == [
        ("1", 202), ("mine", 202), ("p.json", 202), ("4", 415), ("5", 415), ("6", 415)
    ]  # fmt: skip
    assert end["complete"]


async def test_who_reads_xml_gets_one_document_of_the_same_records(house):
    body = b"\n".join([envelope("a<b", as_json("A")), b"{}"])
    reply = await send(house, body, Accept="application/xml")
    assert (reply.status, reply.media) == (200, "application/xml")
    first, second, end = reply.xml
    name = "{urn:guichet:api:1}"
    assert [first.findtext(f"{name}key"), first.findtext(f"{name}status")] == ["a<b", "202"]
    assert first.findtext(f"{name}acceptance/{name}mrn").startswith("26XZ")
    assert second.find(f"{name}problem/{name}issues/{name}i") is not None
    assert (end.tag, end.findtext(f"{name}refused")) == (f"{name}end", "1")


async def test_what_became_of_a_batch_can_be_asked_for_by_its_owner(house):
    await sent(house, lines(*(f"P {number}" for number in range(7))) + b"\n{}", key="day/1")
    await sent(house, lines("other"), key="day/10")
    await house.post("/v1/declarations", as_json("ALONE"), Idempotency_Key="day/1!")
    first = (await house.get("/v1/batches/day/1?limit=5")).json
    assert [each["key"] for each in first["items"]] == [f"P {number}" for number in range(5)]
    assert first["items"][0]["status"] == "released"
    status = await house.get(f"/v1/declarations/{first['items'][0]['mrn']}")
    assert status.json["conversation_id"] == first["items"][0]["conversation_id"]
    second = (await house.get(f"/v1/batches/day%2F1?after={first['next']}")).json
    assert ([each["key"] for each in second["items"]], second["next"]) == (["P 5", "P 6"], None)
    assert (await house.get("/v1/batches/day/1?after=Z")).json["items"] == []
    for path, caller in ("day/1", "rival"), ("day", "trader"), ("day?after=1", "trader"):
        assert (await house.get(f"/v1/batches/{path}", caller)).status == 404
    assert (await house.get("/v1/batches/day/1?limit=0")).rules == ["query.limit"]


async def test_a_key_that_named_another_document_is_a_conflict_of_that_item(house):
    await sent(house, lines("A", "B"), key="K")
    items, _ = await sent(house, envelope("A", as_json("C")) + b"\n" + envelope("B", as_json("B")), key="K")
    assert [each["status"] for each in items] == [409, 202]
    assert items[1]["acceptance"]["replayed"]
    assert items[0]["problem"]["mrn"]


@pytest.mark.parametrize(
    ("media", "body", "status", "rule"),
    [
        ("application/x-ndjson", b" \n\n", 400, "body.empty"),
        ("application/json", b"{}", 415, "media.unsupported"),
        ("multipart/mixed", b"--b--", 400, "batch.boundary"),
        ("multipart/mixed; boundary=b", b"nothing", 400, "batch.parts"),
        ("multipart/mixed; boundary=b", b"--b--", 400, "body.empty"),
        ("application/zip", b"PK", 400, "batch.zip.directory"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_no_batch_is_a_problem_and_no_batch(shared, media, body, status, rule):
    reply = await send(shared, body, media)
    assert (reply.status, reply.rules) == (status, [rule])


async def test_an_item_is_answered_before_the_next_one_is_sent(house):
    async with house.wire() as wire:
        await wire.send(*head(house))
        for reference in "A", "B":
            await wire.send(chunk(envelope(reference, as_json(reference)) + b"\n"))
            line = await until(wire, b'"acceptance"')
            assert b'"key":"%s"' % reference.encode() in line
        await wire.send(chunk(b""))
        assert b'"accepted":2' in await until(wire, b'"complete":true')


async def test_a_batch_is_paced_by_the_limit_of_its_account_and_leaves_half_for_what_cannot_wait(tmp_path):
    rates = RateSettings(trader=Quota(per_second=40, burst=8))
    async with housed(tmp_path, rates=rates) as house:
        clock = asyncio.get_running_loop().time
        begun = clock()
        batch = asyncio.create_task(sent(house, lines(*(f"R{number}" for number in range(24)))))
        while not batch.done():
            assert (await house.get("/v1/declarations/26XZ")).status == 404, "half of the burst is left to others"
            await asyncio.wait({batch}, timeout=0.2)
        _, end = await batch
        assert end["accepted"] == 24
        assert clock() - begun > (24 - 8) / 40, "items count as requests do"


async def test_an_account_has_so_many_batches_under_way_and_no_more(tmp_path):
    async with housed(tmp_path, bulk=BulkSettings(per_account=1)) as house, house.wire() as wire:
        await wire.send(*head(house), chunk(envelope("A", as_json("A")) + b"\n"))
        await until(wire, b'"acceptance"')
        reply = await send(house, lines("B"))
        assert (reply.status, reply.headers["Retry-After"]) == (503, "10")
        assert (await house.post(PATH, lines("B"), NDJSON, "rival")).status == 200
        await wire.send(chunk(b""))
        await until(wire, b'"complete":true')
        await sent(house, lines("B"))


async def test_an_upload_under_way_holds_up_no_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(desk, "YIELD_SECONDS", 3600.0)
    over = asyncio.Event()

    async def slowly():
        yield PDF[:9]
        await over.wait()
        yield PDF[9:]

    async with housed(tmp_path) as house:
        upload = asyncio.create_task(house.call("POST", "/v1/documents?name=invoice.pdf", "rival", slowly()))
        await eventually(lambda: any(tmp_path.rglob("gdoc-*")))
        async with asyncio.timeout(PATIENCE):
            _, end = await sent(house, lines("A", "B"))
        assert (end["accepted"], upload.done()) == (2, False)
        over.set()
        assert (await upload).status == 201
