"""What a trader is told, pulled over HTTP: complete, in order, of its own cases, and again where it asks for it."""

import pytest

from tests.gateway.http.listening import fill

PATH = "/v1/notifications"
ACKNOWLEDGE = f"{PATH}/acknowledgements"
API = "{urn:guichet:api:1}"
DOCUMENTS = (
    b'{"Decision":{"OutcomeCode":"documents","Reason":"The certificate is missing.",'
    b'"DocumentRequest":[{"TypeCode":"N853","Description":"Health certificate for item 2"},{"TypeCode":"Y929"}]}}'
)
GRANTED = b'{"Decision":{"OutcomeCode":"granted"}}'


async def pulled(house, query: str = "", caller: str = "trader") -> dict:
    reply = await house.get(f"{PATH}{query}", caller)
    assert reply.status == 200, reply.body
    return reply.json


def numbers(page: dict) -> list[int]:
    return [each["number"] for each in page["notifications"]]


async def decide(house, caller: str, decision: bytes) -> None:
    for waiting in await house.deliveries(caller):
        reply = await house.post(f"{waiting['href']}/decision", decision, caller=caller)
        assert reply.status == 200, reply.body


async def test_a_trader_is_told_every_step_and_which_documents_are_wanted(house):
    accepted = await house.lodge("import-cut-flowers-kenya")
    await decide(house, "phs", DOCUMENTS)
    await decide(house, "phs", GRANTED)
    told = (await pulled(house))["notifications"]
    assert [each["kind"] for each in told] == ["accepted", "decision", "held", "decision", "released"]
    wanted = told[1]
    assert wanted == {
        "number": 2,
        "kind": "decision",
        "at": wanted["at"],
        "state": "pending",
        "mrn": accepted["mrn"],
        "document_id": None,
        "conversation_id": accepted["conversation_id"],
        "reference": told[0]["reference"],
        "agency": "PHS",
        "outcome": "documents",
        "reason": "The certificate is missing.",
        "documents": [
            {"type": "N853", "description": "Health certificate for item 2"},
            {"type": "Y929", "description": None},
        ],
        "case": f"/v1/declarations/{accepted['mrn']}",
        "response": f"/v1/declarations/{accepted['mrn']}/response",
    }
    assert told[0]["at"] == accepted["accepted_at"]
    assert (told[3]["outcome"], told[3]["documents"], told[3]["reason"]) == ("granted", [], None)
    assert (await house.get(wanted["response"])).status == (await house.get(wanted["case"])).status == 200


async def test_what_no_agency_has_to_see_is_told_with_its_release(house):
    await house.lodge("import-machine-parts-germany")
    assert [each["kind"] for each in (await pulled(house))["notifications"]] == ["accepted", "released"]


async def test_pages_follow_one_another_without_gap_or_repeat_and_the_last_cursor_waits_for_more(house):
    await fill(house, 7)
    seen, query = [], "?limit=3"
    while True:
        page = await pulled(house, query)
        seen += numbers(page)
        query = f"?limit=3&after={page['next']}"
        if not page["more"]:
            break
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    empty = await pulled(house, query)
    assert (empty["notifications"], empty["next"], empty["more"], empty["last"]) == ([], "7", False, 7)
    await house.lodge("import-machine-parts-germany")
    assert numbers(await pulled(house, query)) == [8, 9]


async def test_without_a_cursor_a_page_begins_behind_what_was_acknowledged(house):
    await fill(house, 5)
    reply = await house.call("POST", f"{ACKNOWLEDGE}?through=3", "trader")
    assert (reply.status, reply.json) == (200, {"acknowledged": 3, "pending": 2})
    page = await pulled(house)
    assert (numbers(page), page["acknowledged"]) == ([4, 5], 3)
    again = await pulled(house, "?after=1")
    states = ["acknowledged", "acknowledged", "pending", "pending"]
    assert [each["state"] for each in again["notifications"]] == states
    reply = await house.call("POST", f"{ACKNOWLEDGE}?through=1", "trader")
    assert reply.json == {"acknowledged": 3, "pending": 2}, "it never goes back"


async def test_what_was_acknowledged_comes_again_by_case_or_time(house):
    first = await house.lodge("import-machine-parts-germany")
    second = await house.lodge("import-cut-flowers-kenya")
    await house.call("POST", f"{ACKNOWLEDGE}?through=3", "trader")
    assert numbers(await pulled(house)) == []
    assert numbers(await pulled(house, f"?mrn={first['mrn']}")) == [1, 2]
    assert numbers(await pulled(house, f"?mrn={second['mrn']}")) == [3]
    assert numbers(await pulled(house, f"?from={first['accepted_at']}")) == [1, 2, 3]
    assert numbers(await pulled(house, f"?to={first['accepted_at']}")) == []
    assert numbers(await pulled(house, "?from=2026-01-01")) == [1, 2, 3]
    assert numbers(await pulled(house, "?from=2026-01-01T00:00:00%2B02:00&to=2126-01-01T00:00:00Z&limit=1")) == [1]
    assert numbers(await pulled(house, f"?mrn={first['mrn']}&after=1")) == [2]


async def test_a_trader_is_told_of_its_own_cases_only(house):
    accepted = await house.lodge("import-machine-parts-germany")
    assert numbers(await pulled(house, "", "rival")) == []
    assert numbers(await pulled(house, f"?mrn={accepted['mrn']}", "rival")) == []
    await house.lodge("import-machine-parts-germany", caller="rival")
    assert numbers(await pulled(house, "", "rival")) == [1, 2], "another's business cannot be counted"


async def test_the_same_is_told_in_xml(house):
    await house.lodge("import-cut-flowers-kenya")
    await decide(house, "phs", DOCUMENTS)
    page = (await house.get(PATH, Accept="application/xml")).xml
    kinds = [each.text for each in page.findall(f"{API}notifications/{API}i/{API}kind")]
    assert kinds == ["accepted", "decision", "held"]
    wanted = page.find(f"{API}notifications/{API}i[2]")
    assert wanted.findtext(f"{API}documents/{API}i/{API}type") == "N853"
    assert page.findtext(f"{API}next") == "3"


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("?limit=0", "query.limit"),
        ("?limit=501", "query.limit"),
        ("?after=-1", "query.filter"),
        ("?after=6", "query.filter"),
        ("?after=", "query.filter"),
        ("?after=\u0661", "query.filter"),
        ("?after=99999999999999999999999", "query.filter"),
        ("?from=yesterday", "query.filter"),
        ("?to=2026-02-30", "query.filter"),
        ("?from=0001-01-01T00:00:00%2B10:00", "query.filter"),
        ("?form=2026-01-31", "query.unknown"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(house, query, rule):
    await fill(house, 5)
    reply = await house.get(f"{PATH}{query}")
    assert (reply.status, reply.rules) == (400, [rule])


@pytest.mark.parametrize("query", ["", "?through=", "?through=6", "?through=-1", "?through=last", "?up-to=3"])
async def test_an_acknowledgement_names_what_there_is(house, query):
    await fill(house, 5)
    reply = await house.call("POST", f"{ACKNOWLEDGE}{query}", "trader")
    assert (reply.status, len(reply.rules)) == (400, 1)
    assert (await pulled(house))["acknowledged"] == 0


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", ACKNOWLEDGE), ("GET", f"{PATH}/stream")])
@pytest.mark.parametrize(("caller", "status"), [(None, 401), ("fsa", 403), ("operator", 403)])
async def test_only_traders_are_told(house, method, path, caller, status):
    assert (await house.call(method, path, caller)).status == status
