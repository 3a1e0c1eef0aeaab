"""Orders, as a guest places and changes them."""

import hashlib
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers, shapes
from gateway.access import Access
from gateway.clients import Peer
from gateway.conditions import etag, is_known, known_version, wanted_version
from gateway.idempotency import HEADER as IDEMPOTENCY_HEADER
from gateway.idempotency import content_digest, read_key
from gateway.openapi import ETAG, IF_MATCH, IF_NONE_MATCH, NOT_MODIFIED, ORDER_ID, REASON
from gateway.orders_read import OrdersRead
from gateway.parameters import bad_parameter, page_cursor, whole_number
from gateway.problems import (
    BACKLOG_FULL,
    HOUSE_CLOSED,
    IDEMPOTENCY_KEY_REUSED,
    INVALID_IDEMPOTENCY_KEY,
    INVALID_ORDER,
    ORDER_NOT_FOUND,
    ORDERS_PAUSED,
    PRICE_CHANGED,
    REASON_NEEDED,
    SOLD_OUT,
    TOO_MANY_ORDERS,
    TRANSITION_NOT_ALLOWED,
    VERSION_MISMATCH,
)
from gateway.schemas import PAIR, AgreedPrice, Line, NewOrder, OrderChange, OrderChangeWithId
from infra.errors import Violation
from infra.identity import Caller
from infra.logs import get_logger
from infra.openapi import Parameter, Reply, operation
from infra.problems import INVALID_REQUEST
from infra.web import (
    JsonResponse,
    ProblemError,
    WholeResponse,
    parse_json,
    read_json,
    read_json_body,
)
from shared_proto.restaurant.order.v1.order_pb2 import (
    ORDER_STATUS_UNSPECIFIED,
    AgreedTotal,
    CancelOrderRequest,
    GetOrderRequest,
    LineRequest,
    ListOrdersRequest,
    Order,
    OrderStatus,
    PlaceOrderRequest,
    PlaceOrderResponse,
    UpdateOrderRequest,
)

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

log = get_logger()

MAX_PAGE = 100

TAG = "Orders"
REPLAYED = "Idempotent-Replayed"
"""As Stripe's API calls it; the draft of the ``Idempotency-Key`` header has no name for it."""
ORDER_ID_IN_QUERY = Parameter(
    "id", "The order's id.", schema={"type": "string", "minLength": 1}, required=True
)
CHANGED = Reply("The order as it is now.", body=answers.Order, headers=ETAG)
OF_CHANGES = (ORDER_NOT_FOUND, TRANSITION_NOT_ALLOWED, VERSION_MISMATCH, INVALID_ORDER)
OF_CONTENT = (SOLD_OUT, PRICE_CHANGED, HOUSE_CLOSED, ORDERS_PAUSED, BACKLOG_FULL)
OF_EDITS = (
    "As many portions of a dish with the same options as the order has keep their price; more of "
    "them pay the menu's, on a line of their own where that differs. While no orders are taken an "
    "edit may take portions away, and not add any. `expected_total` is the whole order's after the "
    "edit, kept prices included."
)


