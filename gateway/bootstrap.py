"""The composition root: the only module that names a concrete store or adapter. Nothing connects before `running`."""

import asyncio
import difflib
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

from adapters import keysets
from adapters.callback import HttpPoster
from adapters.port import Adapter, Poster, Scanner
from adapters.registry import build as build_adapter
from adapters.scanners import CommandScanner, HttpScanner
from datamodel.projection import Projector
from datamodel.registry import Message, Registry
from datamodel.wording import ENGLISH, catalogue, speaking
from gateway import decisions, permit_requests, responses
from gateway.access.accounts import Accounts
from gateway.access.issuers import foreign_tokens
from gateway.access.tokens import OwnTokens, Tokens
from gateway.acts import answer, appeal, ruling
from gateway.acts.arrival import ARRIVING
from gateway.acts.invalidation import INVALIDATING
from gateway.acts.reminding import remind
from gateway.acts.stages import Stages
from gateway.attachments.numbers import DocumentNumbers
from gateway.attachments.scanning import Scanning
from gateway.attachments.sweep import sweep
from gateway.attachments.uploads import Uploads
from gateway.checks import load_checks
from gateway.clock import Clock, stamp, utc_now
from gateway.codes import load_codes
from gateway.doorbell import Doorbell
from gateway.identifiers import Random
from gateway.intake import LODGED
from gateway.mandates import confirmation, granting
from gateway.mandates.lapse import end_unconfirmed
from gateway.mandates.parties import load_parties
from gateway.mandates.roll import Rolls
from gateway.mandates.settings import REQUIRED
from gateway.metrics import Metrics, watch_loop
from gateway.notices import messages
from gateway.notify.feed import Feed, prune
from gateway.notify.probing import Probe
from gateway.notify.pushing import Pusher
from gateway.outbox import Outbox
from gateway.ports import Store
from gateway.requirements import Agency, RequirementTable, load_agencies
from gateway.rounds import Rounds
from gateway.service import ALONE, Gateway, Seat
from gateway.settings import AgencySettings, Settings, SettingsError
from gateway.store.objects import place_at
from gateway.store.sqlite import SqliteStore, held
from gateway.traces.tracer import Tracer
from gateway.trial.playing import Player
from gateway.trial.scenarios import Scenarios
from gateway.workshop import Workshop

# What the gateway itself writes to agencies and traders, and reads of them beside declarations.
EXCHANGED = (
    permit_requests.MESSAGE,
    decisions.MESSAGE,
    responses.MESSAGE,
    appeal.MESSAGE,
    ruling.MESSAGE,
    answer.MESSAGE,
    messages.MESSAGE,
    *INVALIDATING,
    *ARRIVING,
    granting.MESSAGE,
    confirmation.MESSAGE,
)

OFTEN, SELDOM = 30.0, 600.0  # seconds between two rounds


def build(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    random: Random = os.urandom,
    adapters: Mapping[str, Adapter] | None = None,
    shared: bool = False,
) -> Gateway:
    """Read the country's tables and put a gateway together; `adapters` stand in for those of the agencies' profiles.

    `shared` is for the processes of one whose ledger `held_ledger` holds. Raises ValueError for what would fail later.
    """
    tables = _tables(settings)
    metrics, tracer = _metrics(settings, tables), Tracer(settings.traces)
    store, around = _ledger(settings, metrics, tracer, shared), (clock, random)
    return _assemble(settings, tables, store, around, metrics, tracer, adapters)


class _Tables(NamedTuple):
    """What is read of a country before anything else."""

    registry: Registry
    agencies: Mapping[str, Agency]
    requirements: RequirementTable


def _tables(settings: Settings) -> _Tables:
    agencies = load_agencies(settings.schemas / "agencies")
    requirements = RequirementTable.load(settings.schemas / "requirements", agencies)
    return _Tables(Registry.load(settings.schemas), agencies, requirements)


