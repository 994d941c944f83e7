"""An incomplete declaration is completed: what may be added, what must stay, who is asked again, and until when."""

import pytest

from tests.gateway.http.conftest import canonical
from tests.gateway.http.test_arrival import arrive, decide, history, lodge, response, stands
from tests.gateway.scripted import altered

ROSES, PARTS = "import-cut-flowers-kenya.json", "import-machine-parts-germany.json"
SIMPLIFIED = ('"TypeCode": "IMA"', '"TypeCode": "IMC"')
SUPPLEMENTARY = ('"TypeCode": "IMA"', '"TypeCode": "IMY"')
OWN_REFERENCE = ("MWN-2026-10-00117", "MWN-2026-10-00117-S")
AGENT = (b"Harbour Bridge Customs Agents Ltd", b"Harbour Bridge Agents Ltd")  # which nobody is shown


def naming(number: str, kind: str = "SDE") -> tuple[str, str]:
    """A previous document more, in the first goods item."""
    more = f'{{"CategoryCode": "Y", "ID": "{number}", "TypeCode": "{kind}", "LineNumeric": 1}},'
    return '"PreviousDocument": [', f'"PreviousDocument": [{more}'


def supplement(sample: str, *changes: tuple[str, str], number: str) -> bytes:
    body = altered(sample, SUPPLEMENTARY, *changes).decode()
    return body.replace(*naming(number), 1).encode()


async def complete(house, mrn: str, body: bytes, form: str = "json", caller: str = "trader", **headers):
    path = f"/v1/declarations/{mrn}/supplements"
    return await house.post(path, body, f"application/{form}", caller=caller, **headers)


async def as_xml(house, body: bytes) -> bytes:
    return (await house.post("/v1/conversions", body, Accept="application/xml")).body


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_a_released_declaration_is_completed_and_stays_released_with_every_version_kept(house, form):
    mrn = await lodge(house, PARTS, SIMPLIFIED)
    before = await stands(house, mrn)
    due = before["supplement"]["due_on"]
    assert (before["status"], before["supplement"]["types"], due > before["accepted_at"][:10]) == (
        "released",
        ["IMY"],
        True,
    )
    assert await response(house, mrn) == ("08", [("SUP", "IMY", "awaited")])
    whole = supplement(PARTS, OWN_REFERENCE, number=mrn)
    body = whole if form == "json" else await as_xml(house, whole)
    done = await complete(house, mrn, body, form, Accept="application/json")
    assert (done.status, done.json["version"], done.json["asked"]) == (200, 2, []), done.body
    after = await stands(house, mrn)
    assert (after["status"], after["version"], after["digest"]) == ("released", 2, done.json["digest"])
    assert after["supplement"] == {"awaited": False, "types": ["IMY"], "due_on": None, "overdue": False}
    assert after["reference"] == before["reference"], "the case goes by the reference that it was lodged under"
    assert await response(house, mrn) == ("08", [("SUP", "IMY", "taken")])
    assert (await house.get(f"/v1/declarations/{mrn}/message?version=1")).body == altered(PARTS, SIMPLIFIED)
    for path in "message", "message?version=2":
        assert (await house.get(f"/v1/declarations/{mrn}/{path}")).body == body
    shown = await house.get(f"/v1/declarations/{mrn}/message?as=json")
    assert canonical(house, shown.body, "json") == canonical(house, whole, "json")
    assert (await history(house, mrn))[-2:] == ["released", "supplement"]
    told = (await house.get("/v1/notifications?after=0")).json["notifications"]
    assert [each["kind"] for each in told] == ["accepted", "released", "supplement"]
    again = await complete(house, mrn, whole, If_Match='"1-json"')
    assert (again.status, again.json) == (200, {**done.json, "replayed": True})


