"""Trade test as an integrator meets it: over HTTP, on a gateway that works, with a clock that is put forward."""

import aiohttp
import msgspec
import pytest
from lxml import etree

from gateway.http.bulk import PATH as BATCHES
from tests.gateway.http.conftest import read_sample
from tests.gateway.scripted import altered, case, kinds, renamed
from tests.gateway.trial.conftest import CLOCK, PATH

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOTEL = "import-hotel-supplies"  # every agency has a part in it
BEEF = "import-chilled-beef-argentina"  # food safety alone
BONELESS = b"Boneless beef, fresh, chilled"
HOUR, DAY = 3600, 86400


async def test_a_hold_of_two_days_is_tried_at_once(house):
    mrn = (await house.lodges(HOTEL, Guichet_Scenario="held-then-granted:MED:2d"))["mrn"]
    await house.case(mrn, FSA="granted", MED="held", PHS="granted", TEX="granted", WLD="granted")
    assert (await house.status(mrn))["status"] == "held"
    before = (await house.get(CLOCK, "tester")).json
    assert before["pending"] == 1
    assert (await house.advance("47h"))["played"] == 0
    assert (await house.agencies(mrn))["MED"] == "held"
    after = await house.advance("2h")
    assert (after["played"], after["pending"], after["ahead"]) == (1, 0, 49 * HOUR)
    assert after["now"] == "2026-11-23T09:00:00.000Z"
    file = await case(house.gateway, mrn)
    assert file.case.state == "released"
    [held, granted] = [each for each in file.decisions if each.agency == "MED"]
    assert (held.at, granted.at) == ("2026-11-21T08:00:00.000Z", "2026-11-23T08:00:00.000Z")


async def test_all_that_a_live_case_tells_is_told_of_a_test_and_it_can_be_told_from_one(house):
    accepted = await house.lodges(BEEF, Guichet_Scenario="documents:FSA:1h")
    mrn = accepted["mrn"]
    assert (mrn[:4], len(mrn)) == ("T6XZ", 18)
    file = await house.case(mrn, FSA="held")
    reply = await house.get(f"{PATH}/{mrn}/response", "tester", Accept="application/xml")
    assert reply.headers["Guichet-Test"] == "yes"
    assert reply.xml.findtext(".//{*}FunctionCode") == "06"
    assert reply.xml.findtext(".//{*}Declaration/{*}ID") == mrn
    assert (await house.advance())["ahead"] == HOUR
    file = await case(house.gateway, mrn)
    assert kinds(file) == (
        ["received", "validated", "routed", "accepted", "queued", "sent", "under-control"]
        + ["decision", "held", "decision", "released"]
    )
    told = (await house.get("/v1/notifications", "tester")).json["notifications"]
    assert [each["kind"] for each in told] == ["accepted", "under-control", "decision", "held", "decision", "released"]
    assert told[2]["documents"] == [{"type": "N853", "description": "Present the original, as the scenario says."}]
    status = await house.status(mrn)
    assert (status["test"], status["agencies"][0]["permits"][0]["id"]) == (True, f"FSA-N853-{mrn}")
    assert (await house.get(f"{PATH}/{mrn}/timeline", "tester")).json["intact"]
    live = await house.lodges(BEEF, "trader")
    assert live["mrn"].startswith("26XZ")
    reply = await house.get(f"{PATH}/{live['mrn']}", "trader")
    assert ("Guichet-Test" in reply.headers, reply.json["test"]) == (False, False)


@pytest.mark.parametrize(
    ("scenario", "ahead", "status", "agency"),
    [
        ("granted-all", 0, "released", "granted"),
        ("slow:FSA:90m", 90 * 60, "released", "granted"),
        ("silent", 0, "under-control", "awaiting"),
        ("refused:FSA", 0, "refused", "refused"),
        ("slow-refused:2d", 2 * DAY, "refused", "refused"),
        ("held-then-granted", DAY, "released", "granted"),
        ("held-then-refused:FSA:3d", 3 * DAY, "refused", "refused"),
        ("documents:FSA", DAY, "released", "granted"),
        ("parked", DAY, "released", "granted"),
        ("unreachable:10m", 600, "released", "granted"),
        ("refused:MED", 0, "released", "granted"),
    ],
)
async def test_a_scenario_goes_the_same_whenever_it_is_played(house, scenario, ahead, status, agency):
    histories = []
    for caller in ("tester", "other"):
        mrn = (await house.lodges(BEEF, caller, Guichet_Scenario=scenario))["mrn"]
        if caller == "other":
            await house.advance("1s", caller)  # so that what comes at once comes now, and the rest in several steps
            await house.advance("1d", caller)
        clock = await house.advance(caller=caller)
        assert (clock["pending"], clock["ahead"]) == (0, ahead if caller == "tester" else max(DAY + 1, ahead))
        assert (await house.status(mrn, caller))["status"] == status
        assert await house.agencies(mrn, caller) == {"FSA": agency}
        file = await case(house.gateway, mrn)
        histories.append([(event.kind, event.at, event.data.get("outcome")) for event in file.events])
    assert histories[0] == histories[1]


