"""When guests may order: opening hours, and the switch that pauses orders."""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers, shapes
from gateway.access import Access
from gateway.clients import Peer
from gateway.problems import INVALID_HOUSE, NOT_ALLOWED
from gateway.schemas import Hours, Pause
from infra.logs import get_logger
from infra.openapi import Reply, operation
from infra.web import JsonResponse, read_json
from shared_proto.restaurant.order.v1.order_pb2 import (
    GetHouseRequest,
    OpeningHours,
    SetHoursRequest,
    SetPauseRequest,
)

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

log = get_logger()

TAG = "House"
HOUSE = Reply("The house as it is now.", body=answers.House)


class HouseRoutes:
    """``/house``: read by all, hours set by admins, orders paused by staff."""

    def __init__(self, access: Access, order: "Peer[OrderServiceAsyncStub]") -> None:
        self._access = access
        self._order = order

    def routes(self) -> list[Route]:
        return [
            Route("/house", self.get, methods=["GET"]),
            Route("/house/hours", self.put_hours, methods=["PUT"]),
            Route("/house/pause", self.put_pause, methods=["PUT"]),
        ]

    @operation("Says when guests may order, and whether they may now", HOUSE, tag=TAG)
    async def get(self, request: Request) -> Response:
        answer = await self._order.ask(self._order.stub.GetHouse, GetHouseRequest())
        return JsonResponse(shapes.house(answer.house))

    @operation(
        "Sets the opening hours",
        HOUSE,
        body=Hours,
        tag=TAG,
        signed_in=True,
        description="Role admin. Without any the house is always open; closing no later than "
        "opening means on the day after.",
        problems=[NOT_ALLOWED, INVALID_HOUSE],
    )
    async def put_hours(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        body = await read_json(request, Hours)
        answer = await self._order.ask(
            self._order.stub.SetHours,
            SetHoursRequest(
                time_zone=body.time_zone,
                hours=[
                    OpeningHours(
                        day=shapes.DAYS.index(each.day) + 1, opens=each.opens, closes=each.closes
                    )
                    for each in body.hours
                ],
            ),
            token=caller.token,
        )
        log.info("opening_hours_set", user_id=caller.user_id)
        return JsonResponse(shapes.house(answer.house))

    @operation(
        "Pauses orders, or takes them again",
        HOUSE,
        body=Pause,
        tag=TAG,
        signed_in=True,
        description="Roles kitchen and admin. Orders that were placed go on.",
        problems=[NOT_ALLOWED, INVALID_HOUSE],
    )
    async def put_pause(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        body = await read_json(request, Pause)
        answer = await self._order.ask(
            self._order.stub.SetPause,
            SetPauseRequest(paused=body.paused, reason=body.reason or ""),
            token=caller.token,
        )
        log.info("orders_paused" if body.paused else "orders_resumed", user_id=caller.user_id)
        return JsonResponse(shapes.house(answer.house))
