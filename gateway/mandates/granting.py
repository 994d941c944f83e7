"""A trader, or an operator for it, lets another trader lodge for it, and ends that again.

Rule: a mandate is on record with who granted it, and with who revoked it. The same terms again are answered with the
mandate that is there, so that a repeat does no harm. It counts at once where it was granted, and with other workers
within a moment (`mandates.look`).
"""

from datetime import datetime

import msgspec

from datamodel.codecs import Parsed, read, write
from datamodel.issues import Refused
from datamodel.wording import issue, refused
from gateway.clock import stamp
from gateway.identifiers import new_delivery_id
from gateway.mandates.kept import Mandate, MandateStore, TooMany
from gateway.media import format_of
from gateway.offload import offload
from gateway.ports import Account
from gateway.service import Gateway

MESSAGE = "guichet-trader/1/Mandate"
EACH = "each"
AGENT, LAST_DAY = "AgentID", "LastDay"


class Terms(
    msgspec.Struct,
    frozen=True,
    rename={
        "agent": AGENT,
        "directions": "DirectionCode",
        "first_day": "FirstDay",
        "last_day": LAST_DAY,
        "confirm": "ConfirmationCode",
    },
):
    """What a principal asks for; `agent` is an identifier of the other party. Days are YYYY-MM-DD."""

    agent: str
    directions: tuple[str, ...]
    first_day: str | None = None
    last_day: str | None = None
    confirm: str | None = None


class _Envelope(msgspec.Struct, frozen=True, rename={"terms": "Mandate"}):
    terms: Terms


_DECODER = msgspec.json.Decoder(_Envelope)


class UnknownMandate(Exception):
    """This account has given no mandate of that id."""


async def grant(gateway: Gateway, account: Account, actor: str, body: bytes, media: str) -> Mandate:
    """Put a principal's own mandate on record; `actor` is its user, as the history names it. Raises Refused."""
    terms = await offload(gateway, len(body), _read, body, media)
    roll, now = await gateway.rolls.current(), gateway.clock()
    agent_id = roll.owner(terms.agent, account.test)
    if agent_id is None or agent_id == account.id:
        rule = "mandate.agent" if agent_id is None else "mandate.self"
        raise _refused(rule, AGENT, terms.agent)
    first = terms.first_day or now.date().isoformat()
    if terms.last_day is not None and terms.last_day < max(first, now.date().isoformat()):
        raise _refused("mandate.days", LAST_DAY, terms.last_day)
    new = Mandate(
        id=new_delivery_id(now, gateway.random),
        principal_id=account.id,
        principal=account.name,
        agent_id=agent_id,
        agent="",
        directions=tuple(sorted(set(terms.directions), reverse=True)),
        first_day=first,
        last_day=terms.last_day,
        confirm=terms.confirm == EACH,
        granted_at=stamp(now),
        granted_by=actor,
    )
    granted = await put(gateway.store, new, gateway.settings.mandates.most, now)
    gateway.rolls.forget()
    return granted


async def put(store: MandateStore, new: Mandate, most: int, now: datetime) -> Mandate:
    """Put it on record, or find the one that says the same. Raises Refused for one too many."""
    try:
        granted = await store.grant_mandate(new, most, now.date().isoformat())
    except TooMany as error:
        raise refused(issue("mandate.many", expected=str(error.most))) from None
    found = await store.mandate(granted.id, None)
    return found or granted


async def revoke(gateway: Gateway, account: Account, actor: str, wanted: str) -> Mandate:
    """End a mandate of the principal's own; once it is, it stays as it was ended. Raises UnknownMandate."""
    revoked = await gateway.store.revoke_mandate(wanted, account.id, stamp(gateway.clock()), actor, "")
    if revoked is None:
        raise UnknownMandate(wanted)
    gateway.rolls.forget()
    return revoked


def _read(gateway: Gateway, body: bytes, media: str) -> Terms:
    """Raises Refused for what is no valid mandate."""
    limits = gateway.settings.limits
    parsed: Parsed = read(gateway.registry, body, format_of(media), message=MESSAGE, limits=limits)
    return _DECODER.decode(write(parsed, "json")).terms


def _refused(rule: str, name: str, value: str) -> Refused:
    return refused(issue(rule, xpath=f"/Mandate/{name}", json_pointer=f"/Mandate/{name}", value=value))
