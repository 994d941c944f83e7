"""What the gateway counts, as Prometheus reads it (text format 0.0.4): the sums of all workers, and the backlog.

Pure: numbers in, text out. Every agency has a number for every state, also where it is none: an alert on what is not
there would never come.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway import lifecycle
from gateway.census import Backlog, Census
from gateway.clock import moment
from gateway.metrics import Family, Metrics
from gateway.notify.told import Unsent

MEDIA: Final = CONTENT_TYPE_PLAIN_0_0_4
_LABELS: Final = ("agency", "state")
DELIVERIES: Final = Family("guichet_deliveries", "gauge", "Deliveries that are not decided.", _LABELS)
OVERDUE: Final = Family("guichet_deliveries_overdue", "gauge", "Those of them whose time is up.", _LABELS)
OLDEST: Final = Family("guichet_delivery_oldest_seconds", "gauge", "Age of the oldest of them.", _LABELS)
LOG_BYTES: Final = Family("guichet_store_log_bytes", "gauge", "Size of the store's write-ahead log.")
UNSENT: Final = Family("guichet_pushes_waiting", "gauge", "Notifications that are to be sent to traders' addresses.")
UNSENT_AGE: Final = Family("guichet_push_oldest_seconds", "gauge", "Age of the oldest of them.")
DEAD: Final = Family("guichet_pushes_dead", "gauge", "Notifications that were given up.")
WORKERS: Final = Family("guichet_workers", "gauge", "Worker processes that the gateway was started with.")


class _Reading(Collector):
    """All families at one moment."""

    def __init__(self, metrics: Metrics, census: Census, now: datetime, workers: int) -> None:
        self._metrics, self._census, self._now, self._workers = metrics, census, now, workers

    def collect(self) -> Iterator[Metric]:
        """The families, each with its series."""
        for family, places in self._metrics.series.items():
            yield _counted(self._metrics, family, places)
        yield from _backlog(self._census.backlog, self._metrics.agencies, self._now)
        yield from _unsent(self._census.unsent, self._now)
        yield _gauge(LOG_BYTES, [((), float(self._census.log_bytes))])
        yield _gauge(WORKERS, [((), float(self._workers))])


def text(metrics: Metrics, census: Census, now: datetime, workers: int) -> bytes:
    """All numbers, as of now."""
    return generate_latest(_Reading(metrics, census, now, workers))


def _counted(metrics: Metrics, family: Family, places: dict[tuple[str, ...], int]) -> Metric:
    if family.kind == "histogram":
        return _histogram(metrics, family, places)
    values = [(labels, metrics.total(place)) for labels, place in places.items()]
    if family.kind == "gauge":
        return _gauge(family, values)
    counter = CounterMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in values:
        counter.add_metric(labels, value)
    return counter


def _histogram(metrics: Metrics, family: Family, places: dict[tuple[str, ...], int]) -> Metric:
    """Buckets are kept apart, and told as Prometheus wants them: each holds all below its bound."""
    found = HistogramMetricFamily(family.name, family.text, labels=family.labels)
    names = [*map(str, family.bounds), "+Inf"]
    for labels, place in places.items():
        counts = accumulate(metrics.total(place + at) for at in range(len(names)))
        found.add_metric(labels, list(zip(names, counts, strict=True)), metrics.total(place + len(names)))
    return found


def _gauge(family: Family, values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    gauge = GaugeMetricFamily(family.name, family.text, labels=family.labels)
    for labels, value in values:
        gauge.add_metric(labels, value)
    return gauge


def _backlog(backlog: Iterable[Backlog], agencies: Iterable[str], now: datetime) -> Iterator[Metric]:
    """Of agencies that are no partners any more too, as long as there is something of theirs."""
    found = {(each.agency, each.state): each for each in backlog}
    rows = dict.fromkeys([*((code, state) for code in agencies for state in lifecycle.UNDECIDED), *found])
    yield _gauge(DELIVERIES, [(row, float(found[row].count) if row in found else 0.0) for row in rows])
    yield _gauge(OVERDUE, [(row, float(found[row].overdue) if row in found else 0.0) for row in rows])
    yield _gauge(OLDEST, [(row, _age(found[row].oldest, now) if row in found else 0.0) for row in rows])


def _unsent(unsent: Unsent, now: datetime) -> Iterator[Metric]:
    yield _gauge(UNSENT, [((), float(unsent.waiting))])
    yield _gauge(UNSENT_AGE, [((), _age(unsent.oldest, now) if unsent.oldest else 0.0)])
    yield _gauge(DEAD, [((), float(unsent.dead))])


def _age(since: str, now: datetime) -> float:
    return max(0.0, (now - moment(since)).total_seconds())
