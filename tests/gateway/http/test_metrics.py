"""What an operator reads at /metrics: that each number follows what was done, and says what the page about it says."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.port import Declined, Receipt, Unreachable
from gateway import bootstrap
from gateway.clock import stamp
from gateway.http import exposition
from gateway.metrics import LAG, LOOK_SECONDS, OUTCOMES, PUSH_OUTCOMES, RESULTS, SENDS
from gateway.service import Gateway
from gateway.settings import Settings
from tests.gateway.http.conftest import House, housed, read_sample
from tests.gateway.http.test_agencies import GRANTED
from tests.gateway.scripted import case, case_when, decision, eventually, lodge_sample, states

DOCS = Path(__file__).resolve().parents[3] / "docs"
FLOWERS = "import-cut-flowers-kenya"  # plant health alone
DEC = "wco-dms/3.6/DEC"


class Numbers:
    """One reading. A sample is asked for by name and labels; one that is not there is a fault."""

    def __init__(self, text: bytes) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text.decode())}
        self._samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self._samples[(f"guichet_{name}", *sorted(labels.items()))]


async def numbers(house: House) -> Numbers:
    reply = await house.get("/metrics", "operator", Accept="text/plain;version=0.0.4;q=0.3,*/*;q=0.1")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return Numbers(reply.body)


async def of(gateway: Gateway) -> Numbers:
    """The numbers of a gateway without a door."""
    now = gateway.clock()
    return Numbers(exposition.text(gateway.metrics, await gateway.store.census(stamp(now)), now, 1))


@pytest.mark.parametrize(("caller", "status"), [(None, 401), ("trader", 403), ("fsa", 403), ("operator", 200)])
async def test_the_numbers_are_for_operators(house, caller, status):
    assert (await house.get("/metrics", caller)).status == status


async def test_who_turns_them_off_has_no_such_address_and_goes_on(tmp_path):
    async with housed(tmp_path, metrics=False) as house:
        assert (await house.get("/metrics", "operator")).status == 404
        await house.lodge()
        assert "/metrics" not in (await house.get("/openapi.json", None)).json["paths"]


async def test_requests_are_counted_by_route_and_status(house):
    await house.get("/healthz", None)
    await house.call("HEAD", "/healthz")
    await house.get("/healthz", None, Accept="text/html")
    await house.get("/nowhere")
    await house.call("DELETE", "/healthz")
    await house.get("/v1/declarations/26XZ00000000000000", None)
    tag = (await house.get("/v1/packages", None)).headers["ETag"]
    await house.get("/v1/packages", None, If_None_Match=tag)
    found = await numbers(house)
    told = {("alive", "200"): 2, ("alive", "406"): 1, ("none", "404"): 1, ("none", "405"): 1, ("status", "401"): 1}
    told |= {("packages", "200"): 1, ("packages", "304"): 1, ("lodge", "202"): 0}
    assert {key: found("requests_total", route=key[0], status=key[1]) for key in told} == told
    assert found("request_seconds_count", route="alive") == 3
    assert found("request_seconds_bucket", route="alive", le="+Inf") == 3
    assert 0 < found("request_seconds_sum", route="alive") < 30
    assert not [s for s in found.families["guichet_requests"].samples if s.labels["status"] == "other" and s.value]


async def test_declarations_are_counted_by_what_came_of_them(house):
    flowers = read_sample(f"{FLOWERS}.json")
    for body, media in (
        (flowers, "application/json"),
        (flowers, "application/json"),
        (read_sample(f"{FLOWERS}.xml"), "text/xml"),  # the same document
        (flowers.replace(b"Kenya", b"Kenia").replace(b'"KE"', b'"ET"'), "application/json"),
        (b"{}", "application/json"),
        (b"<a", "application/xml"),
    ):
        await house.post("/v1/declarations", body, media)
    found = await numbers(house)

    def declared(message: str, form: str) -> dict[str, float]:
        values = {
            result: found("declarations_total", message=message, format=form, result=result) for result in RESULTS
        }
        return {result: value for result, value in values.items() if value}

    assert declared(DEC, "json") == {"accepted": 1, "replayed": 1, "conflict": 1}
    assert declared(DEC, "xml") == {"replayed": 1}
    assert declared("unread", "json") == declared("unread", "xml") == {"refused": 1}
    assert found("commit_size_sum") >= found("commit_size_count") == found("commit_seconds_count") >= 2
    assert found("bodies_reading") == 0


async def test_a_body_that_is_coming_is_seen(house):
    key = house.keys["trader"]
    async with house.wire() as wire:
        await wire.send("POST /v1/validations HTTP/1.1", "Host: x", f"Authorization: Bearer {key}")
        await wire.send("Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue", "")
        assert b"100 Continue" in await wire.reader.readuntil(b"\r\n\r\n")
        assert (await numbers(house))("bodies_reading") == 1
        await wire.send(b"{}")
        assert (await wire.reply()).status == 422
    assert (await numbers(house))("bodies_reading") == 0


async def test_the_backlog_is_told_by_agency_and_state_with_its_age(house):
    await house.lodge()
    [waiting] = await house.deliveries("fsa")
    before = await numbers(house)
    assert before("deliveries", agency="FSA", state="queued") == 1
    assert before("delivery_oldest_seconds", agency="FSA", state="queued") > 0
    assert before("delivery_oldest_seconds", agency="WLD", state="parked") == 0
    assert before("store_log_bytes") > 0
    assert (await house.post(f"{waiting['href']}/decision", GRANTED, caller="fsa")).status == 200
    assert (await house.post(f"{waiting['href']}/decision", GRANTED, caller="fsa")).json["replayed"] is True
    after = await numbers(house)
    assert after("deliveries", agency="FSA", state="queued") == 0
    assert after("decisions_total", agency="FSA", outcome="granted") == 1, "a replay is no decision"


async def test_what_is_past_its_time_is_overdue(gateway, trader, clock):
    accepted = await lodge_sample(gateway, trader, f"{FLOWERS}.xml")
    await case_when(gateway, accepted.mrn, lambda file: states(file) == {"PHS": "awaiting"})
    assert (await of(gateway))("deliveries_overdue", agency="PHS", state="awaiting") == 0
    clock.advance(400 * 24 * 3600)
    found = await of(gateway)
    assert found("deliveries_overdue", agency="PHS", state="awaiting") == 1
    assert found("delivery_oldest_seconds", agency="PHS", state="awaiting") == 400 * 24 * 3600


ENDS = {
    "taken": (Receipt(), "awaiting"),
    "decided": (Receipt(decision(), "application/json"), "granted"),
    "unreachable": (Unreachable("answered 503"), "queued"),
    "failed": (RuntimeError("a fault of ours"), "queued"),
    "declined": (Declined("answered 422", "no"), "parked"),
    "unreadable": (Receipt(b"{}", "application/json"), "parked"),
}


@pytest.mark.parametrize("outcome", ENDS)
async def test_sends_are_counted_by_how_they_end(gateway, trader, partners, outcome):
    play, state = ENDS[outcome]
    partners["PHS"].otherwise = play
    accepted = await lodge_sample(gateway, trader, f"{FLOWERS}.xml")
    ended = gateway.metrics.place(SENDS, "PHS", outcome)
    await eventually(lambda: gateway.metrics.total(ended) > 0)
    assert states(await case(gateway, accepted.mrn)) == {"PHS": state}
    found = await of(gateway)
    ends = {each: found("sends_total", agency="PHS", outcome=each) for each in OUTCOMES}
    assert {each for each, count in ends.items() if count} == {outcome}
    assert found("send_seconds_count", agency="PHS") >= 1
    assert found("sends_total", agency="FSA", outcome=outcome) == 0


async def test_a_loop_that_is_held_up_is_seen(gateway):
    await asyncio.sleep(0)
    time.sleep(3 * LOOK_SECONDS)  # noqa: ASYNC251  holding it up is what is tested
    total = gateway.metrics.place(LAG) + LAG.width - 1
    await eventually(lambda: gateway.metrics.total(total) > LOOK_SECONDS)
    assert (await of(gateway))("loop_lag_seconds_count") >= 1


def described() -> dict[str, tuple[str, set[str]]]:
    """Metric, kind and labels of each row of the page."""
    rows = re.findall(r"^\| `(guichet_\w+)` \| (\w+) \| (.*?) \|", (DOCS / "operators.md").read_text(), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


async def test_the_page_describes_what_there_is(gateway):
    told = {}
    for family in (await of(gateway)).families.values():
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        told[family.name + ("_total" if family.type == "counter" else "")] = (family.type, labels)
    requests = {"guichet_requests_total", "guichet_request_seconds"}  # which a gateway with a door has
    assert {name: row for name, row in described().items() if name not in requests} == told


def test_alerts_ask_for_what_there_is():
    known = set()
    for name, (kind, _) in described().items():
        known |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    expressions = re.findall(r"^ +expr: (\|\n(?: {10}.*\n)+|.*)", (DOCS / "guichet-alerts.yml").read_text(), re.M)
    assert len(expressions) >= 10
    for expression in expressions:
        asked = set(re.findall(r"\bguichet_\w+", expression))
        assert asked <= known, expression
        for words in re.findall(r'outcome=~?"([^"]+)"', expression):
            known_words = set(PUSH_OUTCOMES if "guichet_pushes" in expression else OUTCOMES)
            assert set(words.split("|")) <= known_words


async def test_workers_count_in_rows_of_their_own_and_any_tells_the_sum(tmp_path):
    gateway = bootstrap.build(Settings(workers=3, database=f"sqlite:///{tmp_path / 'x.db'}"), adapters={})
    metrics = gateway.metrics
    for number in (1, 2, 3, 2):
        metrics.take_seat(number)
        metrics.lodged(DEC, "xml", "accepted")
        metrics.row[metrics.reading] = 1.0
    metrics.leave(2)
    with pytest.raises(ValueError, match="no worker 4"):
        metrics.take_seat(4)
    await gateway.store.open()
    try:
        found = await of(gateway)
    finally:
        await gateway.store.close()
    assert found("declarations_total", message=DEC, format="xml", result="accepted") == 4
    assert found("bodies_reading") == 2, "who is gone does nothing; what was done stays done"
