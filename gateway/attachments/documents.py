"""What the store keeps of supporting documents, and the part of its protocol that is about them; see `gateway.ports`.

Rule: a row comes first and goes last, the bytes are there only in between. Reason: the store of rows commits and the
store of bytes does not, so whatever a crash leaves behind has a row by which the sweep finds it, and nothing has to be
listed to find orphans. A document is in one of the `STATES`; only those that are KEPT may be referred to.
"""

import re
from collections.abc import AsyncGenerator, Collection
from pathlib import Path
from typing import Annotated, Final, Protocol

import msgspec

RECEIVING: Final = "receiving"  # it comes in, to a file of this host
STORING: Final = "storing"  # all of it came and is what was announced; its bytes are being put where they stay
QUARANTINE: Final = "quarantine"  # the scanner has still to answer
AVAILABLE: Final = "available"
REJECTED: Final = "rejected"  # the scanner found something in it
DELETING: Final = "deleting"
STATES: Final = (RECEIVING, STORING, QUARANTINE, AVAILABLE, REJECTED, DELETING)
KEPT: Final = (QUARANTINE, AVAILABLE)
SHOWN: Final = (QUARANTINE, AVAILABLE, REJECTED)

PREFIX: Final = "gdoc-"
ID: Final = re.compile(f"{PREFIX}[0-9a-v]{{26}}")

DocumentState = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(SHOWN)})]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document. `size` is what was announced until all of it is here; `digest` and `media` are known from then on.

    `reason` says what the scanner found, or why it did not answer yet; `attempts` counts how often it was asked.
    """

    id: str
    account_id: int
    name: str
    size: int
    state: str
    created_at: str
    updated_at: str
    digest: str | None = None
    media: str | None = None
    reason: str | None = None
    attempts: int = 0


class Use(msgspec.Struct, frozen=True):
    """A document is for a case, as a document of a type; with a delivery's id, its agency may have it.

    The type is that of the code list: category and type together, such as N851.
    """

    document_id: str
    type: str
    delivery_id: str = ""


class Used(msgspec.Struct, frozen=True):
    """A document as one case uses it, and the codes of the agencies that may have it."""

    document: Document
    type: str
    agencies: tuple[str, ...]


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one account may have: so many uploads that are not finished, and so many bytes that came after `since`."""

    unfinished: int
    size: int
    since: str


class Exhausted(Exception):
    """An account has as much as it may have; `unfinished` says that it is uploads, else it is bytes."""

    def __init__(self, unfinished: bool) -> None:
        super().__init__("too many unfinished uploads" if unfinished else "too many bytes for now")
        self.unfinished = unfinished


class InUse(Exception):
    """A case refers to the document, so it stays."""


class Gone(Exception):
    """A document that a case was to refer to is there no longer, or no longer good."""


class DocumentStore(Protocol):
    """The rows of documents. As all of the store, what is written survives a crash when a method returns."""

    async def add_document(self, document: Document, allowance: Allowance) -> None:
        """A document begins to come in. Raises Exhausted."""

    async def document(self, document_id: str, account_id: int | None = None) -> Document | None:
        """One, if it is there and (where an account is given) belongs to that account."""

    async def documents_named(self, account_id: int, ids: Collection[str]) -> dict[str, Document]:
        """Those of an account's documents that are shown, by id."""

    async def documents(self, account_id: int, after: str, limit: int) -> list[Document]:
        """An account's documents that are shown, oldest first, those after the id given."""

    async def touch_document(self, document_id: str, at: str) -> None:
        """A part of it came in, so it is not forgotten yet."""

    async def store_document(self, document_id: str, digest: str, media: str, size: int, at: str) -> Document:
        """All of it is here. Where the account has the same bytes already, the row ends, and the answer is the first
        document; else it is this one, now in state STORING.
        """

    async def move_document(self, document_id: str, before: str, state: str, at: str, reason: str | None) -> bool:
        """From a state to another; False where it is not in that state."""

    async def delete_document(self, document_id: str, account_id: int, at: str) -> Document | None:
        """Move to DELETING what no case refers to; None where there is none. Raises InUse."""

    async def forget_document(self, document_id: str) -> None:
        """The row ends."""

    async def sweep_documents(self, unfinished: str, unused: str, at: str, limit: int) -> list[Document]:
        """Move to DELETING what was not finished by a time, and what no case referred to by another.

        Those are the answer, as they were, together with what a crash left in that state before.
        """

    async def documents_of_case(self, mrn: str) -> list[Used]:
        """The documents that a case uses, in the order in which they came."""

    async def documents_of_delivery(self, agency: str, delivery_id: str) -> list[Used] | None:
        """The documents of an agency's own delivery; None where it has no such delivery."""

    async def cases_of_document(self, document_id: str) -> list[str]:
        """The MRNs of the cases that use it."""

    async def documents_to_scan(self, now: str, limit: int) -> list[Document]:
        """Those in quarantine about which the scanner is to be asked now."""

    async def ask_scanner(self, document_id: str, again_at: str, token: str, problem: str | None) -> None:
        """The scanner is asked, and again at that time; it knows the document by a token, kept here as a digest."""

    async def put_off_scan(self, document_id: str, again_at: str, problem: str) -> None:
        """The scanner could not be asked; it is to be asked at that time."""

    async def document_of_token(self, token: str) -> Document | None:
        """The document in quarantine that the scanner was last given this token for (a digest)."""

    async def quarantined(self) -> int:
        """How many are in quarantine."""


class Objects(Protocol):
    """Where the bytes stay. A key is a document's id."""

    async def put(self, key: str, file: Path) -> None:
        """Take over a file, which is gone afterwards. What is under the key then is there whole, also after a crash."""

    async def has(self, key: str) -> bool:
        """Whether something is there."""

    def read(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to `end`, in blocks, as fast as they are taken. Raises FileNotFoundError."""

    async def delete(self, key: str) -> None:
        """Nothing is there any more, as it may have been before."""
