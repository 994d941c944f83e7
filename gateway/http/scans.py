"""Routes for the scanner of documents: fetch one that it was asked about, and say what was found.

The token in the query is all that it has, and all that it needs: it was made for one document and one answer, and
opens nothing when that has been given. A token that opens nothing is answered as an address that never was.
"""

from typing import Literal

import msgspec

from adapters.port import Verdict
from datamodel.wording import either, issue, refused
from gateway.attachments.documents import Document
from gateway.attachments.scanning import LONGEST_REASON, SCANS, digest_of, settle
from gateway.http.attachments import FILE_HEADERS, RANGE
from gateway.http.problems import not_found
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.http.transfer import File

VERDICT = "verdict"
VERDICTS = ("clean", "infected")


class Scanned(msgspec.Struct, frozen=True):
    """The finding is on record."""

    document: str
    verdict: Literal["clean", "infected"]


async def content(call: Call) -> Answer:
    """The bytes of the document, which only the scanner is given yet."""
    document, objects = await _asked_about(call), call.gateway.uploads.objects
    file = File(
        name=document.name,
        media=document.media or "",
        size=document.size,
        digest=document.digest or "",
        read=lambda start, end: objects.read(document.id, start, end),
    )
    return Answer(value=file)


async def answer(call: Call) -> Answer:
    """Takes a finding, once."""
    document, verdict = await _asked_about(call), call.query.get(VERDICT, "")
    if verdict not in VERDICTS:
        fault = issue("query.filter", name=VERDICT, value=verdict[:LONGEST_REASON], expected=either(VERDICTS))
        raise refused(fault, status=400)
    gateway, finding = call.gateway, Verdict(verdict == "infected", call.query.get("reason"))
    if not await settle(gateway.store, gateway.uploads, document, finding, gateway.clock):
        raise not_found()
    return Answer(value=Scanned(document.id, verdict))  # type: ignore[arg-type]  # one of VERDICTS


async def _asked_about(call: Call) -> Document:
    found = await call.gateway.store.document_of_token(digest_of(call.query.get("token", "")))
    if found is None:
        raise not_found()
    return found


TOKEN = Parameter(name="token", where="query", text="The token that the scanner was given with its question; needed.")

ROUTES = (
    Route(
        name="scan-content",
        method="GET",
        path=SCANS + "/content",
        handler=content,
        summary="For the scanner: the document that it was asked about.",
        says="The document.",
        as_kept=True,
        files=True,
        media=("*/*",),
        parameters=(TOKEN, *RANGE),
        problems=(404,),
        headers=FILE_HEADERS,
    ),
    Route(
        name="scan-answer",
        method="POST",
        path=SCANS,
        handler=answer,
        summary="For the scanner: what it found in the document that it was asked about.",
        says="The finding is on record.",
        returns=Scanned,
        root="scanned",
        parameters=(
            TOKEN,
            Parameter(
                name=VERDICT,
                where="query",
                text="What was found; needed.",
                schema={"type": "string", "enum": list(VERDICTS)},
            ),
            Parameter(name="reason", where="query", text="What is told to the trader, such as the name of a virus."),
        ),
        problems=(400, 404),
    ),
)
