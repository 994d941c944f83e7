"""Routes for batches: many declarations in one call, each lodged as if it came alone, and what became of a batch.

The answer is one record for each item, in the order of the items, and a last one: where that is missing, the answer
broke off. An item whose answer was lost is asked for by the batch's key, or sent again: it is answered as before.
"""

import io
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Final

import msgspec

from datamodel.wording import issue, phrase, refused
from gateway.bulk import archive, lines, parts
from gateway.bulk.desk import Full
from gateway.bulk.items import SHOWN, Item
from gateway.bulk.running import Running, Stopped
from gateway.bulk.taken import TakenItem, item_key
from gateway.http import problems, render
from gateway.http.bodies import LATER, message_media
from gateway.http.incoming import Incoming
from gateway.http.messages import named_message, unfit
from gateway.http.negotiate import SPELLINGS, media_type
from gateway.http.problems import Fault, Problem, not_found
from gateway.http.routes import IDEMPOTENCY_KEY, MESSAGE_HEADER, Answer, Call, Parameter, Route
from gateway.http.traders import idempotency_key
from gateway.identifiers import new_conversation_id
from gateway.intake import Lodgement, lodge
from gateway.ports import Acceptance
from gateway.spool import Spool

PATH = "/v1/batches"
PAGE, LARGEST_PAGE = 500, 5000
LINES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
PARTS: Final = ("multipart/mixed", "multipart/form-data")
ZIP: Final = ("application/zip", "application/x-zip-compressed")

log = logging.getLogger(__name__)


class ItemResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item: the acceptance, or the problem, as it would be answered to the declaration alone.

    `number` is its place in the batch, from 1; `status` is the HTTP status that it would be answered with.
    """

    number: int
    key: str
    status: int
    acceptance: Acceptance | None = None
    problem: Problem | None = None


class BatchEnd(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last record. `complete` is false where the batch was not read to its end, and `problem` says why.

    Of the `items` that were read, some were `accepted`, some `replayed` (on record before), the others `refused`.
    """

    complete: bool
    items: int
    accepted: int
    replayed: int
    refused: int
    problem: Problem | None = None


class BatchRecords(msgspec.Struct, frozen=True):
    """The records of an answer in their order: each a line of JSON, or an element `item` or `end` of the XML."""

    item: tuple[ItemResult, ...]
    end: BatchEnd


class Batch(msgspec.Struct, frozen=True):
    """A page of the items of a batch that are on record, by key; `next` is the `after` of the page behind it."""

    items: tuple[TakenItem, ...]
    next: str | None


Writer = Callable[[Any, str], bytes]


def _line(record: Any, name: str) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def _element(record: Any, name: str) -> bytes:
    return render.to_element(record, name) + b"\n"


@dataclass(slots=True)
class Tally:
    """One batch while it is lodged, and how many items have come to what."""

    call: Call
    batch: str | None
    write: Writer
    accepted: int = 0
    replayed: int = 0
    refused: int = 0

    async def lodge(self, item: Item) -> bytes:
        """Lodge an item; the record of what became of it."""
        call = self.call
        conversation_id = new_conversation_id(call.gateway.random)
        try:
            if item.fault:
                raise item.fault
            lodgement = Lodgement(
                account=call.account,
                actor=call.actor,
                body=item.body,
                media=str(message_media(render.clean(item.media))),
                conversation_id=conversation_id,
                message=named_message(call),
                idempotency_key=item_key(self.batch, item.key),
            )
            accepted = await lodge(call.gateway, lodgement)
        except Exception as error:
            self.refused += 1
            return self._refused(item, error, conversation_id)
        self.replayed += accepted.replayed
        self.accepted += not accepted.replayed
        return self.write(ItemResult(number=item.number, key=item.key, status=202, acceptance=accepted), "item")

    def _refused(self, item: Item, error: Exception, conversation_id: str) -> bytes:
        fault = problems.fault_of(error)
        if fault.kind.blame == "gateway":
            told = (conversation_id, item.number, self.call.conversation_id, fault.slug)
            trace = None if fault.slug == "busy" else error
            log.error("conversation %s: item %d of batch %s failed: %s", *told, exc_info=trace)
        problem = problems.document(fault, PATH, conversation_id)
        return self.write(ItemResult(number=item.number, key=item.key, status=problem.status, problem=problem), "item")

    def end(self, fault: Fault | None) -> bytes:
        """The last record."""
        read = self.accepted + self.replayed + self.refused
        problem = None if fault is None else problems.document(fault, PATH, self.call.conversation_id)
        end = BatchEnd(
            complete=fault is None,
            items=read,
            accepted=self.accepted,
            replayed=self.replayed,
            refused=self.refused,
            problem=problem,
        )
        return self.write(end, "end")


async def take_batch(call: Call) -> Answer:
    """Lodges the declarations of a batch."""
    return Answer(value=_records(call, idempotency_key(call)), media=call.media, headers=problems.language_headers())


