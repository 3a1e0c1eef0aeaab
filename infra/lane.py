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
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast

import grpc

from infra.deadlines import Deadlines
from infra.logs import get_logger
from infra.loops import Pace
from shared_proto.restaurant.lane.v1 import lane_pb2 as pb
from shared_proto.restaurant.lane.v1 import lane_pb2_grpc

if TYPE_CHECKING:
    from infra.grpc_runtime import Boundary

log = get_logger()

BATCH_CALLS = 32
"""A larger crowd takes several messages, so that the first of it are served at one end while the
rest are read at the other: 64 callers get a tenth more answers than by messages of 128."""
BATCH_BYTES = 1024 * 1024
MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""Of any gRPC message of ours; a larger one would end the stream it is on. Two hundred of the
largest orders take half of that, and so does a board of many thousand tickets."""
RUNNING_CALLS = 1_000
RENEW_SECONDS = 60.0
DRAIN_SECONDS = 5.0
REOPEN_SECONDS = (0.1, 2.0)
REPLICA_KEY = "x-brigade-replica"
GATHER_SECONDS = (0.0005, 0.004)
"""While others are under way, messages go out no more often than this, so that more share each: one
costs either end some 200 us, most of it in waking gRPC's threads and the loop."""
GATHER_SHARE = 0.2
"""Between those it is so much of what calls take: who waits for 20 ms hardly notices 4 more, and
where calls are slow they are few, and few would share a message."""

Metadata = Sequence[tuple[str, str | bytes]]
Item = TypeVar("Item")


def _write_lines(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    """The entries, two lines each; None where a value has lines of its own, which is no metadata.

    One text is read and written in a fifth of the time that a message an entry takes.
    """
    lines: list[str] = []
    for key, value in metadata:
        lines += (key, value if isinstance(value, str) else b64encode(value).decode())
    text = "\n".join(lines)
    return text if not lines or text.count("\n") == len(lines) - 1 else None


def _read_lines(text: str) -> Metadata:
    if not text:
        return ()
    lines = text.split("\n")
    entries = tuple(zip(lines[::2], lines[1::2], strict=True))
    if "-bin" in text:
        return tuple((key, b64decode(v) if key.endswith("-bin") else v) for key, v in entries)
    return entries


def _write_metadata(metadata: Iterable[tuple[str, str | bytes]]) -> Iterator[pb.Metadatum]:
    for key, value in metadata:
        yield pb.Metadatum(key=key, value=value.encode() if isinstance(value, str) else value)


def _read_metadata(metadata: Iterable[pb.Metadatum]) -> Metadata:
    return tuple(
        (entry.key, entry.value if entry.key.endswith("-bin") else entry.value.decode())
        for entry in metadata
    )


class _Outgoing(Generic[Item]):
    """Items that gather while the ones before them are being written."""

    def __init__(self) -> None:
        self._items: deque[tuple[int, Item]] = deque()
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item, size: int) -> None:
        """``size`` is how many bytes it is of, about."""
        self._items.append((size, item))
        self._some.set()

    async def wait(self) -> None:
        """Returns when there may be something to take."""
        await self._some.wait()
        self._some.clear()

    def wake(self) -> None:
        self._some.set()

    def take(self) -> list[Item]:
        """What fits one batch; the rest wakes the next wait."""
        batch: list[Item] = []
        taken = 0
        # One that is larger than a batch goes alone.
        while (
            self._items
            and len(batch) < BATCH_CALLS
            and (not batch or taken + self._items[0][0] <= BATCH_BYTES)
        ):
            size, item = self._items.popleft()
            taken += size
            batch.append(item)
        if self._items:
            self._some.set()
        return batch

    def clear(self) -> None:
        self._items.clear()


