"""What is shown of an appeal: where it stands, and what was ruled. Pure."""

import msgspec

from gateway import lifecycle
from gateway.acts.appeals import Appeal
from gateway.acts.ruling import from_document
from gateway.cases import delivery_of
from gateway.ports import CaseFile
from gateway.vocabulary import AppealState

HREF = "/v1/declarations/{mrn}/appeals/{number}"
LODGED, LAPSED = lifecycle.APPEAL_STATES[0], lifecycle.APPEAL_STATES[-1]


class AppealStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where an appeal stands: once it was ruled on, `status` says what became of the decision that it is against.

    `digest` is of the appeal's bytes as they came; `ruled_by` and `reason` say who ruled and why; `record` is the
    address of what the decision rests on.
    """

    number: int
    mrn: str
    delivery: str
    agency: str
    status: AppealState
    lodged_at: str
    digest: str
    ruled_at: str | None
    ruled_by: str | None
    reason: str | None
    record: str


class Appeals(msgspec.Struct, frozen=True, kw_only=True):
    """The appeals of a case, in their order."""

    appeals: tuple[AppealStatus, ...]


class OpenAppeal(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal that waits for the agency's ruling. `href` is its message, `ruling` where to post the ruling."""

    mrn: str
    number: int
    delivery: str
    lodged_at: str
    digest: str
    href: str
    ruling: str


class OpenAppeals(msgspec.Struct, frozen=True, kw_only=True):
    """Those that wait, the oldest first, as many as are told at one time."""

    appeals: tuple[OpenAppeal, ...]


def appeal_status(appeal: Appeal, file: CaseFile) -> AppealStatus:
    """One appeal of a case."""
    ruling = None if appeal.ruling is None else from_document(appeal.ruling)
    return AppealStatus(
        number=appeal.number,
        mrn=appeal.mrn,
        delivery=appeal.delivery_id,
        agency=appeal.agency,
        status=ruling.outcome if ruling else LAPSED if _has_lapsed(appeal, file) else LODGED,
        lodged_at=appeal.lodged_at,
        digest=appeal.digest,
        ruled_at=appeal.ruled_at,
        ruled_by=appeal.ruled_by,
        reason=ruling.reason if ruling else None,
        record=HREF.format(mrn=appeal.mrn, number=appeal.number) + "/record",
    )


def _has_lapsed(appeal: Appeal, file: CaseFile) -> bool:
    superseded = delivery_of(file, appeal.delivery_id).state == lifecycle.SUPERSEDED
    return superseded or file.case.state not in lifecycle.ACTS[lifecycle.RULING]


def open_appeal(appeal: Appeal) -> OpenAppeal:
    """As the agency finds it."""
    place = f"/v1/agency/deliveries/{appeal.delivery_id}"
    return OpenAppeal(
        mrn=appeal.mrn,
        number=appeal.number,
        delivery=appeal.delivery_id,
        lodged_at=appeal.lodged_at,
        digest=appeal.digest,
        href=f"{place}/appeal",
        ruling=f"{place}/ruling",
    )
