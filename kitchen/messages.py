"""Between the kitchen's own words and those on the wire."""

from infra.clock import from_proto, to_proto
from kitchen.domain import (
    Cause,
    Change,
    Line,
    Status,
    Ticket,
    TicketCommand,
    Verdict,
    VerdictKind,
)
from shared_proto.restaurant.kitchen.v1 import kitchen_pb2
from shared_proto.restaurant.order.v1 import order_pb2

_TO_STATUS = {
    Status.PLACED: order_pb2.ORDER_STATUS_PLACED,
    Status.QUEUED: order_pb2.ORDER_STATUS_QUEUED,
    Status.PREPARING: order_pb2.ORDER_STATUS_PREPARING,
    Status.READY: order_pb2.ORDER_STATUS_READY,
    Status.COMPLETED: order_pb2.ORDER_STATUS_COMPLETED,
    Status.CANCELLED: order_pb2.ORDER_STATUS_CANCELLED,
    Status.REJECTED: order_pb2.ORDER_STATUS_REJECTED,
}
_FROM_STATUS = {message: status for status, message in _TO_STATUS.items()}
_TO_CAUSE = {
    Cause.GUEST: order_pb2.CAUSE_GUEST,
    Cause.COOK: order_pb2.CAUSE_COOK,
    Cause.STAFF: order_pb2.CAUSE_STAFF,
    Cause.TIMER: order_pb2.CAUSE_TIMER,
    Cause.SYSTEM: order_pb2.CAUSE_SYSTEM,
}
_FROM_VERDICT_KIND = {
    order_pb2.VERDICT_KIND_APPLIED: VerdictKind.APPLIED,
    order_pb2.VERDICT_KIND_DUPLICATE: VerdictKind.DUPLICATE,
    order_pb2.VERDICT_KIND_VOID: VerdictKind.VOID,
    order_pb2.VERDICT_KIND_AMENDED: VerdictKind.AMENDED,
    order_pb2.VERDICT_KIND_UNKNOWN: VerdictKind.UNKNOWN,
    order_pb2.VERDICT_KIND_FAILED: VerdictKind.FAILED,
}


def read_command(message: order_pb2.TicketCommand) -> TicketCommand:
    """The command. Raises ValueError where it has no id or no status."""
    if not message.order_id:
        raise ValueError("the command names no order")
    status = _FROM_STATUS.get(message.status)
    if status is None:
        raise ValueError("the command has no status")
    return TicketCommand(
        order_id=message.order_id,
        kitchen=message.kitchen,
        version=message.version,
        revision=message.revision,
        status=status,
        applied_seq=message.applied_seq,
        lines=tuple(_read_line(line) for line in message.items),
        note=message.note,
        placed_at=from_proto(message.placed_at),
        number=message.number,
        promised_at=(from_proto(message.promised_at) if message.HasField("promised_at") else None),
        reason=message.reason,
        traceparent=message.traceparent,
    )


def _read_line(message: order_pb2.OrderLine) -> Line:
    return Line(
        sku=message.sku,
        name=message.name,
        quantity=message.quantity,
        options=tuple(message.options),
        unit_price=message.unit_price,
        line_total=message.line_total,
        station=message.station,
        prep_seconds=message.prep_seconds,
    )


def read_verdict(message: order_pb2.Verdict) -> Verdict:
    """The verdict, under the change's id in its stream. Raises ValueError where it has no kind."""
    kind = _FROM_VERDICT_KIND.get(message.kind)
    if kind is None:
        raise ValueError(f"the verdict on {message.change_id} has no kind")
    return Verdict(
        change_id=message.change_id.rpartition(":")[2],
        order_id=message.order_id,
        kind=kind,
        command=read_command(message.command) if message.HasField("command") else None,
        detail=message.detail,
    )


def write_change(change: Change) -> order_pb2.TicketChange:
    """The change; its id on the wire is unique over all kitchens."""
    return order_pb2.TicketChange(
        change_id=f"{change.kitchen}:{change.id}",
        order_id=change.order_id,
        seq=change.seq,
        revision=change.revision,
        previous=_TO_STATUS[change.previous],
        status=_TO_STATUS[change.status],
        cause=_TO_CAUSE[change.cause],
        by=change.by,
        at=to_proto(change.at),
        number=change.number,
        promised_at=to_proto(change.promised_at),
        reason=change.reason,
        traceparent=change.traceparent,
    )


def write_place(ticket: Ticket) -> kitchen_pb2.Place:
    """Where a queued ticket stands in the queue."""
    return kitchen_pb2.Place(
        seq=ticket.seq, number=ticket.number, promised_at=to_proto(ticket.promised_at)
    )


def write_ticket(ticket: Ticket) -> kitchen_pb2.Ticket:
    """The ticket; one that is parked has left the board, so it shows as cancelled."""
    return kitchen_pb2.Ticket(
        order_id=ticket.order_id,
        kitchen=ticket.kitchen,
        number=ticket.number,
        status=_TO_STATUS.get(ticket.status, order_pb2.ORDER_STATUS_CANCELLED),
        seq=ticket.seq,
        revision=ticket.revision,
        items=[
            order_pb2.OrderLine(
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                options=line.options,
                unit_price=line.unit_price,
                line_total=line.line_total,
                station=line.station,
                prep_seconds=line.prep_seconds,
            )
            for line in ticket.lines
        ],
        note=ticket.note,
        placed_at=to_proto(ticket.placed_at),
        promised_at=to_proto(ticket.promised_at),
        started_at=to_proto(ticket.started_at),
        ready_at=to_proto(ticket.ready_at),
        cause=_TO_CAUSE[ticket.cause],
        held=ticket.held,
        flag=ticket.flag,
        reason=ticket.reason,
    )