async def _records(call: Call, batch: str | None) -> AsyncGenerator[bytes, None]:
    """The answer. What is wrong before the first item is raised, what is wrong later is the last record."""
    as_xml = call.media in SPELLINGS["xml"]
    tally = Tally(call, batch, _element if as_xml else _line)
    before = render.opening("batch").encode() + b"\n" if as_xml else b""
    feed = _feed(call)
    with _place(call, feed):
        running = Running(feed.desk, _items(feed), tally.lodge, feed.pace)
        async with aclosing(running.parts()) as done:
            async for part in done:
                yield before + part
                before = b""
        fault = _told(running.ended)
        if before or not (tally.accepted or tally.replayed or tally.refused):
            raise fault or refused(issue("body.empty"), status=400)
        yield tally.end(fault) + (b"</batch>" if as_xml else b"")


def _feed(call: Call) -> Incoming:
    if call.feed is None:
        raise TypeError("the route feeds its handler")
    return call.feed


@contextmanager
def _place(call: Call, feed: Incoming) -> Iterator[None]:
    """Raises Fault where there is none."""
    try:
        with feed.desk.place(call.account.id):
            yield
    except Full as full:
        again = {"Retry-After": str(LATER)}
        raise Fault("busy", phrase("detail.batches", count=full.count), headers=again, hang_up=True) from None


def _told(error: BaseException | None) -> Fault | None:
    """Why a batch ended before its end, in the words of a problem."""
    if error is None:
        return None
    if isinstance(error, TimeoutError):
        return Fault("too-slow", phrase("detail.batch-time"))
    if isinstance(error, Stopped):
        return Fault("not-ready", phrase("detail.batch-stopped"))
    if not isinstance(error, Exception):
        raise error
    fault = problems.fault_of(error)
    if fault.slug == "internal":
        log.error("a batch failed", exc_info=error)
    return fault


def _items(feed: Incoming) -> AsyncGenerator[Item, None]:
    """The items of what comes in, whichever it is. Raises Refused."""
    essence, most = media_type(feed.media).essence, feed.desk.settings.items
    if essence in ZIP:
        return _unpacked(feed)
    if essence in PARTS:
        return parts.items(feed.chunk, parts.boundary_of(feed.media), most, feed.hold)
    return lines.items(feed.chunk, most, feed.hold)


async def _unpacked(feed: Incoming) -> AsyncGenerator[Item, None]:
    """A ZIP file has its directory at its end, so all of it is here before the first item is read."""
    share = feed.share()
    try:
        kept = await feed.whole(share)
        with _opened(kept) as file:
            archived = archive.opened(file, feed.desk.settings)
            async for item in archive.items(archived, feed.desk.settings.items, feed.hold):
                yield item
    finally:
        share.release()


def _opened(kept: bytes | Spool) -> BinaryIO:
    if isinstance(kept, bytes):
        return io.BytesIO(kept)
    return open(kept.descriptor, "rb", closefd=False)  # noqa: PTH123  it has no path


async def outcome(call: Call) -> Answer:
    """The items of the caller's batch that are on record. One more than asked for is read, to know what is behind."""
    limit, after = _limit(call), call.query.get("after")
    of_batch = partial(call.gateway.store.batch_items, call.account.id, call.path["batch"])
    found = await of_batch(after, limit + 1)
    if not found and not (after and await of_batch(None, 1)):
        raise not_found()
    page = tuple(found[:limit])
    return Answer(value=Batch(page, page[-1].key if len(found) > limit else None))


def _limit(call: Call) -> int:
    asked = call.query.get("limit", str(PAGE))
    if asked.isascii() and asked.isdigit() and len(asked) < SHOWN and 1 <= int(asked) <= LARGEST_PAGE:
        return int(asked)
    raise unfit("query.limit", asked, phrase("query.number", low=1, high=LARGEST_PAGE))


_TAKES = (
    "The declarations. As lines of JSON, on each a declaration or an object with `key` and `declaration`; as "
    "multipart, in each part a declaration with its media type, which may be another that ends in +xml or +json; or as "
    "a ZIP of .xml and .json files."
)
ROUTES = (
    Route(
        name="lodge-batch",
        method="POST",
        path=PATH,
        handler=take_batch,
        summary="Lodge many declarations in one call, each for itself.",
        says="A record for each item, in their order as it is lodged, and a last one with how many there were.",
        takes=_TAKES,
        feeds=(*LINES, *PARTS, *ZIP),
        streams=True,
        media=(*LINES, *SPELLINGS["xml"]),
        returns=BatchRecords,
        root="batch",
        parameters=(
            msgspec.structs.replace(
                IDEMPOTENCY_KEY,
                text="The batch's key; with the key of an item, it is the Idempotency-Key under which that is lodged.",
            ),
            MESSAGE_HEADER,
        ),
        problems=(422,),
    ),
    Route(
        name="batch",
        method="GET",
        path=PATH + "/{batch}",
        handler=outcome,
        summary="The items of a batch that are on record, by key, and where each stands.",
        says="A page of items.",
        deep=True,
        returns=Batch,
        root="batch",
        parameters=(
            Parameter(name="batch", where="path", text="The Idempotency-Key that the batch was sent with."),
            Parameter(
                name="limit",
                where="query",
                text="How many items at most.",
                schema={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE},
            ),
            Parameter(
                name="after", where="query", text="The key of an item, to get those behind it: the `next` before."
            ),
        ),
        problems=(400, 404),
    ),
)
