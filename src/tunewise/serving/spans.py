"""Spans: what a request, a batch and its encoding took, for whoever collects traces by OTLP.

Only where OpenTelemetry's own variables name a collector and the extra `otel` is installed; else
there are none, and they cost nothing. No span holds a text, a path or a key.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from tunewise.errors import MissingExtra
from tunewise.extras import need

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_FAILED = 500  # a status from here on is the server's doing
_NAMES = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "request": "tunewise.request",
    "model": "tunewise.model",
    "texts": "tunewise.texts",
    "tokens": "tunewise.tokens",
}
"""What is told of a request, and the attributes it goes to: OpenTelemetry's own for HTTP."""

logger = logging.getLogger(__name__)


class Spans(Protocol):
    """Where spans go."""

    def request(
        self, headers: Mapping[bytes, bytes], told: Mapping[str, Any]
    ) -> AbstractContextManager[object]:
        """The span of a request, the child of its caller's; `told` is read when it ends."""

    def here(self) -> object:
        """What a later span can be linked to: the one that this code runs in; None for none."""

    def step(
        self, name: str, counts: Mapping[str, int], asked: Iterable[object] | None = None
    ) -> AbstractContextManager[object]:
        """The span of a step within the current one; or on its own, linked to all who `asked`."""

    def close(self) -> None:
        """Sends what was not sent yet; may wait for the collector."""


class NoSpans:
    """None at all."""

    def request(
        self, headers: Mapping[bytes, bytes], told: Mapping[str, Any]
    ) -> AbstractContextManager[object]:
        """Nothing."""
        del headers, told
        return nullcontext()

    def here(self) -> object:
        """Nothing."""
        return None

    def step(
        self, name: str, counts: Mapping[str, int], asked: Iterable[object] | None = None
    ) -> AbstractContextManager[object]:
        """Nothing."""
        del name, counts, asked
        return nullcontext()

    def close(self) -> None:
        """Does nothing."""


class SentSpans:
    """Spans sent by OTLP over HTTP, from a thread of their own, to where the variables say."""

    def __init__(self) -> None:
        need("opentelemetry.sdk", extra="otel")
        need("opentelemetry.exporter.otlp.proto.http", extra="otel")
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        name = os.environ.get("OTEL_SERVICE_NAME", "tunewise")
        # closed by the server, and not once more when Python ends
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": name}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tunewise")
        self._trace, self._callers = trace, TraceContextTextMapPropagator()

    @contextmanager
    def request(self, headers: Mapping[bytes, bytes], told: Mapping[str, Any]) -> Iterator[object]:
        """A server's span, named by method and route, with the facts of the log's line."""
        parent = {
            name: value.decode("latin-1")
            for name in ("traceparent", "tracestate")
            if (value := headers.get(name.encode()))
        }
        with self._tracer.start_as_current_span(
            "request",
            context=self._callers.extract(parent),
            kind=self._trace.SpanKind.SERVER,
            record_exception=False,  # its message may quote a text
            set_status_on_exception=False,
        ) as span:
            yield span
            span.update_name(f"{told['method']} {told['route']}")
            span.set_attributes({_NAMES[name]: told[name] for name in _NAMES if name in told})
            if told["status"] >= _FAILED:
                span.set_status(self._trace.StatusCode.ERROR)

    def here(self) -> object:
        """The current span's context, if there is one."""
        context = self._trace.get_current_span().get_span_context()
        return context if context.is_valid else None

    def step(
        self, name: str, counts: Mapping[str, int], asked: Iterable[object] | None = None
    ) -> AbstractContextManager[object]:
        """A span with its counts; what belongs to several requests begins a trace of its own."""
        from opentelemetry.context import Context

        there: dict[int, Any] = {id(each): each for each in asked or () if each is not None}
        span: AbstractContextManager[object] = self._tracer.start_as_current_span(
            name,
            context=None if asked is None else Context(),
            links=[self._trace.Link(each) for each in there.values()],
            attributes={f"tunewise.{of}": count for of, count in counts.items()},
            record_exception=False,
            set_status_on_exception=False,
        )
        return span

    def close(self) -> None:
        """Sends the rest."""
        self._provider.shutdown()


def spans_wanted() -> Spans:
    """Spans where the environment names a collector; a warning where the extra is missing."""
    named = any(os.environ.get(name) for name in _ENDPOINTS)
    if not named or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return NoSpans()
    try:
        return SentSpans()
    except MissingExtra as missing:
        logger.warning("a collector is named, and no spans are sent to it: %s", missing)
        return NoSpans()
