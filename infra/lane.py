"""A lane: unary calls of one process to one server that share a bidirectional stream.

While one batch is on its way the next gathers, so a lone call waits for nothing and a crowd shares
the cost of the stream's messages. Generated stubs work over a ``LaneChannel`` unchanged; the server
dispatches to the same servicer methods through the same boundary. When no lane is open a call goes
out as a plain unary call.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import grpc

from infra.logs import get_logger
from infra.loops import Pace
from shared_proto.restaurant.lane.v1 import lane_pb2 as pb
from shared_proto.restaurant.lane.v1 import lane_pb2_grpc

if TYPE_CHECKING:
    from infra.grpc_runtime import Boundary

log = get_logger()

BATCH_CALLS = 128
BATCH_BYTES = 1024 * 1024
RUNNING_CALLS = 1_000
RENEW_SECONDS = 60.0
DRAIN_SECONDS = 5.0
REOPEN_SECONDS = (0.1, 2.0)
REPLICA_KEY = "x-brigade-replica"
GATHER_SECONDS = 0.002
"""While others are under way, messages go out no more often than this, so that more share each."""

Metadata = Sequence[tuple[str, str | bytes]]
Message = TypeVar("Message", pb.Call, pb.Reply)


def _write_metadata(metadata: Iterable[tuple[str, str | bytes]] | None) -> Iterator[pb.Metadatum]:
    for key, value in metadata or ():
        yield pb.Metadatum(key=key, value=value.encode() if isinstance(value, str) else value)


def _read_metadata(metadata: Iterable[pb.Metadatum]) -> tuple[tuple[str, str | bytes], ...]:
    return tuple(
        (entry.key, entry.value if entry.key.endswith("-bin") else entry.value.decode())
        for entry in metadata
    )


class _Outgoing(deque[Message]):
    """Messages that gather while the ones before them are being written."""

    def __init__(self) -> None:
        super().__init__()
        self._some = asyncio.Event()

    def put(self, message: Message) -> None:
        self.append(message)
        self._some.set()

    async def wait(self) -> None:
        """Returns when there may be something to take."""
        await self._some.wait()
        self._some.clear()

    def wake(self) -> None:
        self._some.set()

    def take(self, payload: Callable[[Message], bytes]) -> list[Message]:
        """What fits one batch; the rest wakes the next wait."""
        batch: list[Message] = []
        size = 0
        while self and len(batch) < BATCH_CALLS and size < BATCH_BYTES:
            message = self.popleft()
            size += len(payload(message))
            batch.append(message)
        if self:
            self._some.set()
        return batch


# --- the server's side


class HandlerTable:
    """Stands in for a server while servicers are added: passes them on, keeps their handlers."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server: Any = server
        self.handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(
        self, service: str, handlers: dict[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        self._server.add_registered_method_handlers(service, handlers)
        self.handlers |= {f"/{service}/{name}": handler for name, handler in handlers.items()}


class LaneContext:
    """What a servicer method may ask of a call that came by lane."""

    def __init__(self, call: pb.Call, lane: Any) -> None:
        """``lane`` is the context of the stream the call came by."""
        self._lane = lane
        self._metadata = _read_metadata(call.metadata)
        self._ends_at = time.monotonic() + call.timeout_ms / 1000 if call.timeout_ms else None
        self._code = grpc.StatusCode.OK
        self.details = ""
        self.trailing: Metadata = ()

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._metadata

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Who the other end of the lane is, as its certificate says."""
        peer: Mapping[str, Iterable[bytes]] = self._lane.auth_context()
        return peer

    def time_remaining(self) -> float | None:
        """Seconds until the caller no longer waits, or None when it waits for ever."""
        return None if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())

    def code(self) -> grpc.StatusCode:
        return self._code

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailing_metadata: Metadata) -> None:
        self.trailing = trailing_metadata

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()
    ) -> NoReturn:
        """Ends the call with ``code``. Always raises."""
        self.end(code, details)
        self.trailing = trailing_metadata
        raise grpc.aio.AbortError

    def end(self, code: grpc.StatusCode, details: str) -> None:
        """Settles how the call ended."""
        self._code, self.details = code, details


class LaneServicer(lane_pb2_grpc.LaneServiceServicer):
    """Dispatches the calls of a lane to the methods of the servicers beside it."""

    def __init__(self, table: HandlerTable, boundary: Boundary) -> None:
        self._table = table
        self._boundary = boundary
        # Tells callers which of their lanes lead to the same place.
        self._replica = uuid.uuid4().hex
        self._guarded: dict[str, Any] = {}

    async def Ride(
        self, request_iterator: AsyncIterator[pb.RideRequest], context: Any
    ) -> AsyncIterator[pb.RideResponse]:
        # Tells the caller that the lane is open.
        await context.send_initial_metadata(((REPLICA_KEY, self._replica),))
        replies: _Outgoing[pb.Reply] = _Outgoing()
        running: dict[int, asyncio.Task[None]] = {}
        taking = asyncio.create_task(self._take(request_iterator, running, replies, context))
        taking.add_done_callback(lambda _: replies.wake())
        try:
            pace = Pace(GATHER_SECONDS)
            while not taking.done() or running or replies:
                await replies.wait()
                if running:
                    await pace.keep()
                while batch := replies.take(lambda reply: reply.response):
                    yield pb.RideResponse(replies=batch)
        finally:
            taking.cancel()
            for task in tuple(running.values()):
                task.cancel()

    async def _take(
        self,
        requests: AsyncIterator[pb.RideRequest],
        running: dict[int, asyncio.Task[None]],
        replies: _Outgoing[pb.Reply],
        lane: Any,
    ) -> None:
        def finish(call_id: int, _: asyncio.Task[None]) -> None:
            del running[call_id]
            replies.wake()

        async for request in requests:
            for call in request.calls:
                if len(running) >= RUNNING_CALLS:
                    code = grpc.StatusCode.RESOURCE_EXHAUSTED
                    replies.put(pb.Reply(id=call.id, code=code.value[0], details="lane is full"))
                    continue
                task = asyncio.create_task(self._serve(LaneContext(call, lane), call, replies))
                running[call.id] = task
                task.add_done_callback(partial(finish, call.id))
            for call_id in request.cancelled_ids:
                if (cancelled := running.get(call_id)) is not None:
                    cancelled.cancel()

    async def _serve(
        self, context: LaneContext, call: pb.Call, replies: _Outgoing[pb.Reply]
    ) -> None:
        reply = pb.Reply(id=call.id)
        try:
            async with asyncio.timeout(context.time_remaining()):
                reply.response = await self._dispatch(call, context)
        except TimeoutError:
            context.end(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        except grpc.aio.AbortError:
            pass
        except asyncio.CancelledError:
            # Nobody waits for the answer.
            return
        except Exception:
            # Not the servicer's, whose errors the boundary turns into an end of the call.
            log.exception("lane_call_failed", method=call.method)
            context.end(grpc.StatusCode.INTERNAL, "internal")
        if context.code() is not grpc.StatusCode.OK:
            reply.code, reply.details = context.code().value[0], context.details
            reply.trailing_metadata.extend(_write_metadata(context.trailing))
        replies.put(reply)

    async def _dispatch(self, call: pb.Call, context: LaneContext) -> bytes:
        handler = self._guarded.get(call.method) or await self._guard(call.method)
        if handler is None or handler.unary_unary is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no such unary method here")
        try:
            request = handler.request_deserializer(call.request)
        except Exception:
            await context.abort(grpc.StatusCode.INTERNAL, "the request can't be read")
        response: bytes = handler.response_serializer(await handler.unary_unary(request, context))
        return response

    async def _guard(self, method: str) -> Any:
        handler = self._table.handlers.get(method)
        if handler is None:
            return None

        async def found(_: Any) -> Any:
            return handler

        details: Any = _CallDetails(method)
        self._guarded[method] = await self._boundary.intercept_service(found, details)
        return self._guarded[method]


@dataclass(frozen=True)
class _CallDetails:
    method: str
    invocation_metadata: Metadata = ()


# --- the caller's side


class Lane:
    """One stream to one server, opened anew when it breaks, and now and then to balance anew.

    Args:
        channel: where the server is; its balancing policy picks one for each stream.
        metadata: what the stream itself is opened with: this service's credential.
    """

    def __init__(self, channel: grpc.aio.Channel, metadata: Callable[[], Any]) -> None:
        self._stub = lane_pb2_grpc.LaneServiceStub(channel)
        self._metadata = metadata
        self._outgoing: _Outgoing[pb.Call] = _Outgoing()
        self._cancelled: list[int] = []
        self._waiting: dict[int, asyncio.Future[pb.Reply]] = {}
        self._last_id = 0
        self.is_open = False
        """Whether calls may be sent."""
        self.replica = ""
        """Which server it leads to, while it is open."""

    @property
    def load(self) -> int:
        """How many calls wait for their reply."""
        return len(self._waiting)

    async def call(self, call: pb.Call, timeout: float | None) -> pb.Reply:
        """The reply to ``call``, whose id is given here. Raises TimeoutError after ``timeout``
        seconds, and AioRpcError when the lane breaks."""
        self._last_id += 1
        call.id = self._last_id
        loop = asyncio.get_running_loop()
        future: asyncio.Future[pb.Reply] = loop.create_future()
        self._waiting[call.id] = future
        self._outgoing.put(call)
        # Less than half of what asyncio.timeout costs, which would make an object, cancel this task
        # and catch that again.
        expiry = loop.call_later(timeout, _expire, future) if timeout is not None else None
        try:
            return await future
        except (TimeoutError, asyncio.CancelledError):
            self._cancelled.append(call.id)
            self._outgoing.wake()
            raise
        finally:
            if expiry is not None:
                expiry.cancel()
            self._waiting.pop(call.id, None)

    async def run(self) -> None:
        """Keeps the lane open for ever."""
        pause, longest = REOPEN_SECONDS
        while True:
            try:
                await self._ride()
                pause = REOPEN_SECONDS[0]
            except grpc.aio.AioRpcError as error:
                log.info("lane_lost", code=error.code().name, error=error.details())
            except asyncio.CancelledError:
                # grpc.aio also raises this when the other side ends with CANCELLED.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(pause * 2, longest)

    async def _ride(self) -> None:
        stream: Any = self._stub.Ride(metadata=self._metadata(), wait_for_ready=True)
        writing = reading = None
        try:
            self.replica = str(dict(await stream.initial_metadata()).get(REPLICA_KEY, ""))
            self.is_open = True
            writing = asyncio.create_task(self._write(stream))
            reading = asyncio.create_task(self._read(stream))
            seconds = RENEW_SECONDS * random.uniform(0.5, 1)  # noqa: S311
            done, _ = await asyncio.wait(
                {writing, reading}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                # Time to be balanced anew: new calls go elsewhere, these are waited for.
                self.is_open = False
                if self._waiting:
                    await asyncio.wait(self._waiting.values(), timeout=DRAIN_SECONDS)
            for task in done:
                task.result()
        finally:
            self.is_open = False
            for started in (writing, reading):
                if started is not None:
                    started.cancel()
            stream.cancel()
            self._fail_waiting()

    async def _write(self, stream: Any) -> None:
        pace = Pace(GATHER_SECONDS)
        while True:
            await self._outgoing.wait()
            if len(self._waiting) > len(self._outgoing):
                await pace.keep()
            while (batch := self._outgoing.take(lambda call: call.request)) or self._cancelled:
                cancelled, self._cancelled = self._cancelled, []
                await stream.write(pb.RideRequest(calls=batch, cancelled_ids=cancelled))

    async def _read(self, stream: Any) -> None:
        while (response := await stream.read()) is not grpc.aio.EOF:
            for reply in response.replies:
                future = self._waiting.get(reply.id)
                if future is not None and not future.done():
                    future.set_result(reply)

    def _fail_waiting(self) -> None:
        self._outgoing.clear()
        self._cancelled.clear()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_error(grpc.StatusCode.UNAVAILABLE, "the lane broke"))


def _expire(future: asyncio.Future[pb.Reply]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())


class LaneChannel:
    """Offers generated stubs what a channel offers; unary calls take the least loaded lane."""

    def __init__(self, channel: grpc.aio.Channel, lanes: Sequence[Lane]) -> None:
        self._channel: Any = channel
        self._lanes = lanes
        self.unary_stream = channel.unary_stream
        self.stream_unary = channel.stream_unary
        self.stream_stream = channel.stream_stream

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        _registered_method: bool | None = False,
    ) -> Callable[..., Awaitable[Any]]:
        """A callable that takes what ``grpc.aio``'s does, and whose result can be awaited."""
        plain = self._channel.unary_unary(
            method, request_serializer, response_deserializer, _registered_method
        )

        async def call(
            request: Any, *, timeout: float | None = None, metadata: Any = None, **options: Any
        ) -> Any:
            lane = self._pick()
            if lane is None:
                return await plain(request, timeout=timeout, metadata=metadata, **options)
            message = pb.Call(
                method=method,
                request=request_serializer(request),
                metadata=_write_metadata(metadata),
                timeout_ms=0 if timeout is None else max(1, round(timeout * 1000)),
            )
            try:
                reply = await lane.call(message, timeout)
            except TimeoutError:
                code = grpc.StatusCode.DEADLINE_EXCEEDED
                raise _error(code, "Deadline Exceeded") from None
            if reply.code:
                raise _error(_CODES[reply.code], reply.details, reply.trailing_metadata)
            return response_deserializer(reply.response)

        return call

    def _pick(self) -> Lane | None:
        """The least loaded of the lanes that lead to different replicas: two to the same would
        only make two messages of what fits one."""
        best: Lane | None = None
        replicas: set[str] = set()
        for lane in self._lanes:
            if lane.is_open and lane.replica not in replicas:
                replicas.add(lane.replica)
                if best is None or lane.load < best.load:
                    best = lane
        return best


@asynccontextmanager
async def open_lanes(
    channel: grpc.aio.Channel, metadata: Callable[[], Any], *, lanes: int
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel whose unary calls share ``lanes`` streams, while the block runs."""
    opened = [Lane(channel, metadata) for _ in range(lanes)]
    running = [asyncio.create_task(lane.run()) for lane in opened]
    try:
        # It offers what stubs ask of a channel, and no more.
        yield cast(grpc.aio.Channel, LaneChannel(channel, opened))
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def _error(
    code: grpc.StatusCode, details: str, trailing: Iterable[pb.Metadatum] = ()
) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*_read_metadata(trailing)), details
    )
