"""The gRPC face: who may call, what goes in, what comes out."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from infra.errors import read_refusal
from infra.grpc_runtime import Boundary, grpc_server, open_channel, service_metadata, user_metadata
from infra.identity import Caller, Guard, InvalidTokenError
from kitchen.board import Board
from kitchen.redis_store import RedisFeeds
from kitchen.servicer import ANSWERS, KitchenServicer
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2 as pb
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2_grpc
from shared_proto.restaurant.order.v1 import order_pb2
from tests.integration.kitchen.kitchen_world import MAIN, World

COOK = user_metadata("cook")
GUEST = user_metadata("guest")
ROOF_COOK = user_metadata("roof-cook")
MAIN_COOK = user_metadata("main-cook")
ORDER_SERVICE = service_metadata("order", "secret")
GATEWAY = service_metadata("gateway", "secret")

ROLES = {
    "cook": {"kitchen"},
    "guest": {"customer"},
    "roof-cook": {"kitchen:roof"},
    "main-cook": {"kitchen:main"},
}


class Tokens:
    def recall(self, token: str) -> None:
        """Remembers nobody, as a verifier that has just been started."""

    async def verify(self, token: str) -> Caller:
        if token not in ROLES:
            raise InvalidTokenError("not valid")
        return Caller(user_id=token, login=token, roles=frozenset(ROLES[token]), token=token)


@pytest.fixture
async def stub(world: World) -> AsyncIterator[Any]:
    digest = hashlib.sha256(b"secret").hexdigest()
    guard = Guard(Tokens(), {"order": digest, "gateway": digest})  # type: ignore[arg-type]
    board = Board(MAIN, world.store, RedisFeeds(world.redis), world.clock)
    servicer = KitchenServicer(world.service, {MAIN: board})

    def register(server: grpc.aio.Server) -> list[str]:
        kitchen_pb2_grpc.add_KitchenServiceServicer_to_server(servicer, server)
        return ["restaurant.kitchen.v1.KitchenService"]

    async with (
        grpc_server("127.0.0.1:0", register, Boundary(guard, ANSWERS), drain_seconds=0.1) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield kitchen_pb2_grpc.KitchenServiceStub(channel)


def wanted(order_id: str, **fields: Any) -> order_pb2.TicketCommand:
    return order_pb2.TicketCommand(
        **{
            "order_id": order_id,
            "kitchen": MAIN,
            "version": 1,
            "revision": 1,
            "status": order_pb2.ORDER_STATUS_PLACED,
            "items": [
                order_pb2.OrderLine(
                    sku="burrito",
                    name="Burrito",
                    quantity=2,
                    options=["salsa"],
                    unit_price=900,
                    line_total=1800,
                    station="grill",
                    prep_seconds=60,
                )
            ],
            "note": "no onion",
            **fields,
        }
    )


async def refusal_of(call: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    refusal = read_refusal(error.value)
    return refusal.code, refusal.reason, dict(refusal.facts)


async def put(stub: Any, *commands: order_pb2.TicketCommand) -> pb.PutTicketsResponse:
    response: pb.PutTicketsResponse = await stub.PutTickets(
        pb.PutTicketsRequest(commands=commands), metadata=ORDER_SERVICE
    )
    return response


async def test_each_command_gets_its_own_outcome_in_order(stub: Any) -> None:
    response = await put(
        stub,
        wanted("A"),
        wanted("B", kitchen="roof"),
        wanted("C", status=order_pb2.ORDER_STATUS_UNSPECIFIED),
        wanted("D"),
    )

    assert [(result.order_id, result.outcome) for result in response.results] == [
        ("A", pb.PUT_OUTCOME_TAKEN),
        ("B", pb.PUT_OUTCOME_REJECTED),
        ("C", pb.PUT_OUTCOME_FAILED),
        ("D", pb.PUT_OUTCOME_TAKEN),
    ]
    assert [result.HasField("place") for result in response.results] == [True, False, False, True]
    assert response.results[1].reason == "there is no kitchen 'roof'"


async def test_place_of_a_placed_order_is_answered_until_a_cook_starts_its_ticket(
    stub: Any,
) -> None:
    [first] = (await put(stub, wanted("A"))).results
    [again] = (await put(stub, wanted("A"))).results
    board = await stub.ListTickets(pb.ListTicketsRequest(), metadata=COOK)
    await stub.StartTicket(pb.StartTicketRequest(order_id="A"), metadata=COOK)
    [started] = (await put(stub, wanted("A"))).results

    [ticket] = board.tickets
    assert first.place == pb.Place(seq=1, number=1, promised_at=ticket.promised_at)
    assert again == first
    assert (started.outcome, started.HasField("place")) == (pb.PUT_OUTCOME_TAKEN, False)


async def test_more_than_500_commands_are_refused(stub: Any) -> None:
    code, reason, _ = await refusal_of(put(stub, *[wanted(f"T{n}") for n in range(501)]))

    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY_COMMANDS")


async def test_ticket_shows_what_was_ordered(stub: Any) -> None:
    command = wanted("A")
    command.placed_at.FromMilliseconds(1_700_000_000_123)
    await put(stub, command)
    response = await stub.ListTickets(pb.ListTicketsRequest(), metadata=COOK)

    [ticket] = response.tickets
    assert list(ticket.items) == list(command.items)
    assert (ticket.note, ticket.number, ticket.seq, ticket.kitchen) == ("no onion", 1, 1, MAIN)
    assert ticket.placed_at == command.placed_at
    assert ticket.HasField("promised_at")
    assert not ticket.HasField("started_at")


async def test_cook_carries_a_ticket_through(stub: Any) -> None:
    await put(stub, wanted("A"))
    started = await stub.StartTicket(
        pb.StartTicketRequest(order_id="A", kitchen=MAIN, seq=1), metadata=COOK
    )
    assert started.ticket.status == order_pb2.ORDER_STATUS_PREPARING
    assert started.ticket.cause == order_pb2.CAUSE_COOK
    finished = await stub.FinishTicket(pb.FinishTicketRequest(order_id="A", seq=2), metadata=COOK)
    assert finished.ticket.HasField("ready_at")
    recalled = await stub.RecallTicket(
        pb.RecallTicketRequest(order_id="A", seq=3, reason="cold"), metadata=COOK
    )
    assert (recalled.ticket.held, recalled.ticket.reason) == (True, "cold")
    await stub.FinishTicket(pb.FinishTicketRequest(order_id="A", seq=4), metadata=COOK)
    completed = await stub.CompleteTicket(
        pb.CompleteTicketRequest(order_id="A", seq=5), metadata=COOK
    )
    assert completed.ticket.status == order_pb2.ORDER_STATUS_COMPLETED


async def test_refused_taps_name_status_and_seq(stub: Any) -> None:
    await put(stub, wanted("A"))
    await stub.StartTicket(pb.StartTicketRequest(order_id="A"), metadata=COOK)
    await stub.FinishTicket(pb.FinishTicketRequest(order_id="A"), metadata=COOK)

    moved = stub.StartTicket(pb.StartTicketRequest(order_id="A", seq=1), metadata=COOK)
    code, reason, facts = await refusal_of(moved)
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TICKET_MOVED")
    assert (facts["status"], facts["seq"]) == ("ready", "3")

    unfit = stub.StartTicket(pb.StartTicketRequest(order_id="A"), metadata=COOK)
    code, reason, _ = await refusal_of(unfit)
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MOVE_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (pb.RecallTicketRequest(order_id="A"), "INVALID_ARGUMENT", "REASON_MISSING"),
        (pb.RecallTicketRequest(order_id="B", reason="cold"), "NOT_FOUND", "TICKET_NOT_FOUND"),
        (
            pb.RecallTicketRequest(order_id="A", kitchen="roof", reason="cold"),
            "NOT_FOUND",
            "KITCHEN_NOT_FOUND",
        ),
    ],
)
async def test_taps_that_make_no_sense_say_why(
    stub: Any, request_: pb.RecallTicketRequest, code: str, reason: str
) -> None:
    await put(stub, wanted("A"))
    answered, why, _ = await refusal_of(stub.RecallTicket(request_, metadata=COOK))

    assert (answered.name, why) == (code, reason)


@pytest.mark.parametrize("metadata", [GUEST, ROOF_COOK])
async def test_only_cooks_of_the_kitchen_may_look_and_tap(stub: Any, metadata: Any) -> None:
    await put(stub, wanted("A"))
    for call in (
        stub.ListTickets(pb.ListTicketsRequest(), metadata=metadata),
        stub.StartTicket(pb.StartTicketRequest(order_id="A"), metadata=metadata),
        stub.AcknowledgeTicket(pb.AcknowledgeTicketRequest(order_id="A"), metadata=metadata),
    ):
        code, reason, _ = await refusal_of(call)
        assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


async def test_cook_of_one_kitchen_may_tap_there(stub: Any) -> None:
    await put(stub, wanted("A"))
    await stub.StartTicket(pb.StartTicketRequest(order_id="A"), metadata=MAIN_COOK)


async def test_users_can_not_put_tickets(stub: Any) -> None:
    call = stub.PutTickets(pb.PutTicketsRequest(), metadata=COOK)

    code, _, _ = await refusal_of(call)
    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_watch_begins_with_the_board(stub: Any) -> None:
    await put(stub, wanted("A"))
    watching = stub.WatchTickets(pb.WatchTicketsRequest(), metadata=GATEWAY)
    first = await watching.read()
    watching.cancel()

    assert [ticket.order_id for ticket in first.snapshot.tickets] == ["A"]
    assert first.snapshot.event_id
    assert first.HasField("as_of")


async def test_watch_of_a_kitchen_that_is_not_there_is_refused(stub: Any) -> None:
    watching = stub.WatchTickets(pb.WatchTicketsRequest(kitchen="roof"), metadata=GATEWAY)

    code, reason, _ = await refusal_of(watching.read())
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "KITCHEN_NOT_FOUND")