def _assemble(  # noqa: PLR0913, PLR0917  all that the parts are made of
    settings: Settings,
    tables: _Tables,
    store: Store,
    around: tuple[Clock, Random],
    metrics: Metrics,
    tracer: Tracer,
    adapters: Mapping[str, Adapter] | None,
) -> Gateway:
    (registry, agencies, requirements), (clock, random) = tables, around
    return Gateway(
        settings=settings,
        registry=registry,
        checks=load_checks(settings.schemas, registry, settings.country),
        words=catalogue(settings.schemas),
        store=store,
        requirements=requirements,
        agencies=agencies,
        projectors=_projectors(registry, agencies),
        adapters=_adapters(settings, agencies) if adapters is None else adapters,
        accounts=Accounts(store, clock, tokens(settings, store, clock)),
        rolls=_rolls(settings, registry, store, clock),
        codes=load_codes(settings.schemas),
        scenarios=Scenarios.load(settings.schemas, agencies),
        stages=Stages.load(settings.schemas, registry.message(LODGED[0]), settings.country),
        rules=_rules_digest(requirements, agencies),
        doorbell=Doorbell(),
        feed=Feed(store, settings.notifications.look),
        probe=Probe(store, lambda: poster(settings), settings.notifications, settings.workers, clock),
        workshop=Workshop(settings.big_share, metrics.work_on_big),
        uploads=_uploads(settings, store, metrics, clock, random),
        metrics=metrics,
        tracer=tracer,
        clock=clock,
        random=random,
    )


def _uploads(settings: Settings, store: Store, metrics: Metrics, clock: Clock, random: Random) -> Uploads:
    """The door for documents. Raises SettingsError where the place for them cannot be used."""
    database = settings.database_path
    scanner(settings)  # so that one that cannot be used is told of at the start
    try:
        place = place_at(settings.documents.url, database.with_name(database.name + ".documents"))
    except ValueError as error:
        raise SettingsError(str(error)) from error
    numbers = DocumentNumbers(metrics)
    return Uploads(store, place.objects, place.incoming, settings.documents, numbers, clock, random)


def scanner(settings: Settings) -> Scanner | None:
    """Who looks for harm in documents, if anybody. Raises SettingsError."""
    chosen = settings.documents.scanner
    try:
        if chosen.command:
            return CommandScanner(chosen.command)
        token = chosen.secret()
    except ValueError as error:
        raise SettingsError(f"documents.scanner: {error}") from error
    return HttpScanner(chosen.url, token=token, timeout=settings.outbox.send) if chosen.url else None


def tokens(settings: Settings, store: Store, clock: Clock) -> Tokens:
    """What reads access tokens, and signs our own."""
    chosen = settings.access
    return Tokens(OwnTokens(store, settings.base_url, chosen, clock), foreign_tokens(chosen, keysets.fetch))


def _metrics(settings: Settings, tables: _Tables) -> Metrics:
    registry, agencies, _ = tables
    lodged = [key for key, each in registry.messages.items() if key in LODGED or each.model.facts.base in LODGED]
    return Metrics(settings.workers, agencies, lodged)


def _ledger(settings: Settings, metrics: Metrics, tracer: Tracer, shared: bool) -> SqliteStore:
    committed = metrics.committed if settings.metrics else None
    return SqliteStore(settings.database_path, exclusive=not shared, committed=committed, tracer=tracer)


def poster(settings: Settings) -> Poster:
    """What carries notifications to addresses of traders, as far as the settings allow."""
    return HttpPoster(timeout=settings.notifications.send, private=settings.notifications.private)


def side_store(settings: Settings) -> Store:
    """The ledger alone, which may be opened beside a running gateway, for what operators do.

    A case may be changed through it, as everywhere, only against the version read. The gateway's outbox looks into the
    ledger by itself, so it needs no word of the change.
    """
    return SqliteStore(settings.database_path, exclusive=False)


def held_ledger(settings: Settings, clock: Clock = utc_now) -> AbstractContextManager[None]:
    """The ledger in the hands of a gateway of several processes, each of which is forked inside and runs `running`.

    What must be done once, and before any of them, is done on entry: the newest form of the tables, and the end of
    claims that a dead gateway left. Raises RuntimeError where the ledger cannot be used.
    """
    return held(settings.database_path, stamp(clock()))


def warm(gateway: Gateway) -> None:
    """Make what is made once of each message type, so that the first trader does not wait for it."""
    known = gateway.registry.messages.values()
    _compile(each for each in known if each.key in (*LODGED, *EXCHANGED) or each.model.facts.base in LODGED)


