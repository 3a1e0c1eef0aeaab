import http.server
import logging
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from infra import tracing
from infra.correlation import TRACE_KEY, correlation_metadata
from infra.dev.settings import REPOSITORY
from infra.errors import RefusedError
from infra.settings import ServiceSettings
from infra.trace_edges import traced_app, traced_handler
from infra.trace_export import SparingExporter
from infra.web import EdgeMiddleware
from tests.otlp_receiver import OtlpReceiver, ReceivedSpan

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLER = f"00-{TRACE_ID}-{SPAN_ID}-01"


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as collector:
        yield collector


@contextmanager
def exporting_to(endpoint: str, **settings: str) -> Iterator[None]:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "drain_seconds": "60", **settings}
    with tracing.exporting("order", ServiceSettings(**given)):
        yield


@dataclass(frozen=True)
class Parcel:
    label: str
    traceparent: str = ""


def label(parcel: Parcel) -> tracing.Attributes:
    return {"label": parcel.label}


# Off


def test_without_an_endpoint_no_service_imports_what_records_or_sends_spans() -> None:
    # redis-py imports the SDK's metrics by itself wherever they are installed.
    unwanted = ("infra.trace_export", "opentelemetry.sdk.trace", "opentelemetry.exporter")
    program = f"""
import sys
import auth.__main__, gateway.__main__, order.__main__, kitchen.app
from infra import tracing
from infra.settings import ServiceSettings
with tracing.exporting("order", ServiceSettings()):
    print([name for name in sys.modules if name.startswith({(*unwanted, "requests")})])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "[]\n"


def test_without_an_endpoint_nothing_is_wrapped_and_nothing_begun() -> None:
    async def app(*_: object) -> None: ...

    assert traced_app(app) is app
    assert traced_handler("/order/Place", app) is app
    with structlog.contextvars.bound_contextvars(**{TRACE_KEY: CALLER}):
        assert tracing.begin("work", "internal", {}) is tracing.NO_SPAN
        assert tracing.to_keep() == ""
        # The caller's trace is passed on as it came.
        assert dict(correlation_metadata())[TRACE_KEY] == CALLER
    parcel = Parcel("a", CALLER)
    with tracing.each("work", "internal", [parcel], label) as spans:
        assert [span.carry(parcel) for span in spans] == [parcel]


# On


def test_what_is_left_is_sent_before_the_process_ends(receiver: OtlpReceiver) -> None:
    with exporting_to(receiver.endpoint):
        with tracing.within(CALLER), tracing.spanning("outer", "server", {"a": 1}) as outer:
            assert tracing.to_keep() == outer.traceparent
            with tracing.spanning("inner", "client", {}):
                assert dict(correlation_metadata())[TRACE_KEY] == tracing.to_keep()
        assert tracing.to_keep() == ""
    first, second = receiver.of_trace(TRACE_ID)
    assert (first.service, first.name, first.kind) == ("order", "outer", "server")
    assert (first.parent_id, first.attributes) == (SPAN_ID, {"a": 1})
    assert (second.name, second.kind, second.parent_id) == ("inner", "client", first.span_id)
    assert not tracing.is_on()


def test_work_that_raises_is_a_failed_span(receiver: OtlpReceiver) -> None:
    with exporting_to(receiver.endpoint), tracing.within(CALLER):
        with pytest.raises(KeyError), tracing.spanning("one", "internal", {}):
            raise KeyError("lost")
        parcels = [Parcel("a", CALLER), Parcel("b")]
        with pytest.raises(KeyError), tracing.each("each", "consumer", parcels, label):
            raise KeyError("lost")
    found = [(span.name, span.failed, span.attributes) for span in receiver.of_trace(TRACE_ID)]
    assert found == [
        ("one", True, {"error.type": "KeyError"}),
        ("each", True, {"error.type": "KeyError", "label": "a"}),
    ]


def test_work_on_many_things_is_a_span_in_the_trace_of_each(receiver: OtlpReceiver) -> None:
    other = uuid.uuid4().hex
    parcels = [Parcel("a", CALLER), Parcel("b"), Parcel("c", f"00-{other}-{SPAN_ID}-01")]
    with (
        exporting_to(receiver.endpoint),
        tracing.each("send", "consumer", parcels, label) as spans,
    ):
        carried = [span.carry(parcel) for span, parcel in zip(spans, parcels, strict=True)]
    [first], [third] = receiver.of_trace(TRACE_ID), receiver.of_trace(other)
    assert len(receiver.spans) == 2
    assert (first.attributes, third.attributes) == ({"label": "a"}, {"label": "c"})
    assert [parcel.traceparent for parcel in carried] == [
        f"00-{TRACE_ID}-{first.span_id}-01",
        "",
        f"00-{other}-{third.span_id}-01",
    ]


@pytest.mark.parametrize(
    "parent", ["", "garbage", CALLER[:-1], CALLER.replace(TRACE_ID, "0" * 32), CALLER.upper()]
)
def test_what_comes_from_no_span_is_not_recorded(receiver: OtlpReceiver, parent: str) -> None:
    with exporting_to(receiver.endpoint):
        assert tracing.begin("work", "internal", {}, parent=parent) is tracing.NO_SPAN
        tracing.record("work", "internal", {}, parent=CALLER, since=1, linked=parent)
    [span] = receiver.spans
    assert (span.trace_id, span.linked_trace_ids) == (TRACE_ID, ())


@pytest.mark.parametrize(
    ("sampler", "ratio", "callers_flag", "kept"),
    [
        ("parentbased_always_on", "1", "01", True),
        ("parentbased_always_on", "1", "00", False),
        ("parentbased_always_off", "1", "01", True),
        ("parentbased_traceidratio", "0", "01", True),
        ("always_on", "1", "00", True),
        ("always_off", "1", "01", False),
        ("traceidratio", "0", "01", False),
        ("traceidratio", "1", "00", True),
    ],
)
def test_sampler_decides_what_is_recorded(
    receiver: OtlpReceiver, sampler: str, ratio: str, callers_flag: str, kept: bool
) -> None:
    settings = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": ratio}
    with (
        exporting_to(receiver.endpoint, **settings),
        tracing.within(f"00-{TRACE_ID}-{SPAN_ID}-{callers_flag}"),
        tracing.spanning("work", "internal", {}),
    ):
        assert bool(tracing.to_keep()) is kept
        # Those we call must decide alike, so they hear of it either way.
        assert dict(correlation_metadata())[TRACE_KEY][3:35] == TRACE_ID
    assert len(receiver.spans) == kept


# An endpoint that is away


class Collector(SpanExporter):
    def __init__(self, results: list[SpanExportResult]) -> None:
        self._results = results

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._results.pop(0)


def test_endpoint_that_is_away_is_told_once_and_when_it_is_back() -> None:
    away, here = SpanExportResult.FAILURE, SpanExportResult.SUCCESS
    exporter = SparingExporter(Collector([here, away, away, away, here, here]), "http://there")
    batch = [ReadableSpan(name="work")] * 2
    with capture_logs() as told:
        for _ in range(6):
            exporter.export(batch)
    assert [(line["event"], line["spans_lost"]) for line in told] == [
        ("traces_not_sent", 2),
        ("traces_sent_again", 6),
    ]


@dataclass
class Silence:
    """Takes what it is sent and says nothing until it is told to."""

    asked: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def silence() -> Iterator[tuple[str, Silence]]:
    state = Silence()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.asked.set()
            state.may_answer.wait()
            self.send_error(400)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", state
    finally:
        state.may_answer.set()
        server.shutdown()
        server.server_close()
        serving.join()


def sending_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("OtelBatch")]


def test_endpoint_that_does_not_answer_does_not_keep_the_process(
    silence: tuple[str, Silence],
) -> None:
    endpoint, state = silence
    with exporting_to(endpoint, drain_seconds="0.01"), tracing.within(CALLER):
        tracing.begin("work", "internal", {}).end()
    # The process may end though its span is still on the way.
    [sending] = sending_threads()
    state.asked.wait()
    assert sending.daemon
    state.may_answer.set()
    sending.join()


def test_sdk_is_quiet_about_single_batches(
    receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    with exporting_to(receiver.endpoint):
        for noisy in ("opentelemetry.exporter.otlp", "opentelemetry.sdk._shared_internal"):
            logging.getLogger(noisy).error("a batch failed")
    assert caplog.records == []


# The edges


async def answer(request: Request) -> Response:
    if request.path_params["id"] == "bug":
        raise RuntimeError("a bug")
    return PlainTextResponse(dict(correlation_metadata())[TRACE_KEY])


async def ask(receiver: OtlpReceiver, path: str, **headers: str) -> tuple[str, ReceivedSpan]:
    """What the handler would pass on, and the request's span."""
    with exporting_to(receiver.endpoint):
        app = Starlette(
            routes=[Route("/order/{id}", answer)],
            middleware=[Middleware(traced_app), Middleware(EdgeMiddleware)],
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            answered = await http.get(path, headers=headers)
    [span] = receiver.spans
    return answered.text, span


async def test_request_goes_on_with_its_callers_trace(receiver: OtlpReceiver) -> None:
    passed_on, span = await ask(receiver, "/order/1", traceparent=CALLER)
    assert (span.trace_id, span.parent_id) == (TRACE_ID, SPAN_ID)
    assert passed_on == f"00-{TRACE_ID}-{span.span_id}-01"
    assert (span.name, span.kind, span.failed) == ("GET /order/{id}", "server", False)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/order/{id}",
        "http.response.status_code": 200,
        "url.path": "/order/1",
        "url.scheme": "http",
    }