async def test_every_scenario_of_the_table_can_be_asked_for(house):
    table = (await house.get("/v1/scenarios", None)).json["scenarios"]
    assert len(table) >= 15
    for number, row in enumerate(table):
        header = row["write"].replace("[:AGENCY]", ":FSA").replace("[:WAIT]", ":2h")
        body = renamed(f"{BEEF}.xml", f"TRY-{number}")
        call = house.call("POST", PATH, "tester", body, Content_Type="application/xml", Guichet_Scenario=header)
        if row["name"] == "lost-answer":
            with pytest.raises(aiohttp.ClientError):
                await call
        else:
            assert (await call).status == {"busy": 503, "limited": 429, "broken": 500}.get(row["name"], 202), header
    page = etree.HTML((await house.get("/v1/scenarios.html", None)).body.decode())
    assert page.xpath("//tr[@class='item']/@id") == [row["name"] for row in table]


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("granted", "granted", "granted-all, slow, silent, refused"),
        ("refused:XXX", "refused:XXX", "refused:FSA, refused:MED"),
        ("refused:FSA:2d", "refused:FSA:2d", "refused[:AGENCY]"),
        ("slow:FSA:2w", "slow:FSA:2w", "slow[:AGENCY][:WAIT]"),
        ("slow:FSA:367d", "slow:FSA:367d", "slow[:AGENCY][:WAIT]"),
        ("granted-all:FSA", "granted-all:FSA", "granted-all"),
        ("refused:FSA, slow:FSA", "slow:FSA", "one scenario for each agency, and one answer"),
        ("busy, broken", "broken", "one scenario for each agency, and one answer"),
        ("", "", "granted-all, slow"),
        ("refused:FSA,", "", "granted-all, slow"),
    ],
)
async def test_what_cannot_be_played_is_refused_with_what_can(house, header, value, expected):
    reply = await house.post(PATH, read_sample(f"{BEEF}.json"), caller="tester", Guichet_Scenario=header)
    assert (reply.status, reply.rules) == (400, ["header.scenario"])
    [found] = reply.json["issues"]
    assert found["value"] == value
    assert found["expected"].startswith(expected)


async def test_a_live_account_is_refused_whatever_belongs_to_trade_test(house):
    body = read_sample(f"{BEEF}.json")
    reply = await house.post(PATH, body, caller="trader", Guichet_Scenario="granted-all")
    assert (reply.status, reply.rules) == (400, ["header.test-only"])
    reply = await house.post(f"{PATH}?as-of=2026-12-24", body, caller="trader")
    assert (reply.status, reply.rules) == (400, ["query.test-only"])
    mrn = (await house.lodges(BEEF, "trader"))["mrn"]
    reply = await house.post(f"{PATH}/{mrn}/amendments", body, caller="trader", Guichet_Scenario="refused")
    assert (reply.status, reply.rules) == (400, ["header.test-only"])
    for method in ("GET", "POST"):
        reply = await house.call(method, CLOCK, "trader")
        assert (reply.status, reply.json["detail"][:40]) == (403, "This is for accounts for trade test; you")
    asked_of_fsa = [each["mrn"] for each in await house.deliveries("fsa")]
    assert asked_of_fsa[-1] == mrn, "only what was lodged without it is on record"


async def test_an_answer_as_in_trouble_comes_once_for_each_request(house):
    for scenario, status in (("busy", 503), ("limited", 429), ("broken", 500)):
        body = read_sample(f"{BEEF}.json")
        replies = [
            await house.post(PATH, body, caller="tester", Guichet_Scenario=scenario, Accept="application/json")
            for _ in range(3)
        ]
        assert [each.status for each in replies] == [status, 202, 202], scenario
        assert replies[0].headers["Guichet-Test"] == "yes"
        assert ("Retry-After" in replies[0].headers) == (status != 500)
        assert "nothing is wrong" in replies[0].json["detail"]
    requests = (await house.get("/metrics", "operator", Accept="*/*")).body.decode()
    assert 'guichet_requests_total{route="lodge",status="503"} 0' in requests, "nobody is alarmed"


