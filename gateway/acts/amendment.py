"""A trader amends a declaration: the whole of it again, under the same reference, becomes its next version.

Who is asked again is said in `renewal`. Legal until the case is released, refused or invalidated. The bytes of every
version are kept. The same document as the version that counts is answered as when that was taken, in whichever format.
"""

from datetime import datetime

import msgspec

from datamodel.issues import Issue
from datamodel.structs import bare
from gateway import lifecycle
from gateway.acts import common, renewal
from gateway.acts.common import Unchanged, always
from gateway.acts.renewal import Renewal
from gateway.intake import Lodgement, read_declaration, reference_of
from gateway.offload import offload
from gateway.ports import CaseFile
from gateway.service import Gateway


class Amended(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration is amended. `version` is its number, that of the lodged one being 1; `digest` is of its bytes as
    they came; `asked` are the agencies that are asked anew; `replayed` says that this version had been taken before.
    `issues` are warnings and advice on it.
    """

    mrn: str
    conversation_id: str
    digest: str
    version: int
    amended_at: str
    asked: tuple[str, ...] = ()
    replayed: bool = False
    issues: tuple[Issue, ...] = ()


async def amend(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Amended:
    """Amend a case of the sender's own, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Stale, and IllegalAct.
    """
    now, find = gateway.clock(), common.finder(gateway, mrn, lodgement.account.id)
    reference = (await find()).case.reference
    read = await offload(gateway, len(lodgement.body), _read, mrn, reference, lodgement, now)

    def check(file: CaseFile) -> None:
        common.check_legal(lifecycle.AMENDMENT, file, read.notice, unchanged)

    settled = await renewal.settle(gateway, lifecycle.AMENDMENT, find, read, lodgement, check, now)
    return Amended(
        mrn=mrn,
        conversation_id=settled.conversation_id,
        digest=settled.digest,
        version=settled.number,
        amended_at=settled.at,
        asked=settled.asked,
        replayed=settled.replayed,
        issues=read.notice.report.issues,
    )


def _read(gateway: Gateway, mrn: str, reference: str | None, lodgement: Lodgement, now: datetime) -> Renewal:
    """Raises Refused for what is no valid version of this declaration."""
    parsed, plain = read_declaration(gateway, lodgement, now)
    declaration, limits = plain.document.Declaration, gateway.settings.limits
    named, own = str(bare(declaration.ID) or "").strip() or mrn, reference_of(declaration)
    if named != mrn:
        raise common.misnamed("act.other-declaration", named, mrn, parsed, common.ID, lodgement.body, limits)
    if own != reference:
        raise common.misnamed("act.other-reference", own, reference, parsed, common.REFERENCE, lodgement.body, limits)
    return renewal.prepare(gateway, lifecycle.AMENDMENT, mrn, parsed, plain, lodgement, now)
