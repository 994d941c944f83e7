"""Routes for the documents of a case: attach one, see which there are; and for an agency, those of its delivery.

An agency has the documents that its request names, and those that were attached for it since; every other gives it the
same answer as one that never was.
"""

import re

from datamodel.wording import issue, phrase, refused
from gateway.attachments.documents import Used
from gateway.attachments.provided import Attached, Sender, attach
from gateway.attachments.views import CaseDocuments, DeliveryDocuments, of_case, of_delivery
from gateway.collect import UnknownDelivery
from gateway.http import agencies, traders
from gateway.http.attachments import DOCUMENT, FILE_HEADERS, RANGE, file_of
from gateway.http.changes import condition
from gateway.http.problems import not_found
from gateway.http.routes import DELIVERY_ID, IF_MATCH, MRN, Answer, Call, Parameter, Route
from gateway.http.traders import readable_case

OF_CASE = traders.PATH + "/{mrn}/documents"
OF_DELIVERY = agencies.PATH + "/{id}/documents"
TYPE = "type"
_CODE = re.compile("[A-Z0-9]{1,6}")


async def add(call: Call) -> Answer:
    """Attaches a document to the case. A repeat changes nothing."""
    kind = call.query.get(TYPE, "")
    if not _CODE.fullmatch(kind):
        raise refused(issue("query.filter", name=TYPE, value=kind[:60], expected=phrase("query.type")), status=400)
    sender, document = Sender(call.account.id, call.actor), call.query.get("document", "")
    return Answer(value=await attach(call.gateway, sender, call.path["mrn"], document, kind, condition(call)))


async def of_one_case(call: Call) -> Answer:
    """The documents that a case refers to."""
    mrn = (await readable_case(call)).case.mrn
    return Answer(value=of_case(mrn, await call.gateway.store.documents_of_case(mrn)))


async def of_one_delivery(call: Call) -> Answer:
    """The documents that the agency may have by a delivery."""
    delivery_id = call.path["id"]
    found = await _given(call)
    return Answer(value=of_delivery(delivery_id, OF_DELIVERY.format(id=delivery_id), found))


async def read(call: Call) -> Answer:
    """The bytes of one of them."""
    for each in await _given(call):
        if each.document.id == call.path["document"]:
            return Answer(value=file_of(call, each.document))
    raise not_found()


async def _given(call: Call) -> list[Used]:
    found = await call.gateway.store.documents_of_delivery(call.account.agency or "", call.path["id"])
    if found is None:
        raise UnknownDelivery(call.path["id"])
    return found


ROUTES = (
    Route(
        name="attach",
        method="POST",
        path=OF_CASE,
        handler=add,
        summary="Attach a document that was sent to a declaration, as an agency asked or a requirement says.",
        says="The document is attached, now or by an earlier request.",
        returns=Attached,
        root="attached",
        parameters=(
            MRN,
            Parameter(name="document", where="query", text="The document's id; needed."),
            Parameter(
                name=TYPE,
                where="query",
                text="What it is, as a code of the list of documents: category and type together; needed.",
                schema={"type": "string", "pattern": "^[A-Z0-9]{1,6}$", "examples": ["N851"]},
            ),
            IF_MATCH,
        ),
        problems=(400, 404, 409, 412, 422),
    ),
    Route(
        name="case-documents",
        method="GET",
        path=OF_CASE,
        handler=of_one_case,
        summary="The documents that a declaration refers to, or that were attached to it.",
        says="The documents.",
        returns=CaseDocuments,
        root="documents",
        parameters=(MRN,),
        problems=(404,),
    ),
    Route(
        name="delivery-documents",
        method="GET",
        path=OF_DELIVERY,
        handler=of_one_delivery,
        summary="The documents that the agency may have by a delivery.",
        says="The documents.",
        returns=DeliveryDocuments,
        root="documents",
        parameters=(DELIVERY_ID,),
        problems=(404,),
    ),
    Route(
        name="delivery-document",
        method="GET",
        path=OF_DELIVERY + "/{document}",
        handler=read,
        summary="A document of a delivery byte for byte, or a part of it.",
        says="The document, under the type that its bytes have.",
        as_kept=True,
        files=True,
        media=("*/*",),
        parameters=(DELIVERY_ID, DOCUMENT, *RANGE),
        problems=(404, 409),
        headers=FILE_HEADERS,
    ),
)
