"""One send of one notice, and what becomes of it.

As with a delivery, however a send ends, the notice is not lost: taken, the history of the case says so; not taken now,
it is tried again for as long as it takes; declined, it is parked for an operator, and stands in the agency's list of
notices. What may have been taken before the process died is sent again, under the same id.
"""

import asyncio
import logging
from time import time_ns

import msgspec

from adapters.port import Adapter, Declined, OutgoingNotice, Unadmitted, Unreachable
from gateway import lifecycle, retry
from gateway.cases import GATEWAY, Entry, change, plan
from gateway.clock import later, stamp
from gateway.notices.records import PARKED, TAKEN, ListedNotice, NoticeMove
from gateway.ports import CaseChange, CaseFile
from gateway.service import Gateway
from gateway.traces.span import Facts, Span, place_in, root_of

log = logging.getLogger(__name__)

# An adapter keeps its own time; this much longer and it is taken to have forgotten.
GRACE_SECONDS = 1.0
LONGEST_PROBLEM = 500
_JITTER_BYTES = 4
_EVENTS = {TAKEN: lifecycle.TOLD_AGENCY, PARKED: lifecycle.UNTOLD_AGENCY}


async def tell(gateway: Gateway, adapter: Adapter, claim: ListedNotice) -> None:
    """Send a notice that this process holds, and record what came of it."""
    begun, place = time_ns(), place_in(claim.conversation_id) if gateway.tracer.on else None
    failed = await _tell(gateway, adapter, claim, "" if place is None else str(place))
    if place is not None:
        told = claim.notice
        facts: Facts = {"guichet.mrn": claim.mrn, "guichet.notice": told.id, "guichet.attempt": told.attempts}
        root = root_of(claim.conversation_id)
        name = f"tell {told.agency}"
        gateway.tracer.put(
            Span(name=name, place=place, parent=root, begun=begun, kind="client", facts=facts, failed=failed)
        )


async def _tell(gateway: Gateway, adapter: Adapter, claim: ListedNotice, trace: str) -> str:
    """Why it failed, or nothing; either is on record then."""
    told = claim.notice
    try:
        await _carry(gateway, adapter, claim, trace)
    except Declined as error:
        _warn(claim, error.cause, "it is parked")
        await settle(gateway, claim, PARKED, f"the agency declined the notice: {error}")
        return "declined"
    except Unreachable as error:
        if isinstance(error, Unadmitted):
            _warn(claim, error.cause, "check its address and our key; it is tried again")
        await _put_off(gateway, claim, str(error))
        return "unreachable"
    except Exception as error:
        log.exception("the adapter for %s failed on notice %s", told.agency, told.id)
        await _put_off(gateway, claim, f"the channel failed: {type(error).__name__}")
        return "failed"
    await settle(gateway, claim, TAKEN)
    return ""


async def settle(gateway: Gateway, listed: ListedNotice, state: str, problem: str | None = None) -> None:
    """Record how a notice ended, once: with an event of its case, in one commit."""
    told, kind, at = listed.notice, _EVENTS[state], stamp(gateway.clock())

    async def find() -> CaseFile:
        file = await gateway.store.case_file(listed.mrn)
        if file is None:
            raise LookupError(f"there is no case {listed.mrn}")
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, None]:
        ended = {event.data["notice"] for event in file.events if event.kind == lifecycle.TOLD_AGENCY}
        if told.id in ended:
            return None, None
        facts = {"notice": told.id, "delivery": told.delivery_id, "agency": told.agency, "about": told.kind}
        move = NoticeMove(told.id, state, problem[:LONGEST_PROBLEM] if problem else None)
        planned = plan(file, at, (), (Entry(kind, GATEWAY, facts),))
        return msgspec.structs.replace(planned, told=(move,)), None

    await change(gateway.store, find, step)


async def _carry(gateway: Gateway, adapter: Adapter, claim: ListedNotice, trace: str) -> None:
    told, seconds = claim.notice, gateway.settings.outbox.send + GRACE_SECONDS
    outgoing = OutgoingNotice(
        notice_id=told.id,
        delivery_id=told.delivery_id,
        agency=told.agency,
        kind=told.kind,
        media=told.media,
        body=claim.body,
        trace=trace,
    )
    try:
        async with asyncio.timeout(seconds):
            await adapter.tell(outgoing)
    except TimeoutError:
        raise Unreachable(f"no answer within {seconds:g} s") from None


async def _put_off(gateway: Gateway, claim: ListedNotice, problem: str) -> None:
    told = claim.notice
    log.info("notice %s to %s: attempt %d was not taken", told.id, told.agency, told.attempts)
    jitter = int.from_bytes(gateway.random(_JITTER_BYTES)) / 256**_JITTER_BYTES
    again_at = later(gateway.clock(), retry.delay(gateway.settings.retry, told.attempts, jitter))
    await gateway.store.put_off_notice(told.id, again_at, problem[:LONGEST_PROBLEM])


def _warn(claim: ListedNotice, cause: str, follows: str) -> None:
    """What an operator has to know: the cause, in our own words, and what becomes of the notice."""
    told = claim.notice
    log.warning("notice %s to %s: attempt %d: %s: %s", told.id, told.agency, told.attempts, cause, follows)
