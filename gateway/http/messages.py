"""What the handlers share: messages of the data model as request and answer, and parameters that cannot be used."""

import re
from datetime import date
from typing import Final, NamedTuple

from datamodel.codecs import Parsed, read, write
from datamodel.issues import Refused, Report
from datamodel.semantics import day_of
from datamodel.versions import Days
from datamodel.wording import issue, phrase, refused
from gateway.acts.appeals import AppealMessage
from gateway.http import negotiate
from gateway.http.problems import Fault
from gateway.http.routes import Answer, Call
from gateway.intake import KEY, Lodgement
from gateway.media import Format, format_of
from gateway.notices.records import KeptAnswer
from gateway.offload import offload
from gateway.ports import AdditionalMessage, StoredMessage
from gateway.service import Gateway
from gateway.spool import Kept, whole

SHOWN = 60
KeptMessage = StoredMessage | AdditionalMessage | AppealMessage | KeptAnswer
_KEY: Final = re.compile("[!-~]{1,255}")


def named_message(call: Call) -> str | None:
    """The message type that the header names, if any."""
    return call.headers.get("Guichet-Message")


def idempotency_key(call: Call) -> str | None:
    """The key, if one is given. Raises Refused for what cannot be one, and for two of them."""
    keys = call.headers.getall(KEY, [])
    if not keys:
        return None
    if len(keys) == 1 and _KEY.fullmatch(keys[0]):
        return keys[0]
    raise unfit("header.idempotency-key", ", ".join(keys), phrase("header.key"))


async def handed_in(call: Call, as_of: date | None = None, scenario: str | None = None) -> Lodgement:
    """What the caller hands in, as it came; a test is held to the rules of a day, and played by a scenario."""
    return Lodgement(
        account=call.account,
        actor=call.actor,
        body=await call.body.content(),
        media=str(call.body.media),
        message=named_message(call),
        idempotency_key=idempotency_key(call),
        conversation_id=call.conversation_id,
        as_of=as_of,
        scenario=scenario,
    )


def unfit(rule: str, value: str, expected: str) -> Refused:
    """A parameter that cannot be used."""
    return refused(issue(rule, value=value[:SHOWN], expected=expected), status=400)


class Sent(NamedTuple):
    """What is known of a message beside its bytes, apart from the call, so that it can go to where the work is done."""

    form: Format
    message: str | None
    as_of: date | None
    today: date


def _sent(call: Call, as_of: date | None = None) -> Sent:
    return Sent(call.body.form, named_message(call), as_of, call.gateway.clock().date())


async def converted(call: Call) -> bytes:
    """The message in the call's body in the format of the answer. Raises Refused with all that is wrong with it."""
    kept = call.body.kept
    return await offload(call.gateway, len(kept), _convert, kept, _sent(call), call.form)


def _convert(gateway: Gateway, kept: Kept, sent: Sent, form: Format) -> bytes:
    return write(_read(gateway, whole(kept), sent), form)


def _read(gateway: Gateway, body: bytes, sent: Sent) -> Parsed:
    days = Days(as_of=sent.as_of, today=sent.today)
    limits = gateway.settings.limits
    return read(gateway.registry, body, sent.form, message=sent.message, limits=limits, days=days)


class Trial(NamedTuple):
    """The type of a message that may pass, the day that it was held to, and the warnings and advice on it."""

    message: str
    as_of: date
    report: Report


async def attempt(call: Call, as_of: date | None) -> Trial:
    """The message in the call's body, judged. Raises Refused with all that is wrong with it."""
    kept = call.body.kept
    return await offload(call.gateway, len(kept), _attempt, kept, _sent(call, as_of))


def _attempt(gateway: Gateway, kept: Kept, sent: Sent) -> Trial:
    body = whole(kept)
    parsed = _read(gateway, body, sent)
    day = day_of(parsed, sent.as_of, sent.today)
    return Trial(parsed.message.key, day, gateway.checks.admit(parsed, body, day, gateway.settings.limits))


def as_of(call: Call) -> date | None:
    """The day that the query asks for, if any. Raises Refused."""
    text = call.query.get("as-of")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise unfit("query.as-of", text, phrase("query.day")) from None


def as_kept(call: Call, content: bytes, media: str, query: str = "") -> Answer:
    """Bytes that are given as they are kept. Raises Fault for a caller who does not accept their format.

    `query` is how to ask for them in another.
    """
    spellings = (media, *negotiate.SPELLINGS[format_of(media)])
    if negotiate.choose(call.accept, spellings) is None:
        key = "detail.kept.ask" if query else "detail.kept"
        raise Fault("not-acceptable", phrase(key, name=media, query=query))
    return Answer(value=content, media=media)


async def reformatted(gateway: Gateway, kept: KeptMessage, message: str, form: Format) -> bytes:
    """A message that was taken before, in the other format. What it says was worked out and kept when it was taken."""
    document = kept.document
    return document if form == "json" else await offload(gateway, len(document), _as_xml, document, message)


def _as_xml(gateway: Gateway, document: bytes, message: str) -> bytes:
    return write(read(gateway.registry, document, "json", message=message, limits=gateway.settings.limits), "xml")
