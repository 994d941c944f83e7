"""Documents of cases over real HTTP: named in a declaration or attached to it, and which agency may have them."""

import msgspec

from gateway.attachments.settings import DocumentSettings
from tests.gateway.attachments.papers import PDF, PNG, digest, naming, sent
from tests.gateway.http.conftest import housed

ASKED = b'{"Decision":{"OutcomeCode":"documents","DocumentRequest":[{"TypeCode":"N380"},{"TypeCode":"N730"}]}}'
NEVER = "gdoc-" + "0" * 26
BEEF, FLOWERS = 0, 2  # places of goods items of the hotel's supplies: one for food safety, one for plant health


async def lodged(house, body: bytes) -> str:
    reply = await house.post("/v1/declarations", body)
    assert reply.status == 202, reply.body
    return reply.json["mrn"]


async def attach(house, mrn: str, document: str, kind: str, caller: str = "trader", **headers):
    return await house.call(
        "POST", f"/v1/declarations/{mrn}/documents?document={document}&type={kind}", caller, **headers
    )


async def of_delivery(house, caller: str) -> tuple[str, list[dict]]:
    [delivery] = await house.deliveries(caller)
    return delivery["id"], (await house.get(f"{delivery['href']}/documents", caller)).json["documents"]


async def test_an_agency_has_the_documents_that_stand_in_its_part_of_the_declaration(house):
    document = await sent(house)
    mrn = await lodged(house, naming(document, items=(BEEF,)))
    delivery, [given] = await of_delivery(house, "fsa")
    assert (given["id"], given["type"], given["digest"]) == (document, "N853", digest(PDF))
    assert (await house.get(given["content"], "fsa")).body == PDF
    request = (await house.get(f"/v1/agency/deliveries/{delivery}", "fsa")).json["PermitRequest"]
    address = f"{house.gateway.settings.base_url}{given['content']}"
    facts = {"ID": document, "TypeCode": "N853", "MIMECode": "application/pdf", "SizeNumeric": len(PDF)}
    assert request["Document"] == [{**facts, "DigestID": digest(PDF), "URIID": address}]
    others, none = await of_delivery(house, "phs")
    assert none == []
    for path in f"/v1/agency/deliveries/{others}/documents/{document}", given["content"]:
        assert (await house.get(path, "phs")).status == 404
    [line] = (await house.get(f"/v1/declarations/{mrn}/documents")).json["documents"]
    assert (line["id"], line["agencies"]) == (document, ["FSA"])
    assert (await house.get(f"/v1/declarations/{mrn}/documents", "rival")).status == 404


async def test_xml_and_json_name_the_same_documents(house):
    document = await sent(house)
    body = naming(document, "import-chilled-beef-argentina")
    xml = (await house.post("/v1/conversions", body, Accept="application/xml")).body
    reply = await house.post("/v1/declarations", xml, "application/xml")
    assert (reply.status, [each["id"] for each in (await of_delivery(house, "fsa"))[1]]) == (202, [document])


async def test_a_declaration_that_names_what_is_not_there_is_refused_with_the_place(house):
    anothers, deleted = await sent(house, caller="rival"), await sent(house)
    assert (await house.call("DELETE", f"/v1/documents/{deleted}", "trader")).status == 200
    place = "/MetaData/Declaration/GoodsShipment/GovernmentAgencyGoodsItem/10/AdditionalDocument/0/ID"
    for document in NEVER, "gdoc-of-no-form", anothers, deleted:
        reply = await house.post("/v1/declarations", naming(document, items=(10,)))
        [issue] = [each for each in reply.json["issues"] if each["severity"] == "error"]
        assert (reply.status, issue["rule"], issue["value"]) == (422, "document.unknown", document)
        assert issue["json_pointer"] == place


async def test_what_a_case_refers_to_stays(house):
    document = await sent(house)
    await lodged(house, naming(document))
    reply = await house.call("DELETE", f"/v1/documents/{document}", "trader")
    assert (reply.status, reply.json["type"]) == (409, "urn:guichet:problem:document-used")
    assert (await house.get(f"/v1/documents/{document}/content")).body == PDF