async def test_before_release_who_is_shown_something_else_is_asked_again_and_later_nobody(house):
    mrn = await lodge(house, ROSES, SIMPLIFIED)
    [first] = await house.deliveries("phs")
    quiet = await complete(house, mrn, supplement(ROSES, number=mrn).replace(*AGENT, 1))
    assert (quiet.json.get("version"), quiet.json.get("asked")) == (2, [])
    assert await house.deliveries("phs") == [first]
    body = altered(ROSES, SUPPLEMENTARY).replace(b"Roses", b"Long roses", 1).decode().replace(*naming(mrn), 1).encode()
    louder = await complete(house, mrn, body)
    assert (louder.json["version"], louder.json["asked"]) == (3, ["PHS"])
    [second] = await house.deliveries("phs")
    assert second["id"] != first["id"]
    await decide(house, mrn)
    assert (await stands(house, mrn))["status"] == "released"
    late = await complete(house, mrn, supplement(ROSES, number=mrn))
    assert (late.json["version"], late.json["asked"], await house.deliveries("phs")) == (4, [], [])
    assert (await stands(house, mrn))["status"] == "released"


async def test_what_agencies_were_asked_on_stays_and_all_that_is_wrong_is_told_at_once(house):
    mrn = await lodge(house, PARTS, SIMPLIFIED)
    declarant = ("XZ550010020018", "XZ550010020019")
    body = altered(PARTS, OWN_REFERENCE).decode().replace(*declarant).encode()
    reply = await complete(house, mrn, body)
    assert (reply.status, set(reply.rules)) == (
        422,
        {"supplement.other-type", "supplement.unnamed", "supplement.changed", "XZ-PTY01", "XZ-PTY02"},
    )
    changed = {each["json_pointer"]: each for each in reply.json["issues"] if each["rule"] == "supplement.changed"}
    assert {*changed} == {f"/MetaData/Declaration/{name}/ID" for name in ("Declarant", "GoodsShipment/Importer")}
    for each in changed.values():
        assert (each["value"], each["expected"]) == declarant[::-1]
    assert (await stands(house, mrn))["version"] == 1


async def test_it_names_the_case_by_mrn_or_reference_and_nothing_else(house):
    mrn = await lodge(house, PARTS, SIMPLIFIED)
    assert (await complete(house, mrn, supplement(PARTS, number="26XZ0000000000000Z"))).rules == ["supplement.unnamed"]
    assert (await complete(house, mrn, supplement(PARTS, number="MWN-2026-10-00117"))).json["version"] == 2
    other = ('"FunctionCode": "9",', '"FunctionCode": "9", "ID": "26XZ0000000000000Z",')
    assert (await complete(house, mrn, supplement(PARTS, other, number=mrn))).rules == ["act.other-declaration"]


async def test_what_was_never_incomplete_is_not_completed(house):
    mrn = await lodge(house, PARTS)
    reply = await complete(house, mrn, supplement(PARTS, number=mrn))
    assert (reply.status, reply.rules) == (422, ["supplement.not-awaited"])
    assert (await stands(house, mrn))["supplement"] is None
    simplified = await lodge(house, ROSES, SIMPLIFIED)
    assert (await complete(house, simplified, supplement(ROSES, number=simplified), caller="rival")).status == 404
    stale = await complete(house, simplified, supplement(ROSES, number=simplified), If_Match='"7-json"')
    assert stale.json["type"] == "urn:guichet:problem:changed"


async def test_before_arrival_and_incomplete_it_waits_for_both_in_either_order(house):
    both = ('"TypeCode": "IMA"', '"TypeCode": "IMF"')
    mrn = await lodge(house, PARTS, both)
    assert await response(house, mrn) == ("02", [("ARR", "GPR", "awaited"), ("SUP", "IMY", "awaited")])
    assert (await complete(house, mrn, supplement(PARTS, number=mrn))).json["version"] == 2
    assert (await stands(house, mrn))["status"] == "ready", "to be complete is not to be there"
    assert (await arrive(house, mrn)).status == 200
    assert (await stands(house, mrn))["status"] == "released"


async def test_amended_to_a_whole_declaration_it_owes_nothing_and_amended_back_it_owes_what_it_owed(house):
    mrn = await lodge(house, ROSES, SIMPLIFIED)
    path = f"/v1/declarations/{mrn}/amendments"
    due = (await stands(house, mrn))["supplement"]["due_on"]
    assert (await house.post(path, altered(ROSES))).json["version"] == 2
    assert (await stands(house, mrn))["supplement"]["awaited"] is False
    assert (await house.post(path, altered(ROSES, SIMPLIFIED))).json["version"] == 3
    assert (await stands(house, mrn))["supplement"]["due_on"] >= due