async def test_an_answer_that_is_lost_leaves_a_declaration_that_is_on_record(house):
    body, asked = read_sample(f"{BEEF}.json"), {"Guichet_Scenario": "lost-answer, refused:FSA"}
    with pytest.raises(aiohttp.ClientError):
        await house.post(PATH, body, caller="tester", **asked)
    again = await house.post(PATH, body, caller="tester", **asked)
    assert (again.status, again.json["replayed"]) == (202, True)
    await house.case(again.json["mrn"], FSA="refused")


async def test_it_is_lodged_against_the_rules_of_another_day(house):
    supplements = altered(f"{BEEF}.json", ('"02013000"', '"21069092"'))  # agencies ask for them from 2027 on
    first = await house.post(PATH, supplements, caller="tester")
    later = await house.post(f"{PATH}?as-of=2027-01-02", supplements, caller="other")
    assert (first.status, later.status) == (202, 202)
    assert await house.agencies(first.json["mrn"]) == {}
    await house.case(later.json["mrn"], FSA="granted")
    judged = {event.kind: event.data for event in (await case(house.gateway, later.json["mrn"])).events}
    assert judged["validated"]["as_of"] == "2027-01-02"
    reply = await house.post(f"{PATH}?as-of=soon", supplements, caller="tester")
    assert (reply.status, reply.rules) == (400, ["query.as-of"])


async def test_the_clock_decides_which_day_it_is(house):
    mrn = (await house.lodges(BEEF, Guichet_Scenario="silent"))["mrn"]
    assert not (await house.status(mrn))["agencies"][0]["overdue"]
    await house.advance("60d")
    assert (await house.status(mrn))["agencies"][0]["overdue"]
    orchids = (await house.lodges("import-orchids-thailand"))["accepted_at"]
    assert orchids == "2027-01-20T08:00:00.000Z"
    assert (await house.lodges(BEEF, "other"))["accepted_at"] == "2026-11-21T08:00:00.000Z", "each has its own"


@pytest.mark.parametrize("asked", ["2w", "0d", "367d", "-1d", ""])
async def test_a_clock_is_put_forward_by_what_is_a_time(house, asked):
    reply = await house.call("POST", f"{CLOCK}?advance={asked}", "tester")
    assert (reply.status, reply.rules) == (400, ["query.advance"])
    reply = await house.call("POST", f"{CLOCK}?advanced=2d", "tester")
    assert (reply.status, reply.rules) == (400, ["query.unknown"])


async def test_a_clock_goes_ten_years_and_no_further(house):
    for _ in range(10):
        await house.advance("366d")
    reply = await house.call("POST", f"{CLOCK}?advance=1s", "tester")
    assert (reply.status, reply.rules) == (400, ["query.advance"])
    assert "3660 days" in reply.json["issues"][0]["expected"]
    assert (await house.get(CLOCK, "tester")).json["ahead"] == 3660 * DAY


async def test_an_amendment_has_a_scenario_of_its_own_and_else_that_of_the_case(house):
    first = read_sample(f"{BEEF}.json")
    mrn = (await house.post(PATH, first, caller="tester", Guichet_Scenario="silent")).json["mrn"]
    await house.case(mrn, FSA="awaiting")
    path, versions = f"{PATH}/{mrn}/amendments", [first.replace(BONELESS, each) for each in (b"Fresh", b"Frozen")]
    amended = await house.post(path, versions[0], caller="tester")
    assert amended.json["asked"] == ["FSA"], amended.body
    await house.case(mrn, FSA="awaiting")
    amended = await house.post(path, versions[1], caller="tester", Guichet_Scenario="refused")
    assert amended.json["asked"] == ["FSA"], amended.body
    file = await house.case(mrn, FSA="refused")
    assert [each.state for each in file.deliveries] == ["superseded", "superseded", "refused"]


async def test_a_batch_of_tests_goes_by_its_scenario_and_a_live_one_is_refused_with_it(house):
    lines = {"media": "application/x-ndjson", "Guichet_Scenario": "refused:FSA"}
    line = msgspec.json.encode(msgspec.json.decode(read_sample(f"{BEEF}.json"))) + b"\n"
    reply = await house.post(BATCHES, line, caller="trader", **lines)
    assert (reply.status, reply.rules) == (400, ["header.test-only"])
    reply = await house.post(BATCHES, line, caller="tester", **lines)
    item, end = map(msgspec.json.decode, reply.body.splitlines())
    assert (reply.status, end["accepted"]) == (200, 1)
    await house.case(item["acceptance"]["mrn"], FSA="refused")
