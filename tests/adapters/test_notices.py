"""Notices over each channel: what is sent, what each answer means, and that an agency can tell them from requests."""

import asyncio
from pathlib import Path

import pytest

from adapters.folder import FolderAdapter
from adapters.http import HttpAdapter
from adapters.port import Declined, Unadmitted, Unreachable
from tests.adapters.desk import agency, agency_notice, as_json, decision, desk, permit_request, until
from tests.adapters.peers import always, notice, outgoing, peer, reply

CALLBACK = "http://gateway.example/v1/agency/deliveries/D-1/decision"


async def told(status: int, *headers: str) -> dict[str, str]:
    """Tell a peer that answers so; the head that it saw."""
    async with peer(always(reply(status, b"", *headers))) as seen:
        http = HttpAdapter(seen.url, token="secret")
        try:
            await http.tell(notice())
        finally:
            await http.close()
    assert seen.bodies == [notice().body]
    return seen.heads[0]


@pytest.mark.parametrize("status", [200, 202, 204, 299])
async def test_every_good_answer_says_that_it_is_taken(status: int) -> None:
    head = await told(status)
    assert (head["Guichet-Notice"], head["Guichet-Delivery"], head["Idempotency-Key"]) == ("amended", "D-1", "D-1.2")
    assert (head["Authorization"], head["Content-Type"]) == ("Bearer secret", "application/json")
    assert "Guichet-Callback" not in head and "Guichet-Due" not in head, "nothing has to be decided"


@pytest.mark.parametrize(
    ("status", "failure"),
    [(400, Declined), (422, Declined), (401, Unadmitted), (404, Unadmitted), (302, Unreachable), (429, Unreachable)]
    + [(503, Unreachable)],
)
async def test_other_answers_mean_what_they_mean_of_a_delivery(status: int, failure: type[Exception]) -> None:
    with pytest.raises(failure) as caught:
        await told(status)
    assert caught.type is failure


async def test_an_answer_to_something_else_and_no_answer_are_none() -> None:
    with pytest.raises(Unreachable, match="another delivery"):
        await told(204, "Guichet-Delivery: D-7")

    async def silent(seen, reader, writer) -> None:
        await seen.request(reader)
        await asyncio.Event().wait()

    async with peer(silent) as seen:
        http = HttpAdapter(seen.url, timeout=0.05)
        with pytest.raises(Unreachable, match="no full answer"):
            await http.tell(notice())
        await http.close()


async def test_in_a_folder_a_notice_is_a_file_beside_its_delivery(tmp_path: Path) -> None:
    folder = FolderAdapter(tmp_path)
    await folder.send(outgoing())
    await folder.tell(notice())
    await folder.tell(notice(body=b"the same again"))
    files = {file.name: file.read_bytes() for file in (tmp_path / "to-agency").iterdir()}
    assert files == {"D-1.json": outgoing().body, "D-1.2.json": b"the same again"}
    with pytest.raises(Declined):
        await folder.tell(notice(media="text/plain"))
    await folder.close()


async def test_the_virtual_agency_shows_a_notice_once_and_keeps_it_over_a_crash(tmp_path: Path) -> None:
    async with agency(tmp_path) as phs:
        http = HttpAdapter(phs.url)
        for number in (2, 3, 3):
            await http.tell(notice(number, body=agency_notice("amended", number)))
        with pytest.raises(Declined):
            await http.tell(notice(body=agency_notice(agency="FSA")))
        with pytest.raises(Declined):
            await http.tell(notice(body=b"{}"))
        await http.close()
        before = (await phs.ledger())["notices"]
        await phs.kill()
    assert [(line["notice_id"], line["about"]) for line in before] == [("D-1.2", "amended"), ("D-1.3", "amended")]
    async with agency(tmp_path) as phs:
        assert (await phs.ledger())["notices"] == before


@pytest.mark.parametrize("answer", ["at-once", "callback", "poll"])
async def test_the_virtual_agency_decides_when_its_query_was_answered(tmp_path: Path, registry, answer: str) -> None:
    async with desk() as gateway:
        behaviour = f'outcome = "query"\nanswer = "{answer}"\npoll_every = 0.02'
        async with agency(tmp_path, behaviour, gateway=gateway.url) as phs:
            request, asked = as_json(permit_request()), b""
            if answer == "poll":
                gateway.inbox["D-1"] = request
            else:
                _, asked, _ = await phs.post(request, gateway.callback())
            if answer != "at-once":
                _, _, asked = await gateway.posted()
            question = decision(registry, asked)
            assert (question["OutcomeCode"], question["Query"][0]["ReferenceID"]) == ("query", "PHS-Q1")
            assert gateway.posts.empty(), "it waits for the answer"
            if answer == "poll":
                gateway.notices["D-1.2"] = agency_notice()
            else:
                http = HttpAdapter(phs.url)
                await http.tell(notice(body=agency_notice()))
                await http.close()
            _, _, final = await gateway.posted()
            assert decision(registry, final)["OutcomeCode"] == "granted"

            async def taken() -> bool:
                return not gateway.notices

            await until(taken)
            [line] = (await phs.ledger())["notices"]
            assert (line["query"], line["answer"]) == ("Which lot?", "Lot 17")
