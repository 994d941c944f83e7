"""The HTTP application: registers the route table, and states the order in which every request is dealt with.

1. `converse`  the conversation id, the language, and the headers of every answer
2. `explain`   whatever goes wrong from here on is answered as a problem document
3. `_serve`    of a route: who calls, and whether not too often; what the head says of the body, which answer is
               acceptable, the body, the handler

Reading the body comes last, so that a stranger cannot make the gateway read 64 MiB. A handler is not cancelled when
its caller goes away: what it was about to write is then on record, and a repeat of the request is answered from there.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from datamodel.registry import Registry
from datamodel.wording import ENGLISH, phrase, speaking
from gateway.access.accounts import Caller
from gateway.access.rights import right as right_to
from gateway.bulk.desk import Desk
from gateway.docs.library import Library
from gateway.http import (
    agencies,
    answers,
    appeals,
    attachments,
    bodies,
    bulk,
    caching,
    callbacks,
    case_documents,
    changes,
    declarations,
    endings,
    mandates,
    negotiate,
    notices,
    notifications,
    openapi,
    operators,
    problems,
    public,
    publication,
    render,
    response_codes,
    scans,
    streaming,
    tokens,
    traders,
    transfer,
    trial,
)
from gateway.http.access import CLIENT_CERT_HEADER, identify, judge, known
from gateway.http.carried import Carried
from gateway.http.compression import compress
from gateway.http.counting import NO_ROUTE, SCRIPTED, Handler, Meter, counting
from gateway.http.incoming import Incoming
from gateway.http.problems import Fault, Scripted
from gateway.http.rates import Rates
from gateway.http.routes import CONVERSATION, KEY_EXPIRES, TEST, Answer, Call, Route
from gateway.http.server import ALWAYS, REFUSE, AccessLog, log
from gateway.http.tracing import tracing
from gateway.identifiers import new_conversation_id
from gateway.media import format_of
from gateway.service import Gateway
from gateway.trial.clock import on_its_clock
from gateway.trial.playing import wake

ROUTES: tuple[Route, ...] = (
    *traders.ROUTES,
    *declarations.ROUTES,
    *changes.ROUTES,
    *appeals.ROUTES,
    *answers.ROUTES,
    *bulk.ROUTES,
    *mandates.ROUTES,
    *notifications.ROUTES,
    *callbacks.ROUTES,
    *agencies.ROUTES,
    *attachments.ROUTES,
    *case_documents.ROUTES,
    *scans.ROUTES,
    *notices.ROUTES,
    *publication.ROUTES,
    *response_codes.ROUTES,
    *public.ROUTES,
    *tokens.ROUTES,
    *operators.ROUTES,
    *trial.ROUTES,
)

_GATEWAY = web.AppKey("gateway", Gateway)
_DESK = web.AppKey("desk", Desk)
_EXCHANGE = web.RequestKey("conversation_id", str)
_ENDING = web.RequestKey("ending", str)
_STANDING = web.RequestKey("standing", Mapping[str, str])
_NO_LIMIT: Mapping[str, str] = {}
PATIENCE = 0.5  # seconds that who asked too often waits for being told so: he asks the less often
_OF_A_TEST: Mapping[str, str] = {TEST: "yes"}
# Not the one of zeros: it names nothing, and what is traced goes by it.
_UUID = re.compile("(?![0-]*$)[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# A body that is not wanted is drained for `lingering_time`, so that its sender gets to read the answer, and is never
# inflated; an idle connection, or one whose request head does not come, is closed after `keepalive_timeout`.
_CONNECTION = {
    "auto_decompress": False,
    "lingering_time": 2.0,
    "keepalive_timeout": 75.0,
    "handler_cancellation": False,
    "access_log_class": AccessLog,
}


def create(gateway: Gateway) -> web.Application:
    """The application on a gateway that has been started. Run it with `server.Runner`."""
    routes = [route for route in ROUTES if gateway.settings.metrics or route is not operators.METRICS]
    meters: dict[object, Meter] = {}
    counted = (counting(meters, Meter(gateway.metrics, NO_ROUTE, (404, 405))),) if gateway.settings.metrics else ()
    known: dict[object, Route] = {}
    traced = (tracing(known, gateway.tracer),) if gateway.settings.traces.endpoint else ()
    application = web.Application(
        middlewares=(*counted, *traced, converse, explain),
        client_max_size=gateway.settings.limits.max_bytes,
        handler_args=_CONNECTION,
    )
    application[_GATEWAY], application[REFUSE] = gateway, _refuse
    application[CLIENT_CERT_HEADER] = gateway.settings.access.client_cert_header
    application.on_shutdown.append(_end_streams)
    with speaking(gateway.words[ENGLISH]):
        description = openapi.document(routes)
    schemas = gateway.settings.schemas
    library = Library(gateway.registry, schemas, gateway.requirements, gateway.agencies, gateway.checks)
    application[_DESK] = Desk(gateway.settings.bulk)
    room = bodies.Room(gateway.settings.big_share.room)
    rates = Rates(gateway.settings.rates, gateway.settings.workers)
    for route in routes:
        handler = _serve(route, gateway, library, description, room, rates)
        known[handler] = route
        meters[handler] = Meter(gateway.metrics, route.name, openapi.statuses(route))
        path = re.sub(r"\}$", ":.+}", route.path) if route.deep else route.path
        for method in {"GET": ("GET", "HEAD")}.get(route.method, (route.method,)):
            application.router.add_route(method, path, handler, expect_handler=bodies.leave_uninvited)
    return application


async def _end_streams(application: web.Application) -> None:
    """Whoever listens is sent home at once, and batches stop where they are; other requests have their time to end."""
    application[_DESK].closing.set()
    application[_GATEWAY].feed.close()


@web.middleware
async def converse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the exchange its language, and its conversation id: the caller's where that is a UUID, else a new one."""
    brought = request.headers.get(CONVERSATION, "")
    known = brought.lower() if _UUID.fullmatch(brought) else None
    request[_EXCHANGE] = known or new_conversation_id(request.app[_GATEWAY].random)
    request[_ENDING] = ""
    gateway = request.app[_GATEWAY]
    language = negotiate.language(", ".join(request.headers.getall("Accept-Language", ())), tuple(gateway.words))
    with speaking(gateway.words[language]):
        response = await handler(request)
    response.headers.setdefault(CONVERSATION, request[_EXCHANGE])
    if ending := request[_ENDING]:
        response.headers[KEY_EXPIRES] = ending
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    for name, value in request.get(_STANDING, _NO_LIMIT).items():
        response.headers.setdefault(name, value)
    await compress(request, response)
    return response


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every exception with a problem document in the format that the caller reads."""
    try:
        return await handler(request)
    except Exception as error:
        answer = _problem(request, error)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        await asyncio.sleep(PATIENCE)
    return answer


async def _refuse(request: web.Request, error: Exception) -> web.StreamResponse:
    """The problem document for what aiohttp refuses before it asks a middleware."""

    async def fail(request: web.Request) -> web.StreamResponse:
        return _problem(request, error)

    return await converse(request, fail)


def _problem(request: web.Request, error: Exception) -> web.Response:
    """Apart from `explain`, whose frame the error holds: naming the error there would hold both, and the body too."""
    fault = problems.fault_of(error)
    conversation_id = request[_EXCHANGE]
    if isinstance(error, Scripted):
        request[SCRIPTED] = True
    elif fault.kind.blame == "gateway":
        place = {"method": request.method, "path": request.rel_url.raw_path, "conversation": conversation_id}
        log.error(
            "conversation %(conversation)s: %(method)s %(path)s failed: %(problem)s",
            {**place, "problem": fault.slug},
            exc_info=None if fault.slug == "busy" else error,
        )
    form = negotiate.problem_format(_accept(request), bodies.likely_format(request))
    return problems.answer(fault, request.rel_url.raw_path, conversation_id, form)


def _serve(
    route: Route, gateway: Gateway, library: Library, description: bytes, room: bodies.Room, rates: Rates
) -> Handler:
    right = right_to(route.name)

    async def serve(request: web.Request) -> web.StreamResponse:
        caller = await identify(gateway.accounts, right, request, rates)
        request[_ENDING] = caller.ending or ""
        owner = judge(right, caller)
        own = await _admit(request, route, gateway, caller, rates)
        _check_head(route, request, gateway)
        media = _negotiate(route, request)
        with room.share() as share:
            body = await _take(request, route, gateway, share)
            call = Call(
                gateway=own,
                library=library,
                openapi=description,
                account=caller.account,
                actor=caller.actor,
                owner=owner,
                conversation_id=request[_EXCHANGE],
                path=dict(_clean(request.match_info)),
                query=dict(_clean(request.query)),
                headers=CIMultiDict(_clean(request.headers)),
                accept=_accept(request),
                body=body,
                feed=_incoming(request, gateway, room, partial(rates.pace, caller.account)) if route.feeds else None,
                media=media,
                form="json" if route.media else format_of(media),
                carried=Carried(request, gateway.settings.patience) if route.carries else None,
                prove=_prover(gateway, request, rates) if route.form else None,
            )
            with nullcontext() if route.carries else request.app[_DESK].others:  # an upload may take minutes
                answer = await (_test(request, route, call) if caller.account.test else route.handler(call))
        if route.streams or route.files:
            return await _stream(request, route, gateway, answer, rates, call.feed)
        return _respond(route, answer, media, call.headers, gateway.registry)

    return serve


async def _admit(request: web.Request, route: Route, gateway: Gateway, caller: Caller, rates: Rates) -> Gateway:
    """The gateway as it is to this caller: to a test account it has another clock, and every answer says so.

    Raises Fault for who asks too often, and Refused for who asks for a test where there can be none.
    """
    test = caller.account.test
    request[_STANDING] = {**(_OF_A_TEST if test else _NO_LIMIT), **rates.spend(caller.account)}
    trial.refuse_elsewhere(route, request.headers, caller.account)
    return await on_its_clock(gateway, caller.account) if test else gateway


async def _test(request: web.Request, route: Route, call: Call) -> Answer:
    """What the handler answers. Virtual agencies look at what was done; an answer that is to be lost finds nobody."""
    answer = await route.handler(call)
    if route.method == "POST":
        wake(call.gateway)
    if answer.lost and request.transport is not None:
        request.transport.abort()
    return answer


def _incoming(
    request: web.Request, gateway: Gateway, room: bodies.Room, pace: Callable[[], Awaitable[None]]
) -> Incoming:
    settings = gateway.settings
    return Incoming(request, request.app[_DESK], room, settings.patience, settings.limits.max_bytes, pace)


def _prover(gateway: Gateway, request: web.Request, rates: Rates) -> Callable[[str], Awaitable[Caller]]:
    """What finds whose key is in a form, by the same rules and limits as for a key in a header. It raises Fault."""

    async def prove(key: str) -> Caller:
        accounts = gateway.accounts
        caller = await known(accounts.authenticate, key, accounts, request, rates)
        request[_STANDING] = rates.spend(caller.account)
        return caller

    return prove


def _check_head(route: Route, request: web.Request, gateway: Gateway) -> None:
    """Raises Refused or Fault for a body that the head alone rules out."""
    if route.form:
        bodies.check_form(request)
    elif route.feeds:
        bodies.check(request, gateway.settings.bulk.max_bytes, route.feeds)
    elif route.takes:
        bodies.check(request, gateway.settings.limits.max_bytes)
    elif route.carries:
        bodies.check_coding(request)


async def _take(request: web.Request, route: Route, gateway: Gateway, share: bodies.Share) -> bodies.Body:
    """The body, which is counted while it comes; none where the route reads it itself.

    Raises as `bodies.read` and `bodies.read_form`.
    """
    if not route.takes or route.feeds:
        return bodies.NO_BODY
    metrics, settings = gateway.metrics, gateway.settings
    metrics.row[metrics.reading] += 1.0
    try:
        if route.form:
            return await bodies.read_form(request, settings.patience, share)
        return await bodies.read(request, settings.limits.max_bytes, settings.patience, share)
    finally:
        metrics.row[metrics.reading] -= 1.0


async def _stream(
    request: web.Request, route: Route, gateway: Gateway, answer: Answer, rates: Rates, feed: Incoming | None
) -> web.StreamResponse:
    """An answer in parts goes out before `converse` sees it, so it has the headers of every answer from here."""
    headers = {**ALWAYS, **request.get(_STANDING, _NO_LIMIT), CONVERSATION: request[_EXCHANGE], **answer.headers}
    if ending := request[_ENDING]:
        headers[KEY_EXPIRES] = ending
    if route.files:
        return await transfer.send(request, answer.value, headers, gateway.settings.patience)
    headers["Content-Type"] = answer.media or route.media[0]
    return await streaming.stream(
        request,
        answer.value,
        headers,
        patience=gateway.settings.notifications.patience,
        notice=gateway.settings.notifications.look,
        welcome=lambda: _still_welcome(request, route, gateway, rates),
        heard=lambda: feed.heard if feed else 0.0,
    )


async def _still_welcome(request: web.Request, route: Route, gateway: Gateway, rates: Rates) -> None:
    """Raises Fault where the caller's key opens the route no more."""
    right = right_to(route.name)
    judge(right, await identify(gateway.accounts, right, request, rates))


