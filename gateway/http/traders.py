"""Routes for a trader: lodge a declaration, ask what became of it, and try a message without lodging it.

A trader sees its own cases and, to read, those that were lodged for it by mandate; another's gives the same answer as
one that never was. Who by the table of rights sees everybody's leaves a line in the log for each look, because what
traders declare is confidential.
"""

import logging
import re
from datetime import date

import msgspec

from datamodel.codecs import write
from datamodel.issues import Issue
from datamodel.wording import either, phrase
from gateway.acts.common import version
from gateway.cases import version_of
from gateway.http.caching import version_tag
from gateway.http.message_schemas import ANY
from gateway.http.messages import KeptMessage, as_kept, as_of, attempt, converted, handed_in, reformatted, unfit
from gateway.http.negotiate import OTHER
from gateway.http.problems import not_found
from gateway.http.routes import IDEMPOTENCY_KEY, MESSAGE_HEADER, MRN, Answer, Call, Parameter, Route
from gateway.http.trial import AS_OF, SCENARIO, asked
from gateway.intake import LODGED, lodge
from gateway.media import MEDIA_TYPES, format_of
from gateway.ports import Acceptance, CaseFile
from gateway.responses import MESSAGE as RESPONSE
from gateway.responses import response
from gateway.views import CaseStatus, Timeline, status, timeline

PATH = "/v1/declarations"

log = logging.getLogger(__name__)


class Verdict(msgspec.Struct, frozen=True):
    """A message that was tried is good; one that is not is answered with a problem.

    `issues` are the first of `issues_total` warnings and advice, as of the day `as_of`.
    """

    valid: bool
    message: str
    as_of: date
    issues: tuple[Issue, ...] = ()
    issues_total: int = 0


async def take(call: Call) -> Answer:
    """Lodges a declaration. A repeat is answered with the conversation id of the first, which the case goes by."""
    wanted = await asked(call)
    accepted = await lodge(call.gateway, await handed_in(call, wanted.as_of, wanted.scenario))
    headers = {"Location": f"{PATH}/{accepted.mrn}", "X-Conversation-ID": accepted.conversation_id}
    return Answer(value=accepted, headers=headers, lost=wanted.lost and not accepted.replayed)


async def stand(call: Call) -> Answer:
    """Where the case stands, rolled up and agency by agency. Its version is the ETag of both formats' answers."""
    found = await readable_case(call)
    shown = status(found, call.gateway.agencies, call.gateway.clock())
    return Answer(value=shown, headers={"ETag": version_tag(found.case.version, call.form)})


async def message(call: Call) -> Answer:
    """The declaration as it came, or with `as` in another format: the version that counts, or another one."""
    file = await readable_case(call)
    counts = version_of(file).number
    number = _version(call.query.get("version"), counts)
    return await kept(call, *await version(call.gateway, file, number))


def _version(asked: str | None, counts: int) -> int:
    """The number of the version asked for; without one, of the version that counts. Raises Refused."""
    if asked is None:
        return counts
    if re.fullmatch("[0-9]{1,9}", asked) and 1 <= int(asked) <= counts:
        return int(asked)
    raise unfit("query.version", asked, phrase("query.number", low=1, high=counts))


async def kept(call: Call, stored: KeptMessage, message: str) -> Answer:
    """A message as it came, or with `as` in the format asked for, whatever the caller accepts by habit."""
    source, wanted = format_of(stored.media), call.query.get("as")
    if wanted is None:
        return as_kept(call, stored.body, stored.media, f"?as={OTHER[source]}")
    if wanted not in OTHER:
        raise unfit("query.as", wanted, either(("xml", "json")))
    if wanted == source:
        return Answer(value=stored.body, media=stored.media)
    return Answer(value=await reformatted(call.gateway, stored, message, wanted), media=MEDIA_TYPES[wanted])


async def answer(call: Call) -> Answer:
    """The response message (RES) for the case as it stands."""
    parsed = response(await readable_case(call), call.gateway.registry, call.gateway.clock(), call.gateway.codes)
    return Answer(value=write(parsed, call.form), media=call.media)


async def events(call: Call) -> Answer:
    """Every step of the case, oldest first."""
    return Answer(value=timeline(await readable_case(call)))


