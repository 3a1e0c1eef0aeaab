"""A real order service in this process: its stores in Redis, its gRPC server on a free port."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest
from redis.asyncio import Redis

from infra.dev.local_redis import LocalRedis
from infra.grpc_runtime import Boundary, grpc_server, open_channel, service_metadata
from infra.identity import TOKEN_KEY, Caller, Guard
from infra.redis_client import open_redis
from order.domain import MenuItem, MenuOption, OptionGroup
from order.feed import Feed
from order.redis_store import RedisHouseStore, RedisMenuStore, RedisOrderStore
from order.service import OrderService
from order.servicer import ANSWERS, OrderServicer
from shared_proto.restaurant.order.v1 import order_pb2_grpc

ANNA = Caller(user_id="anna-id", login="anna")
BORIS = Caller(user_id="boris-id", login="boris")
COOK = Caller(user_id="cook-id", login="cook", roles=frozenset({"kitchen:main"}))
OTHER_COOK = Caller(user_id="other-id", login="other", roles=frozenset({"kitchen:elsewhere"}))
ADMIN = Caller(user_id="admin-id", login="admin", roles=frozenset({"admin"}))

BOWL = MenuItem(
    sku="bowl",
    name="Bowl",
    category="Bowls",
    station="grill",
    price=900,
    prep_seconds=120,
    option_groups=(OptionGroup("extras", 0, 2, (MenuOption("rice"), MenuOption("egg", 100))),),
)
TEA = MenuItem("tea", "Tea", "Drinks", "bar", 250, 60)


class KnownCallers:
    """Stands in for token verification, which has its own tests: the token is the login."""

    def recall(self, token: str) -> None:
        """Remembers nobody, as a verifier that has just been started."""

    async def verify(self, token: str) -> Caller:
        return {caller.login: caller for caller in (ANNA, BORIS, COOK, OTHER_COOK, ADMIN)}[token]


@pytest.fixture
def store(redis: Redis) -> RedisOrderStore:
    return RedisOrderStore(redis, retention=timedelta(days=1))


@pytest.fixture
async def service(redis: Redis, store: RedisOrderStore) -> OrderService:
    service = OrderService(store, RedisMenuStore(redis), RedisHouseStore(redis))
    await service.import_menu(ADMIN, "EUR", [BOWL, TEA])
    return service


@pytest.fixture
async def feed(
    redis_server: LocalRedis, redis: Redis, store: RedisOrderStore
) -> AsyncIterator[Feed]:
    async with open_redis(redis_server.url, blocking=True) as listening:
        feed = Feed(redis, listening, store, feed_length=10_000)
        store.add_listener(feed)
        reading = asyncio.create_task(feed.run())
        yield feed
        reading.cancel()
        await asyncio.wait({reading})


@pytest.fixture
async def stub(service: OrderService, feed: Feed) -> AsyncIterator[order_pb2_grpc.OrderServiceStub]:
    """Calls the service over the network, as other services do."""
    peers = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("gateway", "kitchen")}

    def register(server: grpc.aio.Server) -> list[str]:
        order_pb2_grpc.add_OrderServiceServicer_to_server(OrderServicer(service, feed), server)
        return ["restaurant.order.v1.OrderService"]

    boundary = Boundary(Guard(KnownCallers(), peers), ANSWERS)
    async with (
        grpc_server("127.0.0.1:0", register, boundary, drain_seconds=0.1) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield order_pb2_grpc.OrderServiceStub(channel)


def as_user(caller: Caller) -> tuple[tuple[str, str], ...]:
    return ((TOKEN_KEY, f"Bearer {caller.login}"),)


def as_service(name: str) -> tuple[tuple[str, str], ...]:
    return service_metadata(name, name)
