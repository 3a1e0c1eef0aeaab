"""What every service counts: HTTP requests, gRPC calls, Redis. Each adds its own in its metrics.py.

Prometheus collects them from the operations port. Labels take few values by design: routes rather
than paths, and nothing a stranger can make up.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import grpc
from prometheus_client import Counter, Gauge, Histogram
from redis.exceptions import RedisError

from infra.logs import get_logger

log = get_logger()

Refresh = Callable[[], Awaitable[None]]
"""Brings gauges up to date before they are read. May raise RedisError."""

REFRESH_SECONDS = 2.0
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"

HTTP_SECONDS = Histogram(
    "http_request_seconds",
    "Time from a request to the first byte of its answer.",
    ["method", "route", "status"],
    buckets=SECONDS,
)
GRPC_SECONDS = Histogram(
    "grpc_server_call_seconds",
    "Time a unary call took here.",
    ["method", "code"],
    buckets=SECONDS,
)
GRPC_STREAMS = Gauge("grpc_server_streams", "Streaming calls that are open.", ["method"])
REDIS_SECONDS = Histogram(
    "redis_command_seconds",
    "Time a command or a pipeline took, waiting for a connection included. No blocking reads.",
    ["command"],
    buckets=SECONDS,
)
REDIS_RETRIES = Counter(
    "redis_retries", "Times Redis was asked again, by what went wrong.", ["error"]
)


def observe_request(scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
    """Notes a served request; ``scope`` is as routing has left it."""
    method = scope["method"] if scope["method"] in METHODS else OTHER
    _http_seconds(method, route_of(scope), status).observe(seconds)


# Finding a metric by its labels takes longer than counting.
@lru_cache(maxsize=4_096)
def _http_seconds(method: str, route: str, status: int) -> Histogram:
    return HTTP_SECONDS.labels(method, route, str(status))


@lru_cache(maxsize=4_096)
def _grpc_seconds(method: str, code: grpc.StatusCode) -> Histogram:
    return GRPC_SECONDS.labels(_short(method), code.name)


@lru_cache(maxsize=512)
def redis_seconds(command: str) -> Histogram:
    """Where to note how long ``command`` took."""
    return REDIS_SECONDS.labels(command.lower())


def route_of(scope: MutableMapping[str, Any]) -> str:
    """Such as ``/order/{id}``, once routing has seen ``scope``; ``other`` where nobody serves."""
    if (resource := scope.get("resource")) is not None:
        return str(resource)
    # Static files and paths that nobody serves have another application for their endpoint.
    if not inspect.isroutine(scope.get("endpoint")):
        return OTHER
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return "/".join(names.get(part, part) for part in path.split("/"))


class CallMeter:
    """Notes how each unary gRPC call of one method ended, and when. No context manager, which
    would cost more than what it measures with."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._ok = _grpc_seconds(method, grpc.StatusCode.OK)

    def begin(self) -> float:
        """What ``end`` wants to be told."""
        return time.perf_counter()

    def end(self, began_at: float, context: Any) -> None:
        """The call ended as ``context`` says."""
        code = context.code() or grpc.StatusCode.OK
        ended = self._ok if code is grpc.StatusCode.OK else _grpc_seconds(self._method, code)
        ended.observe(time.perf_counter() - began_at)

    def end_cancelled(self, began_at: float) -> None:
        """The call ended because nobody waits for it any more."""
        cancelled = _grpc_seconds(self._method, grpc.StatusCode.CANCELLED)
        cancelled.observe(time.perf_counter() - began_at)


@contextmanager
def counted_stream(method: str) -> Iterator[None]:
    """Counts a streaming gRPC call among the open ones."""
    streams = GRPC_STREAMS.labels(_short(method))
    with streams.track_inprogress():
        yield


def _short(method: str) -> str:
    """``OrderService/PlaceOrder`` of ``/restaurant.order.v1.OrderService/PlaceOrder``."""
    service, _, rpc = method.rpartition("/")
    return f"{service.rpartition('.')[2]}/{rpc}"


async def refresh_gauges(refreshes: tuple[Refresh, ...]) -> None:
    """Brings gauges up to date. What can't be learnt in time keeps its last value."""
    try:
        async with asyncio.timeout(REFRESH_SECONDS):
            await asyncio.gather(*(refresh() for refresh in refreshes))
    except (RedisError, OSError) as error:
        # TimeoutError is an OSError.
        log.warning("gauges_not_refreshed", error=str(error) or type(error).__name__)
