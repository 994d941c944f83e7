"""Routes for a trader's supporting documents: send one, whole or in parts, see what there is, read it, delete it.

A trader sees its own documents only; another's gives the same answer as one that never was. Facts about a document come
in the address and in headers, so that its body is the document and nothing else.
"""

import base64
import binascii
import re
from typing import Final

from datamodel.issues import Refused
from datamodel.wording import issue, phrase, refused
from gateway.attachments.documents import AVAILABLE, ID, QUARANTINE, REJECTED, SHOWN, Document
from gateway.attachments.uploads import Received, UnknownUpload
from gateway.attachments.views import PATH, UPLOADS, DocumentLine, DocumentPage, UploadStatus, line, upload
from gateway.http.carried import Carried
from gateway.http.problems import Fault, not_found
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.http.transfer import File

PAGE, LARGEST_PAGE = 50, 500
LONGEST_NAME: Final = 200
UNNAMED: Final = "document"
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}")
_SHA256: Final = re.compile("[0-9a-f]{64}")
_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):")
_WITHHELD: Final = {QUARANTINE: "detail.quarantine", REJECTED: "detail.rejected"}
DIGEST_HEADERS: Final = ("Content-Digest", "Repr-Digest")


async def send(call: Call) -> Answer:
    """Takes a whole document."""
    incoming, largest = _carried(call), call.gateway.settings.documents.largest
    size = largest if incoming.size is None else incoming.size
    blocks = incoming.blocks(largest)
    taken = await call.gateway.uploads.take(call.account.id, _name(call), min(size, largest), _digests(call), blocks)
    return _received(taken)


async def begin(call: Call) -> Answer:
    """Begins an upload in parts."""
    size = _number(call, "size", 1, call.gateway.settings.documents.largest)
    document = await call.gateway.uploads.begin(call.account.id, _name(call), size)
    shown = upload(document, 0, call.gateway.settings.documents.finish)
    return Answer(value=shown, headers={"Location": f"{UPLOADS}/{document.id}"})


async def standing(call: Call) -> Answer:
    """How far an upload has come."""
    document = await _unfinished(call)
    return Answer(value=await _upload(call, document))


async def part(call: Call) -> Answer:
    """Takes a part of a document."""
    document = await _unfinished(call)
    offset = _number(call, "offset", 0, document.size)
    await call.gateway.uploads.append(document, offset, _carried(call).blocks(document.size - offset))
    return Answer(value=await _upload(call, await _unfinished(call)))


async def finish(call: Call) -> Answer:
    """Ends an upload. Where it had been ended before, the answer is that of then."""
    digest = call.query.get("sha256", "").lower()
    if not _SHA256.fullmatch(digest):
        raise _unfit("sha256", digest, phrase("query.sha256"))
    found = await _own(call, call.path["upload"])
    if found is not None and found.digest == digest and found.state in SHOWN:
        return _received(Received(found, replayed=True))
    return _received(await call.gateway.uploads.finish(await _unfinished(call), digest))


async def page(call: Call) -> Answer:
    """The account's documents. One more than asked for is read, to know whether there is a page behind."""
    limit = PAGE if call.query.get("limit") is None else _number(call, "limit", 1, LARGEST_PAGE)
    found = await call.gateway.store.documents(call.account.id, call.query.get("after", ""), limit + 1)
    lines = tuple(line(each) for each in found[:limit])
    return Answer(value=DocumentPage(lines, lines[-1].id if len(found) > limit else None))


async def look(call: Call) -> Answer:
    """One document."""
    return Answer(value=line(await _shown(call)))


async def read(call: Call) -> Answer:
    """The bytes of a document."""
    return Answer(value=file_of(call, await _shown(call)))


async def delete(call: Call) -> Answer:
    """Deletes a document that no case refers to."""
    document = await _shown(call)
    if await call.gateway.uploads.delete(call.account.id, document.id) is None:
        raise not_found()
    return Answer(value=line(document))


