"""Routes that publish what the gateway runs on: packages with their schemas and pages, code lists, rules, requirements.

Open to all, because a trader must be able to know the law before knocking. Whatever is here may be kept by its ETag.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, TypeVar, cast

import msgspec

from datamodel.issues import Refused
from datamodel.wording import either, issue, phrase, refused
from gateway.docs import listing, pages
from gateway.docs.catalogue import Packages
from gateway.docs.listing import ListOnDay, Lists, RulesOnDay
from gateway.http.caching import ASK, KEEP
from gateway.http.messages import SHOWN
from gateway.http.problems import not_found
from gateway.http.routes import Answer, Call, Parameter, Route
from gateway.requirements import Direction, Requirement

T = TypeVar("T")

TYPE_PATH = "/v1/packages/{name}/{version}/{type}"
ALL_DAYS: Final = "any"
HTML: Final = ("text/html",)
DAY: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Enquiry(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that were asked for, and the day for which; without a day, those of all days."""

    on: date | None
    requirements: tuple[Requirement, ...]


async def packages(call: Call) -> Answer:
    """All packages."""
    return Answer(value=call.library.packages)


async def xsd(call: Call) -> Answer:
    """The entry of a message's XML Schema."""
    return Answer(value=await _made(call, call.library.xsd), media=call.media)


async def xsd_file(call: Call) -> Answer:
    """One file of a message's XML Schema."""
    files = await _made(call, call.library.xsd_files)
    return Answer(value=_known(files, call.path["file"]), media=call.media)


async def json_schema(call: Call) -> Answer:
    """A message's JSON Schema."""
    return Answer(value=await _made(call, call.library.json_schema), media=call.media)


async def page(call: Call) -> Answer:
    """A message's page."""
    return html(await _made(call, call.library.page))


async def index(call: Call) -> Answer:
    """The first page."""
    return html(await asyncio.to_thread(lambda: call.library.index))


async def codelists_page(call: Call) -> Answer:
    """The page of all code lists."""
    return html(await asyncio.to_thread(lambda: call.library.codelists_page))


async def codelist_page(call: Call) -> Answer:
    """The page of one code list."""
    name = call.path["list"]
    _known(call.library.codelists.lists, name)
    return html(await asyncio.to_thread(call.library.codelist_page, name))


async def rules_page(call: Call) -> Answer:
    """The page of all rules."""
    return html(await asyncio.to_thread(lambda: call.library.rules_page))


async def requirements_page(call: Call) -> Answer:
    """The page of the requirements table."""
    return html(await asyncio.to_thread(lambda: call.library.requirements_page))


async def codelists(call: Call) -> Answer:
    """All code lists, without their codes."""
    return Answer(value=listing.all_lists(call.library.codelists.lists.values()))


async def codelist(call: Call) -> Answer:
    """The codes of one list, on a day."""
    known = _known(call.library.codelists.lists, call.path["list"])
    _filters(call, (ON,))
    return Answer(value=listing.on_day(known, day(call)))


async def rules(call: Call) -> Answer:
    """The rules in force on a day."""
    key = _filters(call, RULE_FILTERS).get("message")
    if key is not None and key not in call.gateway.registry.messages:
        raise _unfit("message", key, phrase("type.codes", names=", ".join(call.gateway.registry.messages)))
    found = call.library.rulebook.rules if key is None else call.library.rulebook.of_message(key)
    return Answer(value=listing.rules_on_day(found, day(call)))


async def requirements(call: Call) -> Answer:
    """The rows that fit the filters, from the table that declarations are routed by."""
    asked = _filters(call, FILTERS)
    on = day(call)
    direction = asked.get("direction")
    if direction not in (None, "import", "export"):
        raise _unfit("direction", direction, either(("import", "export")))
    try:
        rows = call.gateway.requirements.enquire(
            asked.get("hs"),
            cast(Direction | None, direction),
            asked.get("procedure"),
            asked.get("origin"),
            asked.get("destination"),
            on,
        )
    except ValueError as error:
        raise _blamed(asked, str(error)) from None
    return Answer(value=Enquiry(on=on, requirements=tuple(rows)))


