"""Every error answer is an RFC 9457 problem document, in JSON or XML, made in one place from one catalogue.

Two tables hold all there is to decide: `KINDS` says which status each problem has and whose fault it is,
`TRANSLATIONS` says which exception is which problem. What stands in neither is ours to mend: a 500 that tells the
caller nothing of the inside, and the log everything under the same conversation id. The words are data.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from datamodel.findings import ERROR
from datamodel.issues import Issue, Refused
from datamodel.wording import either, issue, phrase, refused, spoken
from gateway.acts.common import UnknownCase
from gateway.attachments.documents import Exhausted, Gone, InUse
from gateway.attachments.provided import TooMany, UnknownDocument
from gateway.attachments.staging import Occupied
from gateway.attachments.uploads import Crowded as CrowdedDoor
from gateway.attachments.uploads import Misplaced, UnknownUpload
from gateway.cases import Stale
from gateway.collect import DecisionConflict, DeliveryClosed, UnknownDelivery
from gateway.http import negotiate, render
from gateway.lifecycle import SUPERSEDED, WITHDRAWN, IllegalAct
from gateway.mandates.granting import UnknownMandate
from gateway.media import Format
from gateway.ports import Conflict
from gateway.vocabulary import CaseState, one_of
from gateway.workshop import WorkLost

Blame = Literal["sender", "partner", "gateway"]


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem; its slug is the last part of the problem type's URN, and of the phrase that is its title."""

    status: int
    blame: Blame = "sender"


KINDS: dict[str, Kind] = {
    "malformed": Kind(400),
    "unauthenticated": Kind(401),
    "forbidden": Kind(403),
    "unknown": Kind(404),
    "method": Kind(405),
    "not-acceptable": Kind(406),
    "too-slow": Kind(408),
    "conflict": Kind(409),
    "decided": Kind(409),
    "withdrawn": Kind(409),
    "superseded": Kind(409),
    "illegal-state": Kind(409),
    "upload-offset": Kind(409),
    "withheld": Kind(409),
    "document-used": Kind(409),
    "changed": Kind(412),
    "too-large": Kind(413),
    "unsupported-media": Kind(415),
    "range": Kind(416),
    "expectation": Kind(417),
    "invalid": Kind(422),
    "limited": Kind(429),
    "internal": Kind(500, "gateway"),
    "not-ready": Kind(503, "gateway"),
    "busy": Kind(503, "gateway"),
}
# What RFC 9110 asks to be said with a status.
_HEADERS = {415: {"Accept": "application/xml, text/xml, application/json", "Accept-Encoding": "identity"}}
_BY_STATUS = {kind.status: slug for slug, kind in reversed(KINDS.items())}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error answer (RFC 9457). `issues` are the first of `issues_total`; `mrn` and `digests` name what clashes.

    The digests are the SHA-256 of the bytes of two documents as they came, the earlier one first. `state` is the one
    that the case is in, `legal` are those in which the request would be taken.
    """

    type: Annotated[str, one_of(f"urn:guichet:problem:{slug}" for slug in KINDS)]
    title: str
    status: int
    detail: str
    instance: str
    conversation_id: str
    blame: Blame
    issues: tuple[Issue, ...] = ()
    issues_total: int = 0
    mrn: str | msgspec.UnsetType = msgspec.UNSET
    digests: tuple[str, str] | msgspec.UnsetType = msgspec.UNSET
    state: CaseState | msgspec.UnsetType = msgspec.UNSET
    legal: tuple[CaseState, ...] | msgspec.UnsetType = msgspec.UNSET


class Fault(Exception):
    """A request that cannot be answered as asked: a kind of problem, and what is particular this time.

    `hang_up` closes the connection after the answer, for where the rest of the body is not worth reading. `members` are
    further ones of the problem document.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *issues: Issue,
        total: int | None = None,
        headers: Mapping[str, str] | None = None,
        hang_up: bool = False,
    ) -> None:
        super().__init__(detail)
        self.slug, self.detail, self.issues, self.hang_up = slug, detail, issues, hang_up
        self.total = len(issues) if total is None else total
        self.headers = dict(headers or {})
        self.members: dict[str, Any] = {}

    @property
    def kind(self) -> Kind:
        """What the catalogue says about it."""
        return KINDS[self.slug]


def _refused(error: Refused) -> Fault:
    issues, total = error.report.issues, error.report.total
    count = phrase("detail.issues", count=total)
    if total > len(issues):
        count = phrase("detail.first", issues=count, count=len(issues))
    gravest = min(issues, key=lambda issue: issue.severity != ERROR, default=None)
    key = "detail.told" if gravest else "detail.untold"
    told = phrase(key, issues=count, text=gravest.text if gravest else "")
    slug = _BY_STATUS.get(error.status, "invalid")
    return Fault(slug, told, *issues, total=total, headers=_HEADERS.get(error.status))


def _conflict(error: Conflict) -> Fault:
    fault = Fault("conflict", phrase("detail.conflict", name=error.what))
    fault.members = {"mrn": error.mrn, "digests": (error.first, error.second)}
    return fault


