"""Connections between services that are hard to make, or whose other end is gone without a word."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from infra.dev.rush.wires import Wire
from infra.grpc_runtime import Boundary, grpc_server, open_channel, service_metadata
from infra.identity import Guard
from shared_proto.restaurant.order.v1 import order_pb2, order_pb2_grpc

NOTICED_SECONDS = 20


class Listener(order_pb2_grpc.OrderServiceServicer):
    """Answers each message with an empty one, and tells when a stream is over."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def PushChanges(
        self, request_iterator: AsyncIterator[order_pb2.PushChangesRequest], context: Any
    ) -> AsyncIterator[order_pb2.PushChangesResponse]:
        try:
            async for _ in request_iterator:
                yield order_pb2.PushChangesResponse()
        finally:
            self.over.set()


async def greet(stub: "order_pb2_grpc.OrderServiceAsyncStub") -> Any:
    """A new stream that works both ways."""
    call = stub.PushChanges(metadata=service_metadata("kitchen", "secret"), wait_for_ready=True)
    await call.write(order_pb2.PushChangesRequest(kitchen="main"))
    assert await call.read() == order_pb2.PushChangesResponse()
    return call


@asynccontextmanager
async def listening(listener: Listener) -> AsyncIterator[int]:
    """A server for ``listener``; its port."""

    def register(server: grpc.aio.Server) -> Iterable[str]:
        order_pb2_grpc.add_OrderServiceServicer_to_server(listener, server)
        return ["restaurant.order.v1.OrderService"]

    guard = Guard(None, {"kitchen": hashlib.sha256(b"secret").hexdigest()})
    async with grpc_server("127.0.0.1:0", register, Boundary(guard, {}), drain_seconds=0.1) as port:
        yield port


async def test_half_open_stream_is_noticed_at_both_ends_and_replaced() -> None:
    listener = Listener()
    async with (
        listening(listener) as port,
        Wire("kitchen→order", port) as wire,
        open_channel(f"127.0.0.1:{wire.port}") as channel,
    ):
        stub = order_pb2_grpc.OrderServiceStub(channel)
        call = await greet(stub)
        wire.fall_silent()
        async with asyncio.timeout(NOTICED_SECONDS):
            with pytest.raises(grpc.aio.AioRpcError) as lost:
                await call.read()
            await listener.over.wait()
        assert lost.value.code() is grpc.StatusCode.UNAVAILABLE
        again = await greet(stub)
        again.cancel()


async def test_server_that_takes_long_to_answer_the_door_is_reached() -> None:
    async with (
        listening(Listener()) as port,
        # Longer than the longest pause between two attempts, as on a machine short of CPU.
        Wire("kitchen→order", port, delay_seconds=2.5) as wire,
        open_channel(f"127.0.0.1:{wire.port}") as channel,
    ):
        async with asyncio.timeout(NOTICED_SECONDS):
            call = await greet(order_pb2_grpc.OrderServiceStub(channel))
        call.cancel()
