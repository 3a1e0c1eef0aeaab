"""Live events: of a guest's orders, of the cooks' board, of the public board."""

from typing import TYPE_CHECKING

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.contextvars import bound_contextvars

from gateway.access import Access, require_cook
from gateway.boards import Boards, BoardStream
from gateway.clients import Peer, PeerAwayError
from gateway.openapi import (
    KITCHEN,
    LAST_EVENT_ID,
    LAST_EVENT_ID_IN_QUERY,
    ORDER_ID,
    event_stream,
)
from gateway.order_stream import OneOrder, OrderStream, has_seen_all
from gateway.parameters import kitchen_of
from gateway.problems import (
    KITCHEN_NOT_FOUND,
    NOT_ALLOWED,
    ORDER_NOT_FOUND,
    TOO_MANY_BOARDS,
    TOO_MANY_STREAMS,
    TOO_MANY_STREAMS_OF_USER,
)
from gateway.sse import EventStreamResponse
from gateway.stream import Item, Source
from gateway.streams import OpenStreams
from gateway.watch import Watch
from infra.identity import Caller
from infra.openapi import Reply, operation
from shared_proto.restaurant.order.v1.order_pb2 import GetOrderRequest, Order

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


TAG = "Live events"
OF_STREAMS = (TOO_MANY_STREAMS, TOO_MANY_STREAMS_OF_USER)
ORDER_EVENTS = """\
event: status
id: 1795448925012-0
data: {"order_id":"01M84H3W5V9ZK2Q7X4T6B8C1DE","status":"preparing","previous":"queued",\
"version":3,"number":17,"cause":"timer","at":"2026-11-23T12:03:04.123Z",\
"promised_at":"2026-11-23T12:15:00.000Z","allowed_actions":[]}

"""
TICKET_EVENTS = """\
event: ticket
id: 1795448925012-0
data: {"order_id":"01M84H3W5V9ZK2Q7X4T6B8C1DE","number":17,"status":"ready"}

"""
BOARD_EVENTS = """\
event: status
data: {"number":17,"status":"ready"}

"""


class StreamRoutes:
    """``/order/stream``, ``/order/{id}/stream``, ``/kitchen/stream``, ``/board/stream``."""

    def __init__(
        self,
        access: Access,
        order: "Peer[OrderServiceAsyncStub]",
        streams: OpenStreams,
        watch: Watch,
        boards: Boards,
    ) -> None:
        self._access = access
        self._order = order
        self._streams = streams
        self._watch = watch
        self._boards = boards

    def routes(self) -> list[Route]:
        return [
            Route("/order/stream", self.orders, methods=["GET"]),
            Route("/order/{id}/stream", self.one_order, methods=["GET"]),
            Route("/kitchen/stream", self.kitchen, methods=["GET"]),
            Route("/board/stream", self.board, methods=["GET"]),
        ]

    @operation(
        "Follows all of the caller's orders",
        event_stream("`snapshot`, then `status`, `reset` and `heartbeat` events.", ORDER_EVENTS),
        tag=TAG,
        signed_in=True,
        description="Endless; it ends when the token expires or is revoked.",
        parameters=[LAST_EVENT_ID, LAST_EVENT_ID_IN_QUERY],
        problems=OF_STREAMS,
    )
    async def orders(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        source = OrderStream(self._watch, caller.user_id, _last_event_id(request))
        return self._follow("orders", source, caller)

    @operation(
        "Follows one order",
        event_stream("The same events, of this order.", ORDER_EVENTS),
        Reply("The order is finished and all was told: do not come back.", status=204),
        tag=TAG,
        signed_in=True,
        description="Ends after the order's last status.",
        parameters=[ORDER_ID, LAST_EVENT_ID, LAST_EVENT_ID_IN_QUERY],
        problems=[*OF_STREAMS, ORDER_NOT_FOUND],
    )
    async def one_order(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        order_id = request.path_params["id"]
        last_event_id = _last_event_id(request)

        async def fetch() -> Order:
            answer = await self._order.ask(
                self._order.stub.GetOrder, GetOrderRequest(id=order_id), token=caller.token
            )
            return answer.order

        user_id = caller.user_id
        try:
            order = await fetch()
        except PeerAwayError:
            # The stream opens all the same, and shows nothing but what is the caller's own.
            pass
        except grpc.aio.AioRpcError as error:
            if error.code() not in AWAY:
                raise
        else:
            if await has_seen_all(self._watch, order, last_event_id):
                # Anything else, and EventSource would come back for ever.
                return Response(status_code=204)
            user_id = order.user_id
        source = OrderStream(self._watch, user_id, last_event_id, one=OneOrder(order_id, fetch))
        return self._follow("order", source, caller, order_id=order_id)

    @operation(
        "Follows a kitchen's tickets",
        event_stream(
            "`snapshot` of all tickets, then `ticket` and `heartbeat` events.", TICKET_EVENTS
        ),
        tag=TAG,
        signed_in=True,
        parameters=[KITCHEN],
        problems=[*OF_STREAMS, NOT_ALLOWED, KITCHEN_NOT_FOUND, TOO_MANY_BOARDS],
    )
    async def kitchen(self, request: Request) -> Response:
        caller = await self._access.caller(request)
        require_cook(caller, kitchen_of(request))
        board = await self._boards.find(kitchen_of(request))
        return self._follow("kitchen", BoardStream.for_cooks(board), caller, kitchen=board.kitchen)

    @operation(
        "Follows the pickup numbers",
        event_stream(
            "`snapshot` of the board, then `status` and `heartbeat` events.", BOARD_EVENTS
        ),
        tag=TAG,
        parameters=[KITCHEN],
        problems=[*OF_STREAMS, KITCHEN_NOT_FOUND, TOO_MANY_BOARDS],
    )
    async def board(self, request: Request) -> Response:
        board = await self._boards.find(kitchen_of(request))
        return self._follow("board", BoardStream.for_guests(board), Caller(), kitchen=board.kitchen)

    def _follow(
        self, name: str, source: Source[Item], caller: Caller, **facts: str
    ) -> EventStreamResponse:
        # The stream remembers what is bound to the log now.
        with bound_contextvars(stream=name, user_id=caller.user_id, **facts):
            return EventStreamResponse(self._streams.open(source, caller))


def _last_event_id(request: Request) -> str:
    """Where the reader left off. The header counts more: a browser that comes back by itself sends
    a fresh one to the address it first was given."""
    header = request.headers.get("last-event-id")
    return header if header is not None else request.query_params.get("last_event_id", "")
