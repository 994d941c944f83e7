"""A trader completes a declaration that was incomplete: the whole of it, of a supplementary type, is its next version.

The supplement names the case in a previous document, by its MRN or the sender's reference, as senders know it from
other services, and may have a reference of its own: the case goes by that of the declaration that it completes. What
agencies were asked on must stay as it was stated: `schemas/stages/kept.tsv` says what that is, all else may be added or
corrected. Before release an agency that is shown something else is asked again; after release nobody is, but the
declaration that is kept is complete. A later supplement corrects the one before, by the same rules. By what right it is
sent is judged as of an amendment: where a mandate asks for it, it waits to be confirmed, but not after release.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from datamodel.codecs import Parsed
from datamodel.findings import Finding, Step
from datamodel.issues import Issue, Report
from datamodel.paths import reader
from datamodel.structs import bare
from datamodel.wording import either
from gateway import lifecycle
from gateway.acts import common
from gateway.acts.amendment import Amendment, judge, look, notices, renew
from gateway.acts.common import Base, Notice, Unchanged, always
from gateway.acts.once import perform
from gateway.attachments.documents import Gone
from gateway.cases import Version, version_of
from gateway.clock import stamp
from gateway.intake import Lodgement, knowing, read_declaration
from gateway.mandates.authority import Filing
from gateway.mandates.roll import Roll
from gateway.mandates.standing import principal_of
from gateway.notices import messages
from gateway.notices.records import NewNotice
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile
from gateway.service import Gateway

_TYPE: Final[tuple[Step, ...]] = (("Declaration", None), ("TypeCode", None))
_SHIPMENT: Final[tuple[Step, ...]] = (("Declaration", None), ("GoodsShipment", None))
_PREVIOUS: Final = (
    "Declaration/GoodsShipment/PreviousDocument",
    "Declaration/GoodsShipment/GovernmentAgencyGoodsItem/PreviousDocument",
)


class Supplemented(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration is complete. `version` is the number of its version that counts now, `digest` of its bytes as
    they came; `asked` are the agencies that are asked anew; `replayed` says that this version had been taken before.
    `issues` are warnings and advice on it.
    """

    mrn: str
    conversation_id: str
    digest: str
    version: int
    supplemented_at: str
    asked: tuple[str, ...] = ()
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


class _Supplement(NamedTuple):
    """A supplement that has been read, and what is wrong with it for the version of the declaration that counts."""

    amendment: Amendment
    unfit: Report

    @property
    def notice(self) -> Notice:
        return self.amendment.notice


class _Moved(Exception):
    """Another version counts than that which the supplement was held against."""


async def supplement(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Supplemented:
    """Complete a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Stale, and IllegalAct.
    """
    while True:
        with suppress(_Moved, Gone):  # a document that ended after it was looked for is missed when that is done again
            done = await _once(gateway, mrn, lodgement, unchanged)
            gateway.doorbell.ring(done.asked)
            return done


async def _once(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged) -> Supplemented:
    """Complete the version that counts now. Raises as `supplement`, _Moved, and Gone."""
    now, find = gateway.clock(), common.finder(gateway, mrn, lodgement.account.id)
    roll, before = await gateway.rolls.current(), await find()
    base, held_for = await common.base(gateway, before), principal_of(before)

    async def read_apart(known: Lodgement) -> _Supplement:
        size = max(len(known.body), len(base.document))
        return await offload(gateway, size, _read, base, held_for, known, roll, now)

    read = await knowing(gateway, lodgement, read_apart)
    shown: dict[str, str] = {}  # what deliveries ask, by id
    told: list[NewNotice] = []

    async def find_and_look() -> CaseFile:
        file = await find()
        await look(gateway, file, shown, lifecycle.SUPPLEMENT)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Supplemented]:
        counts = version_of(file)
        if counts.document == read.notice.facts["document"]:
            return None, _again(mrn, counts, read.notice)
        if counts.number != base.number:
            raise _Moved
        common.check_legal(lifecycle.SUPPLEMENT, file, read.notice, unchanged, read.unfit)
        planned = renew(lifecycle.SUPPLEMENT, file, read.amendment, shown, lodgement, stamp(now))
        told[:] = notices(gateway, file, planned)
        planned = msgspec.structs.replace(planned, notices=tuple(told))
        return planned, _supplemented(planned, base, read.notice, lodgement)

    done = await perform(gateway, lifecycle.SUPPLEMENT, lodgement, read.notice, find_and_look, step, Supplemented)
    messages.ring(gateway, told)
    return done


