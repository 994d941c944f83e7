"""Appeals over HTTP: a decision, its frozen record, the ruling, and what the trader reads of it, in both formats."""

import re
from hashlib import sha256

import msgspec
import pytest
from typer.testing import CliRunner

from gateway.acts.record import Record, verify
from gateway.acts.record_files import read_record
from gateway.cli import app
from tests.gateway.acts.test_amendment import HOTEL, ROSES
from tests.gateway.http.conftest import House, read_sample
from tests.gateway.scripted import altered

RES = "{urn:wco:datamodel:WCO:RES-DMS:2}"
PEST = {"Code": "PEST-07", "Description": "Live thrips on the leaves"}
GROUNDS = "Our laboratory found none."


class Refusal(msgspec.Struct):
    """A case in which plant health refused its part of an amended declaration."""

    house: House
    mrn: str
    delivery: str

    @property
    def path(self) -> str:
        return f"/v1/declarations/{self.mrn}"

    async def appeal(self, grounds: str = GROUNDS, caller: str = "trader", **headers):
        body = msgspec.json.encode({"Appeal": {"DeliveryID": self.delivery, "Grounds": grounds}})
        return await self.house.post(f"{self.path}/appeals", body, caller=caller, **headers)

    async def rule(self, outcome: str, decision: dict | None = None, caller: str = "phs"):
        new = {"Decision": decision} if decision else {}
        body = msgspec.json.encode({"Ruling": {"OutcomeCode": outcome, "Reason": "A second look", **new}})
        return await self.house.post(f"/v1/agency/deliveries/{self.delivery}/ruling", body, caller=caller)

    async def status(self) -> dict:
        return (await self.house.get(self.path)).json


@pytest.fixture
async def refusal(house) -> Refusal:
    return await refused(house)


async def refused(house: House, outcome: str = "refused", **fields) -> Refusal:
    mrn = (await house.lodge())["mrn"]
    await house.post(f"/v1/declarations/{mrn}/amendments", altered(HOTEL, ROSES))
    [waiting] = await house.deliveries("phs")
    decision = msgspec.json.encode({"Decision": {"OutcomeCode": outcome, "Finding": [PEST], **fields}})
    assert (await house.post(f"{waiting['href']}/decision", decision, caller="phs")).status == 200
    return Refusal(house, mrn, waiting["id"])


async def test_an_appeal_freezes_the_record_of_the_decision_and_is_answered_again_as_the_first_time(house, refusal):
    done = await refusal.appeal()
    assert (done.status, done.json["appeal"], done.json["agency"]) == (200, 1, "PHS"), done.body
    assert done.headers["Location"] == f"{refusal.path}/appeals/1"
    again = await refusal.appeal()
    assert again.json == done.json | {"replayed": True}
    as_xml = f'<Appeal xmlns="urn:guichet:trader:1"><DeliveryID>{refusal.delivery}</DeliveryID>'
    as_xml += f"<Grounds>{GROUNDS}</Grounds></Appeal>"
    same = await house.post(f"{refusal.path}/appeals", as_xml.encode(), "application/xml", Accept="application/json")
    assert (same.json["digest"], same.json["replayed"]) == (done.json["digest"], True)
    other = await refusal.appeal("Another reason")
    assert (other.status, other.json["type"]) == (409, "urn:guichet:problem:conflict")
    timeline = (await house.get(f"{refusal.path}/timeline")).json
    assert timeline["events"][-1]["digest"] == done.json["head"] and timeline["intact"]
    record = msgspec.convert((await house.get(f"{refusal.path}/appeals/1/record")).json, Record)
    assert verify(record) == []
    assert [each.body for each in record.versions] == [read_sample(HOTEL), altered(HOTEL, ROSES)]
    assert record.request.body == (await house.get(f"/v1/agency/deliveries/{refusal.delivery}", "phs")).body
    assert msgspec.json.decode(record.decision.body)["Decision"]["OutcomeCode"] == "refused"
    assert (record.decision.rules, record.decision.checks) == (house.gateway.rules, house.gateway.checks.digest)
    assert {each.rules for each in record.versions} == {house.gateway.rules}
    assert record.head == done.json["head"]
    kinds = [each["kind"] for each in (await house.get("/v1/notifications")).json["notifications"]]
    assert kinds[-2:] == ["decision", "appeal"]


