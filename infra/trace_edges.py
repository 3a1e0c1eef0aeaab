"""Where a trace enters and leaves a process: HTTP requests, gRPC calls, Redis.

Each is wrapped only where traces are on, so that it costs nothing where they are off. Names follow
OpenTelemetry's semantic conventions (https://opentelemetry.io/docs/specs/semconv/).
"""

from collections.abc import Callable
from typing import Any, cast

import grpc
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra import tracing
from infra.correlation import TRACE_KEY, correlation_of
from infra.metrics import METHODS, route_of
from infra.shared_pipeline import Script, SharedPipeline, SharedRedis

# --- HTTP


def traced_app(app: ASGIApp) -> ASGIApp:
    """``app``, whose requests each are a span: of the caller's trace, or of a new one."""
    return _TraceMiddleware(app) if tracing.is_on() else app


class _TraceMiddleware:
    """Puts its span in the place of the caller's, so that the request comes from there.

    It is over when the answer starts: an event stream stays open for hours.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        span = tracing.begin(
            method,
            "server",
            {
                "http.request.method": method if method in METHODS else "_OTHER",
                "url.path": scope["path"],
                "url.scheme": scope["scheme"],
            },
            parent=correlation_of(Request(scope).headers).get(TRACE_KEY, ""),
            may_be_root=True,
        )
        name = TRACE_KEY.encode()
        headers = [header for header in scope["headers"] if header[0] != name]
        headers.append((name, span.traceparent.encode()))
        request = {**scope, "headers": headers}

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note_answer(span, request, method, message["status"])
            await send(message)

        try:
            await self._app(request, receive, send_and_note)
        except BaseException as error:
            span.fail(type(error).__name__)
            raise
        finally:
            span.end()


def _note_answer(span: tracing.Span, request: Scope, method: str, status: int) -> None:
    route = route_of(request)
    span.rename(f"{method} {route}")
    span.note({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
    span.end()


# --- gRPC


def traced_handler(method: str, handler: Any) -> Any:
    """A servicer's unary method, each call of which is a span of its caller's trace."""
    if not tracing.is_on():
        return handler

    async def handle(request: Any, context: Any) -> Any:
        with tracing.spanning(method[1:], "server", _rpc(method)):
            return await handler(request, context)

    return handle


def traced_channel(channel: grpc.aio.Channel) -> grpc.aio.Channel:
    """``channel``, whose unary calls are spans of the work they are made for."""
    # It offers what stubs ask of a channel, and no more.
    return cast(grpc.aio.Channel, _TracedChannel(channel)) if tracing.is_on() else channel


class _TracedChannel:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel: Any = channel
        self.unary_stream = channel.unary_stream
        self.stream_unary = channel.stream_unary
        self.stream_stream = channel.stream_stream

    def unary_unary(self, method: str, *coding: Any, **options: Any) -> Callable[..., Any]:
        ask = self._channel.unary_unary(method, *coding, **options)

        async def call(request: Any, *, metadata: Any = None, **how: Any) -> Any:
            with tracing.spanning(method[1:], "client", _rpc(method)) as span:
                if span.traceparent:
                    others = (entry for entry in metadata or () if entry[0] != TRACE_KEY)
                    metadata = (*others, (TRACE_KEY, span.traceparent))
                try:
                    return await ask(request, metadata=metadata, **how)
                except grpc.aio.AioRpcError as error:
                    span.note({"rpc.response.status_code": error.code().name})
                    raise

        return call


def _rpc(method: str) -> tracing.Attributes:
    return {"rpc.system.name": "grpc", "rpc.method": method[1:]}


# --- Redis


def commands_client() -> type[SharedRedis]:
    """The client for commands; one for blocking reads serves everybody's work, and nobody's."""
    return _TracedRedis if tracing.is_on() else SharedRedis


class _TracedPipeline(SharedPipeline):
    """A pipeline that is one span as a whole."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        name = "MULTI" if self.is_transaction else "PIPELINE"
        commands = {str(entry[0][0]).upper() for entry in self.command_stack}
        if len(commands) == 1:
            name = f"{name} {commands.pop()}"
        attributes = {**_redis(self, name), "db.operation.batch.size": len(self.command_stack)}
        with tracing.spanning(name, "client", attributes):
            return await super().execute(raise_on_error)


class _TracedRedis(SharedRedis):
    """A client whose every command is a span."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        command = str(args[0]).upper()
        with tracing.spanning(command, "client", _redis(self, command)):
            return await super().execute_command(*args, **options)

    async def run(self, operation: str, packed: bytes, replies: int) -> list[Any]:
        with tracing.spanning(operation, "client", _redis(self, operation)):
            return await super().run(operation, packed, replies)

    async def run_script(self, script: Script, packed: bytes, calls: int) -> list[Any]:
        attributes = {**_redis(self, "EVALSHA"), "db.stored_procedure.name": script.name}
        if calls > 1:
            attributes["db.operation.batch.size"] = calls
        with tracing.spanning(f"EVALSHA {script.name}", "client", attributes):
            # Not by way of ``run`` above, which would make it two spans.
            return await SharedRedis.run(self, "EVALSHA", packed, calls)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _TracedPipeline(self, transaction, shard_hint)


def _redis(client: Redis, operation: str) -> dict[str, str | int]:
    where = client.connection_pool.connection_kwargs
    return {
        "db.system.name": "redis",
        "db.operation.name": operation,
        "db.namespace": str(where.get("db", 0)),
        "server.address": where.get("host", "localhost"),
        "server.port": where.get("port", 6379),
    }
