"""Parcels of low value: declarations of the super-reduced data set, lodged alone and by the batch."""

import json

import pytest

from tests.gateway.http.batches import NDJSON, send, sent
from tests.gateway.http.conftest import read_sample

SAMPLES = ("gift-of-a-jumper", "parcel-of-headphones", "two-books")
ITEM = ("GoodsShipment", "GovernmentAgencyGoodsItem", 0)


def changed(name: str, path: tuple[str | int, ...], value: object) -> bytes:
    """A sample with another value at a place below its declaration, under a reference of its own."""
    document = json.loads(read_sample(f"low-value/{name}.json"))
    part = document["MetaData"]["Declaration"]
    part["FunctionalReferenceID"] = "CHANGED"
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_parcel_is_lodged_in_either_format_without_a_remark(house, name):
    reply = await house.post("/v1/declarations", read_sample(f"low-value/{name}.xml"), "application/xml")
    assert reply.status == 202, reply.body
    again = await house.post("/v1/declarations", read_sample(f"low-value/{name}.json"))
    assert (again.json["replayed"], again.json["issues"]) == (True, [])
    status = (await house.get(f"/v1/declarations/{again.json['mrn']}")).json
    assert (status["status"], status["agencies"]) == ("released", [])
    timeline = (await house.get(f"/v1/declarations/{again.json['mrn']}/timeline")).json
    assert "xz-low-value/2026/DEC" in json.dumps(timeline)


REFUSED = {
    "over the ceiling": ((*ITEM, "Commodity", "InvoiceLine", "ItemChargeAmount", "value"), 150.01, "XZ-LOW01"),
    "a currency without a ceiling": (
        (*ITEM, "Commodity", "InvoiceLine", "ItemChargeAmount", "@currencyID"),
        "USD",
        "value.code",
    ),
    "not of low value": ((*ITEM, "GovernmentProcedure", 0, "CurrentCode"), "000", "XZ-GDS02"),
    "tobacco": ((*ITEM, "Commodity", "Classification", 0, "ID"), "240220", "XZ-LOW03"),
    "what nobody asks of a parcel": (("GoodsShipment", "Destination"), {"CountryCode": "XZ"}, "element.unknown"),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_parcel_of_low_value_is_refused(shared, case):
    path, value, rule = REFUSED[case]
    reply = await shared.post("/v1/declarations", changed("parcel-of-headphones", path, value))
    assert reply.status == 422
    assert rule in reply.rules


async def test_agencies_are_asked_by_the_same_requirements(house):
    beef = changed("parcel-of-headphones", (*ITEM, "Commodity", "Classification", 0, "ID"), "020130")
    [item], _ = await sent(house, beef)
    status = (await house.get(f"/v1/declarations/{item['acceptance']['mrn']}")).json
    assert [agency["code"] for agency in status["agencies"]] == ["FSA"]
    [delivery] = await house.deliveries("fsa")
    assert b"020130" in (await house.get(f"/v1/agency/deliveries/{delivery['id']}", "fsa")).body


async def test_the_sample_of_a_parcel_operator_is_taken_whole_without_a_remark(house):
    parcels = read_sample("low-value/parcels.ndjson")
    reply = await send(house, parcels, NDJSON, "flight")
    *items, end = map(json.loads, reply.body.splitlines())
    assert (end["accepted"], end["items"]) == (5, 5)
    assert [each["acceptance"]["issues"] for each in items] == [[]] * 5
    taken = (await house.get("/v1/batches/flight")).json["items"]
    assert [each["status"] for each in taken] == ["released"] * 5
