"""How a document comes in: in one request, or in parts that can be taken up again after a broken connection.

Rule: what is answered as a document is whole, is what its sender says it is, and is where it stays. Reason: a case will
refer to it, and an agency will decide by it. Until then all of it is one file on this host, so that its digest and its
type are found by reading that, and a document that is refused has never been anywhere else.

The same bytes of one account are one document: who repeats an upload whose answer was lost gets the first answer.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from datamodel.issues import Refused
from datamodel.wording import issue, refused
from gateway.attachments import staging
from gateway.attachments.documents import (
    AVAILABLE,
    DELETING,
    QUARANTINE,
    RECEIVING,
    STORING,
    Allowance,
    Document,
    Objects,
)
from gateway.attachments.kinds import kind_of
from gateway.attachments.numbers import DocumentNumbers
from gateway.attachments.settings import DocumentSettings
from gateway.attachments.staging import Staged, apart
from gateway.clock import Clock, stamp
from gateway.identifiers import Random, new_document_id
from gateway.ports import Store

log = logging.getLogger(__name__)


class Crowded(Exception):
    """As many documents come in now as may."""


class UnknownUpload(Exception):
    """This account has no upload of that id that is not finished."""


class Misplaced(Exception):
    """A part that does not follow what is there, or an end before all of it is: `received` bytes are there."""

    def __init__(self, received: int, size: int) -> None:
        super().__init__(f"{received} of {size} bytes are there")
        self.received, self.size = received, size


class Received(NamedTuple):
    """A document that is where it stays; `replayed` says that it was before."""

    document: Document
    replayed: bool


class Uploads:
    """The door for documents. `incoming` is the folder in which they come in."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        incoming: Path,
        settings: DocumentSettings,
        numbers: DocumentNumbers,
        clock: Clock,
        random: Random,
    ) -> None:
        self.objects, self.settings, self.numbers = objects, settings, numbers
        self._store, self._incoming = store, incoming
        self._clock, self._random = clock, random
        self._places = settings.at_once

    async def take(
        self, account_id: int, name: str, size: int, digests: tuple[str, ...], blocks: AsyncIterable[bytes]
    ) -> Received:
        """A whole document; `size` is the most that it may have, `digests` are those that it must have.

        Raises Refused, Exhausted, Crowded, and what `blocks` raises.
        """
        with self._place():
            document = await self.begin(account_id, name, size)
            try:
                staged = await apart(partial(Staged, self._file(document.id), new=True))
                try:
                    await self._append(staged, blocks)
                    if not staged.size:
                        raise refused(issue("body.empty"), status=400)
                    return await self._keep(document, staged.digest, digests, staged.size)
                finally:
                    staged.close()
            except BaseException:
                await asyncio.shield(self._drop(document.id))
                raise

    async def begin(self, account_id: int, name: str, size: int) -> Document:
        """An upload in parts, of a document of that size. Raises Exhausted."""
        now = self._clock()
        document = Document(
            id=new_document_id(now, self._random),
            account_id=account_id,
            name=name,
            size=size,
            state=RECEIVING,
            created_at=stamp(now),
            updated_at=stamp(now),
        )
        since = stamp(now - timedelta(days=1))
        chosen = self.settings
        await self._store.add_document(
            document, Allowance(unfinished=chosen.unfinished, size=chosen.daily, since=since)
        )
        return document

    async def standing(self, document: Document) -> int:
        """How many bytes of an upload are there."""
        return await apart(lambda: _size(self._file(document.id)))

    async def unfinished(self, account_id: int, document_id: str) -> Document:
        """An upload that is not finished. Raises UnknownUpload."""
        found = await self._store.document(document_id, account_id)
        if found is None or found.state not in (RECEIVING, STORING):
            raise UnknownUpload
        return found

    async def append(self, document: Document, offset: int, blocks: AsyncIterable[bytes]) -> int:
        """A part, which begins where the last one ended; how many bytes are there now.

        What came before a connection broke is kept. Raises Misplaced, Occupied, Crowded, and what `blocks` raises.
        """
        with self._place():
            file = self._file(document.id)
            try:
                staged = await apart(partial(Staged, file, new=False))
            except FileNotFoundError:
                staged = await apart(partial(Staged, file, new=True))
            try:
                if staged.size != offset or document.state != RECEIVING:
                    raise Misplaced(staged.size, document.size)
                await self._append(staged, blocks)
                await self._store.touch_document(document.id, stamp(self._clock()))
                return staged.size
            finally:
                staged.close()

    async def finish(self, document: Document, digest: str) -> Received:
        """All parts are there. May be asked for again. Raises Misplaced, Occupied, Refused."""
        file = self._file(document.id)
        if document.state == STORING and await self.objects.has(document.id):
            return await self._settle(document)
        try:
            staged = await apart(partial(Staged, file, new=False))
        except FileNotFoundError:
            raise Misplaced(0, document.size) from None
        try:
            if staged.size != document.size:
                raise Misplaced(staged.size, document.size)
            found = await apart(partial(staging.digest_of, file))
            return await self._keep(document, found, (digest,), staged.size)
        except Refused:
            await self._drop(document.id)
            raise
        finally:
            staged.close()

    async def delete(self, account_id: int, document_id: str) -> Document | None:
        """End a document that no case refers to, or an upload; None where there is none. Raises InUse."""
        found = await self._store.delete_document(document_id, account_id, stamp(self._clock()))
        if found is not None:
            await self.end(document_id)
            self.numbers.ended("deleted")
        return found

    async def end(self, document_id: str) -> bool:
        """The bytes, then the row, of what is to be deleted; False where somebody still writes to it."""
        if not await apart(partial(staging.remove, self._file(document_id))):
            return False
        await self.objects.delete(document_id)
        await self._store.forget_document(document_id)
        return True

    async def _append(self, staged: Staged, blocks: AsyncIterable[bytes]) -> None:
        before = staged.size
        try:
            await staged.append(blocks)
        finally:
            self.numbers.came(staged.size - before)
            await apart(staged.sync)

    async def _keep(self, document: Document, digest: str, expected: tuple[str, ...], size: int) -> Received:
        """Check what came, and put it where it stays. Raises Refused."""
        for each in expected:
            if not hmac.compare_digest(each, digest):
                raise refused(issue("document.digest", value=digest, expected=each))
        try:
            media = await apart(partial(kind_of, self._file(document.id), document.name, self.settings))
        except Refused:
            self.numbers.ended("refused")
            raise
        stored = await self._store.store_document(document.id, digest, media, size, stamp(self._clock()))
        if stored.id != document.id:
            await apart(partial(self._file(document.id).unlink, missing_ok=True))
            self.numbers.ended("replayed")
            return Received(stored, replayed=True)
        await self.objects.put(document.id, self._file(document.id))
        return await self._settle(stored)

    async def _settle(self, document: Document) -> Received:
        state, at = QUARANTINE if self.settings.scanner.is_there else AVAILABLE, stamp(self._clock())
        await self._store.move_document(document.id, STORING, state, at, None)
        settled = await self._store.document(document.id)
        if settled is None:
            raise UnknownUpload
        self.numbers.ended("taken")
        return Received(settled, replayed=False)

    async def _drop(self, document_id: str) -> None:
        """What was not taken leaves nothing behind. What had been taken when a fault came is for the sweep."""
        if await self._store.move_document(document_id, RECEIVING, DELETING, stamp(self._clock()), None):
            await apart(partial(self._file(document_id).unlink, missing_ok=True))
            await self._store.forget_document(document_id)

    def _file(self, document_id: str) -> Path:
        return self._incoming / document_id

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._places < 1:
            raise Crowded
        self._places -= 1
        try:
            yield
        finally:
            self._places += 1


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
