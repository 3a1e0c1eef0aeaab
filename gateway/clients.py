"""The services the gateway calls: their stubs, and how long it waits for them."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.problems import SERVICE_UNAVAILABLE
from infra.grpc_runtime import service_metadata, user_metadata
from infra.identity import CLIENT_KEY
from infra.web import ProblemError

if TYPE_CHECKING:
    from shared_proto.restaurant.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from shared_proto.restaurant.kitchen.v1.kitchen_pb2_grpc import KitchenServiceAsyncStub
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

SERVICE_NAME = "gateway"
RETRY_AFTER_SECONDS = 2

Metadata = tuple[tuple[str, str], ...]
Stub = TypeVar("Stub")
Question = TypeVar("Question")
Reply = TypeVar("Reply")


class PeerAwayError(ProblemError):
    """A service is not connected, and did not come within the time a request waits. Expected."""

    def __init__(self, name: str) -> None:
        super().__init__(
            SERVICE_UNAVAILABLE,
            f"the {name} service can't be reached",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )


class Peer(Generic[Stub]):
    """One service the gateway calls.

    Args:
        name: what people call it.
        channel: the connection to it.
        stub: its RPCs over that channel.
        credential: what the gateway shows for calls in its own name.
        deadline_seconds: how long a unary call may take.
        connect_seconds: how long a call waits for a connection before that.
    """

    def __init__(
        self,
        name: str,
        channel: grpc.aio.Channel,
        stub: Stub,
        *,
        credential: str,
        deadline_seconds: float,
        connect_seconds: float,
    ) -> None:
        self.name = name
        self.stub = stub
        self._channel = channel
        self._credential = credential
        self._deadline_seconds = deadline_seconds
        self._connect_seconds = connect_seconds
        self._health: Any = health_pb2_grpc.HealthStub(channel)

    @property
    def own_metadata(self) -> Metadata:
        """What goes with a call the gateway makes in its own name."""
        return service_metadata(SERVICE_NAME, self._credential)

    async def ask(
        self,
        rpc: grpc.aio.UnaryUnaryMultiCallable[Question, Reply],
        question: Question,
        *,
        token: str = "",
        address: str = "",
    ) -> Reply:
        """Calls ``rpc`` of this peer's stub for the user who holds ``token``; "" is anyone.

        ``address`` is where the user is, which the service believes the gateway.

        Raises:
            PeerAwayError: there is no connection.
            grpc.aio.AioRpcError: the service refused, or failed, or was too slow.
        """
        metadata = user_metadata(token)
        if address:
            metadata = (*self.own_metadata, *metadata[1:], (CLIENT_KEY, address))
        if not self._is_connected():
            await self._connect()
        return await rpc(question, metadata=metadata, timeout=self._deadline_seconds)

    async def ask_as_gateway(
        self, rpc: grpc.aio.UnaryUnaryMultiCallable[Question, Reply], question: Question
    ) -> Reply:
        """Calls ``rpc`` in the gateway's own name; raises as ``ask`` does."""
        if not self._is_connected():
            await self._connect()
        return await rpc(question, metadata=self.own_metadata, timeout=self._deadline_seconds)

    def _is_connected(self) -> bool:
        state = self._channel.get_state(try_to_connect=True)
        return state is grpc.ChannelConnectivity.READY

    async def _connect(self) -> None:
        # The channel connects again by itself; gRPC's own wait_for_ready would wait for that until
        # the deadline, and its opposite not at all.
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._channel.channel_ready()
        except TimeoutError:
            raise PeerAwayError(self.name) from None

    async def check(self) -> None:
        """Raises unless the service says that it serves: a readiness check."""
        try:
            answer = await self._health.Check(
                health_pb2.HealthCheckRequest(), timeout=self._connect_seconds
            )
        except grpc.aio.AioRpcError as error:
            raise PeerAwayError(self.name) from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise PeerAwayError(self.name)


@dataclass(frozen=True)
class Peers:
    """Every service the gateway calls."""

    auth: "Peer[AuthServiceAsyncStub]"
    order: "Peer[OrderServiceAsyncStub]"
    kitchen: "Peer[KitchenServiceAsyncStub]"
