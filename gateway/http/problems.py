"""Every error answer is an RFC 9457 problem document, in JSON or XML, made in one place from one catalogue.

Two tables hold all there is to decide: `KINDS` says what each problem is called and whose fault it is, `TRANSLATIONS`
says which exception is which problem. What stands in neither is ours to mend: a 500 that tells the caller nothing
of the inside, and the log everything under the same conversation id.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from aiohttp import web

from datamodel.issues import Issue, Refused
from gateway.collect import DecisionConflict, UnknownDelivery
from gateway.http import negotiate, render
from gateway.media import Format
from gateway.ports import Conflict

Blame = Literal["sender", "partner", "gateway"]
INTERNAL = "The fault is not yours. Quote the conversation id when you report it."
UNKNOWN = "There is nothing here under this address that you may see."


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem; its slug is the last part of the problem type's URN."""

    status: int
    title: str
    blame: Blame = "sender"


KINDS: dict[str, Kind] = {
    "malformed": Kind(400, "The request cannot be read"),
    "unauthenticated": Kind(401, "The caller is not known"),
    "forbidden": Kind(403, "The caller's role may not do this"),
    "unknown": Kind(404, "Not found"),
    "method": Kind(405, "This address does not take this method"),
    "not-acceptable": Kind(406, "No format on offer is acceptable"),
    "too-slow": Kind(408, "The body did not arrive in time"),
    "conflict": Kind(409, "Another document came before under this name"),
    "decided": Kind(409, "Another final decision came before"),
    "too-large": Kind(413, "The body is too large"),
    "unsupported-media": Kind(415, "The body is in a form that is not taken"),
    "expectation": Kind(417, "The expectation cannot be met"),
    "invalid": Kind(422, "The message is not valid"),
    "internal": Kind(500, "The gateway failed", "gateway"),
    "not-ready": Kind(503, "The gateway is not ready", "gateway"),
}
# What RFC 9110 asks to be said with a status.
_HEADERS = {415: {"Accept": "application/xml, text/xml, application/json", "Accept-Encoding": "identity"}}
_BY_STATUS = {kind.status: slug for slug, kind in reversed(KINDS.items())}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error answer (RFC 9457). `issues` are the first of `issues_total`; `mrn` and `digests` name what clashes."""

    type: str
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


class Fault(Exception):
    """A request that cannot be answered as asked: a kind of problem, and what is particular this time.

    `hang_up` closes the connection after the answer, for where the rest of the body is not worth reading.
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
        self.mrn: str | msgspec.UnsetType = msgspec.UNSET
        self.digests: tuple[str, str] | msgspec.UnsetType = msgspec.UNSET

    @property
    def kind(self) -> Kind:
        """What the catalogue says about it."""
        return KINDS[self.slug]


def _refused(error: Refused) -> Fault:
    issues, total = error.report.issues, error.report.total
    count = "1 issue" if total == 1 else f"{total} issues"
    shown = "" if total == len(issues) else f"; the first {len(issues)} are listed"
    first = f": {issues[0].text}" if issues else "."
    slug = _BY_STATUS.get(error.status, "invalid")
    return Fault(slug, f"{count}{shown}{first}", *issues, total=total, headers=_HEADERS.get(error.status))


def _conflict(error: Conflict) -> Fault:
    fault = Fault("conflict", f"{error}. The digests are of the first document and of this one.")
    fault.mrn, fault.digests = error.mrn, (error.first, error.second)
    return fault


def _http(error: web.HTTPException) -> Fault:
    slug = _BY_STATUS.get(error.status, "internal")
    allowed = error.headers.get("Allow", "").replace(",", ", ")
    details = {404: UNKNOWN, 405: f"This address takes {allowed}.", 417: "Only 100-continue can be expected."}
    return Fault(slug, details.get(error.status, INTERNAL), headers={"Allow": allowed} if allowed else None)


# The first row whose exception fits. What fits none is an internal fault.
TRANSLATIONS: tuple[tuple[type[Exception], Callable[..., Fault]], ...] = (
    (Fault, lambda error: error),
    (Refused, _refused),
    (Conflict, _conflict),
    (UnknownDelivery, lambda error: Fault("unknown", UNKNOWN)),
    (DecisionConflict, lambda error: Fault("decided", f"{error}")),
    (web.HTTPException, _http),
)


def fault_of(error: Exception) -> Fault:
    """What to answer for an exception."""
    for kind, translate in TRANSLATIONS:
        if isinstance(error, kind):
            return translate(error)
    return Fault("internal", INTERNAL)


def answer(fault: Fault, instance: str, conversation_id: str, form: Format) -> web.Response:
    """The problem document for a fault."""
    problem = Problem(
        type=f"urn:guichet:problem:{fault.slug}",
        title=fault.kind.title,
        status=fault.kind.status,
        detail=render.clean(fault.detail),
        instance=render.clean(instance),
        conversation_id=conversation_id,
        blame=fault.kind.blame,
        issues=fault.issues,
        issues_total=fault.total,
        mrn=fault.mrn,
        digests=fault.digests,
    )
    body = render.RENDERERS[form](problem, "problem", render.PROBLEM_NAMESPACE)
    response = web.Response(status=problem.status, body=body, headers=fault.headers)
    response.content_type = negotiate.PROBLEMS[form]
    if fault.hang_up:
        response.force_close()
    return response
