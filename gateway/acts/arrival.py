"""A trader declares that goods have arrived whose declaration was lodged before: then the case may be released.

Legal until the case is released, refused or invalidated, and only where a version of the declaration said that its
goods were still to come. The message is the goods presentation notification that senders know: who, which declaration,
when and where. What it does not say is as it was declared, and when it came: the place is that of the declaration, the
time is now. Another place than that of the declaration is refused, because agencies have decided on what was declared.

Goods arrive once: the same document again is answered as the first time, another one is a conflict.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from datamodel.codecs import Parsed
from datamodel.findings import Finding, Step
from datamodel.issues import Issue, Report
from datamodel.paths import reader
from datamodel.structs import bare
from gateway import lifecycle
from gateway.acts import common
from gateway.acts.common import Base, Notice, Unchanged, always
from gateway.acts.once import perform
from gateway.cases import Entry, plan, version_of
from gateway.clock import stamp
from gateway.intake import Lodgement, read_one_of
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Event
from gateway.service import Gateway

# The message types that declare an arrival.
ARRIVING: Final = ("wco-dms/3.6/ARRIVAL",)

_PLACE: Final = "Declaration/GoodsShipment/Consignment/GoodsLocation"
# What a place is known by. The first that is stated is what the history keeps.
_KNOWN_BY: Final = ("ID", "Name", "TypeCode", "Address/TypeCode", "Address/CountryCode")
_AT: Final[tuple[Step, ...]] = (("Declaration", None), ("IssueDateTime", None), ("DateTimeString", None))
_HOURS: Final = re.compile("[-+][0-9]{2}")  # a zone without minutes
_ASKEW: Final = timedelta(minutes=5)  # that a sender's clock may be before ours


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """The goods have arrived: `arrived_at` is when, `location` where. `digest` is of the notification's bytes as they
    came; `replayed` says that it had been taken before. `issues` are warnings and advice on it.
    """

    mrn: str
    conversation_id: str
    digest: str
    arrived_at: str
    location: str
    recorded_at: str
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


class _Arrival(NamedTuple):
    """A notification that has been read, and what is wrong with it for the version of the declaration that counts."""

    notice: Notice
    at: str
    location: str
    unfit: Report


async def arrive(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Arrived:
    """Declare the goods of a case of the sender's own to have arrived, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Conflict, Stale, and IllegalAct.
    """
    now, find = gateway.clock(), common.finder(gateway, mrn, lodgement.account.id)
    read: dict[int, _Arrival] = {}  # by the version of the declaration

    async def find_and_read() -> CaseFile:
        file = await find()
        base = await common.base(gateway, file)
        if base.number not in read:
            size = max(len(lodgement.body), len(base.document))
            read[base.number] = await offload(gateway, size, _read, base, lodgement, now)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Arrived]:
        arrival = read[version_of(file).number]
        earlier = common.taken_before(file, lifecycle.ARRIVAL, arrival.notice)
        if earlier is not None:
            return None, _again(mrn, earlier, arrival.notice)
        common.check_legal(lifecycle.ARRIVAL, file, arrival.notice, unchanged, arrival.unfit)
        return _take(file, arrival, lodgement, stamp(now))

    notice = read[version_of(await find_and_read()).number].notice
    return await perform(gateway, lifecycle.ARRIVAL, lodgement, notice, find_and_read, step, Arrived)


def _read(gateway: Gateway, base: Base, lodgement: Lodgement, now: datetime) -> _Arrival:
    """Raises Refused for what is no valid arrival of this declaration."""
    parsed, plain = read_one_of(gateway, lodgement, now, ARRIVING, "message.not-arriving")
    named, limits = str(bare(plain.document.Declaration.ID)), gateway.settings.limits
    if named != base.mrn:
        raise common.misnamed("act.other-declaration", named, base.mrn, parsed, common.ID, lodgement.body, limits)
    declared, stated = _place(common.declared(gateway, base)), _place(plain)
    at = _moment(plain, now)
    findings = [*_findings(base, declared, stated), *_untimely(plain, at, now)]
    notice = common.noticed(gateway, parsed, lodgement, now)
    unfit = common.unfit(parsed, lodgement.body, findings, notice, limits)
    place = next(iter((declared | stated).values()), "")
    return _Arrival(notice, stamp(min(at or now, now)), place, unfit)


def _findings(base: Base, declared: dict[str, str], stated: dict[str, str]) -> Iterator[Finding]:
    """What is wrong with a notification for this declaration, its time apart."""
    if not base.goods_to_come:
        yield common.finding("arrival.not-awaited", common.ID, base.mrn, None)
    if not declared and not stated:
        yield common.finding("arrival.no-place", _steps(_KNOWN_BY[0]), None, None)
    for name, value in stated.items():
        if declared.get(name, value) != value:
            yield common.finding("arrival.other-place", _steps(name), value, declared[name])


def _untimely(plain: Parsed, at: datetime | None, now: datetime) -> Iterator[Finding]:
    if at is None or at > now + _ASKEW:
        yield common.finding("arrival.time", _AT, _written(plain), stamp(now))


def _place(plain: Parsed) -> dict[str, str]:
    """What is said of the place of the goods, in the order of _KNOWN_BY."""
    root, said = plain.message.model.root, {}
    for name in _KNOWN_BY:
        for _, value in reader(root, f"{_PLACE}/{name}")(plain.document):
            said[name] = str(value)
    return said


def _steps(name: str) -> tuple[Step, ...]:
    return tuple((step, None) for step in f"{_PLACE}/{name}".split("/"))


def _written(plain: Parsed) -> str | None:
    issued = plain.document.Declaration.IssueDateTime
    return None if issued is None else str(bare(issued.DateTimeString) or "") or None


def _moment(plain: Parsed, now: datetime) -> datetime | None:
    """When the goods arrived; None for a day or an hour that there is not. A day is its first moment, in UTC."""
    text = _written(plain)
    if text is None:
        return now
    day, clock, zone = text[:8], text[8:14] or "000000", text[14:] or "Z"
    zone = f"{zone}00" if _HOURS.fullmatch(zone) else zone
    try:
        return datetime.strptime(f"{day}{clock}{zone}", "%Y%m%d%H%M%S%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _again(mrn: str, earlier: Event, notice: Notice) -> Arrived:
    """The answer of the first time."""
    first = earlier.data
    return Arrived(
        mrn=mrn,
        conversation_id=first["conversation"],
        digest=first["digest"],
        arrived_at=first["arrived_at"],
        location=first["location"],
        recorded_at=earlier.at,
        replayed=True,
        issues=notice.report.issues,
    )


def _take(file: CaseFile, arrival: _Arrival, lodgement: Lodgement, at: str) -> tuple[CaseChange, Arrived]:
    """The change by which goods have arrived."""
    notice = arrival.notice
    told = {**notice.facts, "arrived_at": arrival.at, "location": arrival.location}
    planned = plan(file, at, (), (Entry(lifecycle.ARRIVAL, common.sender(lodgement), told),))
    kept = common.kept(lifecycle.ARRIVAL, 1, notice, lodgement)
    return msgspec.structs.replace(planned, additional=kept), Arrived(
        mrn=file.case.mrn,
        conversation_id=lodgement.conversation_id,
        digest=notice.facts["digest"],
        arrived_at=arrival.at,
        location=arrival.location,
        recorded_at=planned.updated_at,
        issues=notice.report.issues,
    )