async def give_up(call: Call) -> Answer:
    """Ends an upload with all that came of it."""
    document = await _unfinished(call)
    shown = await _upload(call, document)
    if await call.gateway.uploads.delete(call.account.id, document.id) is None:
        raise not_found()
    return Answer(value=shown)


def file_of(call: Call, document: Document) -> File:
    """A document to be sent. Raises Fault where it is given to nobody."""
    if document.state != AVAILABLE:
        raise Fault("withheld", phrase(_WITHHELD.get(document.state, "detail.unknown")))
    objects = call.gateway.uploads.objects
    return File(
        name=document.name,
        media=document.media or "application/octet-stream",
        size=document.size,
        digest=document.digest or "",
        read=lambda start, end: objects.read(document.id, start, end),
    )


async def _shown(call: Call) -> Document:
    found = await _own(call, call.path["document"])
    if found is None or found.state not in SHOWN:
        raise not_found()
    return found


async def _own(call: Call, document_id: str) -> Document | None:
    return await call.gateway.store.document(document_id, call.account.id) if ID.fullmatch(document_id) else None


async def _unfinished(call: Call) -> Document:
    if not ID.fullmatch(call.path["upload"]):
        raise UnknownUpload
    return await call.gateway.uploads.unfinished(call.account.id, call.path["upload"])


async def _upload(call: Call, document: Document) -> UploadStatus:
    return upload(document, await call.gateway.uploads.standing(document), call.gateway.settings.documents.finish)


def _received(received: Received) -> Answer:
    shown = line(received.document, received.replayed)
    return Answer(value=shown, headers={"Location": f"{PATH}/{shown.id}"})


def _carried(call: Call) -> Carried:
    assert call.carried is not None  # the route says that it carries one
    return call.carried


def _name(call: Call) -> str:
    name = call.query.get("name", UNNAMED).strip()
    if not _NAME.fullmatch(name):
        raise _unfit("name", name, phrase("query.name", count=LONGEST_NAME))
    return name


def _digests(call: Call) -> tuple[str, ...]:
    """The SHA-256 that the headers of RFC 9530 give, in hexadecimal; other digests there say nothing to us."""
    found = []
    for header in DIGEST_HEADERS:
        for told in _DIGEST.findall(", ".join(call.headers.getall(header, ()))):
            try:
                found.append(base64.b64decode(told, validate=True).hex())
            except binascii.Error:
                raise refused(issue("header.digest", name=header, value=told[:LONGEST_NAME]), status=400) from None
    return tuple(found)


def _number(call: Call, name: str, low: int, high: int) -> int:
    asked = call.query.get(name, "")
    if re.fullmatch("[0-9]{1,15}", asked) and low <= int(asked) <= high:
        return int(asked)
    raise _unfit(name, asked, phrase("query.number", low=low, high=high))


def _unfit(name: str, value: str, expected: str) -> Refused:
    return refused(issue("query.filter", name=name, value=value[:LONGEST_NAME], expected=expected), status=400)


