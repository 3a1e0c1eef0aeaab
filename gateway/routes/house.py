"""When guests may order: opening hours, and the switch that pauses orders."""

import zlib
from typing import TYPE_CHECKING

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers, shapes
from gateway.access import Access
from gateway.clients import Peer
from gateway.conditions import etag, is_known, wanted_version
from gateway.openapi import ETAG, IF_NONE_MATCH, NOT_MODIFIED, if_match
from gateway.problems import INVALID_HOUSE, NOT_ALLOWED, VERSION_MISMATCH
from gateway.schemas import Hours, Pause
from infra.clock import to_proto
from infra.logs import get_logger
from infra.openapi import Reply, operation
from infra.web import JsonResponse, read_json
from shared_proto.restaurant.order.v1.order_pb2 import (
    GetHouseRequest,
    House,
    OpeningHours,
    SetHoursRequest,
    SetPauseRequest,
)

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

log = get_logger()

TAG = "House"
HOUSE = Reply("The house as it is now.", body=answers.House, headers=ETAG)
IF_MATCH = if_match("hours and pause together")


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

    @operation(
        "Says when guests may order, and whether they may now",
        HOUSE,
        NOT_MODIFIED,
        tag=TAG,
        parameters=[IF_NONE_MATCH],
    )
    async def get(self, request: Request) -> Response:
        answer = await self._order.ask(self._order.stub.GetHouse, GetHouseRequest())
        tag = _tag(answer.house.version, shapes.house(answer.house))
        if is_known(request, tag):
            return Response(status_code=304, headers={"ETag": etag(tag)})
        return _whole(answer.house)

    @operation(
        "Sets the opening hours",
        HOUSE,
        body=Hours,
        tag=TAG,
        signed_in=True,
        description="Role admin. Without any the house is always open; closing no later than "
        "opening means on the day after.",
        parameters=[IF_MATCH],
        problems=[NOT_ALLOWED, INVALID_HOUSE, VERSION_MISMATCH],
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
                if_version=wanted_version(request),
            ),
            token=caller.token,
        )
        log.info("opening_hours_set", user_id=caller.user_id)
        return _whole(answer.house)

    @operation(
        "Pauses orders, or takes them again",
        HOUSE,
        body=Pause,
        tag=TAG,
        signed_in=True,
        description="Roles kitchen and admin. Orders that were placed go on. With `until` the "
        "pause ends by itself.",
        parameters=[IF_MATCH],
        problems=[NOT_ALLOWED, INVALID_HOUSE, VERSION_MISMATCH],
    )
    async def put_pause(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        body = await read_json(request, Pause)
        answer = await self._order.ask(
            self._order.stub.SetPause,
            SetPauseRequest(
                paused=body.paused,
                reason=body.reason or "",
                until=to_proto(body.until),
                if_version=wanted_version(request),
            ),
            token=caller.token,
        )
        log.info("orders_paused" if body.paused else "orders_resumed", user_id=caller.user_id)
        return _whole(answer.house)


def _whole(house: House) -> Response:
    shown = shapes.house(house)
    return JsonResponse(shown, headers={"ETag": etag(_tag(house.version, shown))})


def _tag(version: int, shown: shapes.Json) -> str:
    """Return the tag of the house as it is shown: opening and the end of a pause change that
    without a new version, and so does the last release."""
    return f"{version}-{zlib.crc32(orjson.dumps(shown)):x}"
