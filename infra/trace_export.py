"""The OpenTelemetry SDK at work. Imported only where traces are on."""

import dataclasses
import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenTelemetrySpan
from structlog.contextvars import bound_contextvars

from infra.addresses import is_internal, without_user
from infra.correlation import TRACE_KEY
from infra.logs import get_logger
from infra.settings import Sampler
from infra.tracing import Attributes, Item, Kind, Span

log = get_logger()

TRACES_PATH = "/v1/traces"
# An endpoint that stays away is spoken of so often.
REMIND_SECONDS = 600.0
_KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class Recorder:
    """Records spans and sends them in the background, in batches.

    Args:
        service: who records them.
        endpoint: the base address of an OTLP collector that speaks HTTP.
        sampler: which traces are recorded.
        ratio: the share of traces the ``traceidratio`` samplers record, 0 to 1.
    """

    def __init__(self, service: str, endpoint: str, *, sampler: Sampler, ratio: float) -> None:
        resource = Resource.create(
            {
                "service.namespace": "brigade",
                "service.name": service,
                "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
            }
        )
        self._provider = TracerProvider(
            sampler=_sampler(sampler, ratio), resource=resource, shutdown_on_exit=False
        )
        # It would log what it can't read of a header, such as a token.
        logging.getLogger("opentelemetry.util.re").addFilter(_hide_header)
        session = requests.Session()
        session.trust_env = not is_internal(urlsplit(endpoint).hostname or "")
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + TRACES_PATH, session=session)
        shown = without_user(endpoint)
        self._provider.add_span_processor(BatchSpanProcessor(SparingExporter(exporter, shown)))
        self._tracer = self._provider.get_tracer("brigade")
        # They tell of each batch that failed; SparingExporter tells what is worth knowing.
        for chatty in ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "urllib3"):
            logging.getLogger(chatty).setLevel(logging.CRITICAL)

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes,
        *,
        parent: str,
        linked: str,
        since: int | None,
    ) -> Span:
        """As ``tracing.begin``; ``parent`` and ``linked`` are well-formed, or ""."""
        span = self._tracer.start_span(
            name,
            set_span_in_context(NonRecordingSpan(_read(parent))) if parent else Context(),
            kind=_KINDS[kind],
            attributes=attributes,
            links=[Link(_read(linked))] if linked else (),
            start_time=since,
        )
        return RecordedSpan(span)

    def close(self, seconds: float) -> None:
        """Sends what is left, for ``seconds`` at most."""
        # The SDK would wait for half a minute where nobody answers.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(seconds)


class RecordedSpan(Span):
    """A span that will be sent, or is known not to be sampled."""

    def __init__(self, span: OpenTelemetrySpan) -> None:
        self._span = span
        self._is_over = False
        known = span.get_span_context()
        if known.is_valid:
            flags = known.trace_flags
            self.traceparent = f"00-{known.trace_id:032x}-{known.span_id:016x}-{flags:02x}"

    def active(self) -> AbstractContextManager[None]:
        return bound_contextvars(**{TRACE_KEY: self.traceparent})

    def carry(self, item: Item) -> Item:
        return cast(Item, dataclasses.replace(cast(Any, item), traceparent=self.traceparent))

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._span.end()


class SparingExporter(SpanExporter):
    """Tells of an endpoint that takes no spans when that begins, seldom after, and when it ends."""

    def __init__(self, exporter: SpanExporter, endpoint: str) -> None:
        self._exporter = exporter
        self._endpoint = endpoint
        self._lost = 0
        self._told_at: float | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(spans)
            now = time.monotonic()
            if self._told_at is None or now - self._told_at >= REMIND_SECONDS:
                self._told_at = now
                log.warning("traces_not_sent", endpoint=self._endpoint, spans_lost=self._lost)
        elif self._told_at is not None:
            log.info("traces_sent_again", endpoint=self._endpoint, spans_lost=self._lost)
            self._lost, self._told_at = 0, None
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _sampler(name: Sampler, ratio: float) -> sampling.Sampler:
    kept: sampling.Sampler
    if name.endswith("always_on"):
        kept = sampling.ALWAYS_ON
    elif name.endswith("always_off"):
        kept = sampling.ALWAYS_OFF
    else:
        kept = sampling.TraceIdRatioBased(ratio)
    return sampling.ParentBased(kept) if name.startswith("parentbased") else kept


def _hide_header(record: logging.LogRecord) -> bool:
    record.msg = "OTEL_EXPORTER_OTLP_HEADERS: a header is left out: write name=value, URL-encoded"
    record.args = None
    return True


def _read(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
