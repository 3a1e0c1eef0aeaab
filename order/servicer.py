"""gRPC in: message → domain → message. Each call is one use case."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, TypeAlias

import grpc

from infra.clock import from_proto, timestamp, to_proto
from infra.errors import Answer, Answers, Violation
from infra.identity import current_caller
from infra.logs import get_logger
from infra.text import control_character
from order.changes import TicketChange
from order.domain import (
    MAX_NOTE_CHARACTERS,
    AgreedTotal,
    BacklogFullError,
    DishNotFoundError,
    HouseChangedError,
    HouseClosedError,
    IdempotencyKeyReusedError,
    InvalidHouseError,
    InvalidMenuError,
    InvalidOrderError,
    LineRequest,
    MenuChangedError,
    OrderNotFoundError,
    OrdersPausedError,
    PriceChangedError,
    ReasonNeededError,
    SoldOutError,
    TooManyOrdersError,
    TransitionNotAllowedError,
    VersionMismatchError,
)
from order.feed import Feed, FeedNews, Watcher, WatcherOverflowError
from order.house import read_hours
from order.lifecycle import Status
from order.ports import Idempotency
from order.service import OrderService, Snapshot
from order.wire import (
    STATUS_FROM_PROTO,
    failed_verdict,
    read_change,
    read_menu_item,
    render_event,
    render_house,
    render_lifecycle,
    render_menu,
    render_menu_item,
    render_order,
    render_usage,
    render_verdict,
)
from shared_proto.kitchens import DEFAULT_KITCHEN, KITCHEN_NAME, KITCHEN_NAME_RULE
from shared_proto.restaurant.order.v1 import order_pb2 as pb
from shared_proto.restaurant.order.v1 import order_pb2_grpc as pb_grpc

log = get_logger()

ANSWERS: Answers = {
    OrderNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND"),
    DishNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "DISH_NOT_FOUND"),
    TransitionNotAllowedError: Answer(
        grpc.StatusCode.FAILED_PRECONDITION, "TRANSITION_NOT_ALLOWED"
    ),
    HouseClosedError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "HOUSE_CLOSED"),
    OrdersPausedError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "ORDERS_PAUSED"),
    InvalidHouseError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_HOUSE"),
    SoldOutError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "SOLD_OUT"),
    PriceChangedError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "PRICE_CHANGED"),
    VersionMismatchError: Answer(grpc.StatusCode.ABORTED, "VERSION_MISMATCH"),
    MenuChangedError: Answer(grpc.StatusCode.ABORTED, "VERSION_MISMATCH"),
    HouseChangedError: Answer(grpc.StatusCode.ABORTED, "VERSION_MISMATCH"),
    InvalidOrderError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ORDER"),
    InvalidMenuError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_MENU"),
    ReasonNeededError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "REASON_NEEDED"),
    IdempotencyKeyReusedError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED"),
    TooManyOrdersError: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ORDERS"),
    BacklogFullError: Answer(grpc.StatusCode.UNAVAILABLE, "BACKLOG_FULL"),
    WatcherOverflowError: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_OVERFLOW"),
}

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

DEFAULT_PAGE = 20
MAX_PAGE = 100
ORDER_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
EVENT_ID = re.compile(r"\d{1,19}-\d{1,19}")
KITCHEN = re.compile(KITCHEN_NAME)
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class OrderServicer(pb_grpc.OrderServiceServicer):
    """The order service on the wire."""

    def __init__(self, service: OrderService, feed: Feed) -> None:
        self._service = service
        self._feed = feed

    async def PlaceOrder(
        self, request: pb.PlaceOrderRequest, context: Context
    ) -> pb.PlaceOrderResponse:
        kitchen = request.kitchen or DEFAULT_KITCHEN
        violations = _note_violations(request.note)
        if not KITCHEN.fullmatch(kitchen):
            violations.append(Violation("/kitchen", KITCHEN_NAME_RULE))
        if request.idempotency_key and not IDEMPOTENCY_KEY.fullmatch(request.idempotency_key):
            violations.append(Violation("", "Idempotency-Key must be 1 to 255 visible characters"))
        if violations:
            raise InvalidOrderError(violations)
        idempotency = None
        if request.idempotency_key:
            idempotency = Idempotency(
                request.idempotency_key, request.body_sha256.hex(), request.content_sha256.hex()
            )
        placed = await self._service.place_order(
            current_caller(),
            _line_requests(request.items),
            note=request.note,
            kitchen=kitchen,
            idempotency=idempotency,
            agreed=_agreed_or_none(request),
        )
        return pb.PlaceOrderResponse(
            order=render_order(placed.order, current_caller()),
            replayed=placed.replayed,
            rate_limit=None if placed.usage is None else render_usage(placed.usage),
        )

    async def GetOrder(self, request: pb.GetOrderRequest, context: Context) -> pb.GetOrderResponse:
        caller = current_caller()
        order = await self._service.get_order_since(
            caller, _order_id(request.id), request.known_version
        )
        return pb.GetOrderResponse(order=None if order is None else render_order(order, caller))

    async def ListOrders(
        self, request: pb.ListOrdersRequest, context: Context
    ) -> pb.ListOrdersResponse:
        limit = request.limit or DEFAULT_PAGE
        violations = []
        if not 1 <= limit <= MAX_PAGE:
            violations.append(Violation("/limit", f"must be 1 to {MAX_PAGE}"))
        if request.cursor and not ORDER_ID.fullmatch(request.cursor):
            violations.append(Violation("/cursor", "must be the next_cursor of another page"))
        if violations:
            raise InvalidOrderError(violations)
        page = await self._service.list_orders(
            current_caller(),
            status=_status_or_none(request.status),
            limit=limit,
            cursor=request.cursor,
        )
        return pb.ListOrdersResponse(
            orders=[render_order(order, current_caller()) for order in page.orders],
            next_cursor=page.next_cursor,
        )

    async def UpdateOrder(
        self, request: pb.UpdateOrderRequest, context: Context
    ) -> pb.UpdateOrderResponse:
        if violations := _note_violations(request.note):
            raise InvalidOrderError(violations)
        order = await self._service.update_order(
            current_caller(),
            _order_id(request.id),
            _line_requests(request.items),
            note=request.note if request.HasField("note") else None,
            if_version=_if_version(request),
            agreed=_agreed_or_none(request),
        )
        return pb.UpdateOrderResponse(order=render_order(order, current_caller()))

    async def CancelOrder(
        self, request: pb.CancelOrderRequest, context: Context
    ) -> pb.CancelOrderResponse:
        if violations := _note_violations(request.reason, "/reason"):
            raise InvalidOrderError(violations)
        order = await self._service.cancel_order(
            current_caller(),
            _order_id(request.id),
            reason=request.reason,
            if_version=_if_version(request),
        )
        return pb.CancelOrderResponse(order=render_order(order, current_caller()))

    async def GetLifecycle(
        self, request: pb.GetLifecycleRequest, context: Context
    ) -> pb.GetLifecycleResponse:
        return render_lifecycle()

    async def GetMenu(self, request: pb.GetMenuRequest, context: Context) -> pb.GetMenuResponse:
        return pb.GetMenuResponse(menu=render_menu(await self._service.read_menu()))

    async def ImportMenu(
        self, request: pb.ImportMenuRequest, context: Context
    ) -> pb.ImportMenuResponse:
        items = [read_menu_item(item) for item in request.items]
        menu = await self._service.import_menu(
            current_caller(), request.currency, items, if_version=_if_version(request)
        )
        return pb.ImportMenuResponse(menu=render_menu(menu))

    async def SetAvailability(
        self, request: pb.SetAvailabilityRequest, context: Context
    ) -> pb.SetAvailabilityResponse:
        menu = await self._service.set_availability(
            current_caller(), request.sku, request.available, if_version=_if_version(request)
        )
        return pb.SetAvailabilityResponse(
            item=render_menu_item(menu.items[request.sku]), menu_version=menu.version
        )

    async def GetHouse(self, request: pb.GetHouseRequest, context: Context) -> pb.GetHouseResponse:
        return pb.GetHouseResponse(house=render_house(*await self._service.read_house()))

    async def SetHours(self, request: pb.SetHoursRequest, context: Context) -> pb.SetHoursResponse:
        hours = [(each.day, each.opens, each.closes) for each in request.hours]
        await self._service.set_hours(
            current_caller(),
            read_hours(hours, request.time_zone),
            request.time_zone,
            if_version=_if_version(request),
        )
        return pb.SetHoursResponse(house=render_house(*await self._service.read_house()))

    async def SetPause(self, request: pb.SetPauseRequest, context: Context) -> pb.SetPauseResponse:
        if violations := _note_violations(request.reason, "/reason"):
            raise InvalidHouseError(violations)
        await self._service.set_pause(
            current_caller(),
            request.paused,
            request.reason,
            until=from_proto(request.until) if request.HasField("until") else None,
            if_version=_if_version(request),
        )
        return pb.SetPauseResponse(house=render_house(*await self._service.read_house()))

    async def ReadEvents(
        self, request: pb.ReadEventsRequest, context: Context
    ) -> pb.ReadEventsResponse:
        # An id that can't be one is an unknown id: the watcher gets a snapshot.
        after = request.after_event_id
        found = await self._service.read_events(
            request.user_id, after if EVENT_ID.fullmatch(after) else ""
        )
        if isinstance(found, Snapshot):
            orders = [render_order(order) for order in found.orders]
            return pb.ReadEventsResponse(
                snapshot=pb.Snapshot(event_id=found.event_id, orders=orders)
            )
        return pb.ReadEventsResponse(events=map(render_event, found.events), more=found.more)

    async def Watch(
        self, request_iterator: AsyncIterator[pb.WatchRequest], context: Context
    ) -> AsyncIterator[pb.WatchResponse]:
        first = await anext(request_iterator, None)
        if first is None:
            return
        async with self._feed.watch(first.add_user_ids, first.cursors) as watcher:
            log.info("watch_opened", users=len(first.add_user_ids))
            listening = asyncio.create_task(_follow_wishes(watcher, request_iterator))
            listening.add_done_callback(lambda _: watcher.end())
            try:
                while (news := await watcher.next()) is not None:
                    yield self._watch_response(news)
            finally:
                listening.cancel()
                log.info("watch_closed")

    def _watch_response(self, news: FeedNews) -> pb.WatchResponse:
        return pb.WatchResponse(
            events=map(render_event, news.events),
            added_user_ids=news.added_user_ids,
            cursors=news.cursors,
            reset_shards=news.reset_shards,
            as_of=to_proto(self._feed.as_of),
            kitchen_tick_at={k: timestamp(at) for k, at in self._feed.ticks.items()},
        )

    async def PushChanges(
        self, request_iterator: AsyncIterator[pb.PushChangesRequest], context: Context
    ) -> AsyncIterator[pb.PushChangesResponse]:
        log.info("kitchen_stream_opened")
        try:
            async for request in request_iterator:
                if request.HasField("tick_at"):
                    await self._service.note_tick(request.kitchen, from_proto(request.tick_at))
                if not request.changes:
                    continue
                yield pb.PushChangesResponse(verdicts=await self._verdicts(request.changes))
        finally:
            log.info("kitchen_stream_closed")

    async def _verdicts(self, messages: Sequence[pb.TicketChange]) -> list[pb.Verdict]:
        changes: dict[int, TicketChange] = {}
        verdicts: dict[int, pb.Verdict] = {}
        for index, message in enumerate(messages):
            try:
                changes[index] = read_change(message)
            except ValueError as error:
                verdicts[index] = failed_verdict(message, str(error))
        answers = await self._service.apply_changes(list(changes.values()))
        for (index, change), answer in zip(changes.items(), answers, strict=True):
            verdicts[index] = render_verdict(change, answer)
        return [verdicts[index] for index in range(len(messages))]


async def _follow_wishes(watcher: Watcher, requests: AsyncIterator[pb.WatchRequest]) -> None:
    async for request in requests:
        watcher.remove_users(request.remove_user_ids)
        if request.add_user_ids:
            watcher.add_users(request.add_user_ids)


def _if_version(request: Any) -> int | None:
    """Return the version that a request wants to change; None where any will do."""
    return request.if_version if request.HasField("if_version") else None


def _order_id(text: str) -> str:
    if not ORDER_ID.fullmatch(text):
        raise OrderNotFoundError(text[:64])
    return text


def _note_violations(note: str, at: str = "/note") -> list[Violation]:
    found: list[Violation] = []
    if len(note) > MAX_NOTE_CHARACTERS:
        found.append(Violation(at, f"must be at most {MAX_NOTE_CHARACTERS} characters"))
    # Cooks read it on paper and on screens; of what a keyboard has, lines and tabs are fine.
    if char := control_character(note, permitted="\n\r\t"):
        found.append(Violation(at, f"must not have the character {char}"))
    return found


def _line_requests(lines: Iterable[pb.LineRequest]) -> tuple[LineRequest, ...]:
    return tuple(LineRequest(line.sku, line.quantity, tuple(line.options)) for line in lines)


def _agreed_or_none(request: pb.PlaceOrderRequest | pb.UpdateOrderRequest) -> AgreedTotal | None:
    if not request.HasField("agreed_total"):
        return None
    return AgreedTotal(request.agreed_total.total, request.agreed_total.currency)


def _status_or_none(status: pb.OrderStatus.ValueType) -> Status | None:
    if status == pb.ORDER_STATUS_UNSPECIFIED:
        return None
    if status not in STATUS_FROM_PROTO:
        raise InvalidOrderError([Violation("/status", "is not a status")])
    return STATUS_FROM_PROTO[status]
