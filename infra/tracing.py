"""Traces: what happens to one order in every service, as spans of one OpenTelemetry trace.

Off unless an OTLP endpoint is set; then nothing here does anything, and the SDK is not even
imported. A span makes itself known as a W3C ``traceparent``, which is bound to the log where the
caller's would be: lines name the span they were written in, and calls to other services pass it on
(``infra.correlation``). What happens later or elsewhere finds it beside the data it works on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from structlog.contextvars import bound_contextvars, get_contextvars

from infra.correlation import TRACE_KEY, is_traceparent
from infra.errors import RefusedError

if TYPE_CHECKING:
    from infra.settings import ServiceSettings
    from infra.trace_export import Recorder

Kind = Literal["internal", "server", "client", "producer", "consumer"]
"""What OpenTelemetry calls a span's kind."""
Attributes = Mapping[str, str | int]

_recorder: Recorder | None = None


class Traced(Protocol):
    """What names the span it comes from, in its field ``traceparent``; "" where there is none."""

    @property
    def traceparent(self) -> str: ...


Item = TypeVar("Item", bound=Traced)


class Span:
    """A piece of work. This one is not recorded, and its methods do nothing: traces are off, or the
    work belongs to none."""

    traceparent = ""
    """The W3C traceparent that makes other spans its children."""

    def active(self) -> AbstractContextManager[None]:
        """Makes what is logged, called and begun in the block part of this work."""
        return nullcontext()

    def carry(self, item: Item) -> Item:
        """``item``, a frozen dataclass, as coming from this span."""
        return item

    def rename(self, name: str) -> None:
        """Gives it a name that was not known when it began."""

    def note(self, attributes: Attributes) -> None:
        """Adds what became known meanwhile."""

    def fail(self, reason: str) -> None:
        """Marks the work as failed; ``reason`` is one of few, such as an exception's name."""

    def end(self) -> None:
        """The work is over. Only the first end counts."""


NO_SPAN = Span()


@contextmanager
def exporting(service: str, settings: ServiceSettings) -> Iterator[None]:
    """Records spans and sends them to the endpoint of ``settings``, if there is one, while the
    block runs; what is left at its end has ``drain_seconds`` to get there."""
    global _recorder
    if not settings.otlp_endpoint:
        yield
        return
    from infra.settings import refuse

    try:
        # What the SDK reads of the environment by itself it reads in part when it is imported.
        from infra.trace_export import Recorder

        _recorder = Recorder(
            service,
            settings.otlp_endpoint,
            sampler=settings.traces_sampler,
            ratio=settings.traces_sampler_ratio,
        )
    except ValueError as error:
        named = re.search(r"OTEL_[A-Z_]+", str(error))
        refuse([(named[0] if named else "OTEL_*", "OpenTelemetry's SDK does not take this value")])
    try:
        yield
    finally:
        recorder, _recorder = _recorder, None
        recorder.close(settings.drain_seconds)


def is_on() -> bool:
    """Whether spans are recorded in this process."""
    return _recorder is not None


def to_keep() -> str:
    """What to store beside data that others will work on later: the traceparent of the work under
    way, or "" where it is not recorded."""
    if _recorder is None:
        return ""
    traceparent = _bound()
    # The last digit says by its lowest bit whether the trace is sampled.
    return traceparent if traceparent and int(traceparent[-1], 16) & 1 else ""


def begin(
    name: str,
    kind: Kind,
    attributes: Attributes,
    *,
    parent: str | None = None,
    linked: str = "",
    since: int | None = None,
    may_be_root: bool = False,
) -> Span:
    """Begins a span, which somebody must end.

    Args:
        name: one of few; what tells one order from another stands in ``attributes``.
        kind: its part in the exchange with others.
        attributes: by the names of OpenTelemetry's semantic conventions where there are such.
        parent: the traceparent it comes from; None for the work under way. Work without a parent
            is not recorded.
        linked: the traceparent of another trace's span that caused it too.
        since: when it really began, in nanoseconds of Unix time; None for now.
        may_be_root: it is recorded without a parent as well: a trace begins here.
    """
    if _recorder is None:
        return NO_SPAN
    origin = _bound() if parent is None else parent
    if not is_traceparent(origin):
        if not may_be_root:
            return NO_SPAN
        origin = ""
    cause = linked if is_traceparent(linked) else ""
    return _recorder.begin(name, kind, attributes, parent=origin, linked=cause, since=since)


def record(
    name: str, kind: Kind, attributes: Attributes, *, parent: str, since: int, linked: str = ""
) -> None:
    """Records work that is over by now; arguments as those of ``begin``."""
    begin(name, kind, attributes, parent=parent, linked=linked, since=since).end()


@contextmanager
def spanning(name: str, kind: Kind, attributes: Attributes) -> Iterator[Span]:
    """A span of the work under way while the block runs. What that raises fails the span, but for
    refusals, which are as it should be."""
    span = begin(name, kind, attributes)
    try:
        with span.active():
            yield span
    except RefusedError as refusal:
        span.note({"error.type": type(refusal).__name__})
        raise
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        span.end()


@contextmanager
def each(
    name: str, kind: Kind, items: Sequence[Item], describe: Callable[[Item], Attributes]
) -> Iterator[Sequence[Span]]:
    """A span for each of ``items``, in its own trace, while the block works on all of them."""
    if _recorder is None:
        yield [NO_SPAN] * len(items)
        return
    spans = [begin(name, kind, describe(item), parent=item.traceparent) for item in items]
    try:
        yield spans
    except BaseException as error:
        for span in spans:
            span.fail(type(error).__name__)
        raise
    finally:
        for span in spans:
            span.end()


def within(traceparent: str) -> AbstractContextManager[None]:
    """Makes what is logged and begun in the block part of the work ``traceparent`` names."""
    if _recorder is None or not is_traceparent(traceparent):
        return nullcontext()
    return bound_contextvars(**{TRACE_KEY: traceparent})


def _bound() -> str:
    return str(get_contextvars().get(TRACE_KEY, ""))
