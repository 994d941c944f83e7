"""Documents in quarantine, and the scanner that lets them out.

Rule: what the scanner has not called clean is given to nobody, however long that takes, and the scanner is asked again
and again. Reason: one that is down must not be a way around it; and nobody should lose a document because of it.

A scanner may answer at once, or later with the token that it was given: that names the document, opens nothing else,
and is worth nothing once it was answered with, or another was given. One process of a gateway asks, any is answered.
"""

import asyncio
import logging
from hashlib import sha256
from typing import Final

from adapters.port import Scan, Scanner, Unanswered, Verdict
from gateway import lifecycle, retry
from gateway.attachments.documents import AVAILABLE, QUARANTINE, REJECTED, Document
from gateway.attachments.uploads import Uploads
from gateway.cases import GATEWAY, Entry, change, plan
from gateway.clock import Clock, later, stamp
from gateway.identifiers import Random
from gateway.ports import CaseChange, CaseFile, Store

log = logging.getLogger(__name__)

SCANS: Final = "/v1/scans"
LOOK_SECONDS: Final = 1.0
TOKEN_BYTES: Final = 24
LONGEST_REASON: Final = 200
_JITTER_BYTES: Final = 4


class Scanning:
    """Asks about what is in quarantine, for as long as it is not stopped. Made in a running event loop."""

    def __init__(
        self, store: Store, uploads: Uploads, scanner: Scanner, address: str, clock: Clock, random: Random
    ) -> None:
        self._store, self._uploads, self._scanner = store, uploads, scanner
        self._address, self._clock, self._random = address, clock, random
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Who was asked and has not answered is asked again by whoever starts next."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._scanner.close()

    async def _keep(self) -> None:
        failing = False
        while True:
            more = False
            try:
                more = await self._turn()
                failing = False
            except Exception:
                if not failing:
                    log.exception("documents in quarantine cannot be seen to; trying again every %g s", LOOK_SECONDS)
                failing = True
            await asyncio.sleep(0 if more else LOOK_SECONDS)

    async def _turn(self) -> bool:
        """Ask about some that are due; whether there were any."""
        limit = self._uploads.settings.scanner.at_once
        found = await self._store.documents_to_scan(stamp(self._clock()), limit)
        await asyncio.gather(*map(self._ask, found))
        self._uploads.numbers.in_quarantine(await self._store.quarantined())
        return bool(found)

    async def _ask(self, document: Document) -> None:
        """The token is on record before anybody has it; when to ask again, before anybody is asked."""
        chosen, token = self._uploads.settings.scanner, self._random(TOKEN_BYTES).hex()
        again = later(self._clock(), chosen.answer)
        await self._store.ask_scanner(document.id, again, digest_of(token), document.reason)
        content = self._uploads.objects.read(document.id, 0, document.size)
        try:
            async with asyncio.timeout(chosen.answer):
                finding = await self._scanner.ask(_scan(document, self._address, token), content)
        except (Unanswered, TimeoutError, OSError) as error:
            await self._failed(document, str(error) or f"no answer within {chosen.answer:g} s")
        else:
            if finding is None:
                self._uploads.numbers.scanned("asked")
            else:
                await settle(self._store, self._uploads, document, finding, self._clock)
        finally:
            await content.aclose()

    async def _failed(self, document: Document, problem: str) -> None:
        chosen = self._uploads.settings.scanner.retry
        jitter = int.from_bytes(self._random(_JITTER_BYTES)) / 2 ** (8 * _JITTER_BYTES)
        again = later(self._clock(), retry.delay(chosen, document.attempts + 1, jitter))
        await self._store.put_off_scan(document.id, again, problem)
        self._uploads.numbers.scanned("failed")
        if problem != document.reason:
            log.warning("the scanner did not answer on document %s: %s; it is asked again", document.id, problem)


async def settle(store: Store, uploads: Uploads, document: Document, finding: Verdict, clock: Clock) -> bool:
    """What a scanner found has its effect, once; False where it had one before.

    Of a document that is harmful, the cases that use it are told first: after a crash it is still in quarantine.
    """
    at, reason = stamp(clock()), (finding.reason or "")[:LONGEST_REASON] or None
    if finding.infected:
        for mrn in await store.cases_of_document(document.id):
            await _tell(store, mrn, document, at)
    state = REJECTED if finding.infected else AVAILABLE
    moved = await store.move_document(document.id, QUARANTINE, state, at, reason if state == REJECTED else None)
    if moved:
        uploads.numbers.scanned("infected" if finding.infected else "clean")
        if state == REJECTED:
            log.warning("document %s was rejected by the scanner", document.id)
            await uploads.objects.delete(document.id)
    return moved


async def _tell(store: Store, mrn: str, document: Document, at: str) -> None:
    """Put it into the history of a case, where it is not there yet."""

    async def find() -> CaseFile:
        file = await store.case_file(mrn)
        if file is None:
            raise LookupError(f"there is no case {mrn}")
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, None]:
        kind = lifecycle.DOCUMENT_REJECTED
        if any(event.kind == kind and event.data["document_id"] == document.id for event in file.events):
            return None, None
        return plan(
            file, at, (), (Entry(kind, GATEWAY, {"document_id": document.id, "digest": document.digest}),)
        ), None

    await change(store, find, step)


def digest_of(token: str) -> str:
    """A token as the store knows it."""
    return sha256(token.encode()).hexdigest()


def _scan(document: Document, address: str, token: str) -> Scan:
    """The token is in the query, because that is what no log of requests has."""
    return Scan(
        document=document.id,
        name=document.name,
        size=document.size,
        media=document.media or "",
        sha256=document.digest or "",
        content=f"{address}{SCANS}/content?token={token}",
        answer=f"{address}{SCANS}?token={token}",
    )
