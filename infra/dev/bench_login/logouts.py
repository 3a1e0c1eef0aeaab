"""How soon after a logout its access token is refused, and its event streams end, everywhere."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack

import grpc
import httpx

from infra.dev.bench_login.errors import UnexpectedAnswerError
from infra.dev.sse_client import read_events
from infra.grpc_runtime import open_channel, user_metadata
from shared_proto.restaurant.order.v1 import order_pb2, order_pb2_grpc

AT_GATEWAY, AT_ORDER, STREAMS = "refused by gateway", "refused by order", "last stream ended"
PROMISED_SECONDS = 2.0
STREAMS_EACH = 5
POLL_SECONDS = 0.005
# So long it is waited for what should have happened within two.
PATIENCE_SECONDS = 30.0


async def time_logouts(
    http: httpx.AsyncClient, order_target: str, rounds: int
) -> Mapping[str, Sequence[float]]:
    """Seconds from a logout's answer until it is known, by where; ``http`` is to the gateway.

    Each round is one guest who signs in, opens streams and signs out.

    Raises:
        TimeoutError: a token was taken, or a stream open, for much longer than is promised.
        UnexpectedAnswerError: a token is refused before the logout.
    """
    seconds: dict[str, list[float]] = {AT_GATEWAY: [], AT_ORDER: [], STREAMS: []}
    async with open_channel(order_target) as channel:
        orders: order_pb2_grpc.OrderServiceAsyncStub = order_pb2_grpc.OrderServiceStub(channel)
        for _ in range(rounds):
            for place, took in (await _time_logout(http, orders)).items():
                seconds[place].append(took)
    return seconds


async def _time_logout(
    http: httpx.AsyncClient, orders: "order_pb2_grpc.OrderServiceAsyncStub"
) -> dict[str, float]:
    account = {"login": f"bench-{secrets.token_hex(6)}", "password": secrets.token_urlsafe(12)}
    (await http.post("/register", json=account)).raise_for_status()
    tokens = (await http.post("/login", json=account)).raise_for_status().json()
    token = tokens["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}

    async def gateway_refuses() -> bool:
        return (await http.get("/order", headers=bearer)).status_code == httpx.codes.UNAUTHORIZED

    async def order_refuses() -> bool:
        try:
            await orders.ListOrders(order_pb2.ListOrdersRequest(), metadata=user_metadata(token))
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAUTHENTICATED
        return False

    # Both know the token from now on: what they remember of it is to count no longer.
    if await gateway_refuses() or await order_refuses():
        raise UnexpectedAnswerError("a token that was just given is refused")
    async with AsyncExitStack() as stack:
        opened = [asyncio.Event() for _ in range(STREAMS_EACH)]
        streams = [asyncio.create_task(_watch(http, bearer, event)) for event in opened]
        for stream in streams:
            stack.callback(stream.cancel)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(event.wait() for event in opened))
            # Auth tells of revocations at intervals: a logout is to meet any moment of these.
            await asyncio.sleep(random.uniform(0, 1))
            shown = {"refresh_token": tokens["refresh_token"]}
            (await http.post("/logout", json=shown)).raise_for_status()
            began = time.perf_counter()
            at_gateway, at_order, *ended = await asyncio.gather(
                _until(gateway_refuses), _until(order_refuses), *streams
            )
    return {AT_GATEWAY: at_gateway - began, AT_ORDER: at_order - began, STREAMS: max(ended) - began}


async def _watch(
    http: httpx.AsyncClient, bearer: Mapping[str, str], opened: asyncio.Event
) -> float:
    """When a stream of the guest's orders ended; ``opened`` is set at its first event."""
    headers = {**bearer, "Accept": "text/event-stream"}
    async with http.stream("GET", "/order/stream", headers=headers) as answer:
        answer.raise_for_status()
        async for _ in read_events(answer.aiter_text()):
            opened.set()
    return time.perf_counter()


async def _until(happened: Callable[[], Awaitable[bool]]) -> float:
    """When it had happened; it is asked over and over, because nobody tells."""
    while not await happened():  # noqa: ASYNC110
        await asyncio.sleep(POLL_SECONDS)
    return time.perf_counter()
