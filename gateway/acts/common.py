"""What a trader's acts on a case of its own have in common: how its message is read, and what the history keeps of it.

An act is answered once: the same message again gets the first answer, whatever the caller believes of the case's
version. Otherwise the version has to be the one seen, where the caller says which that is, and the act legal in the
state that the case is in (`lifecycle.ACTS`).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from datamodel.codecs import Parsed, write
from datamodel.findings import ERROR, Finding, Step
from datamodel.issues import Refused, Report
from datamodel.limits import Limits
from datamodel.places import locate
from datamodel.wording import spoken
from gateway import lifecycle
from gateway.cases import Stale
from gateway.intake import Lodgement
from gateway.ports import AdditionalMessage, CaseFile
from gateway.service import Gateway

Unchanged = Callable[[int], bool]
ID: Final[tuple[Step, ...]] = (("Declaration", None), ("ID", None))
REFERENCE: Final[tuple[Step, ...]] = (("Declaration", None), ("FunctionalReferenceID", None))

ABSENT: Final = "\u2014"


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


def noticed(gateway: Gateway, parsed: Parsed, lodgement: Lodgement, now: datetime) -> Notice:
    """A message that is valid in its form, with what lists and rules find in it."""
    report = gateway.checks.examine(parsed, lodgement.body, now.date(), gateway.settings.limits)
    document = write(parsed, "json")
    facts = {
        "media": lodgement.media,
        "bytes": len(lodgement.body),
        "digest": sha256(lodgement.body).hexdigest(),
        "message": parsed.message.key,
        "document": sha256(document).hexdigest(),
        "conversation": lodgement.conversation_id,
        "as_of": now.date().isoformat(),
        "checks": gateway.checks.digest,
        "issues": report.total,
    }
    return Notice(message=parsed.message.key, document=document, report=report, facts=facts)


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
    severity, text, remedy = spoken().rules[rule]
    words = {"value": named or ABSENT, "expected": expected or ABSENT}
    told = {"text": text.format(**words), "remedy": remedy.format(**words)}
    finding = Finding(rule=rule, severity=severity, steps=steps, **told, **words)
    return Refused(locate(parsed, body, [finding], limits))


def check_legal(act: str, file: CaseFile, notice: Notice, unchanged: Unchanged) -> None:
    """Raises Refused for a message with errors, Stale, and IllegalAct."""
    if any(each.severity == ERROR for each in notice.report.issues):
        raise Refused(notice.report)
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
