"""One send of one delivery, from the adapter's answer to what the case keeps of it.

However a send ends, the delivery is not lost: taken, it waits for the agency's decision; not taken now, it is tried
again for as long as it takes; refused, or answered with what cannot be read, it is parked for an operator.
The log says why in our own words. The partner's, which may echo what it was sent, are kept with the delivery alone.
"""

import asyncio
import logging
from time import perf_counter, time_ns

from adapters.port import Adapter, Declined, Outgoing, Receipt, Unadmitted, Unreachable
from datamodel.issues import Refused
from gateway import decisions, lifecycle, retry
from gateway.cases import GATEWAY, Entry, change, delivery_of, plan
from gateway.clock import later, stamp
from gateway.collect import DecisionConflict, DeliveryClosed, read_answer, record
from gateway.ports import CaseChange, CaseFile, Claim, DeliveryChange
from gateway.service import Gateway
from gateway.traces.span import Place, Span, place_in, root_of

log = logging.getLogger(__name__)

# An adapter keeps its own time; this much longer and it is taken to have forgotten.
GRACE_SECONDS = 1.0
LONGEST_PROBLEM = 500
_JITTER_BYTES = 4
GOOD = frozenset({"taken", "decided", "closed"})


async def send(gateway: Gateway, adapter: Adapter, claim: Claim) -> None:
    """Send a delivery that this process holds, and record what came of it."""
    begun, place = time_ns(), place_in(claim.conversation_id) if gateway.tracer.on else None
    outcome = await _send(gateway, adapter, claim, place)
    gateway.metrics.sent(claim.delivery.agency, outcome)
    if place is not None:
        gateway.tracer.put(_span(claim, place, begun, outcome))


def _span(claim: Claim, place: Place, begun: int, outcome: str) -> Span:
    sent = claim.delivery
    return Span(
        name=f"send {sent.agency}",
        place=place,
        parent=root_of(claim.conversation_id),
        begun=begun,
        kind="client",
        facts={
            "guichet.mrn": claim.mrn,
            "guichet.delivery": sent.id,
            "guichet.attempt": sent.attempts,
            "guichet.outcome": outcome,
        },
        failed="" if outcome in GOOD else outcome,
    )


async def _send(gateway: Gateway, adapter: Adapter, claim: Claim, place: Place | None) -> str:
    """What came of it, as one of `metrics.OUTCOMES`, which is on record then."""
    try:
        receipt = await _carry(gateway, adapter, claim, place)
    except Declined as error:
        _warn(claim, error.cause, "it is parked")
        await _park(gateway, claim, f"the agency declined the delivery: {error}")
        return "declined"
    except Unadmitted as error:
        _warn(claim, error.cause, "check its address and our key; it is tried again")
        await _try_again(gateway, claim, str(error))
        return "unadmitted"
    except Unreachable as error:
        log.info("delivery %(delivery)s to %(agency)s: attempt %(attempt)d: %(cause)s", _named(claim, error.cause))
        await _try_again(gateway, claim, str(error))
        return "unreachable"
    except Exception as error:
        log.exception("the adapter for %(agency)s failed on delivery %(delivery)s", _named(claim))
        await _try_again(gateway, claim, f"the channel failed: {type(error).__name__}")
        return "failed"
    return await _taken(gateway, claim, receipt)


async def _carry(gateway: Gateway, adapter: Adapter, claim: Claim, place: Place | None) -> Receipt:
    delivery = claim.delivery
    outgoing = Outgoing(
        delivery_id=delivery.id,
        agency=delivery.agency,
        media=delivery.media,
        body=claim.body,
        due_at=delivery.due_at,
        callback_url=f"{gateway.settings.base_url}/v1/agency/deliveries/{delivery.id}/decision",
        trace="" if place is None else str(place),
    )
    seconds, begun = gateway.settings.outbox.send + GRACE_SECONDS, perf_counter()
    try:
        async with asyncio.timeout(seconds):
            return await adapter.send(outgoing)
    except TimeoutError:
        raise Unreachable(f"no answer within {seconds:g} s") from None
    finally:
        gateway.metrics.exchanged(delivery.agency, perf_counter() - begun)


