"""A trader takes a declaration back: what no agency has decided is withdrawn, the case is invalidated, in one commit.

Legal while an agency has still to decide (`lifecycle.ACTS`). A delivery that waits to be sent is not sent any more; one
that its agency has goes from its inbox. What was decided stays on record as it is, and so does the declaration.

The case itself says which invalidation it is: there is one at most, so the same document again is answered as the first
time, in whichever format and whatever the caller believes of the case's version, and another one is a conflict.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from datamodel.codecs import Parsed, write
from datamodel.findings import ERROR, Finding
from datamodel.issues import Issue, Refused, Report
from datamodel.limits import Limits
from datamodel.places import locate
from datamodel.structs import bare
from datamodel.wording import spoken
from gateway import lifecycle
from gateway.cases import GATEWAY, Entry, Stale, change, plan
from gateway.clock import stamp
from gateway.intake import Lodgement, read_one_of
from gateway.offload import offload
from gateway.ports import AdditionalMessage, CaseChange, CaseFile, Conflict, DeliveryChange, Event
from gateway.service import Gateway

# The message types that invalidate.
INVALIDATING: Final = ("wco-dms/3.6/CANCEL",)
OTHER_DECLARATION: Final = "invalidation.other-declaration"
ID_STEPS: Final = (("Declaration", None), ("ID", None))


class UnknownCase(Exception):
    """This account has no case of that MRN."""


class Invalidated(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration is invalidated. `digest` is of the invalidation's bytes as they came; `replayed` says that it had
    been taken before. `issues` are warnings and advice on it.
    """

    mrn: str
    conversation_id: str
    digest: str
    invalidated_at: str
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An invalidation that has been read, without its bytes; `facts` are what the history keeps of it."""

    message: str
    document: bytes
    report: Report
    facts: dict[str, Any]


async def invalidate(
    gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Callable[[int], bool] = lambda version: True
) -> Invalidated:
    """Invalidate a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Conflict, Stale, and IllegalAct.
    """
    now = gateway.clock()
    notice = await offload(gateway, len(lodgement.body), _read, mrn, lodgement, now)

    async def find() -> CaseFile:
        file = await gateway.store.case_file(mrn, lodgement.account.id)
        if file is None:
            raise UnknownCase(mrn)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Invalidated]:
        earlier = next((event for event in file.events if event.kind == lifecycle.INVALIDATION), None)
        if earlier is not None:
            return None, _again(mrn, earlier, notice)
        if any(each.severity == ERROR for each in notice.report.issues):
            raise Refused(notice.report)
        if not unchanged(file.case.version):
            raise Stale(mrn, file.case.version)
        return _withdraw(file, notice, lodgement, stamp(now))

    return await change(gateway.store, find, step)


def _read(gateway: Gateway, mrn: str, lodgement: Lodgement, now: datetime) -> Notice:
    """Raises Refused for what is no valid invalidation of this declaration."""
    parsed, plain = read_one_of(gateway, lodgement, now, INVALIDATING, "message.not-invalidating")
    _check_named(parsed, plain, mrn, lodgement.body, gateway.settings.limits)
    report = gateway.checks.examine(parsed, lodgement.body, now.date(), gateway.settings.limits)
    document = write(parsed, "json")
    digest, document_digest = sha256(lodgement.body).hexdigest(), sha256(document).hexdigest()
    facts = {
        "media": lodgement.media,
        "bytes": len(lodgement.body),
        "digest": digest,
        "message": parsed.message.key,
        "document": document_digest,
        "conversation": lodgement.conversation_id,
        "as_of": now.date().isoformat(),
        "checks": gateway.checks.digest,
        "issues": report.total,
    }
    return Notice(message=parsed.message.key, document=document, report=report, facts=facts)


def _check_named(parsed: Parsed, plain: Parsed, mrn: str, body: bytes, limits: Limits) -> None:
    """Raises Refused for a message that names another declaration than the one that it was sent for."""
    named = str(bare(plain.document.Declaration.ID))
    if named == mrn:
        return
    severity, text, remedy = spoken().rules[OTHER_DECLARATION]
    words = {"value": named, "expected": mrn}
    finding = Finding(
        rule=OTHER_DECLARATION,
        severity=severity,
        text=text.format(**words),
        remedy=remedy.format(**words),
        steps=ID_STEPS,
        **words,
    )
    raise Refused(locate(parsed, body, [finding], limits))


def _again(mrn: str, earlier: Event, notice: Notice) -> Invalidated:
    """The answer of the first time. Raises Conflict where that was to another document."""
    first = earlier.data
    if first["document"] != notice.facts["document"]:
        raise Conflict("Declaration/ID", mrn, first["digest"], notice.facts["digest"])
    return Invalidated(
        mrn=mrn,
        conversation_id=first["conversation"],
        digest=first["digest"],
        invalidated_at=earlier.at,
        replayed=True,
        issues=notice.report.issues,
    )


def _withdraw(file: CaseFile, notice: Notice, lodgement: Lodgement, at: str) -> tuple[CaseChange, Invalidated]:
    """The change that invalidates a case. Raises IllegalAct."""
    case, sender = file.case, f"{lodgement.account.role}:{lodgement.account.id}"
    lifecycle.check_act(lifecycle.INVALIDATION, case.mrn, case.state)
    undecided = [each for each in file.deliveries if each.state not in lifecycle.FINAL]
    withdrawn = lifecycle.WITHDRAWN
    moves = [
        DeliveryChange(id=each.id, state=lifecycle.next_delivery_state(each.state, withdrawn)) for each in undecided
    ]
    told = (Entry(withdrawn, GATEWAY, {"delivery": each.id, "agency": each.agency}) for each in undecided)
    planned = plan(file, at, moves, (Entry(lifecycle.INVALIDATION, sender, notice.facts), *told))
    kept = AdditionalMessage(
        number=2,
        kind=lifecycle.INVALIDATION,
        message=notice.message,
        media=lodgement.media,
        body=lodgement.body,
        digest=notice.facts["digest"],
        document=notice.document,
    )
    return msgspec.structs.replace(planned, additional=kept), Invalidated(
        mrn=case.mrn,
        conversation_id=lodgement.conversation_id,
        digest=notice.facts["digest"],
        invalidated_at=planned.updated_at,
        issues=notice.report.issues,
    )
