"""The list of cases: a trader finds its own again, page by page, and nobody else's."""

import pytest

from gateway.store import sqlite_cases
from tests.gateway.http.conftest import House
from tests.gateway.ledger import admission

SAMPLES = ("import-hotel-supplies", "import-cut-flowers-kenya", "export-wooden-furniture-norway")


async def listed(house: House, query: str = "", caller: str = "trader") -> dict:
    reply = await house.get(f"/v1/declarations{query}", caller)
    assert reply.status == 200, reply.body
    return reply.json


async def test_a_trader_finds_its_own_the_latest_first(house):
    lodged = [await house.lodge(sample) for sample in SAMPLES]
    await house.lodge("import-orchids-thailand", caller="rival")
    page = await listed(house)
    assert [each["mrn"] for each in page["declarations"]] == [each["mrn"] for each in reversed(lodged)]
    assert page["next"] is None
    first = page["declarations"][0]
    status = (await house.get(first["href"])).json
    assert {name: status[name] for name in ("reference", "status", "message", "accepted_at", "updated_at")} == {
        name: first[name] for name in ("reference", "status", "message", "accepted_at", "updated_at")
    }
    assert len((await listed(house, caller="auditor"))["declarations"]) == 4
    as_xml = await house.get("/v1/declarations", Accept="application/xml")
    assert [each.text for each in as_xml.xml.iterfind("{*}declarations/{*}i/{*}mrn")] == [
        each["mrn"] for each in page["declarations"]
    ]


async def test_by_reference_by_status_and_by_time(house):
    lodged = [await house.lodge(sample) for sample in SAMPLES]
    every = (await listed(house))["declarations"]
    for line in every:
        found = (await listed(house, f"?reference={line['reference']}"))["declarations"]
        assert found == [line], "a reference is one declaration's"
    released = (await listed(house, "?status=released"))["declarations"]
    assert [each["mrn"] for each in released] == [lodged[2]["mrn"]], "no agency has to see the furniture"
    assert (await listed(house, "?from=2100-01-01"))["declarations"] == []
    assert (await listed(house, "?from=2000-01-01&to=2100-01-01"))["declarations"] == every
    assert (await listed(house, "?reference=ANOTHER"))["declarations"] == []


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("?status=lost", "query.filter"),
        ("?from=yesterday", "query.filter"),
        ("?limit=0", "query.limit"),
        ("?mrn=26XZ00000000000000", "query.unknown"),
    ],
)
async def test_what_cannot_be_asked_is_refused(house, query, rule):
    reply = await house.get(f"/v1/declarations{query}")
    assert (reply.status, reply.rules) == (400, [rule])


async def test_page_by_page_nothing_is_missed_though_more_comes_in(house, monkeypatch):
    """A page looks through a few cases only, so that pages without any that fits come up too."""
    monkeypatch.setattr(sqlite_cases, "LOOKED_THROUGH", 7)
    (trader,) = [each for each in await house.gateway.store.accounts() if each.name == "trader"]
    for number in range(60):
        state = "released" if number % 20 == 3 else "under-control"
        await house.gateway.store.accept(admission(trader.id, number, state=state))
    for query, wanted in (("status=released", 3), ("limit=4", 61)):
        found, after, pages = [], "", 0
        while after is not None:
            page = await listed(house, f"?{query}{after and f'&after={after}'}")
            found += [each["mrn"] for each in page["declarations"]]
            after, pages = page["next"], pages + 1
            if pages == 2:  # what is newer is before the first page, and disturbs none behind it
                await house.lodge("import-hotel-supplies")
        assert len(found) == len(set(found)) == wanted
        assert pages >= 60 // 7
