"""What the handlers share: messages of the data model as request and answer, and parameters that cannot be used."""

from datamodel.codecs import Parsed, read, write
from datamodel.issues import Refused
from datamodel.wording import issue, refused
from gateway.http import negotiate
from gateway.http.problems import Fault
from gateway.http.routes import Answer, Call
from gateway.media import Format, format_of
from gateway.offload import offload
from gateway.ports import StoredMessage
from gateway.service import Gateway

SHOWN = 60


def named_message(call: Call) -> str | None:
    """The message type that the header names, if any."""
    return call.headers.get("Guichet-Message")


def unfit(rule: str, value: str, expected: str) -> Refused:
    """A parameter that cannot be used."""
    return refused(issue(rule, value=value[:SHOWN], expected=expected), status=400)


async def parse(call: Call) -> Parsed:
    """The message in the call's body. Raises Refused with all that is wrong with it."""
    body, gateway = call.body, call.gateway
    message, limits = named_message(call), gateway.settings.limits
    return await offload(
        len(body.content), read, gateway.registry, body.content, body.form, message=message, limits=limits
    )


def as_kept(call: Call, content: bytes, media: str, hint: str = "") -> Answer:
    """Bytes that are given as they are kept. Raises Fault for a caller who does not accept their format."""
    spellings = (media, *negotiate.SPELLINGS[format_of(media)])
    if negotiate.choose(call.accept, spellings) is None:
        raise Fault("not-acceptable", f"This message is kept as {media}.{hint}")
    return Answer(value=content, media=media)


async def reformatted(gateway: Gateway, kept: StoredMessage, message: str, form: Format) -> bytes:
    """A message that was taken before, in the other format."""
    size, limits = len(kept.body), gateway.settings.limits
    source = format_of(kept.media)
    parsed = await offload(size, read, gateway.registry, kept.body, source, message=message, limits=limits)
    return await offload(size, write, parsed, form)
