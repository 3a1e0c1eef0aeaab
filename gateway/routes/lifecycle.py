"""An order's life: which status follows which, and who may make it so."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers, shapes
from gateway.clients import Peer
from infra.openapi import Reply, operation
from infra.web import JsonResponse
from shared_proto.restaurant.order.v1.order_pb2 import GetLifecycleRequest

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub


class LifecycleRoutes:
    """``/lifecycle``: for anyone."""

    def __init__(self, order: "Peer[OrderServiceAsyncStub]") -> None:
        self._order = order

    def routes(self) -> list[Route]:
        return [Route("/lifecycle", self.get, methods=["GET"])]

    @operation(
        "Tells which status follows which",
        Reply("Every permitted move.", body=answers.Lifecycle),
        tag="Orders",
        description="The very table the order service decides by.",
    )
    async def get(self, request: Request) -> Response:
        answer = await self._order.ask(self._order.stub.GetLifecycle, GetLifecycleRequest())
        return JsonResponse(shapes.lifecycle(answer))
