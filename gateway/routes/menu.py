"""The menu."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers, menu_csv, shapes
from gateway.access import Access
from gateway.clients import Peer
from gateway.conditions import etag, is_known, wanted_version
from gateway.errors import answer_refusal
from gateway.openapi import ETAG, IF_NONE_MATCH, NOT_MODIFIED, if_match
from gateway.problems import DISH_NOT_FOUND, INVALID_MENU, NOT_ALLOWED, VERSION_MISMATCH
from gateway.schemas import Availability, Dish, NewMenu
from infra.errors import read_refusal
from infra.identity import Caller
from infra.logs import get_logger
from infra.openapi import Parameter, Reply, operation
from infra.problems import INVALID_REQUEST
from infra.web import JsonResponse, ProblemError, media_type_of, read_body, read_json
from shared_proto.restaurant.order.v1.order_pb2 import (
    GetMenuRequest,
    ImportMenuRequest,
    Menu,
    MenuItem,
    MenuOption,
    OptionGroup,
    SetAvailabilityRequest,
)
from shared_proto.roles import ADMIN

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

log = get_logger()

# A whole menu is longer than other bodies, and only admins send one.
MAX_MENU_BYTES = 1024 * 1024
TAG = "Menu"
IF_MATCH = if_match("menu")


class MenuRoutes:
    """``/menu``: read by all, imported by admins, dishes marked sold out by the kitchen."""

    def __init__(self, access: Access, order: "Peer[OrderServiceAsyncStub]") -> None:
        self._access = access
        self._order = order

    def routes(self) -> list[Route]:
        return [
            Route("/menu", self.get, methods=["GET"]),
            Route("/menu", self.put, methods=["PUT"]),
            Route("/menu/{sku}", self.patch_dish, methods=["PATCH"]),
        ]

    @operation(
        "Reads the menu",
        Reply("The menu.", body=answers.Menu, headers=ETAG),
        NOT_MODIFIED,
        tag=TAG,
        parameters=[IF_NONE_MATCH],
    )
    async def get(self, request: Request) -> Response:
        answer = await self._order.ask(self._order.stub.GetMenu, GetMenuRequest())
        if is_known(request, answer.menu.version):
            return Response(status_code=304, headers={"ETag": etag(answer.menu.version)})
        return _whole(answer.menu)

    @operation(
        "Replaces the menu",
        Reply("The menu as it is now.", body=answers.Menu, headers=ETAG),
        bodies={
            "application/json": NewMenu,
            "text/csv": {"type": "string", "examples": [menu_csv.EXAMPLE]},
        },
        tag=TAG,
        signed_in=True,
        description="Role admin. All of it or nothing; orders keep the prices they were placed at. "
        "In CSV the first line names the columns, a group of options is written as "
        "`name min-max: option | option +price`, semicolons part the groups, and `errors` point "
        "at lines.",
        parameters=[
            IF_MATCH,
            Parameter(
                "currency",
                "Of a menu in CSV: its ISO 4217 code; that of the menu before when not given.",
                example="EUR",
            ),
        ],
        problems=[NOT_ALLOWED, INVALID_MENU, VERSION_MISMATCH],
    )
    async def put(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        caller.require(ADMIN)
        if media_type_of(request) == "text/csv":
            return await self._put_csv(request, caller)
        body = await read_json(request, NewMenu, max_bytes=MAX_MENU_BYTES)
        return _whole(await self._import(request, caller, body.currency, body.items))

    async def _put_csv(self, request: Request, caller: Caller) -> Response:
        currency = request.query_params.get("currency")
        if not currency:
            current = await self._order.ask(self._order.stub.GetMenu, GetMenuRequest())
            currency = current.menu.currency
        raw = await read_body(request, max_bytes=MAX_MENU_BYTES)
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ProblemError(INVALID_REQUEST, "send UTF-8") from None
        menu = menu_csv.read_csv(text)
        try:
            return _whole(await self._import(request, caller, currency, menu.dishes))
        except grpc.aio.AioRpcError as error:
            refusal = read_refusal(error)
            by_line = tuple(map(menu.violation_by_line, refusal.violations))
            return answer_refusal(replace(refusal, violations=by_line))

    async def _import(
        self, request: Request, caller: Caller, currency: str, dishes: Sequence[Dish]
    ) -> Menu:
        answer = await self._order.ask(
            self._order.stub.ImportMenu,
            ImportMenuRequest(
                currency=currency,
                items=[_menu_item(dish) for dish in dishes],
                if_version=wanted_version(request),
            ),
            token=caller.token,
        )
        log.info("menu_imported", user_id=caller.user_id, dishes=len(dishes))
        return answer.menu

    @operation(
        "Marks a dish sold out, or back",
        Reply(
            "The dish as it is now.", body=Dish, headers={"ETag": "The menu's version after it."}
        ),
        body=Availability,
        tag=TAG,
        signed_in=True,
        description="Roles kitchen and admin.",
        parameters=[Parameter("sku", "The dish.", "path", example="chicken-bowl"), IF_MATCH],
        problems=[NOT_ALLOWED, DISH_NOT_FOUND, VERSION_MISMATCH],
    )
    async def patch_dish(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        body = await read_json(request, Availability)
        sku = request.path_params["sku"]
        answer = await self._order.ask(
            self._order.stub.SetAvailability,
            SetAvailabilityRequest(
                sku=sku, available=body.available, if_version=wanted_version(request)
            ),
            token=caller.token,
        )
        log.info("dish_availability_set", sku=sku, available=body.available, user_id=caller.user_id)
        return JsonResponse(
            shapes.menu_item(answer.item), headers={"ETag": etag(answer.menu_version)}
        )


def _whole(menu: Menu) -> Response:
    return JsonResponse(shapes.menu(menu), headers={"ETag": etag(menu.version)})


def _menu_item(dish: Dish) -> MenuItem:
    return MenuItem(
        sku=dish.sku,
        name=dish.name,
        category=dish.category,
        station=dish.station,
        price=dish.price,
        prep_seconds=dish.prep_seconds,
        available=dish.available,
        option_groups=[
            OptionGroup(
                name=group.name,
                min=group.min,
                max=group.max,
                options=[MenuOption(name=o.name, price=o.price) for o in group.options],
            )
            for group in dish.option_groups
        ],
    )