def _clean(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs in which every text is clean; mostly all are."""
    pairs = list(values.items())
    if "".join(value for _, value in pairs).isascii():
        return pairs
    return [(name, render.clean(value)) for name, value in pairs]


def _accept(request: web.Request) -> str:
    return ", ".join(request.headers.getall("Accept", ()))


def _negotiate(route: Route, request: web.Request) -> str:
    """The media type of the answer. Raises Fault where the caller accepts none that the route gives."""
    sent = bodies.likely_format(request)
    offered = route.media or negotiate.offers(negotiate.OTHER[sent] if route.swaps else sent, route.gives)
    chosen = negotiate.choose("" if route.as_kept else _accept(request), offered)
    if chosen is None:
        raise Fault("not-acceptable", phrase("detail.given", names=", ".join(offered)))
    return chosen


def _respond(route: Route, answer: Answer, media: str, asked: Mapping[str, str], registry: Registry) -> web.Response:
    body = answer.value
    if answer.media is None:
        body = render.RENDERERS[format_of(media)](body, route.root, render.API_NAMESPACE)
    headers = {**answer.headers, "Content-Type": answer.media or media}
    if hasattr(answer.value, "issues"):
        headers |= problems.language_headers() | endings.headers(answer.value.issues, registry)
    if route.fresh:
        headers |= {"Cache-Control": route.fresh, "ETag": caching.entity_tag(body)}
        if caching.unchanged(asked.get("If-None-Match", ""), headers["ETag"]):
            del headers["Content-Type"]
            return web.Response(status=304, headers=headers)
    return web.Response(status=answer.status or route.status, body=body, headers=headers)
