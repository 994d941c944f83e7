"""The parts of one running gateway, as one frozen bag. HTTP and the command line are given it and nothing else.

`bootstrap.build` fills it; what is in it is an argument to every step, so that a test can put its own in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from adapters.port import Adapter
from datamodel.projection import Projector
from datamodel.registry import Registry
from datamodel.semantics import Semantics
from datamodel.wording import Wording
from gateway.access.accounts import Accounts
from gateway.acts.stages import Stages
from gateway.attachments.uploads import Uploads
from gateway.clock import Clock
from gateway.codes import ResponseCodes
from gateway.doorbell import Doorbell
from gateway.identifiers import Random
from gateway.mandates.roll import Rolls
from gateway.metrics import Metrics
from gateway.notify.feed import Feed
from gateway.notify.probing import Probe
from gateway.ports import Store
from gateway.requirements import Agency, RequirementTable
from gateway.settings import Settings
from gateway.traces.tracer import Tracer
from gateway.trial.scenarios import Scenarios
from gateway.workshop import Workshop


class Seat(NamedTuple):
    """Which of the processes of one gateway this is, from 1, and how many there are."""

    number: int
    of: int


ALONE = Seat(1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """`projectors` by message key and agency code; `adapters` by code of those agencies that have one.

    `rules` is the digest of the requirements and agencies in force, which every routing event names.
    """

    settings: Settings
    registry: Registry
    checks: Semantics
    words: Mapping[str, Wording]
    store: Store
    requirements: RequirementTable
    agencies: Mapping[str, Agency]
    projectors: Mapping[tuple[str, str], Projector]
    adapters: Mapping[str, Adapter]
    accounts: Accounts
    rolls: Rolls
    codes: ResponseCodes
    scenarios: Scenarios
    stages: Stages
    rules: str
    doorbell: Doorbell
    feed: Feed
    probe: Probe
    workshop: Workshop
    uploads: Uploads
    metrics: Metrics
    tracer: Tracer
    clock: Clock
    random: Random
