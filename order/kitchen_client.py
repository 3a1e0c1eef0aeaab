"""The kitchen as the order service knows it: it takes tickets, and says which it has."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import grpc

from infra.grpc_runtime import service_metadata
from infra.unreadable import UNREADABLE, tell_unreadable
from order.dispatcher import Delivery
from order.domain import Order
from order.wire import read_place, ticket_command
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2, kitchen_pb2_grpc
from shared_proto.restaurant.order.v1 import order_pb2

CALL_SECONDS = 10


class Kitchen:
    """The kitchen service over ``channel``. Every call raises AioRpcError when it is away."""

    def __init__(self, channel: grpc.aio.Channel, credential: str) -> None:
        self._stub = kitchen_pb2_grpc.KitchenServiceStub(channel)
        self._credential = credential

    async def put_tickets(self, orders: Sequence[Order]) -> list[Delivery]:
        """Sends the wanted states of orders' tickets in one call."""
        commands: list[order_pb2.TicketCommand] = []
        untold: list[Delivery] = []
        for order in orders:
            try:
                commands.append(ticket_command(order))
            except UNREADABLE as error:
                tell_unreadable("order", error, order_id=order.id)
                untold.append(Delivery(order.id, taken=False, reason="the order can't be told"))
        return untold + (await self._put(commands) if commands else [])

    async def void_ticket(self, kitchen: str, order_id: str, *, version: int) -> None:
        """Voids a ticket that has no order; ``version`` must be above what the kitchen knows."""
        command = order_pb2.TicketCommand(
            order_id=order_id,
            kitchen=kitchen,
            version=version,
            status=order_pb2.ORDER_STATUS_CANCELLED,
            reason="there is no such order",
        )
        await self._put([command])

    async def _put(self, commands: Iterable[order_pb2.TicketCommand]) -> list[Delivery]:
        answer = await self._stub.PutTickets(
            kitchen_pb2.PutTicketsRequest(commands=commands),
            metadata=self._metadata(),
            timeout=CALL_SECONDS,
        )
        return [
            Delivery(
                order_id=result.order_id,
                taken=result.outcome == kitchen_pb2.PUT_OUTCOME_TAKEN,
                rejected=result.outcome == kitchen_pb2.PUT_OUTCOME_REJECTED,
                reason=result.reason,
                place=read_place(result.place) if result.HasField("place") else None,
            )
            for result in answer.results
        ]

    async def find_tickets(self, kitchen: str, order_ids: Sequence[str]) -> frozenset[str]:
        """Those of the orders that the kitchen knows; none where there is no such kitchen."""
        request = kitchen_pb2.FindTicketsRequest(kitchen=kitchen, order_ids=order_ids)
        try:
            answer = await self._stub.FindTickets(
                request, metadata=self._metadata(), timeout=CALL_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return frozenset()
        return frozenset(mark.order_id for mark in answer.tickets)

    async def open_tickets(self, kitchen: str) -> AsyncIterator[Mapping[str, int]]:
        """The orders that have an open ticket, and the version the kitchen knows, page by page;
        none where there is no such kitchen any more."""
        cursor = ""
        while True:
            try:
                answer = await self._stub.ListOpenTickets(
                    kitchen_pb2.ListOpenTicketsRequest(kitchen=kitchen, cursor=cursor),
                    metadata=self._metadata(),
                    timeout=CALL_SECONDS,
                )
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                return
            yield {mark.order_id: mark.version for mark in answer.tickets}
            cursor = answer.next_cursor
            if not cursor:
                return

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return service_metadata("order", self._credential)
