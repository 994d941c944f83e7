"""Trade test: what a test account may ask for with what it sends, its clock, and the scenarios that there are.

Whoever asks for a test without being one is refused and not served without it: a header that was passed over would be
a live declaration that its sender takes for a test.
"""

import asyncio
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from datamodel.wording import issue, phrase, refused
from gateway.http.caching import KEEP
from gateway.http.messages import SHOWN, as_of, unfit
from gateway.http.problems import Fault, Scripted
from gateway.http.publication import HTML, html
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.ports import Account
from gateway.trial.clock import MOST_AHEAD, TooFar, VirtualClock, advance, advance_to_rest, read
from gateway.trial.scenarios import LOST, Listed, Script, Unfit, seconds

HEADER: Final = "Guichet-Scenario"
PATH: Final = "/v1/test/clock"
RETRY_SECONDS: Final = 1


class Wanted(NamedTuple):
    """What the sender of a test asks for: the day of the rules, the scenario, and that the answer be lost."""

    as_of: date | None = None
    scenario: str | None = None
    lost: bool = False


class ScenarioTable(msgspec.Struct, frozen=True):
    """The scenarios of trade test."""

    scenarios: tuple[Listed, ...]


NOTHING: Final = Wanted()


async def asked(call: Call) -> Wanted:
    """What is asked for. Raises Refused for what cannot be had, and Fault where the scenario says so."""
    headers, day = call.headers.getall(HEADER, ()), call.query.get("as-of")
    if not call.account.test:
        if headers or day is not None:
            raise refused(issue("header.test-only" if headers else "query.test-only"), status=400)
        return NOTHING
    if not headers:
        return Wanted(as_of(call))
    script = _script(call, ", ".join(headers))
    if script.answer not in (None, LOST):
        await _turn_away(call, script)
    return Wanted(as_of(call), script.text, script.answer == LOST)


def refuse_elsewhere(route: Route, headers: Mapping[str, str], account: Account) -> None:
    """Raises Refused for a scenario that comes with what changes something and cannot be played."""
    if HEADER in headers and route.method != "GET" and SCENARIO not in route.parameters:
        raise refused(issue("header.scenario-here" if account.test else "header.test-only"), status=400)


def _script(call: Call, header: str) -> Script:
    try:
        return call.gateway.scenarios.read(header)
    except Unfit as error:
        raise unfit("header.scenario", error.value, ", ".join(error.expected)) from None


async def _turn_away(call: Call, script: Script) -> None:
    """Raises Fault for the first of several requests that are the same."""
    content = await call.body.content()
    digest = sha256(b"\n".join((call.path.get("mrn", "").encode(), script.text.encode(), content))).hexdigest()
    if await call.gateway.store.first_try(call.account.id, digest):
        slug = script.answer or ""
        again = {"Retry-After": str(RETRY_SECONDS)} if slug != "internal" else {}
        raise Scripted(slug, phrase("detail.scripted", name=script.text), headers=again)


async def clock(call: Call) -> Answer:
    """How the clock stands."""
    _check(call, ())
    return Answer(value=await read(call.gateway, call.account.id))


async def put_forward(call: Call) -> Answer:
    """Puts the clock forward by so much, or until nothing is pending."""
    _check(call, ("advance",))
    gateway, account_id, wait = call.gateway, call.account.id, call.query.get("advance")
    length = None if wait is None else seconds(wait)
    if wait is not None and length is None:
        raise unfit("query.advance", wait, phrase("query.wait"))
    try:
        if length is None:
            return Answer(value=await advance_to_rest(gateway, account_id))
        return Answer(value=await advance(gateway, account_id, length))
    except TooFar:
        raise unfit("query.advance", wait or "", phrase("query.ahead", count=MOST_AHEAD // 86400)) from None


def _check(call: Call, known: tuple[str, ...]) -> None:
    """Raises Fault for who has no such clock, and Refused for a parameter that would be passed over."""
    if not call.account.test:
        raise Fault("forbidden", phrase("detail.test"))
    for name, value in call.query.items():
        if name not in known:
            words = {"name": name[:SHOWN], "value": value[:SHOWN], "expected": ", ".join(known) or "-"}
            raise refused(issue("query.unknown", **words), status=400)


async def scenarios(call: Call) -> Answer:
    """The table."""
    return Answer(value=ScenarioTable(call.library.scenarios))


async def scenarios_page(call: Call) -> Answer:
    """The page of the table."""
    return html(await asyncio.to_thread(lambda: call.library.scenarios_page))


SCENARIO = Parameter(
    name=HEADER,
    where="header",
    text=(
        "For a test account: how virtual agencies and the gateway are to act, as /v1/scenarios lists it; without it, "
        "every agency grants. Any other account is refused with it."
    ),
    schema={"type": "string", "examples": ["refused:FSA, held-then-granted:MED:2d"]},
)
AS_OF = Parameter(
    name="as-of",
    where="query",
    text="For a test account: the day whose lists, rules and requirements count. Any other account is refused with it.",
    schema={"type": "string", "format": "date"},
)

ROUTES = (
    Route(
        name="test-clock",
        method="GET",
        path=PATH,
        handler=clock,
        summary="The clock of a test account, and what its virtual agencies have still to do.",
        says="The clock.",
        returns=VirtualClock,
        root="clock",
        problems=(400,),
    ),
    Route(
        name="advance-clock",
        method="POST",
        path=PATH,
        handler=put_forward,
        summary="Put the clock of a test account forward, and let its virtual agencies do what is due by then.",
        says="The clock is put forward.",
        returns=VirtualClock,
        root="clock",
        parameters=(
            Parameter(
                name="advance",
                where="query",
                text="By how much: a number and s, m, h or d, at most 366d; without it, until nothing is pending.",
                schema={"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$", "examples": ["2d"]},
            ),
        ),
        problems=(400,),
    ),
    Route(
        name="scenarios",
        method="GET",
        path="/v1/scenarios",
        handler=scenarios,
        summary="The scenarios of trade test, and how they are asked for.",
        says="The scenarios.",
        returns=ScenarioTable,
        root="scenarios",
        fresh=KEEP,
    ),
    Route(
        name="scenarios_page",
        method="GET",
        path="/v1/scenarios.html",
        handler=scenarios_page,
        summary="A page for people: the scenarios of trade test.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
    ),
)
