"""Spans to a collector, by the OpenTelemetry protocol over HTTP. The only module that knows OpenTelemetry's library.

What the collector does not take in time is lost, and said so in the log: a trace is not worth a declaration's waiting.
Headers for the collector come from `OTEL_EXPORTER_OTLP_HEADERS`, as that library reads them.
"""

from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gateway.traces.span import Place, Span

SEND_SECONDS: Final = 5.0  # for one exchange with the collector
WAITING: Final = 8192  # spans; more are lost
PAUSE_MILLISECONDS: Final = 1000.0  # between two exchanges
_KINDS: Final = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}


class OtlpCollector:
    """Passes spans on from a thread of its own, many at a time."""

    def __init__(self, endpoint: str) -> None:
        self._resource = Resource.create({"service.name": "guichet"})
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SEND_SECONDS)
        self._processor = BatchSpanProcessor(exporter, max_queue_size=WAITING, schedule_delay_millis=PAUSE_MILLISECONDS)

    def put(self, span: Span) -> None:
        """Take a span."""
        self._processor.on_end(
            ReadableSpan(
                span.name,
                context=_context(span.place),
                parent=None if span.parent is None else _context(span.parent),
                resource=self._resource,
                attributes=span.facts,
                links=() if span.caller is None else (Link(_context(span.caller)),),
                kind=_KINDS[span.kind],
                status=Status(StatusCode.ERROR, span.failed) if span.failed else Status(),
                start_time=span.begun,
                end_time=span.ended,
            )
        )

    def close(self) -> None:
        """Pass on what is there, and end."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]


def _context(place: Place) -> SpanContext:
    return SpanContext(place.trace_id, place.span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