class Gathering:
    """How long messages gather, by how long calls take of late; it looks at one at a time.

    Args:
        under_way: the ids of the calls that are.
        clock: the time now, in seconds.
    """

    def __init__(
        self, under_way: Container[int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._under_way = under_way
        self._clock = clock
        self._pace = Pace(GATHER_SECONDS[0])
        self._took = 0.0
        self._watched: tuple[int, float] | None = None

    @property
    def seconds(self) -> float:
        """From one message to the next, at least."""
        if self._watched is not None and self._watched[0] not in self._under_way:
            self._took += (self._clock() - self._watched[1] - self._took) / 4
            self._watched = None
        shortest, longest = GATHER_SECONDS
        return min(max(self._took * GATHER_SHARE, shortest), longest)

    def watch(self, call_id: int) -> None:
        """A call has begun, which may be the next to look at."""
        if self._watched is None:
            self._watched = call_id, self._clock()

    async def keep(self) -> None:
        """Returns when the next message may go."""
        self._pace.seconds = self.seconds
        await self._pace.keep()


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

    __slots__ = ("_code", "_ends_at", "_lane", "_metadata", "details", "expired", "trailing")

    def __init__(self, lane: Any, metadata: str, timeout_ms: int) -> None:
        """``lane`` is the context of the stream the call came by."""
        self._lane = lane
        self._metadata = metadata
        self._ends_at = time.monotonic() + timeout_ms / 1000 if timeout_ms else None
        self._code = grpc.StatusCode.OK
        self.details = ""
        self.trailing: Metadata = ()
        self.expired = False
        """Whether its time was over before it was done."""

    def invocation_metadata(self) -> Metadata:
        return _read_lines(self._metadata)

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
        ride = _Ride(self._serve, context)
        taking = asyncio.create_task(ride.take(request_iterator))
        taking.add_done_callback(lambda _: ride.replies.wake())
        try:
            while not taking.done() or ride.running or ride.replies:
                await ride.replies.wait()
                if ride.running:
                    await ride.gathering.keep()
                while batch := ride.replies.take():
                    yield _response_of(batch)
        finally:
            taking.cancel()
            ride.close()

    async def _serve(self, method: str, payload: bytes, context: LaneContext) -> bytes:
        """The response to one call; AbortError where ``context`` says how it ended."""
        try:
            handler = self._guarded.get(method) or await self._guard(method)
            if handler is None or handler.unary_unary is None:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no such unary method here")
            try:
                request = handler.request_deserializer(payload)
            except Exception:
                await context.abort(grpc.StatusCode.INTERNAL, "the request can't be read")
            response = await handler.unary_unary(request, context)
            return cast(bytes, handler.response_serializer(response))
        except grpc.aio.AbortError:
            raise
        except Exception:
            # Not the servicer's, whose errors the boundary turns into an end of the call.
            log.exception("lane_call_failed", method=method)
            await context.abort(grpc.StatusCode.INTERNAL, "internal")

    async def _guard(self, method: str) -> Any:
        handler = self._table.handlers.get(method)
        if handler is None:
            return None

        async def found(_: Any) -> Any:
            return handler

        details: Any = _CallDetails(method)
        self._guarded[method] = await self._boundary.intercept_service(found, details)
        return self._guarded[method]


class _Ride:
    """The calls that came by one stream, and their replies.

    Args:
        serve: makes the response to a call.
        lane: the context of the stream.
    """

    def __init__(
        self, serve: Callable[[str, bytes, LaneContext], Awaitable[bytes]], lane: Any
    ) -> None:
        self._serve = serve
        self._lane = lane
        self._loop = asyncio.get_running_loop()
        self.running: dict[int, tuple[asyncio.Task[None], LaneContext]] = {}
        self.replies: _Outgoing[_Reply] = _Outgoing()
        self.gathering = Gathering(self.running)
        self._deadlines = Deadlines(self.running, self._expire)

    async def take(self, requests: AsyncIterator[pb.RideRequest]) -> None:
        """Starts the calls as they come in, until no more do."""
        async for request in requests:
            for call in zip(
                request.ids,
                request.methods,
                request.requests,
                request.timeouts_ms,
                request.metadata,
                strict=True,
            ):
                self._start(*call)
            if request.ids:
                self.gathering.watch(request.ids[0])
            for call_id in request.cancelled_ids:
                self._cancel(call_id)

    def close(self) -> None:
        """Gives up all that is under way."""
        for call_id in tuple(self.running):
            self._cancel(call_id)
        self._deadlines.close()

    def _start(
        self, call_id: int, method: str, payload: bytes, timeout_ms: int, metadata: str
    ) -> None:
        if len(self.running) >= RUNNING_CALLS:
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
            failure = pb.Failure(id=call_id, code=code.value[0], details="lane is full")
            self.replies.put(failure, len(failure.details))
            return
        context = LaneContext(self._lane, metadata, timeout_ms)
        task = self._loop.create_task(self._run(call_id, method, payload, context))
        self.running[call_id] = task, context
        if timeout_ms:
            self._deadlines.add(call_id, timeout_ms / 1000)

    async def _run(self, call_id: int, method: str, payload: bytes, context: LaneContext) -> None:
        try:
            response = await self._serve(method, payload, context)
            # What a servicer set, and did not abort with.
            if context.code() is grpc.StatusCode.OK:
                if len(response) <= MAX_MESSAGE_BYTES - BATCH_BYTES:
                    self.replies.put((call_id, response), len(response))
                    return
                # As a call of its own would end; here it would take the others with it.
                code = grpc.StatusCode.RESOURCE_EXHAUSTED
                context.end(code, f"a response of {len(response)} bytes is too large")
        except grpc.aio.AbortError:
            pass
        except asyncio.CancelledError:
            if not context.expired:
                # Nobody waits for the answer.
                return
            context.end(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        finally:
            self._forget(call_id)
        failure = pb.Failure(
            id=call_id,
            code=context.code().value[0],
            details=context.details,
            trailing_metadata=_write_metadata(context.trailing),
        )
        self.replies.put(failure, failure.ByteSize())

    def _forget(self, call_id: int) -> None:
        self.running.pop(call_id, None)
        self.replies.wake()

    def _expire(self, call_id: int) -> None:
        self.running[call_id][1].expired = True
        self._cancel(call_id)

    def _cancel(self, call_id: int) -> None:
        if call_id in self.running:
            task, _ = self.running[call_id]
            # One that has not begun ends without a word of its own.
            task.add_done_callback(lambda _: self._forget(call_id))
            task.cancel()


_Reply = tuple[int, bytes] | pb.Failure
"""The end of a call: its id and its response, or how it failed."""


def _response_of(batch: Iterable[_Reply]) -> pb.RideResponse:
    done: list[tuple[int, bytes]] = []
    failures: list[pb.Failure] = []
    for reply in batch:
        if isinstance(reply, tuple):
            done.append(reply)
        else:
            failures.append(reply)
    ids, responses = zip(*done, strict=True) if done else ((), ())
    return pb.RideResponse(ids=ids, responses=responses, failures=failures)


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
        self._outgoing: _Outgoing[_Call] = _Outgoing()
        self._cancelled: list[int] = []
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._gathering = Gathering(self._waiting)
        self._deadlines = Deadlines(self._waiting, self._expire)
        self._last_id = 0
        self.is_open = False
        """Whether calls may be sent."""
        self.replica = ""
        """Which server it leads to, while it is open."""

    @property
    def load(self) -> int:
        """How many calls wait for their reply."""
        return len(self._waiting)

    async def call(
        self, method: str, request: bytes, timeout: float | None, metadata: str
    ) -> bytes:
        """The response. Raises AioRpcError as plain calls do, also when the lane breaks."""
        self._last_id = call_id = self._last_id + 1
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = future
        timeout_ms = 0
        if timeout is not None:
            timeout_ms = max(1, round(timeout * 1000))
            self._deadlines.add(call_id, timeout)
        size = len(request) + len(metadata)
        self._outgoing.put((call_id, method, request, timeout_ms, metadata), size)
        try:
            return await future
        except asyncio.CancelledError:
            self._give_up(call_id)
            raise

    def _expire(self, call_id: int) -> None:
        future = self._waiting[call_id]
        self._give_up(call_id)
        if not future.done():
            code = grpc.StatusCode.DEADLINE_EXCEEDED
            future.set_exception(_error(code, "Deadline Exceeded"))

    def _give_up(self, call_id: int) -> None:
        # An answer may have come at the same moment.
        if self._waiting.pop(call_id, None) is not None:
            self._cancelled.append(call_id)
            self._outgoing.wake()

    async def run(self) -> None:
        """Keeps the lane open for ever."""
        pause, longest = REOPEN_SECONDS
        while True:
            try:
                await self._ride()
                pause = REOPEN_SECONDS[0]
            except grpc.aio.AioRpcError as error:
                log.info("lane_lost", code=error.code().name, error=error.details())
            except asyncio.InvalidStateError as error:
                # How grpc.aio tells a writer that the call is over.
                log.info("lane_lost", error=str(error))
            except asyncio.CancelledError:
                # grpc.aio also raises this when the other side ends with CANCELLED.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
            except Exception:
                log.exception("lane_failed")
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
        while True:
            await self._outgoing.wait()
            if len(self._waiting) > len(self._outgoing):
                await self._gathering.keep()
            while (batch := self._outgoing.take()) or self._cancelled:
                cancelled, self._cancelled = self._cancelled, []
                if batch:
                    self._gathering.watch(batch[0][0])
                await stream.write(_request_of(batch, cancelled))

    async def _read(self, stream: Any) -> None:
        while (response := await stream.read()) is not grpc.aio.EOF:
            for call_id, answer in zip(response.ids, response.responses, strict=True):
                future = self._waiting.pop(call_id, None)
                if future is not None and not future.done():
                    future.set_result(answer)
            for failure in response.failures:
                future = self._waiting.pop(failure.id, None)
                if future is not None and not future.done():
                    future.set_exception(
                        _error(_CODES[failure.code], failure.details, failure.trailing_metadata)
                    )

    def _fail_waiting(self) -> None:
        self._outgoing.clear()
        self._cancelled.clear()
        self._deadlines.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_error(grpc.StatusCode.UNAVAILABLE, "the lane broke"))
        self._waiting.clear()


_Call = tuple[int, str, bytes, int, str]
"""A call as ``RideRequest`` has it: id, method, request, timeout_ms, metadata."""


def _request_of(batch: Sequence[_Call], cancelled: Sequence[int]) -> pb.RideRequest:
    if not batch:
        return pb.RideRequest(cancelled_ids=cancelled)
    ids, methods, requests, timeouts_ms, metadata = zip(*batch, strict=True)
    return pb.RideRequest(
        cancelled_ids=cancelled,
        ids=ids,
        methods=methods,
        requests=requests,
        timeouts_ms=timeouts_ms,
        metadata=metadata,
    )


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
            lines = _write_lines(metadata or ())
            payload = b"" if lane is None else request_serializer(request)
            if lane is None or lines is None or len(payload) > BATCH_BYTES:
                return await plain(request, timeout=timeout, metadata=metadata, **options)
            answer = await lane.call(method, payload, timeout, lines)
            return response_deserializer(answer)

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
