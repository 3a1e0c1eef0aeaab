"""What is counted when real requests, calls and commands are made."""

import json

import grpc
import httpx
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from infra.grpc_runtime import Boundary, grpc_server, open_channel
from infra.identity import Guard
from infra.ops import ops_app
from infra.redis_client import open_redis
from infra.web import EdgeMiddleware
from kitchen.metrics import ShelfGauges
from order import keys as order_keys
from order.metrics import BacklogGauges
from shared_proto.restaurant.auth.v1 import auth_pb2, auth_pb2_grpc
from tests.conftest import free_port


def value(name: str, **labels: str) -> float:
    """A sample as it would be scraped; 0 where there is none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def served(request: Request) -> Response:
    return PlainTextResponse("ok")


async def ask(app: ASGIApp, method: str, path: str) -> str:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return (await client.request(method, path)).text


def public_app() -> ASGIApp:
    routes = [Route("/order/{id}", served)]
    return EdgeMiddleware(Starlette(routes=[*routes, Mount("/api/v1", routes=routes)]))


@pytest.mark.parametrize("path", ["/order/01ABC", "/api/v1/order/01DEF"])
async def test_requests_are_counted_by_route_and_not_by_path(path: str) -> None:
    labels = {"method": "GET", "route": "/order/{id}", "status": "200"}
    before = value("http_request_seconds_count", **labels)
    await ask(public_app(), "GET", path)
    assert value("http_request_seconds_count", **labels) == before + 1


@pytest.mark.parametrize("path", ["/nowhere/1", "/api/v1/nowhere/2"])
async def test_strangers_can_make_up_no_routes(path: str) -> None:
    labels = {"method": "other", "route": "other", "status": "404"}
    before = value("http_request_seconds_count", **labels)
    await ask(public_app(), "BREW", path)
    assert value("http_request_seconds_count", **labels) == before + 1


class Keys(auth_pb2_grpc.AuthServiceServicer):
    """Answers one call, and fails another."""

    async def GetPublicKeys(
        self,
        request: auth_pb2.GetPublicKeysRequest,
        context: grpc.aio.ServicerContext[
            auth_pb2.GetPublicKeysRequest, auth_pb2.GetPublicKeysResponse
        ],
    ) -> auth_pb2.GetPublicKeysResponse:
        return auth_pb2.GetPublicKeysResponse(jwks_json=json.dumps({"keys": []}))

    async def Logout(
        self,
        request: auth_pb2.LogoutRequest,
        context: grpc.aio.ServicerContext[auth_pb2.LogoutRequest, auth_pb2.LogoutResponse],
    ) -> auth_pb2.LogoutResponse:
        raise ConnectionError("Redis is away")


async def test_calls_are_counted_by_how_they_ended() -> None:
    def register(server: grpc.aio.Server) -> tuple[str]:
        auth_pb2_grpc.add_AuthServiceServicer_to_server(Keys(), server)
        return ("restaurant.auth.v1.AuthService",)

    good = {"method": "AuthService/GetPublicKeys", "code": "OK"}
    bad = {"method": "AuthService/Logout", "code": "UNAVAILABLE"}
    before = [value("grpc_server_call_seconds_count", **labels) for labels in (good, bad)]
    boundary = Boundary(Guard(None, {}), {})
    async with (
        grpc_server("127.0.0.1:0", register, boundary, drain_seconds=1) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = auth_pb2_grpc.AuthServiceStub(channel)
        await stub.GetPublicKeys(auth_pb2.GetPublicKeysRequest(), wait_for_ready=True)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.Logout(auth_pb2.LogoutRequest())
    after = [value("grpc_server_call_seconds_count", **labels) for labels in (good, bad)]
    assert after == [count + 1 for count in before]


async def test_redis_is_timed_by_command_and_pipelines_as_a_whole(redis: Redis) -> None:
    names = ("get", "pipeline")
    before = [value("redis_command_seconds_count", command=name) for name in names]
    await redis.get("order:none")
    async with redis.pipeline(transaction=False) as pipe:
        pipe.get("order:none")
        pipe.get("order:none")
        await pipe.execute()
    after = [value("redis_command_seconds_count", command=name) for name in names]
    assert after == [count + 1 for count in before]


async def test_asking_redis_again_is_counted() -> None:
    before = value("redis_retries_total", error="ConnectionError")
    away = open_redis(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(RedisError):
        await away.get("order:none")
    await away.aclose()
    assert value("redis_retries_total", error="ConnectionError") > before


async def test_backlog_is_read_when_metrics_are(redis: Redis) -> None:
    await redis.zadd(order_keys.open_orders("A"), {"1": 1, "2": 2})
    # Added at one millisecond of Unix time: half a century ago.
    await redis.xadd(order_keys.outbox("A"), {"order_id": "1"}, id="1-1")
    await redis.xadd(order_keys.outbox("B"), {"order_id": "2"})
    app = ops_app({}, BacklogGauges(redis).refresh)
    text = await ask(app, "GET", "/metrics")
    assert "order_open_orders 2.0" in text
    assert "order_outbox_entries 2.0" in text
    assert value("order_outbox_oldest_seconds") > 1e9


async def test_empty_outbox_has_no_age(redis: Redis) -> None:
    await BacklogGauges(redis).refresh()
    assert value("order_outbox_entries") == 0
    assert value("order_outbox_oldest_seconds") == 0


async def test_shelves_and_changes_of_every_kitchen_are_told(redis: Redis) -> None:
    await redis.zadd("kitchen:{patio}:parked", {"1": 1})
    await redis.xadd("kitchen:{patio}:changes", {"order_id": "1"}, id="1-1")
    await redis.set("kitchen:{patio}:tick", 5000)
    await ShelfGauges(redis, ["main", "patio"]).refresh()
    assert value("kitchen_tickets", kitchen="patio", shelf="parked") == 1
    assert value("kitchen_tickets", kitchen="main", shelf="parked") == 0
    assert value("kitchen_changes_entries", kitchen="patio") == 1
    assert value("kitchen_changes_oldest_seconds", kitchen="patio") > 1e9
    assert value("kitchen_last_tick_timestamp_seconds", kitchen="patio") == 5


async def test_metrics_are_served_while_redis_is_away() -> None:
    away = open_redis(f"redis://127.0.0.1:{free_port()}/0")
    app = ops_app({}, BacklogGauges(away).refresh)
    assert "process_resident_memory_bytes" in await ask(app, "GET", "/metrics")
    await away.aclose()
