"""Code lists at the door: what refuses a declaration, what only warns, and the day that counts in a trial."""

import re

import pytest

from tests.gateway.http.conftest import read_sample

MACHINES = "import-machine-parts-germany"
API = "{urn:guichet:api:1}"


def changed(form: str, country: str = "XZ", heading: str = "", stated: str = "") -> bytes:
    """The sample for another country's customs, with another heading, accepted on a stated day."""
    text = read_sample(f"{MACHINES}.{form}").decode()
    text = re.sub(r"(ResponsibleCountryCode\W+)XZ", rf"\g<1>{country}", text)
    if heading:
        text, count = re.subn(r"\b84(\d\d)(\d{4})\b", rf"{heading}\g<2>", text)
        assert count
    if stated and form == "json":
        day = f'"AcceptanceDateTime": {{"DateTimeString": {{"@formatCode": "102", "value": "{stated}"}}}}'
        text = text.replace('"FunctionCode"', f'{day}, "FunctionCode"', 1)
    return text.encode()


def codes(reply) -> list[dict]:
    """The issues with codes that ended; another country knows neither XZ nor its currency."""
    return [issue for issue in reply.json["issues"] if issue["rule"] == "code.ended"]


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_a_code_that_ended_refuses_and_leaves_nothing_behind(house, form):
    refused = await house.post(
        "/v1/declarations", changed(form, heading="8803"), f"application/{form}", Accept="application/json"
    )
    assert refused.status == 422
    assert "8807" in codes(refused)[0]["expected"]
    assert codes(refused)[0]["rule"] == "code.ended"
    assert refused.json["issues_total"] == len(refused.json["issues"])
    assert "no longer in force" in refused.json["detail"]
    good = await house.post("/v1/declarations", changed(form), f"application/{form}", Accept="application/json")
    assert (good.status, good.json["replayed"], good.json["issues"]) == (202, False, [])


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_warnings_come_with_the_acceptance(house, form):
    taken = await house.post(
        "/v1/declarations", changed(form, "GB", heading="8803"), f"application/{form}", Accept="application/json"
    )
    assert taken.status == 202
    assert {(issue["rule"], issue["severity"]) for issue in codes(taken)} == {("code.ended", "warning")}
    as_xml = await house.post(
        "/v1/declarations", changed(form, "GB", heading="8803"), f"application/{form}", Accept="application/xml"
    )
    assert "code.ended" in {rule.text for rule in as_xml.xml.iterfind(f"{API}issues/{API}i/{API}rule")}


@pytest.mark.parametrize(
    ("query", "stated", "status", "day"),
    [
        ("?as-of=2021-12-31", "", 200, "2021-12-31"),
        ("?as-of=2022-01-01", "", 422, None),
        ("", "20211231", 200, "2021-12-31"),
        ("", "20220101", 422, None),
        ("?as-of=2016-05-01", "20220101", 200, "2016-05-01"),
        ("", "", 422, None),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_trial_is_held_to_the_day_asked_for_or_stated_or_to_today(shared, query, stated, status, day):
    reply = await shared.post(f"/v1/validations{query}", changed("json", "GB", "8803", stated))
    assert reply.status == 200, "what is another country's is only warned"
    assert bool(codes(reply)) == (status == 422)
    reply = await shared.post(f"/v1/validations{query}", changed("json", heading="8803", stated=stated))
    assert reply.status == status, reply.body
    if day:
        assert (reply.json["as_of"], codes(reply)) == (day, [])
    else:
        assert [issue["severity"] for issue in codes(reply)] == ["error"]


@pytest.mark.parametrize("day", ["2022-02-30", "yesterday", "", "1"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_day_that_is_none_is_refused(shared, day):
    reply = await shared.post(f"/v1/validations?as-of={day}", changed("json"))
    assert (reply.status, reply.rules) == (400, ["query.as-of"])