def _again(mrn: str, counts: Version, notice: Notice) -> Supplemented:
    """The answer to a document that is the version that counts already."""
    return Supplemented(
        mrn=mrn,
        conversation_id=counts.conversation_id,
        digest=counts.digest,
        version=counts.number,
        supplemented_at=counts.at,
        replayed=True,
        issues=notice.report.issues,
    )


def _supplemented(planned: CaseChange, base: Base, notice: Notice, lodgement: Lodgement) -> Supplemented:
    """The answer to a document that comes to count now."""
    return Supplemented(
        mrn=base.mrn,
        conversation_id=lodgement.conversation_id,
        digest=notice.facts["digest"],
        version=base.number + 1,
        supplemented_at=planned.updated_at,
        asked=tuple(each.delivery.agency for each in planned.added),
        issues=notice.report.issues,
    )


def _read(
    gateway: Gateway, base: Base, held_for: int | None, lodgement: Lodgement, roll: Roll, now: datetime
) -> _Supplement:
    """Raises Refused for what is no valid declaration, and for one of another MRN; Wanted."""
    parsed, plain = read_declaration(gateway, lodgement, now)
    named, limits = str(bare(plain.document.Declaration.ID) or "").strip() or base.mrn, gateway.settings.limits
    if named != base.mrn:
        raise common.misnamed("act.other-declaration", named, base.mrn, parsed, common.ID, lodgement.body, limits)
    filing = Filing(parsed, plain, lodgement.body, held_for)
    read = judge(gateway, lifecycle.SUPPLEMENT, base.mrn, filing, lodgement, roll, now)
    findings = list(_findings(gateway, base, plain, now))
    return _Supplement(read, common.unfit(parsed, lodgement.body, findings, read.notice, limits))


def _findings(gateway: Gateway, base: Base, plain: Parsed, now: datetime) -> Iterator[Finding]:
    """All that is wrong with a supplement for this declaration."""
    stage, own = base.completed_by, str(bare(plain.document.Declaration.TypeCode) or "")
    if stage is None:
        yield common.finding("supplement.not-awaited", _TYPE, own, base.mrn)
        return
    if own not in stage.supplements:
        yield common.finding("supplement.other-type", _TYPE, own, either(stage.supplements))
    names = {base.mrn, base.reference} - {None}
    if names.isdisjoint(_previous(plain, stage.named_by)):
        yield common.finding("supplement.unnamed", _SHIPMENT, None, f"{either(stage.named_by)} {base.mrn}")
    yield from _changed(gateway, common.declared(gateway, base), plain, now)


def _previous(plain: Parsed, types: tuple[str, ...]) -> set[str]:
    """The numbers of all previous documents of these types, of the shipment and of its items."""
    found = [each for path in _PREVIOUS for _, each in reader(plain.message.model.root, path)(plain.document)]
    return {str(bare(each.ID) or "").strip() for each in found if str(bare(each.TypeCode) or "") in types}


def _changed(gateway: Gateway, declared: Parsed, plain: Parsed, now: datetime) -> Iterator[Finding]:
    """What had to stay as it was, and did not."""
    for row in gateway.stages.kept(declared, now.date()):
        read = reader(plain.message.model.root, row.path)
        before: dict[tuple[Step, ...], Any] = dict(read(declared.document))
        after = dict(read(plain.document))
        places = [steps for steps in before if after.get(steps) != before[steps]]
        if row.exact:
            places += [steps for steps in after if steps not in before]
        for steps in places:
            yield common.finding("supplement.changed", steps, after.get(steps), before.get(steps))
