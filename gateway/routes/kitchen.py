"""The cooks' board: its tickets, and taps on them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import answers, shapes
from gateway.access import Access, require_cook
from gateway.clients import Peers
from gateway.openapi import KITCHEN, ORDER_ID
from gateway.parameters import kitchen_of, whole_number
from gateway.problems import (
    INVALID_ORDER,
    KITCHEN_NOT_FOUND,
    MOVE_NOT_ALLOWED,
    NOT_ALLOWED,
    ORDER_NOT_FOUND,
    REASON_MISSING,
    REASON_NEEDED,
    TICKET_MOVED,
    TICKET_NOT_FOUND,
    TRANSITION_NOT_ALLOWED,
)
from gateway.schemas import Recall, Tap
from infra.identity import Caller
from infra.logs import get_logger
from infra.openapi import Parameter, Reply, operation
from infra.web import JsonResponse, read_json
from shared_proto.restaurant.kitchen.v1.kitchen_pb2 import (
    AcknowledgeTicketRequest,
    CompleteTicketRequest,
    FinishTicketRequest,
    ListTicketsRequest,
    RecallTicketRequest,
    StartTicketRequest,
    Ticket,
)
from shared_proto.restaurant.order.v1.order_pb2 import CancelOrderRequest

log = get_logger()

MAX_NUMBER = 999

TAG = "Kitchen"
TAPPED = Reply("The ticket as it is now.", body=answers.Ticket)
OF_TAPS = (NOT_ALLOWED, KITCHEN_NOT_FOUND, TICKET_NOT_FOUND, TICKET_MOVED, MOVE_NOT_ALLOWED)


class KitchenRoutes:
    """``/kitchen/tickets``: role ``kitchen``. A tap answers with the ticket as it is now."""

    def __init__(self, access: Access, peers: Peers) -> None:
        self._access = access
        self._kitchen = peers.kitchen
        self._order = peers.order

    def routes(self) -> list[Route]:
        ticket = "/kitchen/tickets/{id}"
        return [
            Route("/kitchen/tickets", self.list, methods=["GET"]),
            Route(f"{ticket}/start", self.start, methods=["POST"]),
            Route(f"{ticket}/ready", self.finish, methods=["POST"]),
            Route(f"{ticket}/recall", self.recall, methods=["POST"]),
            Route(f"{ticket}/complete", self.complete, methods=["POST"]),
            Route(f"{ticket}/acknowledge", self.acknowledge, methods=["POST"]),
            Route(f"{ticket}/void", self.void, methods=["POST"]),
        ]

    @operation(
        "Lists the tickets, first promised first",
        Reply("The tickets.", body=answers.Tickets),
        tag=TAG,
        signed_in=True,
        description="Role kitchen, or that of the one kitchen.",
        parameters=[
            KITCHEN,
            Parameter(
                "number",
                "Only the one with this pickup number.",
                schema={"type": "integer", "minimum": 1, "maximum": MAX_NUMBER},
            ),
        ],
        problems=[NOT_ALLOWED, KITCHEN_NOT_FOUND],
    )
    async def list(self, request: Request) -> Response:
        caller = await self._cook(request)
        answer = await self._kitchen.ask(
            self._kitchen.stub.ListTickets,
            ListTicketsRequest(
                kitchen=kitchen_of(request), number=whole_number(request, "number", most=MAX_NUMBER)
            ),
            token=caller.token,
        )
        return JsonResponse(shapes.tickets(answer.tickets))

    @operation(
        "Starts cooking",
        TAPPED,
        body=Tap,
        body_required=False,
        tag=TAG,
        signed_in=True,
        parameters=[ORDER_ID, KITCHEN],
        problems=OF_TAPS,
    )
    async def start(self, request: Request) -> Response:
        caller = await self._cook(request)
        tap = await _read_tap(request)
        answer = await self._kitchen.ask(
            self._kitchen.stub.StartTicket,
            StartTicketRequest(
                order_id=_order_id(request), kitchen=kitchen_of(request), seq=tap.seq
            ),
            token=caller.token,
        )
        return _tapped(request, caller, answer.ticket)

    @operation(
        "Says that it is ready",
        TAPPED,
        body=Tap,
        body_required=False,
        tag=TAG,
        signed_in=True,
        parameters=[ORDER_ID, KITCHEN],
        problems=OF_TAPS,
    )
    async def finish(self, request: Request) -> Response:
        caller = await self._cook(request)
        tap = await _read_tap(request)
        answer = await self._kitchen.ask(
            self._kitchen.stub.FinishTicket,
            FinishTicketRequest(
                order_id=_order_id(request), kitchen=kitchen_of(request), seq=tap.seq
            ),
            token=caller.token,
        )
        return _tapped(request, caller, answer.ticket)

    @operation(
        "Takes it back to the stove",
        TAPPED,
        body=Recall,
        tag=TAG,
        signed_in=True,
        description="From then on only a cook finishes it.",
        parameters=[ORDER_ID, KITCHEN],
        problems=[*OF_TAPS, REASON_MISSING],
    )
    async def recall(self, request: Request) -> Response:
        caller = await self._cook(request)
        tap = await read_json(request, Recall)
        answer = await self._kitchen.ask(
            self._kitchen.stub.RecallTicket,
            RecallTicketRequest(
                order_id=_order_id(request),
                kitchen=kitchen_of(request),
                seq=tap.seq,
                reason=tap.reason,
            ),
            token=caller.token,
        )
        return _tapped(request, caller, answer.ticket)

    @operation(
        "Hands it over",
        TAPPED,
        body=Tap,
        body_required=False,
        tag=TAG,
        signed_in=True,
        parameters=[ORDER_ID, KITCHEN],
        problems=OF_TAPS,
    )
    async def complete(self, request: Request) -> Response:
        caller = await self._cook(request)
        tap = await _read_tap(request)
        answer = await self._kitchen.ask(
            self._kitchen.stub.CompleteTicket,
            CompleteTicketRequest(
                order_id=_order_id(request), kitchen=kitchen_of(request), seq=tap.seq
            ),
            token=caller.token,
        )
        return _tapped(request, caller, answer.ticket)

    @operation(
        "Takes note of a flagged ticket",
        TAPPED,
        body=Tap,
        body_required=False,
        tag=TAG,
        signed_in=True,
        parameters=[ORDER_ID, KITCHEN],
        problems=OF_TAPS,
    )
    async def acknowledge(self, request: Request) -> Response:
        caller = await self._cook(request)
        await _read_tap(request)
        answer = await self._kitchen.ask(
            self._kitchen.stub.AcknowledgeTicket,
            AcknowledgeTicketRequest(order_id=_order_id(request), kitchen=kitchen_of(request)),
            token=caller.token,
        )
        return _tapped(request, caller, answer.ticket)

    @operation(
        "Calls the whole order off",
        Reply("The order as it is now.", body=answers.Order),
        body=Tap,
        body_required=False,
        tag=TAG,
        signed_in=True,
        description="With a reason. The order service decides, so it wins over the kitchen.",
        parameters=[ORDER_ID, KITCHEN],
        problems=[
            NOT_ALLOWED,
            ORDER_NOT_FOUND,
            TRANSITION_NOT_ALLOWED,
            INVALID_ORDER,
            REASON_NEEDED,
        ],
    )
    async def void(self, request: Request) -> Response:
        """Calls the whole order off, so it is the order service's to decide; answers with the
        order."""
        caller = await self._cook(request)
        tap = await _read_tap(request)
        answer = await self._order.ask(
            self._order.stub.CancelOrder,
            CancelOrderRequest(id=_order_id(request), reason=tap.reason),
            token=caller.token,
        )
        log.info("order_cancelled", order_id=_order_id(request), user_id=caller.user_id)
        return JsonResponse(shapes.order(answer.order))

    async def _cook(self, request: Request) -> Caller:
        caller = await self._access.caller(request)
        require_cook(caller, kitchen_of(request))
        return caller


def _order_id(request: Request) -> str:
    order_id: str = request.path_params["id"]
    return order_id


def _tapped(request: Request, caller: Caller, ticket: Ticket) -> Response:
    tap = request.url.path.rpartition("/")[2]
    log.info("ticket_tapped", order_id=ticket.order_id, tap=tap, user_id=caller.user_id)
    return JsonResponse(shapes.ticket(ticket))


async def _read_tap(request: Request) -> Tap:
    """The body of a tap, which may be missing."""
    length = request.headers.get("content-length", "0")
    if length == "0" and "transfer-encoding" not in request.headers:
        return Tap()
    return await read_json(request, Tap)