async def test_a_declaration_may_name_so_many_documents_and_no_more(tmp_path):
    async with housed(tmp_path, documents=DocumentSettings(per_case=1)) as house:
        one, other = await sent(house), await sent(house, PNG)
        both = msgspec.json.decode(naming(one))
        item = both["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"][1]
        item["AdditionalDocument"].append({"CategoryCode": "N", "ID": other, "TypeCode": "380"})
        assert "document.many" in (await house.post("/v1/declarations", msgspec.json.encode(both))).rules
        mrn = await lodged(house, naming(one))
        reply = await attach(house, mrn, other, "N380")
        assert (reply.status, reply.rules) == (422, ["document.many"])


async def test_an_agency_that_asked_for_documents_has_them_and_decides_again(house):
    mrn = (await house.lodge())["mrn"]
    [delivery] = await house.deliveries("fsa")
    await house.post(f"{delivery['href']}/decision", ASKED, caller="fsa")
    one, other = await sent(house), await sent(house, PNG)

    async def stands() -> tuple[str, list[str]]:
        agencies = (await house.get(f"/v1/declarations/{mrn}")).json["agencies"]
        line = next(each for each in agencies if each["code"] == "FSA")
        return line["status"], [each["type"] for each in line["documents"]]

    assert await stands() == ("held", ["N380", "N730"])
    first = (await attach(house, mrn, one, "N380")).json
    assert (first["agencies"], first["answered"], await stands()) == (["FSA"], [], ("held", ["N380", "N730"]))
    second = (await attach(house, mrn, other, "N730")).json
    assert (second["answered"], await stands()) == (["FSA"], ("awaiting", []))
    again = (await attach(house, mrn, other, "N730")).json
    assert (again["replayed"], again["attached_at"]) == (True, second["attached_at"])
    assert [each["type"] for each in (await of_delivery(house, "fsa"))[1]] == ["N380", "N730"]
    assert (await of_delivery(house, "phs"))[1] == []
    kinds = [event["kind"] for event in (await house.get(f"/v1/declarations/{mrn}/timeline")).json["events"]]
    assert kinds[-3:] == ["attachment", "attachment", "provided"]
    told = (await house.get("/v1/notifications")).json["notifications"]
    assert [each["document_id"] for each in told if each["kind"] == "attachment"] == [one, other]
    # The same wish once more is a new one: what was provided will not do.
    await house.post(f"{delivery['href']}/decision", ASKED, caller="fsa")
    assert await stands() == ("held", ["N380", "N730"])
    assert (await attach(house, mrn, one, "N380")).json["replayed"] is False


async def test_a_document_goes_to_the_agency_whose_requirement_needs_its_type(house):
    mrn = (await house.lodge())["mrn"]
    document = await sent(house)
    assert (await attach(house, mrn, document, "N853")).json["agencies"] == ["FSA"]
    assert (await attach(house, mrn, document, "N325")).json["agencies"] == []
    assert [each["id"] for each in (await of_delivery(house, "fsa"))[1]] == [document]


async def test_what_cannot_be_attached(house):
    accepted, document = await house.lodge(), await sent(house)
    mrn = accepted["mrn"]
    assert (await attach(house, mrn, NEVER, "N380")).rules == ["document.unknown"]
    assert (await attach(house, mrn, await sent(house, caller="rival"), "N380")).rules == ["document.unknown"]
    assert (await attach(house, mrn, document, "n-380")).rules == ["query.filter"]
    assert (await attach(house, mrn, document, "N380", caller="rival")).status == 404
    assert (await attach(house, mrn, document, "N380", If_Match='"7-json"')).status == 412
    over = (await house.lodge("import-machine-parts-germany"))["mrn"]
    assert (await attach(house, over, document, "N380")).json["type"] == "urn:guichet:problem:illegal-state"


async def test_an_amendment_brings_its_documents_to_who_is_asked_anew(house):
    mrn, document = (await house.lodge())["mrn"], await sent(house)
    reply = await house.post(f"/v1/declarations/{mrn}/amendments", naming(NEVER, items=(FLOWERS,)))
    assert (reply.status, "document.unknown" in reply.rules) == (422, True)
    reply = await house.post(f"/v1/declarations/{mrn}/amendments", naming(document, items=(FLOWERS,)))
    assert (reply.status, reply.json["asked"]) == (200, ["PHS"])
    assert [each["id"] for each in (await of_delivery(house, "phs"))[1]] == [document]
    again = await house.post(f"/v1/declarations/{mrn}/amendments", naming(document, items=(FLOWERS,)))
    assert again.json["replayed"] is True