@asynccontextmanager
async def running(gateway: Gateway, seat: Seat = ALONE) -> AsyncIterator[Gateway]:
    """The gateway, or one process of it, with its store open and its outbox at work. Leaving it ends both in order."""
    warm(gateway)
    gateway.metrics.take_seat(seat.number)
    async with AsyncExitStack() as closing:
        # Before the store, which has threads, and a lock that no copy of this process may keep.
        gateway.workshop.open(gateway, lambda: _compile(gateway.registry.messages.values()))
        closing.push_async_callback(gateway.workshop.close)
        gateway.tracer.open()
        closing.push_async_callback(gateway.tracer.close)
        await gateway.store.open()
        closing.push_async_callback(gateway.store.close)
        for adapter in gateway.adapters.values():
            closing.push_async_callback(adapter.close)
        outbox = Outbox(gateway, seat)
        closing.push_async_callback(outbox.stop)
        with speaking(gateway.words[ENGLISH]):  # what the outbox writes down is for everybody
            await outbox.start()
        for each in _once(gateway) if seat.number == 1 else ():
            closing.push_async_callback(each.stop)
        if gateway.settings.metrics:
            watching = asyncio.create_task(watch_loop(gateway.metrics))
            closing.callback(watching.cancel)
        yield gateway


class _AtWork(Protocol):
    """What has begun with its making, in a running event loop."""

    async def stop(self) -> None: ...


def _once(gateway: Gateway) -> Iterator[_AtWork]:
    """What one process of a gateway does for all of them."""
    store, clock, chosen = gateway.store, gateway.clock, gateway.settings.notifications
    yield Rounds("old notifications cannot be removed", partial(prune, store, chosen.keep, clock), SELDOM)
    yield Rounds("supplements cannot be looked for", partial(remind, store, clock), SELDOM)
    yield Rounds("documents cannot be swept", partial(sweep, store, gateway.uploads, clock), SELDOM)
    yield Rounds("filings that nobody confirmed cannot be ended", partial(end_unconfirmed, gateway), OFTEN)
    carrier, metrics, tracer = poster(gateway.settings), gateway.metrics, gateway.tracer
    yield Pusher(store, carrier, chosen, clock, gateway.random, metrics, tracer)
    yield Player(gateway)
    if asked := scanner(gateway.settings):
        yield Scanning(store, gateway.uploads, asked, gateway.settings.base_url, clock, gateway.random)


def _compile(messages: Iterable[Message]) -> None:
    for message in messages:
        message.compile()


def _projectors(registry: Registry, agencies: Mapping[str, Agency]) -> dict[tuple[str, str], Projector]:
    made = {}
    for key in LODGED:
        for code, agency in agencies.items():
            try:
                made[key, code] = Projector(registry.message(key), agency.disclose)
            except ValueError as error:
                raise ValueError(f"agency {code}: disclose: {error}") from error
    return made


def _adapters(settings: Settings, agencies: Mapping[str, Agency]) -> dict[str, Adapter]:
    """The adapters of the agencies that have one."""
    for code in settings.agencies:
        if code not in agencies:
            near = difflib.get_close_matches(code, agencies, 1) or sorted(agencies)
            raise SettingsError(f"settings name an agency {code!r}, which there is not; there is {', '.join(near)}")
    built = {}
    for code, agency in agencies.items():
        chosen = settings.agencies.get(code, AgencySettings())
        try:
            adapter = build_adapter(
                agency.channel,
                url=chosen.url or agency.url,
                folder=chosen.folder or agency.folder,
                token=chosen.secret(),
                timeout=settings.outbox.send,
                connections=2 * settings.outbox.in_flight,  # deliveries, and notices beside them
            )
        except ValueError as error:
            raise SettingsError(f"agency {code}: {error}") from error
        if adapter is not None:
            built[code] = adapter
    return built


def _rolls(settings: Settings, registry: Registry, store: Store, clock: Clock) -> Rolls:
    """Who may lodge for whom. Raises SettingsError where all must have a mandate, and no table says of which party."""
    folder = settings.schemas / "mandates"
    parties = load_parties(folder, [registry.message(key).model for key in LODGED])
    if settings.mandates.strict == REQUIRED and not parties:
        raise SettingsError(f"mandates.strict is {REQUIRED}, and no table in {folder} says of which party")
    return Rolls(store, parties, settings.mandates.look, clock)


def _rules_digest(requirements: RequirementTable, agencies: Mapping[str, Agency]) -> str:
    """What a routing event names: the same digest means the same rows and the same profiles."""
    profiles = [agencies[code] for code in sorted(agencies)]
    return sha256(msgspec.json.encode((requirements.rows, profiles))).hexdigest()