async def validate(call: Call) -> Answer:
    """A dry run: nothing is stored."""
    trial = await attempt(call, as_of(call))
    report = trial.report
    return Answer(value=Verdict(True, trial.message, trial.as_of, report.issues, report.total))


async def convert(call: Call) -> Answer:
    """The same message in the format asked for."""
    return Answer(value=await converted(call), media=call.media)


async def readable_case(call: Call) -> CaseFile:
    """The case of that MRN, if the caller may see it or it was lodged for the caller. Raises Fault."""
    mrn, store = call.path["mrn"], call.gateway.store
    own = await store.case_file(mrn, call.owner)
    if own is None and call.owner is not None and await store.is_for(mrn, call.owner):
        own = await store.case_file(mrn)
    if own is None:
        raise not_found()
    if call.owner is None:
        who = (call.account.name, call.account.role)
        log.info("conversation %s: %r, %s, looks into case %s", call.conversation_id, *who, own.case.mrn)
    return own


AS = Parameter(
    name="as",
    where="query",
    text="The format wanted; without it the message comes as it was sent.",
    schema={"type": "string", "enum": ["xml", "json"]},
)
VERSION = Parameter(
    name="version",
    where="query",
    text="The version of the declaration: 1 as it was lodged, 2 and on as amended or completed; without it the last.",
    schema={"type": "integer", "minimum": 1},
)

ROUTES = (
    Route(
        name="lodge",
        method="POST",
        path=PATH,
        handler=take,
        summary="Lodge a declaration. When this is answered, it is on record.",
        says="The declaration is taken, now or by an earlier request that this one repeats.",
        status=202,
        takes="A declaration (DEC), or one of a package that derives from it.",
        reads=(*LODGED, ANY),
        returns=Acceptance,
        root="acceptance",
        parameters=(IDEMPOTENCY_KEY, MESSAGE_HEADER, SCENARIO, AS_OF),
        problems=(409, 422),
        headers={"Location": "Where to ask for the status."},
    ),
    Route(
        name="status",
        method="GET",
        path=PATH + "/{mrn}",
        handler=stand,
        summary="Where a declaration stands: one status, and one per agency.",
        says="The status.",
        returns=CaseStatus,
        root="status",
        parameters=(MRN,),
        problems=(404,),
        headers={"ETag": "The version of the case, in this format; for If-Match where the case is to be changed."},
    ),
    Route(
        name="message",
        method="GET",
        path=PATH + "/{mrn}/message",
        handler=message,
        summary="The declaration byte for byte as it came, or converted.",
        says=(
            "The declaration. Without `as` it has the media type that it was lodged under, which may be another that "
            "ends in +xml or +json."
        ),
        as_kept=True,
        sends=(*LODGED, ANY),
        parameters=(MRN, AS, VERSION),
        problems=(400, 404),
    ),
    Route(
        name="response",
        method="GET",
        path=PATH + "/{mrn}/response",
        handler=answer,
        summary="The response message for the declaration as it stands.",
        says="The response (RES).",
        sends=(RESPONSE,),
        parameters=(MRN,),
        problems=(404,),
    ),
    Route(
        name="timeline",
        method="GET",
        path=PATH + "/{mrn}/timeline",
        handler=events,
        summary="Every step of the declaration, oldest first.",
        says="The steps.",
        returns=Timeline,
        root="timeline",
        parameters=(MRN,),
        problems=(404,),
    ),
    Route(
        name="validate",
        method="POST",
        path="/v1/validations",
        handler=validate,
        summary="Try a message of any type. Nothing is stored.",
        says="The message is valid.",
        takes="A message of any type that the gateway knows.",
        returns=Verdict,
        root="validation",
        parameters=(
            MESSAGE_HEADER,
            Parameter(
                name="as-of",
                where="query",
                text="The day whose lists and rules count; else the day of acceptance in the message, else today.",
                schema={"type": "string", "format": "date"},
            ),
        ),
        problems=(400, 422),
    ),
    Route(
        name="convert",
        method="POST",
        path="/v1/conversions",
        handler=convert,
        summary="The same message as XML or JSON. Nothing is stored.",
        says="The message in the format that Accept asks for, by default the one it did not come in.",
        takes="A message of any type that the gateway knows.",
        swaps=True,
        parameters=(MESSAGE_HEADER,),
        problems=(422,),
    ),
)