@pytest.mark.parametrize("headers", [{}, {"traceparent": "garbage"}])
async def test_request_of_no_trace_begins_one(
    receiver: OtlpReceiver, headers: dict[str, str]
) -> None:
    passed_on, span = await ask(receiver, "/order/1", **headers)
    assert span.parent_id == ""
    assert passed_on.split("-")[1:3] == [span.trace_id, span.span_id]


async def test_request_that_fails_is_a_failed_span(receiver: OtlpReceiver) -> None:
    _, span = await ask(receiver, "/order/bug")
    assert (span.name, span.failed) == ("GET /order/{id}", True)
    assert span.attributes["http.response.status_code"] == 500


class SoldOutError(RefusedError):
    pass


@pytest.mark.parametrize(("error", "failed"), [(SoldOutError, False), (RuntimeError, True)])
async def test_refused_call_is_no_failed_span(
    receiver: OtlpReceiver, error: type[Exception], failed: bool
) -> None:
    async def refuse(*_: object) -> None:
        raise error("no")

    with exporting_to(receiver.endpoint), tracing.within(CALLER), pytest.raises(error):
        await traced_handler("/order.v1.OrderService/PlaceOrder", refuse)(None, None)
    [span] = receiver.spans
    assert (span.name, span.failed) == ("order.v1.OrderService/PlaceOrder", failed)
    assert span.attributes["error.type"] == error.__name__
