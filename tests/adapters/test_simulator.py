"""The virtual agency as its users meet it: a process, a port, a behaviour file and a book."""

import asyncio
import socket
from pathlib import Path

import pytest

from adapters.http import HttpAdapter
from datamodel.registry import Registry
from tests.adapters.desk import agency, as_json, as_xml, decision, desk, permit_request, run, until
from tests.adapters.peers import outgoing

CALLBACK = "http://gateway.example/v1/agency/deliveries/D-1/decision"


async def test_it_decides_at_once_and_writes_it_down(tmp_path: Path, registry: Registry) -> None:
    async with agency(tmp_path) as phs:
        status, body, headers = await phs.post(as_json(permit_request()), CALLBACK)
        book = await phs.ledger()
    granted = decision(registry, body)
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert headers["Guichet-Delivery"] == granted["DeliveryID"] == "D-1"
    assert granted["OutcomeCode"] == "granted"
    assert [permit["TypeCode"] for permit in granted["LPCO"]] == ["N851", "C085"]
    assert book["code"] == "PHS"
    assert [line["delivery_id"] for line in book["decisions"]] == ["D-1"]
    assert book["decisions"][0]["mrn"] == "26XZ0000000000001A"
    assert book["decisions"][0]["outcome"] == "granted"


async def test_it_reads_and_writes_xml(tmp_path: Path, registry: Registry) -> None:
    request = as_xml(registry, permit_request())
    async with agency(tmp_path, 'media = "xml"\nrefuse_hs = ["0603"]') as phs:
        status, body, headers = await phs.post(request, CALLBACK, "application/xml")
    refused = decision(registry, body, headers["Content-Type"])
    assert status == 200 and headers["Content-Type"] == "application/xml"
    assert refused["OutcomeCode"] == "refused"
    assert [finding["SequenceNumeric"] for finding in refused["Finding"]] == [[2]]


async def test_a_delivery_is_decided_once_however_often_it_comes(tmp_path: Path) -> None:
    async with agency(tmp_path, "delay = 0.2") as phs:
        http = HttpAdapter(phs.url, timeout=10)
        sends = (http.send(outgoing(body=as_json(permit_request()))) for _ in range(20))
        receipts = await asyncio.gather(*sends)
        await http.close()
        book = await phs.ledger()
    assert len({receipt.body for receipt in receipts}) == 1 and receipts[0].body
    assert len(book["decisions"]) == 1 and len(book["requests"]) == 20


async def test_the_decision_survives_a_crash_of_the_agency(tmp_path: Path) -> None:
    request = as_json(permit_request())
    async with agency(tmp_path) as phs:
        before = await phs.post(request, CALLBACK)
        await phs.kill()
    with (tmp_path / "ledger.jsonl").open("ab") as book:
        book.write(b'{"kind":"decision","delivery_id":"D-')  # the crash cut a line off
    async with agency(tmp_path, 'outcome = "refused"') as phs:
        assert (await phs.post(request, CALLBACK))[1] == before[1]
        await phs.post(as_json(permit_request("D-2")), CALLBACK)
        await phs.kill()
    async with agency(tmp_path) as phs:
        outcomes = [(line["delivery_id"], line["outcome"]) for line in (await phs.ledger())["decisions"]]
    assert outcomes == [("D-1", "granted"), ("D-2", "refused")]


async def test_a_callback_is_repeated_until_the_gateway_has_it(tmp_path: Path, registry: Registry) -> None:
    async with desk() as gateway:
        gateway.answers = [503, 0, 429]
        async with agency(tmp_path, 'answer = "callback"', gateway=gateway.url) as phs:
            status, body, _ = await phs.post(as_json(permit_request()), gateway.callback())
            posts = [await gateway.posted() for _ in range(4)]
            lines = await phs.settled("D-1")
    assert (status, body) == (202, b"")
    assert {delivery_id for delivery_id, _, _ in posts} == {"D-1"}
    assert len({body for _, _, body in posts}) == 1
    assert posts[0][1]["Authorization"] == "Bearer gk_agency"
    assert decision(registry, posts[0][2])["OutcomeCode"] == "granted"
    assert [line["status"] for line in lines] == [200]


@pytest.mark.parametrize("status", [409, 403, 404, 422])
async def test_a_clear_no_to_a_callback_is_not_repeated(tmp_path: Path, status: int) -> None:
    async with desk() as gateway:
        gateway.answers = [status]
        async with agency(tmp_path, 'answer = "callback"', gateway=gateway.url) as phs:
            await phs.post(as_json(permit_request()), gateway.callback())
            assert [line["status"] for line in await phs.settled("D-1")] == [status]
            await gateway.posted()
            # Another delivery afterwards shows that nothing more came for the first.
            await phs.post(as_json(permit_request("D-2")), gateway.callback("D-2"))
            assert (await gateway.posted())[0] == "D-2"


async def test_a_gateway_that_asks_again_is_told_again(tmp_path: Path) -> None:
    async with desk() as gateway, agency(tmp_path, 'answer = "callback"', gateway=gateway.url) as phs:
        bodies = []
        for count in (1, 2):
            await phs.post(as_json(permit_request()), gateway.callback())
            bodies.append((await gateway.posted())[2])
            await phs.settled("D-1", count)
        assert bodies[0] == bodies[1]
        assert len((await phs.ledger())["decisions"]) == 1