async def test_a_record_is_checked_offline_in_either_format_and_every_change_of_it_shows(house, refusal, tmp_path):
    head = (await refusal.appeal()).json["head"]
    path, runner = f"{refusal.path}/appeals/1/record", CliRunner()
    for form in "json", "xml":
        reply = await house.get(path, "auditor", Accept=f"application/{form}")
        assert reply.status == 200 and verify(read_record(reply.body)) == []
        (file := tmp_path / f"record.{form}").write_bytes(reply.body)
        good = runner.invoke(app, ["appeal", "verify", str(file), "--head", head])
        assert (good.exit_code, "holds" in good.output) == (0, True), good.output
        other = runner.invoke(app, ["appeal", "verify", str(file), "--head", "0" * 64])
        assert other.exit_code == 1 and "head" in other.output
    whole = read_record(reply.body)
    for damaged, place in damage(whole):
        (file := tmp_path / "damaged.json").write_bytes(msgspec.json.encode(damaged))
        found = runner.invoke(app, ["appeal", "verify", str(file)])
        assert found.exit_code == 1 and place in found.output, (place, found.output)
    file.write_bytes(b"<!DOCTYPE x [<!ENTITY e 'x'>]><record>&e;</record>")
    assert runner.invoke(app, ["appeal", "verify", str(file)]).exit_code == 2
    file.write_bytes(b"{}")
    assert "no record of an appeal" in runner.invoke(app, ["appeal", "verify", str(file)]).output


def damage(whole: Record):
    """The record with one thing changed, and the place that has to be named."""
    with_ = msgspec.structs.replace
    first, second = whole.versions
    yield with_(whole, versions=(with_(first, body=b"{}"), second)), "version 1"
    yield with_(whole, versions=(first,)), "versions"
    yield with_(whole, versions=(first, with_(second, rules="0" * 64))), "version 2"
    yield with_(whole, request=with_(whole.request, body=b"{}", digest=sha256(b"{}").hexdigest())), "request"
    yield with_(whole, decision=with_(whole.decision, outcome="granted")), "decision"
    yield with_(whole, appeal=with_(whole.appeal, number=2)), "appeal"
    yield with_(whole, events=whole.events[:3] + whole.events[4:]), "event 4"
    yield with_(whole, events=whole.events[:-1]), "head"
    changed = with_(whole.events[1], text=whole.events[1].text.replace("wco-dms", "wco-dmz"))
    yield with_(whole, events=(whole.events[0], changed, *whole.events[2:])), "event 2"
    yield with_(whole, mrn="26XZ00000000000000"), "event 1"


async def test_an_agency_finds_the_appeal_and_upholds_its_decision_once(house, refusal):
    await refusal.appeal()
    [waiting] = (await house.get("/v1/agency/appeals", "phs")).json["appeals"]
    assert (waiting["mrn"], waiting["delivery"]) == (refusal.mrn, refusal.delivery)
    assert GROUNDS.encode() in (await house.get(waiting["href"], "phs")).body
    assert (await house.get("/v1/agency/appeals", "fsa")).json["appeals"] == []
    assert (await refusal.rule("upheld", caller="fsa")).status == 404
    received = (await house.get(f"{refusal.path}/appeals/1/response", Accept="application/xml")).xml
    assert received.findtext(f"{RES}Response/{RES}FunctionCode") == "02"
    before = (await refusal.status())["status"]
    done = await refusal.rule("upheld")
    assert (done.status, done.json["outcome"], done.json["replayed"]) == (200, "upheld", False), done.body
    assert (await refusal.rule("upheld")).json["replayed"] is True
    other = await refusal.rule("overturned", {"OutcomeCode": "granted"})
    assert (other.status, other.json["type"]) == (409, "urn:guichet:problem:decided")
    assert (await house.get("/v1/agency/appeals", "phs")).json["appeals"] == []
    shown = (await house.get(f"{refusal.path}/appeals/1", "operator")).json
    assert (shown["status"], shown["reason"]) == ("upheld", "A second look")
    assert re.fullmatch("agency:PHS/[0-9]+/1", shown["ruled_by"]), "the user of the agency who ruled"
    assert (await refusal.status())["status"] == before
    decided = (await house.get(f"{refusal.path}/appeals/1/response", Accept="application/xml")).xml
    assert decided.findtext(f"{RES}Response/{RES}FunctionCode") == "11"
    assert decided.findtext(f"{RES}Response/{RES}Status/{RES}NameCode") == "41"
    told = (await house.get("/v1/notifications")).json["notifications"][-1]
    assert (told["kind"], told["ruling"], told["agency"]) == ("ruling", "upheld", "PHS")


