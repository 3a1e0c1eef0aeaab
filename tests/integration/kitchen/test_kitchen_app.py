"""The whole service in one process: an order comes in, and its changes go up."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from infra.dev.local_redis import LocalRedis
from infra.grpc_runtime import open_channel, service_metadata
from infra.process import PortInUseError
from kitchen.app import serve
from kitchen.settings import KitchenEntry, Settings
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2, kitchen_pb2_grpc
from shared_proto.restaurant.order.v1 import order_pb2
from tests.conftest import free_port
from tests.integration.kitchen.fake_order import FakeOrder, serving
from tests.integration.kitchen.kitchen_world import MAIN


def settings(redis_server: LocalRedis, **fields: Any) -> Settings:
    return Settings.model_validate(
        {
            "grpc_port": free_port(),
            "ops_port": free_port(),
            "redis_url": redis_server.url,
            "order_target": f"127.0.0.1:{free_port()}",
            "auth_target": f"127.0.0.1:{free_port()}",
            "tick_seconds": 0.05,
            "speed": 1000,
            "pickup_after_seconds": 10,
            "drain_seconds": 0.2,
            "kitchens": [KitchenEntry(name=MAIN)],
            "peers": {"order": hashlib.sha256(b"secret").hexdigest()},
            **fields,
        }
    )


def target(port: int) -> str:
    return f"127.0.0.1:{port}"


async def put(config: Settings, order_id: str) -> kitchen_pb2.PutResult:
    command = order_pb2.TicketCommand(
        order_id=order_id, kitchen=MAIN, version=1, status=order_pb2.ORDER_STATUS_PLACED
    )
    async with open_channel(target(config.grpc_port)) as channel:
        response = await kitchen_pb2_grpc.KitchenServiceStub(channel).PutTickets(
            kitchen_pb2.PutTicketsRequest(commands=[command]),
            metadata=service_metadata("order", "secret"),
            timeout=20,
            wait_for_ready=True,
        )
    result: kitchen_pb2.PutResult = response.results[0]
    return result


async def test_order_goes_from_queue_to_pickup_by_itself(
    redis: Redis, redis_server: LocalRedis
) -> None:
    order = FakeOrder()
    config = settings(redis_server)
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(config, stopping))
        queued = await put(config, "A")
        async with serving(order, int(config.order_target.rpartition(":")[2])):
            await order.until(lambda: len({c.seq for c in order.received}) == 3)
        stopping.set()

    assert queued.place.seq == 1
    assert [(c.seq, c.status) for c in order.received if c.order_id == "A"] == [
        (2, order_pb2.ORDER_STATUS_PREPARING),
        (3, order_pb2.ORDER_STATUS_READY),
        (4, order_pb2.ORDER_STATUS_COMPLETED),
    ]


@pytest.fixture
def late_redis(
    redis_server: LocalRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalRedis]:
    late = LocalRedis(free_port(), tmp_path_factory.mktemp("late"))
    yield late
    late.stop()


async def test_service_starts_before_redis_and_works_once_it_is_there(
    late_redis: LocalRedis,
) -> None:
    order = FakeOrder()
    config = settings(late_redis)
    stopping = asyncio.Event()
    async with (
        serving(order, int(config.order_target.rpartition(":")[2])),
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(serve(config, stopping))
        async with open_channel(target(config.grpc_port)) as channel:
            await asyncio.wait_for(channel.channel_ready(), 20)
        await asyncio.to_thread(late_redis.start)
        await put(config, "A")
        await order.until(lambda: any(c.order_id == "A" for c in order.received))
        stopping.set()


async def test_port_in_use_is_told_and_ends_the_service(
    redis: Redis, redis_server: LocalRedis
) -> None:
    config = settings(redis_server)
    taken = settings(redis_server, grpc_port=config.grpc_port)
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(config, stopping))
        async with open_channel(target(config.grpc_port)) as channel:
            await asyncio.wait_for(channel.channel_ready(), 20)
        with pytest.raises(ExceptionGroup) as refused:
            await serve(taken, asyncio.Event())
        assert refused.value.subgroup(PortInUseError) is not None
        stopping.set()
