"""gRPC as every service runs it: servers, channels, and the boundary each call passes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from structlog.contextvars import bind_contextvars

from infra.correlation import correlation_metadata, correlation_of
from infra.errors import Answer, Answers, abort, find_answer
from infra.identity import (
    CREDENTIAL_KEY,
    IDENTITY_ANSWERS,
    SERVICE_KEY,
    TOKEN_KEY,
    Guard,
    NotAllowedError,
    set_caller,
)
from infra.lane import MAX_MESSAGE_BYTES, HandlerTable, LaneServicer
from infra.logs import get_logger
from infra.metrics import CallMeter, counted_stream
from infra.process import PortInUseError
from infra.tls import Tls, may_speak_for
from infra.trace_edges import traced_handler
from shared_proto.restaurant.lane.v1 import lane_pb2, lane_pb2_grpc

log = get_logger()

INTERNAL = Answer(grpc.StatusCode.INTERNAL, "INTERNAL")
LANE_SERVICE = lane_pb2.DESCRIPTOR.services_by_name["LaneService"].full_name
MAX_CONCURRENT_CALLS = 1_000
MAX_REFUSAL_BYTES = 256 * 1024

# A peer that vanished without a word is noticed within about 15 s: keepalive every 10 s, 5 s to
# answer. ping_timeout_ms is what makes the client act on it (grpc's doc/keepalive.md does not say).
CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    # A proxy of the environment's (http_proxy) is for what leaves the installation; gRPC would ask
    # it even for a loopback address.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # In truth how long one attempt to connect may take: a server short of CPU needs seconds, and
    # attempts given up in vain would cost it still more.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # A refusal travels as metadata, with a word on each line of an order; the default is 8 KiB.
    ("grpc.max_metadata_size", MAX_REFUSAL_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_REFUSAL_BYTES),
    ("grpc.lb_policy_name", "round_robin"),
    # A peer that was started anew may have another address; the default waits 30 s to ask again.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
]
SERVER_OPTIONS: list[tuple[str, Any]] = [
    # Two servers on one port would share its calls in silence.
    ("grpc.so_reuseport", 0),
    # Half the clients' interval, or their pings are taken for abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Callers look for new replicas when a connection ends (https://github.com/grpc/grpc/issues/12295).
    # No grace: calls under way, endless streams included, finish on the old one.
    ("grpc.max_connection_age_ms", 30_000),
]


def open_channel(target: str, tls: Tls | None = None) -> grpc.aio.Channel:
    """A channel that balances over every address of ``target`` and notices dead peers."""
    if tls is None:
        return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.aio.secure_channel(target, tls.of_channel(), options=CHANNEL_OPTIONS)


def user_metadata(token: str) -> tuple[tuple[str, str], ...]:
    """What goes with a call made for the user who holds ``token`` (none for anyone's calls)."""
    joined = correlation_metadata()
    return (*joined, (TOKEN_KEY, f"Bearer {token}")) if token else joined


def service_metadata(service: str, credential: str) -> tuple[tuple[str, str], ...]:
    """What goes with a call that a service makes in its own name."""
    return (*correlation_metadata(), (SERVICE_KEY, service), (CREDENTIAL_KEY, credential))


class Boundary(grpc.aio.ServerInterceptor):
    """What every call passes on its way in and out: the request id, the guard, the error table.

    Handlers of streaming RPCs must be async generators. What they raise leaves by ``answers``;
    anything not listed there is logged with its traceback and leaves as a bare INTERNAL.
    """

    def __init__(self, guard: Guard, answers: Answers) -> None:
        self._guard = guard
        self._answers: Answers = {**IDENTITY_ANSWERS, **answers}
        self.is_stopping = False
        """Whether the server goes down, and takes the calls under way with it."""

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith("/grpc."):
            # Health and reflection come with their own handlers, and everybody may ask them.
            return handler
        if handler.response_streaming:
            inner_stream: Any = handler.unary_stream or handler.stream_stream

            async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
                with counted_stream(method):
                    try:
                        await self._enter(method, context)
                        async for response in inner_stream(request, context):
                            yield response
                    except Exception as error:
                        await self._leave(method, context, error)

            build = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            return build(stream, handler.request_deserializer, handler.response_serializer)
        inner_unary = traced_handler(method, handler.unary_unary or handler.stream_unary)
        meter = CallMeter(method)

        async def unary(request: Any, context: Any) -> Any:
            began_at = meter.begin()
            try:
                # A coroutine less for what is known already.
                if not self._recall(method, context):
                    await self._enter(method, context)
                response = await inner_unary(request, context)
            except Exception as error:
                try:
                    return await self._leave(method, context, error)
                finally:
                    meter.end(began_at, context)
            except BaseException:
                meter.end_cancelled(began_at)
                raise
            meter.end(began_at, context)
            return response

        build_unary = (
            grpc.stream_unary_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return build_unary(unary, handler.request_deserializer, handler.response_serializer)

    def _recall(self, method: str, context: Any) -> bool:
        """Lets a user in whose token was verified before; False where ``_enter`` must look."""
        metadata = dict(context.invocation_metadata() or ())
        caller = self._guard.recall(method, metadata)
        if caller is None:
            return False
        bind_contextvars(**correlation_of(metadata))
        set_caller(caller)
        return True

    async def _enter(self, method: str, context: Any) -> None:
        metadata = dict(context.invocation_metadata() or ())
        bind_contextvars(**correlation_of(metadata))
        caller = await self._guard.admit(method, metadata)
        if caller.service and not may_speak_for(caller.service, context):
            raise NotAllowedError(f"the certificate shown is not one of {caller.service}")
        set_caller(caller)

    async def _leave(self, method: str, context: Any, error: Exception) -> None:
        # The handler aborted the call itself: that is how grpc.aio ends it.
        if isinstance(error, grpc.aio.AbortError):
            raise error
        # Nor is it news that a call ends with its server.
        if self.is_stopping and isinstance(error, grpc.aio.BaseError):
            raise error
        answer = find_answer(self._answers, error)
        if answer is None:
            log.exception("call_failed", method=method)
            answer = INTERNAL
        elif answer.code is grpc.StatusCode.UNAVAILABLE:
            log.warning("call_unavailable", method=method, reason=answer.reason, error=str(error))
        else:
            log.info("call_refused", method=method, reason=answer.reason, error=str(error))
        await abort(context, answer, error)


@asynccontextmanager
async def grpc_server(
    address: str,
    register: Callable[[grpc.aio.Server], Iterable[str]],
    boundary: Boundary,
    *,
    drain_seconds: float,
    tls: Tls | None = None,
) -> AsyncIterator[int]:
    """Serves gRPC with health and reflection until the block ends; yields the bound port.

    ``register`` adds the servicers and names their services. On the way out the health service
    says NOT_SERVING first, then calls under way get ``drain_seconds``. With ``tls`` only those are
    heard who show a certificate, whatever they ask.

    Raises:
        PortInUseError: the address is taken.
    """
    server = grpc.aio.server(
        interceptors=[boundary],
        options=SERVER_OPTIONS,
        # Past this a call is refused at once: waiting in line would only make it late.
        maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS,
    )
    # Whatever a server offers can also be called by lane.
    table = HandlerTable(server)
    names = (*register(cast(grpc.aio.Server, table)), LANE_SERVICE)
    lane_pb2_grpc.add_LaneServiceServicer_to_server(LaneServicer(table, boundary), server)
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection(
        (*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server
    )
    try:
        if tls is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, tls.of_server())
    except RuntimeError as error:
        raise PortInUseError(address) from error
    await server.start()
    for name in ("", *names):
        await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield port
    finally:
        boundary.is_stopping = True
        await health_servicer.enter_graceful_shutdown()
        await server.stop(drain_seconds)
