"""The kitchen service over gRPC: messages in, one use case, messages out."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import grpc

from infra.clock import to_proto
from infra.errors import Answer, Answers
from infra.identity import current_caller
from kitchen.board import Board, BoardUpdate
from kitchen.domain import (
    KitchenNotFoundError,
    MoveNotAllowedError,
    ReasonMissingError,
    TicketCommand,
    TicketMovedError,
    TicketNotFoundError,
    TooManyCommandsError,
)
from kitchen.messages import read_command, write_place, write_ticket
from kitchen.service import Failed, KitchenService, Rejected, Taken
from shared_proto.kitchens import DEFAULT_KITCHEN
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2 as pb
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2_grpc
from shared_proto.roles import staff_roles

ANSWERS: Answers = {
    KitchenNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "KITCHEN_NOT_FOUND"),
    TicketNotFoundError: Answer(grpc.StatusCode.NOT_FOUND, "TICKET_NOT_FOUND"),
    TicketMovedError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "TICKET_MOVED"),
    MoveNotAllowedError: Answer(grpc.StatusCode.FAILED_PRECONDITION, "MOVE_NOT_ALLOWED"),
    ReasonMissingError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "REASON_MISSING"),
    TooManyCommandsError: Answer(grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY_COMMANDS"),
}

MOST_COMMANDS = 500

Context = grpc.aio.ServicerContext[Any, Any]


class KitchenServicer(kitchen_pb2_grpc.KitchenServiceServicer):
    """Taps come with a cook's token; the order service and the gateway show their credential."""

    def __init__(self, service: KitchenService, boards: Mapping[str, Board]) -> None:
        self._service = service
        self._boards = boards

    async def PutTickets(
        self, request: pb.PutTicketsRequest, context: Context
    ) -> pb.PutTicketsResponse:
        if len(request.commands) > MOST_COMMANDS:
            raise TooManyCommandsError(len(request.commands), MOST_COMMANDS)
        commands: list[TicketCommand] = []
        unreadable: dict[int, Failed] = {}
        for index, message in enumerate(request.commands):
            try:
                commands.append(read_command(message))
            except ValueError as error:
                unreadable[index] = Failed(str(error))
        answers = iter(await self._service.put_tickets(commands))
        return pb.PutTicketsResponse(
            results=[
                _write_result(message.order_id, unreadable.get(index) or next(answers))
                for index, message in enumerate(request.commands)
            ]
        )

    async def FindTickets(
        self, request: pb.FindTicketsRequest, context: Context
    ) -> pb.FindTicketsResponse:
        if len(request.order_ids) > MOST_COMMANDS:
            raise TooManyCommandsError(len(request.order_ids), MOST_COMMANDS)
        found = await self._service.find_tickets(request.kitchen, request.order_ids)
        return pb.FindTicketsResponse(tickets=_write_marks(found))

    async def ListOpenTickets(
        self, request: pb.ListOpenTicketsRequest, context: Context
    ) -> pb.ListOpenTicketsResponse:
        # A cursor of nobody's making begins again: the caller sees a ticket twice at worst.
        cursor = int(request.cursor) if request.cursor.isdecimal() else 0
        after, found = await self._service.list_open_tickets(request.kitchen, cursor)
        return pb.ListOpenTicketsResponse(
            tickets=_write_marks(found), next_cursor=str(after) if after else ""
        )

    async def ListTickets(
        self, request: pb.ListTicketsRequest, context: Context
    ) -> pb.ListTicketsResponse:
        kitchen = _kitchen(request.kitchen)
        _cook_of(kitchen)
        tickets = await self._service.list_tickets(kitchen, request.number)
        return pb.ListTicketsResponse(tickets=[write_ticket(ticket) for ticket in tickets])

    async def StartTicket(
        self, request: pb.StartTicketRequest, context: Context
    ) -> pb.StartTicketResponse:
        kitchen = _kitchen(request.kitchen)
        ticket = await self._service.start_ticket(
            kitchen, request.order_id, request.seq, _cook_of(kitchen)
        )
        return pb.StartTicketResponse(ticket=write_ticket(ticket))

    async def FinishTicket(
        self, request: pb.FinishTicketRequest, context: Context
    ) -> pb.FinishTicketResponse:
        kitchen = _kitchen(request.kitchen)
        ticket = await self._service.finish_ticket(
            kitchen, request.order_id, request.seq, _cook_of(kitchen)
        )
        return pb.FinishTicketResponse(ticket=write_ticket(ticket))

    async def RecallTicket(
        self, request: pb.RecallTicketRequest, context: Context
    ) -> pb.RecallTicketResponse:
        kitchen = _kitchen(request.kitchen)
        ticket = await self._service.recall_ticket(
            kitchen, request.order_id, request.seq, _cook_of(kitchen), request.reason
        )
        return pb.RecallTicketResponse(ticket=write_ticket(ticket))

    async def CompleteTicket(
        self, request: pb.CompleteTicketRequest, context: Context
    ) -> pb.CompleteTicketResponse:
        kitchen = _kitchen(request.kitchen)
        ticket = await self._service.complete_ticket(
            kitchen, request.order_id, request.seq, _cook_of(kitchen)
        )
        return pb.CompleteTicketResponse(ticket=write_ticket(ticket))

    async def AcknowledgeTicket(
        self, request: pb.AcknowledgeTicketRequest, context: Context
    ) -> pb.AcknowledgeTicketResponse:
        kitchen = _kitchen(request.kitchen)
        ticket = await self._service.acknowledge_ticket(
            kitchen, request.order_id, _cook_of(kitchen)
        )
        return pb.AcknowledgeTicketResponse(ticket=write_ticket(ticket))

    async def WatchTickets(
        self, request: pb.WatchTicketsRequest, context: Context
    ) -> AsyncIterator[pb.WatchTicketsResponse]:
        board = self._boards[self._service.kitchen(_kitchen(request.kitchen)).name]
        async with aclosing(board.watch()) as updates:
            async for update in updates:
                yield _write_update(update)


