"""Takes spans, and passes them on if the settings name a collector."""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.traces.settings import TraceSettings
from gateway.traces.span import Collector, Facts, Span, place_in, root_of

_NO_FACTS: Final[Facts] = {}


class Tracer:
    """Makes spans, if the settings name a collector. Before `open` and after `close` it makes none.

    Raises ValueError where the library that a collector needs is not installed.
    """

    def __init__(self, chosen: TraceSettings) -> None:
        self._chosen = chosen
        self._begin = None if chosen.endpoint is None else _collectors()
        self._collector: Collector | None = None

    @property
    def on(self) -> bool:
        """Whether there is any use in reading the clock."""
        return self._collector is not None

    def open(self) -> None:
        """Begin. A collector has a thread, which no fork may find."""
        if self._begin is not None and self._chosen.endpoint is not None:
            self._collector = self._begin(self._chosen.endpoint)

    async def close(self) -> None:
        """End; what is there is passed on before."""
        collector, self._collector = self._collector, None
        if collector is not None:
            await asyncio.to_thread(collector.close)

    def put(self, span: Span) -> None:
        """Take a span, if its trace is one of those that are wanted."""
        if self._collector is not None and self._chosen.takes(span.place.trace_id):
            self._collector.put(span)

    def stage(self, conversation_id: str, name: str, begun: int, facts: Facts = _NO_FACTS) -> None:
        """A stage of a case that has ended now."""
        if self._collector is not None:
            place, root = place_in(conversation_id), root_of(conversation_id)
            self.put(Span(name=name, place=place, parent=root, begun=begun, facts=facts))


def _collectors() -> Callable[[str], Collector]:
    """What makes a collector of an address."""
    try:
        # It takes longer to load than all the rest, and most installations have no use for it.
        from gateway.traces.otlp import OtlpCollector  # noqa: PLC0415
    except ImportError as error:
        remedy = "install it with pip install '.[traces]', or take traces.endpoint out of the settings"
        raise ValueError(f"traces need a library that is not there ({error.name}): {remedy}") from error
    return OtlpCollector
