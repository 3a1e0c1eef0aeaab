"""A real gateway in this process, with stand-ins for the services behind it."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
from pydantic import SecretStr

from gateway.app import running
from gateway.settings import Settings
from infra.dev.sse_client import read_events
from infra.grpc_runtime import Boundary, grpc_server, open_channel
from infra.identity import Guard, TokenVerifier, keys_from_auth
from shared_proto.restaurant.auth.v1.auth_pb2_grpc import add_AuthServiceServicer_to_server
from shared_proto.restaurant.kitchen.v1.kitchen_pb2_grpc import (
    add_KitchenServiceServicer_to_server,
)
from shared_proto.restaurant.order.v1.order_pb2_grpc import add_OrderServiceServicer_to_server
from tests.integration.gateway.fake_services import (
    ANSWERS,
    FakeAuth,
    FakeKitchen,
    FakeOrders,
)

CREDENTIAL = "the gateway's own"
PEERS = {"gateway": hashlib.sha256(CREDENTIAL.encode()).hexdigest()}
WAIT_SECONDS = 20


@dataclass(frozen=True)
class Told:
    """One event of a stream."""

    event: str
    data: Any
    last_id: str


class EventStream:
    """An open event stream, read as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._events = read_events(response.aiter_text())

    async def next(self, *names: str) -> Told | None:
        """The next event, of these ``names`` if any are given; None when the stream has ended."""
        async with asyncio.timeout(WAIT_SECONDS):
            async for event in self._events:
                if (event.event in names) if names else (event.event != "heartbeat"):
                    return Told(event.event, json.loads(event.data), event.last_id)
        return None

    async def take(self, count: int) -> list[Told]:
        """The next ``count`` events, heartbeats left out."""
        events = [event for _ in range(count) if (event := await self.next()) is not None]
        assert len(events) == count, "the stream ended early"
        return events

    async def statuses(self, count: int) -> list[str]:
        """The statuses that the next ``count`` events tell."""
        return [event.data["status"] for event in await self.take(count)]


class House:
    """The gateway, and what stands behind it."""

    http: httpx.AsyncClient
    ops_url: str

    def __init__(self) -> None:
        self.auth = FakeAuth()
        self.orders = FakeOrders()
        self.kitchen = FakeKitchen("main", "bar")
        # Its own from the first start on.
        self._order_port = 0
        self._order_server = AsyncExitStack()
        self._kitchen_port = 0
        self._kitchen_server = AsyncExitStack()
        self._guard: Guard

    def headers(self, user_id: str, *roles: str, seconds: float = 600) -> dict[str, str]:
        """What a signed-in user sends; the token is good for ``seconds``."""
        token = self.auth.token(user_id, *roles, expires_at=time.time() + seconds)
        return {"Authorization": f"Bearer {token}"}

    @asynccontextmanager
    async def stream(
        self,
        path: str = "/order/stream",
        user_id: str = "anna",
        *roles: str,
        last_id: str = "",
        seconds: float = 600,
    ) -> AsyncIterator[EventStream]:
        """An open event stream; with "" for the user, without a token."""
        headers = self.headers(user_id, *roles, seconds=seconds) if user_id else {}
        if last_id:
            headers["Last-Event-ID"] = last_id
        async with self.http.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            yield EventStream(response)

    async def call(
        self,
        method: str,
        path: str,
        user_id: str = "anna",
        *roles: str,
        json: object = None,
        **headers: str,
    ) -> httpx.Response:
        """The gateway's answer to a user's call; ``if_match`` is the header ``If-Match``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(
            method, path, json=json, headers=self.headers(user_id, *roles) | named
        )

    async def start_order_service(self) -> None:
        self._order_port = await self._order_server.enter_async_context(
            _serve(
                lambda server: add_OrderServiceServicer_to_server(self.orders, server),
                Boundary(self._guard, ANSWERS),
                self._order_port,
            )
        )

    async def stop_order_service(self) -> None:
        self.orders.break_watches()
        await self._order_server.aclose()

    async def start_kitchen_service(self) -> None:
        self._kitchen_port = await self._kitchen_server.enter_async_context(
            _serve(
                lambda server: add_KitchenServiceServicer_to_server(self.kitchen, server),
                Boundary(self._guard, ANSWERS),
                self._kitchen_port,
            )
        )

    async def stop_kitchen_service(self) -> None:
        self.kitchen.break_watches()
        await self._kitchen_server.aclose()

    @asynccontextmanager
    async def open(self, *, order_service: bool = True, **settings: Any) -> AsyncIterator["House"]:
        """Serves until the block ends; ``settings`` are the gateway's."""
        async with AsyncExitStack() as stack:
            # First in, so last out: what is open when the gateway stops is the gateway's to end.
            self.http = await stack.enter_async_context(
                httpx.AsyncClient(
                    timeout=WAIT_SECONDS,
                    trust_env=False,
                    limits=httpx.Limits(max_connections=None),
                )
            )
            auth_port = await stack.enter_async_context(
                _serve(
                    lambda server: add_AuthServiceServicer_to_server(self.auth, server),
                    Boundary(Guard(None, PEERS), {}),
                )
            )
            auth_channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{auth_port}"))
            self._guard = Guard(TokenVerifier(keys_from_auth(auth_channel)), PEERS)
            await self.start_kitchen_service()
            stack.push_async_callback(self.stop_kitchen_service)
            await self.start_order_service()
            stack.push_async_callback(self.stop_order_service)
            if not order_service:
                await self.stop_order_service()
            ports = await stack.enter_async_context(
                running(
                    Settings(
                        **{
                            "port": 0,
                            "ops_port": 0,
                            "drain_seconds": 1,
                            "connect_seconds": 5 if order_service else 0.1,
                            "credential": SecretStr(CREDENTIAL),
                            "auth_target": f"127.0.0.1:{auth_port}",
                            "order_target": f"127.0.0.1:{self._order_port}",
                            "kitchen_target": f"127.0.0.1:{self._kitchen_port}",
                            **settings,
                        }
                    )
                )
            )
            self.ops_url = f"http://127.0.0.1:{ports.ops}"
            self.http.base_url = httpx.URL(f"http://127.0.0.1:{ports.http}")
            yield self


@asynccontextmanager
async def _serve(
    register: Callable[[grpc.aio.Server], None], boundary: Boundary, port: int = 0
) -> AsyncIterator[int]:
    def registered(server: grpc.aio.Server) -> tuple[str, ...]:
        register(server)
        return ()

    async with grpc_server(
        f"127.0.0.1:{port}", registered, boundary, drain_seconds=0.1
    ) as bound_port:
        yield bound_port