DOCUMENT = Parameter(name="document", where="path", text="The document's id.")
UPLOAD = Parameter(name="upload", where="path", text="The upload's id, which will be the document's.")
NAME = Parameter(
    name="name",
    where="query",
    text="What the file is called; no path.",
    schema={"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
)
RANGE = (
    Parameter(name="Range", where="header", text="The bytes wanted, one range; without it all."),
    Parameter(name="If-Range", where="header", text="An ETag; where it is another by now, Range is passed over."),
)
FILE_HEADERS: Final = {
    "ETag": "Of the document: its SHA-256.",
    "Accept-Ranges": "bytes",
    "Content-Disposition": "An attachment, and what the file is called.",
    "Repr-Digest": "The SHA-256 of the whole document (RFC 9530).",
}
_DIGESTS = tuple(
    Parameter(name=name, where="header", text="sha-256=:BASE64:, which the document is held to.")
    for name in DIGEST_HEADERS
)

ROUTES = (
    Route(
        name="send-document",
        method="POST",
        path=PATH,
        handler=send,
        summary="Send a supporting document in one request. When this is answered, it is on record.",
        says="The document is taken, now or by an earlier request that sent the same bytes.",
        status=201,
        carries="The document, of any of the types that are taken; its type is found by its bytes.",
        returns=DocumentLine,
        root="document",
        parameters=(NAME, *_DIGESTS),
        problems=(422, 429),
        headers={"Location": "Where to ask for the document."},
    ),
    Route(
        name="documents",
        method="GET",
        path=PATH,
        handler=page,
        summary="The account's documents, oldest first.",
        says="A page of them.",
        returns=DocumentPage,
        root="documents",
        parameters=(
            Parameter(name="after", where="query", text="The document id that the page before ended with."),
            Parameter(
                name="limit",
                where="query",
                text="How many at most.",
                schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
            ),
        ),
        problems=(400,),
    ),
    Route(
        name="document",
        method="GET",
        path=PATH + "/{document}",
        handler=look,
        summary="One document: what it is, and whether it is available.",
        says="The document.",
        returns=DocumentLine,
        root="document",
        parameters=(DOCUMENT,),
        problems=(404,),
    ),
    Route(
        name="document-content",
        method="GET",
        path=PATH + "/{document}/content",
        handler=read,
        summary="The document byte for byte, or a part of it.",
        says="The document, under the type that its bytes have.",
        as_kept=True,
        files=True,
        media=("*/*",),
        parameters=(DOCUMENT, *RANGE),
        problems=(404, 409),
        headers=FILE_HEADERS,
    ),
    Route(
        name="delete-document",
        method="DELETE",
        path=PATH + "/{document}",
        handler=delete,
        summary="Delete a document that no case refers to.",
        says="It is deleted; this is what it was.",
        returns=DocumentLine,
        root="document",
        parameters=(DOCUMENT,),
        problems=(404, 409),
    ),
    Route(
        name="begin-upload",
        method="POST",
        path=UPLOADS,
        handler=begin,
        summary="Begin to send a document in parts.",
        says="Parts can be sent.",
        status=201,
        returns=UploadStatus,
        root="upload",
        parameters=(
            Parameter(
                name="size",
                where="query",
                text="How many bytes the document has; needed.",
                schema={"type": "integer", "minimum": 1},
            ),
            NAME,
        ),
        problems=(400, 429),
        headers={"Location": "Where to send the parts."},
    ),
    Route(
        name="upload",
        method="GET",
        path=UPLOADS + "/{upload}",
        handler=standing,
        summary="How far an upload has come: where the next part begins, also after a connection broke.",
        says="The upload.",
        returns=UploadStatus,
        root="upload",
        parameters=(UPLOAD,),
        problems=(404,),
    ),
    Route(
        name="send-part",
        method="PUT",
        path=UPLOADS + "/{upload}",
        handler=part,
        summary="Send a part of a document, which follows what is there. What came before a connection broke is kept.",
        says="The part is on disk.",
        carries="The part.",
        returns=UploadStatus,
        root="upload",
        parameters=(
            UPLOAD,
            Parameter(
                name="offset",
                where="query",
                text="Where in the document the part begins, in bytes from 0; needed.",
                schema={"type": "integer", "minimum": 0},
            ),
        ),
        problems=(404, 409),
    ),
    Route(
        name="finish-upload",
        method="POST",
        path=UPLOADS + "/{upload}/finish",
        handler=finish,
        summary="All parts are there. When this is answered, the document is on record. It may be said again.",
        says="The document is taken, now or by an earlier request.",
        status=201,
        returns=DocumentLine,
        root="document",
        parameters=(
            UPLOAD,
            Parameter(name="sha256", where="query", text="The SHA-256 of the document in hexadecimal; needed."),
        ),
        problems=(400, 404, 409, 415, 422),
        headers={"Location": "Where to ask for the document."},
    ),
    Route(
        name="end-upload",
        method="DELETE",
        path=UPLOADS + "/{upload}",
        handler=give_up,
        summary="Give up an upload.",
        says="It is ended; this is how far it had come.",
        returns=UploadStatus,
        root="upload",
        parameters=(UPLOAD,),
        problems=(404, 409),
    ),
)
