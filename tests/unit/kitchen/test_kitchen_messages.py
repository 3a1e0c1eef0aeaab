"""Between domain and wire, nothing is lost."""

from datetime import UTC, datetime

import pytest

from kitchen.domain import Cause, Change, Flag, Status, Ticket, VerdictKind
from kitchen.messages import read_command, read_verdict, write_change, write_ticket
from shared_proto.restaurant.order.v1 import order_pb2 as pb

AT = datetime(2026, 11, 23, 12, 3, 4, 123_000, tzinfo=UTC)


def test_change_id_names_the_kitchen_on_the_wire_and_only_there() -> None:
    change = Change(
        id="17-0",
        kitchen="main",
        order_id="A",
        seq=2,
        revision=1,
        previous=Status.READY,
        status=Status.PREPARING,
        cause=Cause.COOK,
        by="carla",
        at=AT,
        number=7,
        promised_at=AT,
        reason="cold",
    )
    message = write_change(change)
    assert message.change_id == "main:17-0"
    assert message.at.ToDatetime(UTC) == AT
    assert (message.number, message.promised_at.ToDatetime(UTC)) == (7, AT)

    answer = pb.Verdict(change_id=message.change_id, order_id="A", kind=pb.VERDICT_KIND_APPLIED)
    verdict = read_verdict(answer)
    assert (verdict.change_id, verdict.kind, verdict.command) == (
        "17-0",
        VerdictKind.APPLIED,
        None,
    )


@pytest.mark.parametrize("kind", pb.VerdictKind.values()[1:])
def test_every_verdict_kind_of_the_contract_is_known(kind: pb.VerdictKind.ValueType) -> None:
    verdict = read_verdict(pb.Verdict(change_id="main:1-0", order_id="A", kind=kind))

    assert pb.VerdictKind.Name(kind) == f"VERDICT_KIND_{verdict.kind.name}"


@pytest.mark.parametrize("status", pb.OrderStatus.values()[1:])
def test_every_status_of_the_contract_is_known(status: pb.OrderStatus.ValueType) -> None:
    command = read_command(pb.TicketCommand(order_id="A", status=status))

    assert pb.OrderStatus.Name(status) == f"ORDER_STATUS_{command.status.name}"


@pytest.mark.parametrize(
    "message",
    [pb.TicketCommand(order_id="A"), pb.TicketCommand(status=pb.ORDER_STATUS_PLACED)],
)
def test_command_without_order_or_status_is_refused(message: pb.TicketCommand) -> None:
    with pytest.raises(ValueError, match="command"):
        read_command(message)


def test_verdict_without_a_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind"):
        read_verdict(pb.Verdict(change_id="main:1-0"))


def test_parked_ticket_shows_as_off_the_board() -> None:
    ticket = Ticket(
        order_id="A",
        kitchen="main",
        status=Status.PARKED,
        number=1,
        seq=1,
        version=1,
        revision=1,
        lines=(),
        note="",
        placed_at=AT,
        promised_at=None,
        started_at=None,
        ready_at=None,
        cause=Cause.SYSTEM,
        held=False,
        flag=Flag.NONE,
        reason="",
        pending=(),
    )
    message = write_ticket(ticket)

    assert (message.status, message.flag) == (pb.ORDER_STATUS_CANCELLED, "")