def _kitchen(name: str) -> str:
    return name or DEFAULT_KITCHEN


def _cook_of(kitchen: str) -> str:
    """The login of the caller, a cook of this kitchen. Raises NotAllowedError for others."""
    caller = current_caller()
    caller.require(*staff_roles(kitchen))
    return caller.login


def _write_marks(versions: Mapping[str, int]) -> list[pb.TicketMark]:
    return [
        pb.TicketMark(order_id=order_id, version=version) for order_id, version in versions.items()
    ]


def _write_result(order_id: str, answer: Taken | Rejected | Failed) -> pb.PutResult:
    match answer:
        case Taken(queued):
            return pb.PutResult(
                order_id=order_id,
                outcome=pb.PUT_OUTCOME_TAKEN,
                place=None if queued is None else write_place(queued),
            )
        case Rejected(reason):
            outcome = pb.PUT_OUTCOME_REJECTED
        case Failed(reason):
            outcome = pb.PUT_OUTCOME_FAILED
    return pb.PutResult(order_id=order_id, outcome=outcome, reason=reason)


def _write_update(update: BoardUpdate) -> pb.WatchTicketsResponse:
    response = pb.WatchTicketsResponse(
        events=[
            pb.TicketEvent(id=event.id, ticket=write_ticket(event.ticket))
            for event in update.events
        ],
        tick_at=to_proto(update.tick_at),
        as_of=to_proto(update.as_of),
    )
    if update.snapshot is not None:
        response.snapshot.CopyFrom(
            pb.TicketSnapshot(
                event_id=update.snapshot.event_id,
                tickets=[write_ticket(ticket) for ticket in update.snapshot.tickets],
            )
        )
    return response
