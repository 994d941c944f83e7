"""A principal confirms or declines what was lodged for it.

Rule: what is confirmed is routed by the requirements of that moment, in the same commit; what is declined is over, as
if its sender had taken it back. The same answer again, to the same version, is answered as the first time, in whichever
format. A case may wait again after an amendment: then agencies keep what they were asked until that is confirmed too,
and only those for which it changes something are asked anew.

Agencies whose deliveries count no more are told, in the same commit.

Who looked at the case before sends its ETag as If-Match, and so confirms what was seen and nothing that came since.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from datamodel.base_form import base_form
from datamodel.codecs import Parsed, read, write
from datamodel.wording import issue, refused
from gateway import lifecycle
from gateway.acts import common
from gateway.acts.amendment import Anew, Requests, ask_anew, look, notices, requests
from gateway.acts.common import Unchanged, UnknownCase, always
from gateway.attachments.documents import KEPT, Gone, Use, Used
from gateway.cases import Entry, Stale, change, live, plan, rolled_up, version_of, withdrawal
from gateway.clock import stamp
from gateway.intake import Lodgement
from gateway.lifecycle import CONFIRMED
from gateway.mandates.lapse import lapse, overdue
from gateway.media import format_of
from gateway.notices import messages
from gateway.notices.records import NewNotice
from gateway.offload import offload
from gateway.ports import AdditionalMessage, CaseChange, CaseFile
from gateway.service import Gateway
from gateway.vocabulary import Verdict

MESSAGE = "guichet-trader/1/Confirmation"


class Said(msgspec.Struct, frozen=True, rename={"outcome": "OutcomeCode", "reason": "Reason"}):
    """What the principal says."""

    outcome: Verdict
    reason: str | None = None


class _Envelope(msgspec.Struct, frozen=True, rename={"said": "Confirmation"}):
    said: Said


_DECODER = msgspec.json.Decoder(_Envelope)


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """The principal's answer is on record. `version` is the number of the declaration's version that it is about, and
    `digest` of that one's bytes as they came; `asked` are the agencies that are asked now; `replayed` says that it had
    been taken before.
    """

    mrn: str
    conversation_id: str
    outcome: Verdict
    version: int
    digest: str
    confirmed_at: str
    asked: tuple[str, ...] = ()
    replayed: bool = False


class _Read(NamedTuple):
    """An answer that has been read; `facts` are what the history keeps of it."""

    said: Said
    facts: dict[str, Any]


class _Routed(NamedTuple):
    """What agencies would be sent of one version, and the act by which it came."""

    act: str
    dispatches: Requests
    facts: dict[str, Any]
    types: dict[str, str]  # of the documents that it refers to, by id


async def confirm(gateway: Gateway, mrn: str, lodgement: Lodgement, unchanged: Unchanged = always) -> Confirmation:
    """Take a principal's answer to a case that was lodged for it, if the version that it is at is `unchanged`.

    Raises Refused, UnknownCase, Stale, and IllegalAct.
    """
    now, account_id = gateway.clock(), lodgement.account.id
    answer = await offload(gateway, len(lodgement.body), _read, lodgement)
    routed: dict[int, _Routed] = {}  # by number of the version
    shown: dict[str, str] = {}  # what deliveries ask, by id
    told: list[NewNotice] = []

    async def find() -> CaseFile:
        file = await _find(gateway, mrn, account_id, stamp(now))
        if answer.said.outcome == CONFIRMED and file.case.state == lifecycle.AWAITING_CONFIRMATION:
            number = version_of(file).number
            if number not in routed:
                routed[number] = await _route(gateway, file, number, now)
                shown.clear()  # another version may be of another act
            await look(gateway, file, shown, routed[number].act)
        return file

    def step(file: CaseFile) -> tuple[CaseChange | None, Confirmation]:
        again = _again(file, answer)
        if again is not None:
            return None, again
        if not unchanged(file.case.version):
            raise Stale(mrn, file.case.version)
        lifecycle.check_act(lifecycle.CONFIRMATION, mrn, file.case.state)
        chosen = routed.get(version_of(file).number)
        planned, done = _settle(file, answer, chosen, shown, lodgement, stamp(now))
        told[:] = _notices(gateway, file, planned, confirmed=chosen is not None)
        return msgspec.structs.replace(planned, notices=tuple(told)), done

    try:
        done = await change(gateway.store, find, step)
    except Gone:  # a document ended after it was looked for
        return await confirm(gateway, mrn, lodgement, unchanged)
    gateway.doorbell.ring(done.asked)
    messages.ring(gateway, told)
    return done


def _notices(gateway: Gateway, file: CaseFile, planned: CaseChange, *, confirmed: bool) -> tuple[NewNotice, ...]:
    """What agencies are told that were asked before: of the version that counts now, or that there is none any more."""
    if confirmed:
        return notices(gateway, file, planned)
    return messages.invalidated(gateway, file, live(file), planned.updated_at)


async def _find(gateway: Gateway, mrn: str, account_id: int, at: str) -> CaseFile:
    """The case, which was lodged for that account; one whose time is over is declined. Raises UnknownCase."""
    file = await gateway.store.case_file(mrn) if await gateway.store.is_for(mrn, account_id) else None
    if file is None:
        raise UnknownCase(mrn)
    if overdue(file, at):
        await lapse(gateway, mrn, at)
        return await _find(gateway, mrn, account_id, at)
    return file


def _read(gateway: Gateway, lodgement: Lodgement) -> _Read:
    """Raises Refused for what is no valid answer."""
    limits, form = gateway.settings.limits, format_of(lodgement.media)
    document = write(read(gateway.registry, lodgement.body, form, message=MESSAGE, limits=limits), "json")
    said = _DECODER.decode(document).said
    if said.outcome != CONFIRMED and said.reason is None:
        place = "/Confirmation/Reason"
        raise refused(issue("confirmation.reason", xpath=place, json_pointer=place))
    facts = {
        "outcome": said.outcome,
        "digest": sha256(lodgement.body).hexdigest(),
        "document": sha256(document).hexdigest(),
        "conversation": lodgement.conversation_id,
    }
    return _Read(said, facts | ({"reason": said.reason} if said.reason else {}))


async def _route(gateway: Gateway, file: CaseFile, number: int, now: datetime) -> _Routed:
    """A version of the declaration, routed as of now."""
    mrn = file.case.mrn
    stored, message = await common.version(gateway, file, number)
    act = stored.kind if isinstance(stored, AdditionalMessage) else lifecycle.AMENDMENT
    used = [each for each in await gateway.store.documents_of_case(mrn) if each.document.state in KEPT]
    return await offload(gateway, len(stored.document), _requests, stored.document, message, mrn, now, used, act)


def _requests(
    gateway: Gateway, document: bytes, message: str, mrn: str, now: datetime, used: list[Used], act: str
) -> _Routed:
    parsed: Parsed = read(gateway.registry, document, "json", message=message, limits=gateway.settings.limits)
    known = {each.document.id: each.document for each in used}
    made = requests(gateway, base_form(gateway.registry, parsed), mrn, (now, now.date()), known, act)
    return _Routed(act, *made, {each.document.id: each.type for each in used})


def _again(file: CaseFile, answer: _Read) -> Confirmation | None:
    """The answer of the first time, where the same was said of the version that counts."""
    counts = version_of(file)
    for event in reversed(file.events):
        if event.kind in lifecycle.RENEWING:
            return None
        if event.kind == lifecycle.CONFIRMATION:
            told = event.data
            if told["document"] != answer.facts["document"]:
                return None
            return Confirmation(
                mrn=file.case.mrn,
                conversation_id=told["conversation"],
                outcome=told["outcome"],
                version=counts.number,
                digest=counts.digest,
                confirmed_at=event.at,
                replayed=True,
            )
    return None


def _settle(
    file: CaseFile, answer: _Read, routed: _Routed | None, shown: dict[str, str], lodgement: Lodgement, at: str
) -> tuple[CaseChange, Confirmation]:
    """The change that an answer makes: without `routed` the case is over."""
    counts = version_of(file)
    facts = {**answer.facts, "version": counts.number, **(routed.facts if routed else {})}
    entry = Entry(lifecycle.CONFIRMATION, common.sender(lodgement), facts)
    anew = Anew(*withdrawal(file)) if routed is None else ask_anew(file, routed.dispatches, shown)
    entries = (entry, *anew.entries)
    state = lifecycle.DECLINED if routed is None else rolled_up(file, anew.moves, anew.added, entries)
    planned = plan(file, at, anew.moves, entries, added=anew.added, state=state)
    types = routed.types if routed else {}
    used = tuple(Use(of, types[of], each.delivery.id) for each in anew.added for of in each.documents)
    return msgspec.structs.replace(planned, uses=used), Confirmation(
        mrn=file.case.mrn,
        conversation_id=lodgement.conversation_id,
        outcome=answer.said.outcome,
        version=counts.number,
        digest=counts.digest,
        confirmed_at=planned.updated_at,
        asked=tuple(each.delivery.agency for each in anew.added),
    )