async def test_an_overturned_refusal_opens_the_case_with_the_new_decision(house, refusal):
    for caller in "fsa", "tex":
        for waiting in await house.deliveries(caller):
            await house.post(f"{waiting['href']}/decision", b'{"Decision":{"OutcomeCode":"granted"}}', caller=caller)
    for agency in "MED", "WLD":
        await decide(house, refusal.mrn, agency)
    assert (await refusal.status())["status"] == "refused"
    await refusal.appeal()
    frozen = (await house.get(f"{refusal.path}/appeals/1/record")).body
    assert (await refusal.rule("overturned")).rules == ["appeal.decision"]
    assert (await refusal.rule("overturned", {"OutcomeCode": "refused"})).rules == ["appeal.outcome"]
    permit = {"TypeCode": "N851", "ID": "XZ-PH-9"}
    done = await refusal.rule("overturned", {"OutcomeCode": "granted", "LPCO": [permit]})
    assert done.status == 200, done.body
    status = await refusal.status()
    [own] = [each for each in status["agencies"] if each["code"] == "PHS"]
    assert (status["status"], own["status"], own["delivery"]) == ("released", "granted", refusal.delivery)
    assert [each["id"] for each in own["permits"]] == ["XZ-PH-9"]
    kinds = [each["kind"] for each in (await house.get(f"{refusal.path}/timeline")).json["events"]]
    assert kinds[-4:] == ["appeal", "ruling", "decision", "released"]
    answer = (await house.get(f"{refusal.path}/appeals/1/response", Accept="application/xml")).xml
    assert answer.findtext(f"{RES}Response/{RES}Status/{RES}NameCode") == "39"
    assert (await house.get(f"{refusal.path}/appeals/1/record")).body == frozen, "what was frozen stays"


async def decide(house: House, mrn: str, agency: str) -> None:
    """A grant of an agency that has no account here."""
    from gateway.collect import collect

    file = await house.gateway.store.case_file(mrn)
    [delivery] = [each.id for each in file.deliveries if each.agency == agency]
    await collect(house.gateway, agency, b'{"Decision":{"OutcomeCode":"granted"}}', "json", delivery)


async def test_what_cannot_be_appealed_against_is_told_why(house, refusal):
    mrn = refusal.mrn
    [waiting] = await house.deliveries("fsa")
    assert (await Refusal(house, mrn, waiting["id"]).appeal()).rules == ["appeal.nothing-decided"]
    await house.post(f"{waiting['href']}/decision", b'{"Decision":{"OutcomeCode":"granted"}}', caller="fsa")
    assert (await Refusal(house, mrn, waiting["id"]).appeal()).rules == ["appeal.nothing-decided"], "no conditions"
    assert (await Refusal(house, mrn, "nobody's").appeal()).rules == ["appeal.unknown-delivery"]
    assert (await refusal.appeal(caller="rival")).status == 404
    assert (await refusal.rule("upheld")).status == 404, "nobody appealed"
    await refusal.appeal(Idempotency_Key="k")
    again = await refusal.appeal(Idempotency_Key="k")
    assert again.json["replayed"] is True


async def test_conditions_of_a_grant_can_be_appealed_against_and_an_appeal_lapses_with_its_delivery(house):
    granted = await refused(house, "granted")
    assert (await granted.appeal()).status == 200
    assert (await house.get(f"{granted.path}/appeals")).json["appeals"][0]["status"] == "lodged"
    other = altered(HOTEL, (ROSES[0], "Roses, fresh cut, 80 cm"))
    assert (await house.post(f"{granted.path}/amendments", other)).json["asked"] == ["PHS"]
    assert (await house.get(f"{granted.path}/appeals/1")).json["status"] == "lapsed"
    assert (await house.get("/v1/agency/appeals", "phs")).json["appeals"] == []
    reply = await granted.rule("upheld")
    assert (reply.status, reply.json["type"]) == (409, "urn:guichet:problem:superseded")
    for number in "2", "0", "one":
        assert (await house.get(f"{granted.path}/appeals/{number}")).status == 404
