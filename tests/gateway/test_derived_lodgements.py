"""A declaration of a national package is lodged like any other: held to the version of its day, its extensions kept."""

import json
from datetime import UTC, datetime

import pytest

from adapters.port import Outgoing
from datamodel.codecs import read
from datamodel.issues import Refused
from gateway.intake import Lodgement, lodge
from tests.gateway.scripted import case, eventually, sample

NAME = "import-cut-flowers-kenya.json"
PASSPORT = "ProductPassportID"


def national(**envelope: str) -> bytes:
    """A sample that asks for the package of XZ, with one of its extensions in the first item."""
    document = json.loads(sample(NAME))
    document["MetaData"].update(envelope or {"AgencyAssignedCustomizationCode": "XZ-DMS"})
    items = document["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"]
    items[0]["Commodity"][PASSPORT] = ["XP-77"]
    return json.dumps(document).encode()


def lodgement(trader, body: bytes, message: str | None = None) -> Lodgement:
    return Lodgement(account=trader, body=body, media="application/json", conversation_id="c", message=message)


async def test_it_is_stored_as_it_came_and_sent_as_agencies_know_it(gateway, trader, partners, registry):
    accepted = await lodge(gateway, lodgement(trader, national()))
    file = await case(gateway, accepted.mrn)
    assert file.case.message == "xz-dms/2026/DEC"
    stored = await gateway.store.message(file.case.id)
    assert stored.body == national()
    assert PASSPORT in stored.document.decode()
    await eventually(lambda: len(partners["PHS"].sent) == 1)
    sent: Outgoing = partners["PHS"].sent[0]
    assert PASSPORT not in sent.body.decode()
    form = "xml" if "xml" in sent.media else "json"
    assert read(registry, sent.body, form, "guichet/1/PermitRequest")


async def test_it_is_held_to_the_version_of_the_day_it_is_taken(gateway, trader, clock):
    assert await lodge(gateway, lodgement(trader, national()))
    clock.time = datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(Refused) as refusal:
        await lodge(gateway, lodgement(trader, national(AgencyAssignedCustomizationCode="XZ-DMS", WCOTypeName="DEC ")))
    assert "RecycledPlasticMeasure" in str(refusal.value)


async def test_the_next_version_cannot_be_lodged_before_its_day(gateway, trader):
    document = json.loads(national())
    declaration = document["MetaData"]["Declaration"]
    declaration["FunctionalReferenceID"] = "SHORT-1"
    for item in declaration["GoodsShipment"]["GovernmentAgencyGoodsItem"]:
        item["Packaging"][0]["RecycledPlasticMeasure"] = {"@unitCode": "KGM", "value": 0.5}
    body = json.dumps(document).encode()
    assert read(gateway.registry, body, "json", "xz-dms/2027/DEC")
    with pytest.raises(Refused) as refusal:
        await lodge(gateway, lodgement(trader, body, "xz-dms/2027/DEC"))
    assert [issue.rule for issue in refusal.value.report.issues] == ["message.not-in-force"]
    assert (await lodge(gateway, lodgement(trader, body, "xz-dms/DEC"))).mrn
