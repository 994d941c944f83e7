"""What a trader's acts on a case of its own have in common: how its message is read, and what the history keeps of it.

An act is answered once: the same message again gets the first answer, whatever the caller believes of the case's
version, and under the same Idempotency-Key whatever became of the case since (see `once`). Otherwise the version has to
be the one seen, where the caller says which that is, and the act legal in the state that the case is in
(`lifecycle.ACTS`).
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from datamodel.base_form import base_form
from datamodel.codecs import Parsed, read, write
from datamodel.findings import ERROR, Finding, Step
from datamodel.issues import Refused, Report
from datamodel.limits import Limits
from datamodel.places import locate
from datamodel.wording import spoken
from gateway import lifecycle
from gateway.acts import stages
from gateway.acts.stages import Stage
from gateway.cases import Stale, version_of
from gateway.conflicts import Conflict
from gateway.intake import Lodgement, played
from gateway.ports import AdditionalMessage, CaseFile, Event, StoredMessage
from gateway.service import Gateway

Unchanged = Callable[[int], bool]
ID: Final[tuple[Step, ...]] = (("Declaration", None), ("ID", None))
REFERENCE: Final[tuple[Step, ...]] = (("Declaration", None), ("FunctionalReferenceID", None))

ABSENT: Final = "\u2014"
NOTHING_UNFIT: Final = Report((), 0)


class UnknownCase(Exception):
    """This account has no case of that MRN."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A message about a case that has been read, without its bytes; `facts` are what the history keeps of it."""

    message: str
    document: bytes
    report: Report
    facts: dict[str, Any]


def always(version: int) -> bool:
    """For a caller who does not say which version of the case was seen."""
    return True


def finder(gateway: Gateway, mrn: str, account_id: int) -> Callable[[], Awaitable[CaseFile]]:
    """What finds an account's own case. It raises UnknownCase."""

    async def find() -> CaseFile:
        file = await gateway.store.case_file(mrn, account_id)
        if file is None:
            raise UnknownCase(mrn)
        return file

    return find


def noticed(
    gateway: Gateway, parsed: Parsed, lodgement: Lodgement, now: datetime, others: Sequence[Finding] = ()
) -> Notice:
    """A message that is valid in its form, with what lists and rules find in it, and `others` that are known of it."""
    report = gateway.checks.examine(parsed, lodgement.body, lodgement.day(now), gateway.settings.limits, others)
    document = write(parsed, "json")
    facts = {
        "media": lodgement.media,
        "bytes": len(lodgement.body),
        "digest": sha256(lodgement.body).hexdigest(),
        "message": parsed.message.key,
        "document": sha256(document).hexdigest(),
        "conversation": lodgement.conversation_id,
        "as_of": lodgement.day(now).isoformat(),
        "checks": gateway.checks.digest,
        "issues": report.total,
    }
    facts |= played(lodgement)
    return Notice(message=parsed.message.key, document=document, report=report, facts=facts)


def finding(rule: str, steps: tuple[Step, ...], value: object, expected: object) -> Finding:
    """What `rule` says of the place that `steps` lead to; None of either is shown as absent."""
    severity, text, remedy = spoken().rules[rule]
    words = {"value": str(value or ABSENT), "expected": str(expected or ABSENT)}
    told = {"text": text.format(**words), "remedy": remedy.format(**words)}
    return Finding(rule=rule, severity=severity, steps=steps, **told, **words)


def unfit(parsed: Parsed, body: bytes, findings: Sequence[Finding], notice: Notice, limits: Limits) -> Report:
    """All that is wrong with a message that does not fit its case; nothing, where it does."""
    if not findings:
        return NOTHING_UNFIT
    found, others = locate(parsed, body, findings, limits), notice.report
    return Report((found.issues + others.issues)[: limits.max_issues], found.total + others.total)


def misnamed(
    rule: str,
    named: str | None,
    expected: str | None,
    parsed: Parsed,
    steps: tuple[Step, ...],
    body: bytes,
    limits: Limits,
) -> Refused:
    """The refusal by `rule` of a message that does not name what it must at the place that `steps` lead to."""
    return Refused(locate(parsed, body, [finding(rule, steps, named, expected)], limits))


def taken_before(file: CaseFile, act: str, notice: Notice) -> Event | None:
    """The event of an act that a case sees once, if it has. Raises Conflict where that was by another document."""
    earlier = next((event for event in file.events if event.kind == act), None)
    if earlier is not None and earlier.data["document"] != notice.facts["document"]:
        raise Conflict("Declaration/ID", file.case.mrn, earlier.data["digest"], notice.facts["digest"])
    return earlier


async def version(gateway: Gateway, file: CaseFile, number: int) -> tuple[StoredMessage | AdditionalMessage, str]:
    """A version of the declaration as it is kept, and its message type. Raises LookupError where there is none."""
    if number == 1:
        return await gateway.store.message(file.case.id), file.case.message
    for act in lifecycle.RENEWING:
        stored = await gateway.store.additional(file.case.id, act, number)
        if stored is not None:
            return stored, stored.message
    raise LookupError(f"case {file.case.mrn} has no version {number}")


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The version of a declaration that counts, as what a message about it is held against: its canonical JSON, and
    what the history says of its goods and its completion.
    """

    mrn: str
    reference: str | None
    number: int
    message: str
    document: bytes
    goods_to_come: bool
    completed_by: Stage | None


async def base(gateway: Gateway, file: CaseFile) -> Base:
    """What a message about a case is held against."""
    counts = version_of(file)
    stored, message = await version(gateway, file, counts.number)
    return Base(
        mrn=file.case.mrn,
        reference=file.case.reference,
        number=counts.number,
        message=message,
        document=stored.document,
        goods_to_come=stages.goods_to_come(file.events),
        completed_by=stages.completed_by(file.events),
    )


def declared(gateway: Gateway, base: Base) -> Parsed:
    """The declaration that counts, as a message type that can be lodged."""
    limits = gateway.settings.limits
    return base_form(
        gateway.registry, read(gateway.registry, base.document, "json", message=base.message, limits=limits)
    )


def check_legal(act: str, file: CaseFile, notice: Notice, unchanged: Unchanged, unfit: Report = NOTHING_UNFIT) -> None:
    """Raises Refused for a message with errors, and for one that is unfit for its case; Stale, and IllegalAct."""
    if unfit.total or any(each.severity == ERROR for each in notice.report.issues):
        raise Refused(unfit if unfit.total else notice.report)
    if not unchanged(file.case.version):
        raise Stale(file.case.mrn, file.case.version)
    lifecycle.check_act(act, file.case.mrn, file.case.state)


def sender(lodgement: Lodgement) -> str:
    """Who acts, as the history names it."""
    return lodgement.sender


def kept(kind: str, number: int, notice: Notice, lodgement: Lodgement) -> AdditionalMessage:
    """The message as it is kept."""
    return AdditionalMessage(
        number=number,
        kind=kind,
        message=notice.message,
        media=lodgement.media,
        body=lodgement.body,
        digest=notice.facts["digest"],
        document=notice.document,
    )