async def _taken(gateway: Gateway, claim: Claim, receipt: Receipt) -> str:
    """With a decision in the answer, that it was sent and how it was decided are one commit. The outcome."""
    sent = _entry(claim, lifecycle.SENT)
    if receipt.body is None:
        await _move(gateway, claim, lifecycle.SENT, (sent,))
        return "taken"
    delivery = claim.delivery
    try:
        answer = await read_answer(gateway, receipt.body, receipt.media, delivery.id)
        await record(gateway, delivery.agency, answer, before=(sent,))
    except Refused as error:
        rules = ", ".join(sorted({issue.rule for issue in error.report.issues}))
        _warn(claim, f"its answer is not valid ({rules})", "it is parked")
        await _park(gateway, claim, f"the agency's answer is not valid: {decisions.describe(error)}")
        return "unreadable"
    except DecisionConflict as error:
        # The callback was faster and said something else; what is final stays, and the agency has to be asked.
        log.error("%(cause)s (%(agency)s contradicts itself)", _named(claim, str(error)))
        return "contradicted"
    except DeliveryClosed as error:
        text = "%(cause)s; the decision of %(agency)s in its answer is not recorded"
        log.info(text, _named(claim, str(error)))
        return "closed"
    return "decided"


async def _try_again(gateway: Gateway, claim: Claim, problem: str) -> None:
    delivery = claim.delivery
    jitter = int.from_bytes(gateway.random(_JITTER_BYTES)) / 256**_JITTER_BYTES
    policy = gateway.settings.retry
    seconds = retry.delay(policy, delivery.attempts, jitter)
    next_attempt_at = later(gateway.clock(), seconds)
    entry = _entry(claim, lifecycle.RETRY, next_attempt=next_attempt_at)
    entries = (entry,) if delivery.attempts <= policy.attempts else ()
    await _move(gateway, claim, lifecycle.RETRY, entries, problem, next_attempt_at)
    gateway.doorbell.ring([delivery.agency])


def _warn(claim: Claim, cause: str, follows: str) -> None:
    """What an operator has to know: the cause, and what becomes of the delivery."""
    text = "delivery %(delivery)s to %(agency)s: attempt %(attempt)d: %(cause)s: %(follows)s"
    log.warning(text, {**_named(claim, cause), "follows": follows})


def _named(claim: Claim, cause: str = "") -> dict[str, object]:
    """What a line of the log is about."""
    sent = claim.delivery
    return {"delivery": sent.id, "agency": sent.agency, "attempt": sent.attempts, "cause": cause}


async def _park(gateway: Gateway, claim: Claim, problem: str) -> None:
    await _move(gateway, claim, lifecycle.PARKED, (_entry(claim, lifecycle.PARKED),), problem)


async def _move(
    gateway: Gateway,
    claim: Claim,
    event: str,
    entries: tuple[Entry, ...],
    problem: str | None = None,
    next_attempt_at: str | None = None,
) -> None:
    """Record the outcome of a send, unless the agency's decision has overtaken it."""
    at = stamp(gateway.clock())

    async def find() -> CaseFile:
        file = await gateway.store.case_file(claim.mrn)
        if file is None:
            raise LookupError(f"there is no case {claim.mrn}")
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, None]:
        before = delivery_of(file, claim.delivery.id).state
        state = lifecycle.next_delivery_state(before, event)
        if state == before != lifecycle.QUEUED:
            return None, None
        moved = DeliveryChange(
            id=claim.delivery.id,
            state=state,
            next_attempt_at=next_attempt_at,
            problem=problem[:LONGEST_PROBLEM] if problem else None,
        )
        return plan(file, at, (moved,), entries), None

    await change(gateway.store, find, step)


def _entry(claim: Claim, kind: str, **facts: str) -> Entry:
    delivery = claim.delivery
    data = {"delivery": delivery.id, "agency": delivery.agency, "attempt": delivery.attempts, **facts}
    return Entry(kind, GATEWAY, data)