async def test_an_untold_decision_is_told_after_a_crash(tmp_path: Path) -> None:
    behaviour = 'answer = "callback"'
    async with desk() as gateway:
        gateway.answers = [503] * 2
        async with agency(tmp_path, behaviour, gateway=gateway.url) as phs:
            await phs.post(as_json(permit_request()), gateway.callback())
            first = await gateway.posted()
            await phs.kill()
        gateway.answers = []
        while not gateway.posts.empty():
            gateway.posts.get_nowait()
        async with agency(tmp_path, behaviour, gateway=gateway.url) as phs:
            again = await gateway.posted()
            await phs.settled("D-1")
            assert len((await phs.ledger())["decisions"]) == 1
    assert again[2] == first[2]


@pytest.mark.parametrize("answer", ["at-once", "callback"])
async def test_a_hold_is_followed_by_its_release(tmp_path: Path, registry: Registry, answer: str) -> None:
    behaviour = f'answer = "{answer}"\nhold_hs = ["0602"]\nrelease_after = 0.3'
    async with desk() as gateway, agency(tmp_path, behaviour, gateway=gateway.url) as phs:
        _, body, _ = await phs.post(as_json(permit_request()), gateway.callback())
        held = decision(registry, body or (await gateway.posted())[2])
        final = decision(registry, (await gateway.posted())[2])
        lines = await phs.settled("D-1", 2)
        book = await phs.ledger()
    assert held["OutcomeCode"] == "held" and held["Finding"][0]["SequenceNumeric"] == [1]
    assert final["OutcomeCode"] == "granted"
    assert [(line["step"], line["outcome"]) for line in lines] == [(0, "held"), (1, "granted")]
    assert len(book["decisions"]) == 1 and book["decisions"][0]["outcome"] == "granted"


async def test_it_polls_its_inbox_page_by_page(tmp_path: Path, registry: Registry) -> None:
    behaviour = 'answer = "poll"\npoll_every = 0.05\nhold_hs = ["0602"]'
    async with desk() as gateway:
        ids = [f"D-{number}" for number in range(5)]
        gateway.inbox = {each: as_xml(registry, permit_request(each)) for each in ids}
        gateway.media = "application/xml"
        async with agency(tmp_path, behaviour, gateway=gateway.url) as phs:
            posts = [await gateway.posted() for _ in ids]
            # Put back what is only held, as the gateway does, and let the agency look again.
            gateway.inbox = {"D-0": as_xml(registry, permit_request("D-0"))}
            seen = len(gateway.looks)

            async def looked() -> bool:
                return len(gateway.looks) > seen + 3

            await until(looked)
            book = await phs.ledger()
    assert sorted(delivery_id for delivery_id, _, _ in posts) == ids
    assert all(headers["Authorization"] == "Bearer gk_agency" for _, headers, _ in posts)
    assert {decision(registry, body)["OutcomeCode"] for _, _, body in posts} == {"held"}
    assert len(book["decisions"]) == 5 and gateway.posts.empty()
    assert set(gateway.looks) == {"Bearer gk_agency"}


async def test_polling_outlives_a_gateway_that_is_away(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
        async with agency(tmp_path, 'answer = "poll"\npoll_every = 0.05', gateway=nobody) as phs:
            assert (await phs.ledger())["requests"] == []
            status, _, _ = await phs.post(as_json(permit_request()), CALLBACK)
            assert status == 404


async def test_what_it_cannot_take_is_refused_with_the_reason(tmp_path: Path) -> None:
    good = as_json(permit_request())
    async with desk() as gateway, agency(tmp_path, gateway=gateway.url) as phs:
        callback = gateway.callback()
        refusals = [
            (await phs.post(good, callback, "text/plain"), 415, b"application/json"),
            (await phs.post(b"", callback), 400, b"issues"),
            (await phs.post(b"<PermitRequest/>", callback, "application/xml"), 422, b"issues"),
            (await phs.post(as_json(permit_request(DueDateTime="soon")), callback), 422, b"DueDateTime"),
            (await phs.post(as_json(permit_request(agency="FSA")), callback), 409, b"FSA"),
            (await phs.post(good, "http://elsewhere.example/"), 409, b"not at the gateway"),
            (await phs.post(good, ""), 409, b"callback"),
        ]
        for (status, body, headers), expected, words in refusals:
            assert (status, headers["Content-Type"]) == (expected, "application/problem+json"), body
            assert words in body
        assert (await phs.ledger())["decisions"] == []
        assert (await phs.post(good, callback))[0] == 200
        other = await phs.post(as_json(permit_request(DeclarationID="M-2")), callback)
        assert other[0] == 409 and b"another content" in other[1]


async def test_wrong_usage_is_explained(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[PHS]\noutcome = "maybe"\n', encoding="utf-8")
    poll = tmp_path / "poll.toml"
    poll.write_text('[PHS]\nanswer = "poll"\n', encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, words in [
            (["--behaviour", str(wrong)], "maybe"),
            (["--behaviour", str(tmp_path / "none.toml")], "none.toml"),
            (["--behaviour", str(poll)], "needs --gateway"),
            (["--token-env", "PATH"], "needs --gateway"),
            (["--token-env", "NO_SUCH_VARIABLE", "--gateway", "http://gateway.example"], "NO_SUCH_VARIABLE"),
            (["--gateway", "gateway.example"], "http://"),
            (["--port", port], "address already in use"),
        ]:
            code, out, err = await run("--code", "PHS", *arguments)
            assert (code, out) == (2, ""), err
            assert words in err and "Traceback" not in err


async def test_the_help_is_the_manual() -> None:
    code, out, _ = await run("--help")
    assert code == 0
    for word in ("refuse_hs", "release_after", "fault_rate", "callback", "poll", "GET url/ledger", "example:"):
        assert word in out
