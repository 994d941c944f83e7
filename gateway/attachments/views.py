"""What traders and agencies are shown of documents. Pure."""

from datetime import timedelta
from typing import Any

import msgspec

from gateway.attachments.documents import Document, DocumentState, Used
from gateway.clock import moment, stamp

PATH = "/v1/documents"
UPLOADS = "/v1/uploads"


class DocumentLine(msgspec.Struct, frozen=True, kw_only=True):
    """A document. `media` is its type by its bytes, `digest` their SHA-256; `content` is the address of the bytes,
    which are given when `state` is available. `reason` is what the scanner found; `replayed` that it was here before.
    """

    id: str
    name: str
    state: DocumentState
    media: str
    size: int
    digest: str
    created_at: str
    reason: str | None
    content: str
    replayed: bool = False


class DocumentPage(msgspec.Struct, frozen=True):
    """A page, oldest first; `next` is the `after` of the page behind it, if there is one."""

    documents: tuple[DocumentLine, ...]
    next: str | None


class UploadStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An upload in parts. `received` bytes of `size` are here, so the next part begins there.

    It ends at `ends_at` unless a further part comes.
    """

    id: str
    name: str
    size: int
    received: int
    ends_at: str


class CaseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document as one of a type that a case refers to, and the codes of the `agencies` that may have it."""

    id: str
    type: str
    name: str
    state: DocumentState
    media: str
    size: int
    digest: str
    agencies: tuple[str, ...]
    content: str


class CaseDocuments(msgspec.Struct, frozen=True):
    """The documents of a case, in the order in which they came."""

    mrn: str
    documents: tuple[CaseDocument, ...]


class DeliveryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that an agency may have by a delivery: `content` is where, when `state` is available."""

    id: str
    type: str
    name: str
    state: DocumentState
    media: str
    size: int
    digest: str
    content: str


class DeliveryDocuments(msgspec.Struct, frozen=True):
    """The documents of a delivery, in the order in which they came."""

    delivery_id: str
    documents: tuple[DeliveryDocument, ...]


def line(document: Document, replayed: bool = False) -> DocumentLine:
    """A document as its trader sees it."""
    return DocumentLine(
        id=document.id,
        name=document.name,
        state=document.state,
        media=document.media or "",
        size=document.size,
        digest=document.digest or "",
        created_at=document.created_at,
        reason=document.reason if document.state == "rejected" else None,
        content=f"{PATH}/{document.id}/content",
        replayed=replayed,
    )


def upload(document: Document, received: int, hours: int) -> UploadStatus:
    """An upload that stands at so many bytes, and is given so many hours."""
    ends_at = stamp(moment(document.updated_at) + timedelta(hours=hours))
    return UploadStatus(id=document.id, name=document.name, size=document.size, received=received, ends_at=ends_at)


def of_case(mrn: str, found: list[Used]) -> CaseDocuments:
    """The documents of a case as its trader sees them."""
    lines = (
        CaseDocument(**_facts(each), agencies=each.agencies, content=f"{PATH}/{each.document.id}/content")
        for each in found
    )
    return CaseDocuments(mrn, tuple(lines))


def of_delivery(delivery_id: str, address: str, found: list[Used]) -> DeliveryDocuments:
    """The documents of a delivery as its agency sees them; `address` is that of the list."""
    lines = (DeliveryDocument(**_facts(each), content=f"{address}/{each.document.id}") for each in found)
    return DeliveryDocuments(delivery_id, tuple(lines))


def _facts(used: Used) -> dict[str, Any]:
    names = ("id", "name", "state", "media", "size", "digest")
    return {"type": used.type} | {name: getattr(used.document, name) for name in names}