def day(call: Call) -> date | None:
    """The day that `on` names: today without it, no day in particular for `any`. Raises Refused."""
    text = call.query.get("on")
    if text is None:
        return call.gateway.clock().date()
    try:
        return None if text == ALL_DAYS else date.fromisoformat(text)
    except ValueError:
        raise _unfit("on", text, phrase("query.day-or", name=ALL_DAYS)) from None


def _filters(call: Call, known: tuple[Parameter, ...]) -> Mapping[str, str]:
    """The query. A parameter that is not known is refused: to pass it over would answer another question."""
    names = [parameter.name for parameter in known]
    for name, value in call.query.items():
        if name not in names:
            raise refused(
                issue("query.unknown", name=name[:SHOWN], value=value[:SHOWN], expected=", ".join(names)), status=400
            )
    return call.query


def _unfit(name: str, value: str, expected: str) -> Refused:
    return refused(issue("query.filter", name=name, value=value[:SHOWN], expected=expected), status=400)


def _blamed(asked: Mapping[str, str], words: str) -> Refused:
    """The refusal of the filter that the table could not look up."""
    name = next(name for name in COLUMN_OF if name in asked and f"as {COLUMN_OF[name]};" in words)
    return _unfit(name, asked[name], phrase(PHRASES[name]))


async def _made(call: Call, make: Callable[[str], T]) -> T:
    """A publication of the message that the path names. Raises Fault."""
    key = "/".join(call.path[part] for part in ("name", "version", "type"))
    _known(call.gateway.registry.messages, key)
    return await asyncio.to_thread(make, key)


def _known(things: Mapping[str, T], name: str) -> T:
    if name not in things:
        raise not_found()
    return things[name]


def html(body: bytes) -> Answer:
    """A page that runs nothing but its own script."""
    headers = {"Content-Security-Policy": pages.POLICY, "Referrer-Policy": "no-referrer"}
    return Answer(value=body, media="text/html; charset=utf-8", headers=headers)


def _path(name: str, text: str) -> Parameter:
    return Parameter(name=name, where="path", text=text)


def _query(name: str, text: str, **schema: object) -> Parameter:
    return Parameter(name=name, where="query", text=text, schema={"type": "string", **schema})


ON = _query("on", "The day that counts, as YYYY-MM-DD; today without it, all days with `any`.", pattern=f"{DAY}|^any$")
FILTERS = (
    _query("hs", "HS code of the goods, 2 to 10 digits; rows of headings above and below it fit.", examples=["0603"]),
    _query("direction", "Which way the goods go.", enum=["import", "export"]),
    _query("procedure", "Procedure code, 1 to 4 digits.", examples=["4000"]),
    _query("origin", "Country of origin, ISO 3166-1.", examples=["KE"]),
    _query("destination", "Country of destination, ISO 3166-1.", examples=["JP"]),
    ON,
)
RULE_FILTERS = (_query("message", "Key of a message type: its rules only.", examples=["wco-dms/3.6/DEC"]), ON)
LIST = _path("list", "Name of the code list.")
COLUMN_OF: Final = {"hs": "hs_prefix", "procedure": "procedure", "origin": "origin", "destination": "destination"}
PHRASES: Final = {
    "hs": "query.hs",
    "procedure": "query.procedure",
    "origin": "query.country",
    "destination": "query.country",
}
MESSAGE_TYPE = (
    _path("name", "Name of the package."),
    _path("version", "Version of the package."),
    _path("type", "Message type."),
)