def _http(error: web.HTTPException) -> Fault:
    slug = _BY_STATUS.get(error.status, "internal")
    allowed = error.headers.get("Allow", "").replace(",", ", ")
    details = {404: "detail.unknown", 405: "detail.method", 417: "detail.expectation"}
    detail = phrase(details.get(error.status, "detail.internal"), names=allowed)
    return Fault(slug, detail, headers={"Allow": allowed} if allowed else None)


def _decided(error: DecisionConflict) -> Fault:
    words = {"name": error.delivery_id, "recorded": error.recorded, "offered": error.offered}
    return Fault("decided", phrase("detail.decided", **words))


def _closed(error: DeliveryClosed) -> Fault:
    details = {WITHDRAWN: "detail.withdrawn", SUPERSEDED: "detail.superseded"}
    return Fault(error.state, phrase(details[error.state], name=error.delivery_id, mrn=error.mrn))


def _illegal(error: IllegalAct) -> Fault:
    fault = Fault("illegal-state", phrase("detail.illegal-state", state=error.state, names=either(error.legal)))
    fault.members = {"mrn": error.mrn, "state": error.state, "legal": error.legal}
    return fault


def _changed(error: Stale) -> Fault:
    fault = Fault("changed", phrase("detail.changed", version=error.version))
    fault.members = {"mrn": error.mrn}
    return fault


def _misplaced(error: Misplaced) -> Fault:
    detail = phrase("detail.upload-offset", count=error.received, size=error.size)
    return Fault("upload-offset", detail, headers={"Upload-Offset": str(error.received)}, hang_up=True)


def _exhausted(error: Exhausted) -> Fault:
    detail = phrase("detail.unfinished" if error.unfinished else "detail.daily")
    return Fault("limited", detail, headers={"Retry-After": "3600"}, hang_up=True)


def _unattachable(error: UnknownDocument) -> Fault:
    rule = "document.rejected" if error.rejected else "document.unknown"
    return _refused(refused(issue(rule, value=error.document_id, expected=phrase("document.id"))))


def _too_many(error: TooMany) -> Fault:
    return _refused(refused(issue("document.many", expected=phrase("document.most", count=error.most))))


def not_found() -> Fault:
    """What is not there, or not for this caller: nobody learns which."""
    return Fault("unknown", phrase("detail.unknown"))


def _lost(error: WorkLost) -> Fault:
    found = issue("body.lost")
    return Fault("internal", found.text, found)


def internal() -> Fault:
    """Our own fault, of which the caller is told nothing."""
    return Fault("internal", phrase("detail.internal"))


# The first row whose exception fits. What fits none is an internal fault.
TRANSLATIONS: tuple[tuple[type[Exception], Callable[..., Fault]], ...] = (
    (Fault, lambda error: error),
    (Refused, _refused),
    (Conflict, _conflict),
    (UnknownDelivery, lambda error: not_found()),
    (UnknownCase, lambda error: not_found()),
    (UnknownMandate, lambda error: not_found()),
    (WorkLost, _lost),
    (DecisionConflict, _decided),
    (DeliveryClosed, _closed),
    (IllegalAct, _illegal),
    (Stale, _changed),
    (UnknownUpload, lambda error: not_found()),
    (Gone, lambda error: not_found()),
    (Misplaced, _misplaced),
    (Occupied, lambda error: Fault("upload-offset", phrase("detail.upload-occupied"), hang_up=True)),
    (Exhausted, _exhausted),
    (CrowdedDoor, lambda error: Fault("busy", phrase("detail.crowded"), headers={"Retry-After": "10"}, hang_up=True)),
    (InUse, lambda error: Fault("document-used", phrase("detail.document-used"))),
    (UnknownDocument, _unattachable),
    (TooMany, _too_many),
    (web.HTTPException, _http),
)


def fault_of(error: Exception) -> Fault:
    """What to answer for an exception."""
    for kind, translate in TRANSLATIONS:
        if isinstance(error, kind):
            return translate(error)
    return internal()


def title(slug: str) -> str:
    """What a kind of problem is called."""
    return phrase(f"problem.{slug}")


def language_headers() -> dict[str, str]:
    """What is said of an answer in words: their language, and that another caller may get another."""
    return {"Content-Language": spoken().language, "Vary": "Accept, Accept-Language"}


def answer(fault: Fault, instance: str, conversation_id: str, form: Format) -> web.Response:
    """The answer with the problem document for a fault."""
    problem = document(fault, instance, conversation_id)
    body = render.RENDERERS[form](problem, "problem", render.PROBLEM_NAMESPACE)
    response = web.Response(status=problem.status, body=body, headers={**fault.headers, **language_headers()})
    response.content_type = negotiate.PROBLEMS[form]
    if fault.hang_up:
        response.force_close()
    return response


def document(fault: Fault, instance: str, conversation_id: str) -> Problem:
    """The problem document for a fault."""
    return Problem(
        type=f"urn:guichet:problem:{fault.slug}",
        title=title(fault.slug),
        status=fault.kind.status,
        detail=render.clean(fault.detail),
        instance=render.clean(instance),
        conversation_id=conversation_id,
        blame=fault.kind.blame,
        issues=fault.issues,
        issues_total=fault.total,
        **fault.members,
    )