class OrderRoutes:
    """``/order`` and ``/order/{id}``: for anyone signed in."""

    def __init__(self, access: Access, order: "Peer[OrderServiceAsyncStub]") -> None:
        self._access = access
        self._order = order
        self._read = OrdersRead()

    def routes(self) -> list[Route]:
        return [
            Route("/order", self.place, methods=["POST"]),
            Route("/order", self.list, methods=["GET"]),
            Route("/order", self.change_named_in_body, methods=["PUT"]),
            Route("/order", self.cancel_named_in_query, methods=["DELETE"]),
            Route("/order/{id}", self.get, methods=["GET"]),
            Route("/order/{id}", self.change, methods=["PUT"]),
            Route("/order/{id}", self.cancel, methods=["DELETE"]),
        ]

    @operation(
        "Places an order",
        Reply(
            "The order as it was taken.",
            status=201,
            body=answers.Order,
            headers=ETAG
            | {
                "Location": "Where the order is.",
                REPLAYED: "`true` where this is the first answer to a repeated key.",
                "RateLimit": "How many more may be placed, and when one more.",
                "RateLimit-Policy": "How many may be placed, and within how many seconds.",
            },
        ),
        body=NewOrder,
        tag=TAG,
        signed_in=True,
        description="With an `Idempotency-Key` it is safe to send again for 24 hours: the first "
        "answer is given again. It is the same order in whatever sequence its members stand, and "
        "with or without those at their default. With `expected_total` and `expected_currency` "
        "it is placed at that price or not at all.",
        parameters=[
            Parameter(
                IDEMPOTENCY_HEADER,
                "1 to 255 visible ASCII characters.",
                "header",
                schema={"type": "string", "pattern": "^[!-~]{1,255}$"},
            )
        ],
        problems=[
            SOLD_OUT,
            PRICE_CHANGED,
            HOUSE_CLOSED,
            ORDERS_PAUSED,
            INVALID_ORDER,
            INVALID_IDEMPOTENCY_KEY,
            IDEMPOTENCY_KEY_REUSED,
            TOO_MANY_ORDERS,
            BACKLOG_FULL,
        ],
    )
    async def place(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        key = read_key(request)
        raw = await read_json_body(request)
        body = parse_json(raw, NewOrder)
        answer = await self._order.ask(
            self._order.stub.PlaceOrder,
            PlaceOrderRequest(
                items=_line_requests(body.items),
                note=body.note,
                kitchen=body.kitchen,
                idempotency_key=key,
                body_sha256=hashlib.sha256(raw).digest() if key else b"",
                content_sha256=content_digest(body) if key else b"",
                agreed_total=_agreed_total(body),
            ),
            token=caller.token,
        )
        order = answer.order
        log.info(
            "order_placed", order_id=order.id, user_id=caller.user_id, replayed=answer.replayed
        )
        # Where this very request came in: at the root or under /api/v1.
        location = f"{request.scope.get('root_path', '')}/order/{order.id}"
        return JsonResponse(
            shapes.order(order),
            status_code=201,
            headers={"Location": location, "ETag": etag(order.version)}
            | ({REPLAYED: "true"} if answer.replayed else {})
            | _rate_limit_headers(answer),
        )

    @operation(
        "Lists the caller's orders, newest first",
        Reply("A page of them.", body=answers.Orders),
        tag=TAG,
        signed_in=True,
        parameters=[
            Parameter(
                "status",
                "Only those in this status.",
                schema={"type": "string", "enum": list(shapes.STATUSES)},
            ),
            Parameter(
                "limit",
                "How many at most; 20 when not given.",
                schema={"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
            ),
            Parameter("cursor", "`next_cursor` of the page before."),
        ],
        problems=[INVALID_ORDER],
    )
    async def list(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        query = request.query_params
        answer = await self._order.ask(
            self._order.stub.ListOrders,
            ListOrdersRequest(
                status=_status(query),
                limit=whole_number(request, "limit", most=MAX_PAGE),
                cursor=page_cursor(request),
            ),
            token=caller.token,
        )
        return JsonResponse(
            {
                "orders": [shapes.rendered_order(order) for order in answer.orders],
                "next_cursor": answer.next_cursor or None,
            }
        )

    @operation(
        "Reads an order",
        Reply("The order.", body=answers.Order, headers=ETAG),
        NOT_MODIFIED,
        tag=TAG,
        signed_in=True,
        description="The guest's own; staff read those of their kitchen.",
        parameters=[ORDER_ID, IF_NONE_MATCH],
        problems=[ORDER_NOT_FOUND],
    )
    async def get(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        order_id: str = request.path_params["id"]
        known = self._read.find(caller.user_id, order_id)
        version = known.version if known else known_version(request)
        answer = await self._order.ask(
            self._order.stub.GetOrder,
            GetOrderRequest(id=order_id, known_version=version),
            token=caller.token,
        )
        if answer.HasField("order"):
            known = self._read.keep(caller.user_id, answer.order)
            version = known.version
        if known is None or is_known(request, version):
            # Without an order, neither here nor in the answer, the version is the client's own.
            return WholeResponse(status_code=304, headers={"ETag": etag(version)})
        return known.response

    @operation(
        "Changes an order that is not being cooked yet",
        CHANGED,
        body=OrderChange,
        tag=TAG,
        signed_in=True,
        description=OF_EDITS,
        parameters=[ORDER_ID, IF_MATCH],
        problems=[*OF_CHANGES, *OF_CONTENT],
    )
    async def change(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        body = await read_json(request, OrderChange)
        return await self._change(request, caller, request.path_params["id"], body)

    @operation(
        "Changes the order that the body names",
        CHANGED,
        body=OrderChangeWithId,
        tag=TAG,
        signed_in=True,
        description=OF_EDITS,
        parameters=[IF_MATCH],
        problems=[*OF_CHANGES, *OF_CONTENT],
    )
    async def change_named_in_body(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        body = await read_json(request, OrderChangeWithId)
        return await self._change(request, caller, body.id, body)

    async def _change(
        self, request: Request, caller: Caller, order_id: str, body: OrderChange
    ) -> Response:
        answer = await self._order.ask(
            self._order.stub.UpdateOrder,
            UpdateOrderRequest(
                id=order_id,
                items=_line_requests(body.items or []),
                note=body.note,
                if_version=wanted_version(request),
                agreed_total=_agreed_total(body),
            ),
            token=caller.token,
        )
        log.info("order_amended", order_id=order_id, user_id=caller.user_id)
        return _whole(answer.order)

    @operation(
        "Cancels an order",
        CHANGED,
        tag=TAG,
        signed_in=True,
        description="Guests may until cooking begins, staff with a reason until it is handed over. "
        "Done again, it changes nothing.",
        parameters=[ORDER_ID, REASON, IF_MATCH],
        problems=[*OF_CHANGES, REASON_NEEDED],
    )
    async def cancel(self, request: Request) -> Response:
        return await self._cancel(request, request.path_params["id"])

    @operation(
        "Cancels the order that the query names",
        CHANGED,
        tag=TAG,
        signed_in=True,
        parameters=[ORDER_ID_IN_QUERY, REASON, IF_MATCH],
        problems=[*OF_CHANGES, REASON_NEEDED],
    )
    async def cancel_named_in_query(self, request: Request) -> Response:
        return await self._cancel(request, request.query_params.get("id", ""))

    async def _cancel(self, request: Request, order_id: str) -> Response:
        caller = await self._access.caller(request)
        if not order_id:
            raise bad_parameter("id", "must name the order")
        answer = await self._order.ask(
            self._order.stub.CancelOrder,
            CancelOrderRequest(
                id=order_id,
                reason=request.query_params.get("reason", ""),
                if_version=wanted_version(request),
            ),
            token=caller.token,
        )
        log.info("order_cancelled", order_id=order_id, user_id=caller.user_id)
        return _whole(answer.order)


def _rate_limit_headers(answer: PlaceOrderResponse) -> dict[str, str]:
    if not answer.HasField("rate_limit"):
        return {}
    left = answer.rate_limit
    return {
        "RateLimit-Policy": f'"orders";q={left.limit};w={left.window_seconds}',
        "RateLimit": f'"orders";r={left.remaining};t={left.reset_seconds}',
    }


def _whole(order: Order) -> Response:
    return JsonResponse(shapes.rendered_order(order), headers={"ETag": etag(order.version)})


def _line_requests(lines: "list[Line]") -> "list[LineRequest]":
    return [
        LineRequest(sku=line.sku, quantity=line.quantity, options=line.options) for line in lines
    ]


def _agreed_total(body: AgreedPrice) -> AgreedTotal | None:
    """The total that the guest has agreed to. Raises ProblemError where half of it is missing."""
    total, currency = body.expected_total, body.expected_currency
    if total is not None and currency is not None:
        return AgreedTotal(total=total, currency=currency)
    is_half = total is not None or currency is not None
    if is_half or len(PAIR.keys() & body.model_fields_set) == 1:
        missing = "expected_currency" if currency is None else "expected_total"
        violation = Violation(f"/{missing}", f"give {' and '.join(PAIR)} together")
        raise ProblemError(INVALID_REQUEST, "half of a price", errors=[violation])
    return None


def _status(query: QueryParams) -> OrderStatus.ValueType:
    asked = query.get("status")
    if asked is None:
        return ORDER_STATUS_UNSPECIFIED
    if asked not in shapes.STATUSES:
        raise bad_parameter("status", f"must be one of {', '.join(shapes.STATUSES)}")
    return shapes.STATUSES[asked]