ROUTES = (
    Route(
        name="packages",
        method="GET",
        path="/v1/packages",
        handler=packages,
        summary="The information packages: versions, effective dates, countries, message types.",
        says="The packages.",
        returns=Packages,
        root="packages",
        fresh=KEEP,
    ),
    Route(
        name="xsd",
        method="GET",
        path=TYPE_PATH + ".xsd",
        handler=xsd,
        summary="The XML Schema of a message type; what it imports is found relative to it.",
        says="The schema.",
        media=("application/xml", "text/xml"),
        fresh=KEEP,
        parameters=MESSAGE_TYPE,
        problems=(404,),
    ),
    Route(
        name="json_schema",
        method="GET",
        path=TYPE_PATH + ".schema.json",
        handler=json_schema,
        summary="The JSON Schema (2020-12) of a message type.",
        says="The schema.",
        media=("application/schema+json", "application/json"),
        fresh=KEEP,
        parameters=MESSAGE_TYPE,
        problems=(404,),
    ),
    Route(
        name="message_page",
        method="GET",
        path=TYPE_PATH + ".html",
        handler=page,
        summary="A page for people: the tree of a message type with WCO IDs, formats, cardinality, code lists, rules.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
        parameters=MESSAGE_TYPE,
        problems=(404,),
    ),
    Route(
        name="xsd_file",
        method="GET",
        path=TYPE_PATH + "/{file}",
        handler=xsd_file,
        summary="One file of the XML Schema of a message type.",
        says="The file.",
        media=("application/xml", "text/xml"),
        fresh=KEEP,
        deep=True,
        parameters=(*MESSAGE_TYPE, _path("file", "Path of the file within the schema.")),
        problems=(404,),
    ),
    Route(
        name="index_page",
        method="GET",
        path="/v1/index.html",
        handler=index,
        summary="A page for people: all that is published here.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
    ),
    Route(
        name="codelists_page",
        method="GET",
        path="/v1/codelists.html",
        handler=codelists_page,
        summary="A page for people: the code lists.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
    ),
    Route(
        name="codelist_page",
        method="GET",
        path="/v1/codelists/{list}.html",
        handler=codelist_page,
        summary="A page for people: one code list with all its days.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
        parameters=(LIST,),
        problems=(404,),
    ),
    Route(
        name="rules_page",
        method="GET",
        path="/v1/rules.html",
        handler=rules_page,
        summary="A page for people: the rules.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
    ),
    Route(
        name="requirements_page",
        method="GET",
        path="/v1/requirements.html",
        handler=requirements_page,
        summary="A page for people: the requirements table.",
        says="The page.",
        media=HTML,
        fresh=KEEP,
    ),
    Route(
        name="codelists",
        method="GET",
        path="/v1/codelists",
        handler=codelists,
        summary="The code lists: source, country, editions.",
        says="The lists, without their codes.",
        returns=Lists,
        root="codelists",
        fresh=KEEP,
    ),
    Route(
        name="codelist",
        method="GET",
        path="/v1/codelists/{list}",
        handler=codelist,
        summary="One code list with the codes in force on a day.",
        says="The list.",
        returns=ListOnDay,
        root="codelist",
        fresh=ASK,
        parameters=(LIST, ON),
        problems=(400, 404),
    ),
    Route(
        name="rules",
        method="GET",
        path="/v1/rules",
        handler=rules,
        summary="The rules in force on a day: what they demand, why, and by what law.",
        says="The rules.",
        returns=RulesOnDay,
        root="rules",
        fresh=ASK,
        parameters=RULE_FILTERS,
        problems=(400,),
    ),
    Route(
        name="requirements",
        method="GET",
        path="/v1/requirements",
        handler=requirements,
        summary="Which agency wants which document for which goods, from the table that declarations are routed by.",
        says="The rows. A fact that the enquiry leaves out lifts none: what may be asked for is among them.",
        returns=Enquiry,
        root="requirements",
        fresh=ASK,
        parameters=FILTERS,
        problems=(400,),
    ),
)
