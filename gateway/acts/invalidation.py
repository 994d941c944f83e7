"""A trader takes a declaration back: what no agency has decided is withdrawn, the case is invalidated, in one commit.

Legal until the case is released, refused, declined or invalidated. A delivery that waits to be sent is not sent any
more; one that its agency has goes from its inbox. What was decided stays on record as it is, and so does the
declaration. Every agency that has a delivery is told, in the same commit: also one that decided, because what it
decided on is there no longer.

The case itself says which invalidation it is: there is one at most, so the same document again is answered as the first
time, in whichever format, and another one is a conflict.
"""

from datetime import datetime
from typing import Final

import msgspec

from datamodel.issues import Issue
from datamodel.structs import bare
from gateway import lifecycle
from gateway.acts import common
from gateway.acts.common import Notice, Unchanged, always
from gateway.acts.once import perform
from gateway.cases import Entry, live, plan, version_of, withdrawal
from gateway.clock import stamp
from gateway.intake import Lodgement, read_one_of
from gateway.notices import messages
from gateway.notices.records import NewNotice
from gateway.offload import offload
from gateway.ports import CaseChange, CaseFile, Event
from gateway.service import Gateway

# The message types that invalidate.
INVALIDATING: Final = ("wco-dms/3.6/CANCEL",)


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


async def invalidate(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Invalidated:
    """Invalidate a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Conflict, Stale, and IllegalAct.
    """
    now = gateway.clock()
    notice = await offload(gateway, len(lodgement.body), _read, mrn, lodgement, now)

    told: list[NewNotice] = []

    def step(file: CaseFile) -> tuple[CaseChange | None, Invalidated]:
        earlier = common.taken_before(file, lifecycle.INVALIDATION, notice)
        if earlier is not None:
            return None, _again(mrn, earlier, notice)
        common.check_legal(lifecycle.INVALIDATION, file, notice, unchanged)
        planned, done = _withdraw(file, notice, lodgement, stamp(now))
        told[:] = messages.invalidated(gateway, file, live(file), planned.updated_at)
        return msgspec.structs.replace(planned, notices=tuple(told)), done

    find = common.finder(gateway, mrn, lodgement.account.id)
    done = await perform(gateway, lifecycle.INVALIDATION, lodgement, notice, find, step, Invalidated)
    messages.ring(gateway, told)
    return done


def _read(gateway: Gateway, mrn: str, lodgement: Lodgement, now: datetime) -> Notice:
    """Raises Refused for what is no valid invalidation of this declaration."""
    parsed, plain = read_one_of(gateway, lodgement, now, INVALIDATING, "message.not-invalidating")
    named, limits = str(bare(plain.document.Declaration.ID)), gateway.settings.limits
    if named != mrn:
        raise common.misnamed("act.other-declaration", named, mrn, parsed, common.ID, lodgement.body, limits)
    return common.noticed(gateway, parsed, lodgement, now)


def _again(mrn: str, earlier: Event, notice: Notice) -> Invalidated:
    """The answer of the first time."""
    first = earlier.data
    return Invalidated(
        mrn=mrn,
        conversation_id=first["conversation"],
        digest=first["digest"],
        invalidated_at=earlier.at,
        replayed=True,
        issues=notice.report.issues,
    )


def _withdraw(file: CaseFile, notice: Notice, lodgement: Lodgement, at: str) -> tuple[CaseChange, Invalidated]:
    """The change that invalidates a case."""
    moves, told = withdrawal(file)
    entries = (Entry(lifecycle.INVALIDATION, common.sender(lodgement), notice.facts), *told)
    planned = plan(file, at, moves, entries, state=lifecycle.INVALIDATED)
    kept = common.kept(lifecycle.INVALIDATION, version_of(file).number + 1, notice, lodgement)
    return msgspec.structs.replace(planned, additional=kept), Invalidated(
        mrn=file.case.mrn,
        conversation_id=lodgement.conversation_id,
        digest=notice.facts["digest"],
        invalidated_at=planned.updated_at,
        issues=notice.report.issues,
    )
