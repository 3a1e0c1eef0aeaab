"""What is told of a ticket's life: a log line, a count, and a span of its order's trace."""

from infra import tracing
from infra.clock import to_text
from infra.logs import get_logger
from kitchen.domain import Move, PutOutcome, ResetOutcome, Status, Ticket, TicketCommand
from kitchen.metrics import MOVES, WASTE

log = get_logger()

_MOVED = {
    Status.PREPARING: "ticket_started",
    Status.READY: "ticket_finished",
    Status.COMPLETED: "ticket_completed",
}
_MOVES = {
    Status.PREPARING: "start ticket",
    Status.READY: "finish ticket",
    Status.COMPLETED: "complete ticket",
}


def tell_put(outcome: PutOutcome | ResetOutcome, ticket: Ticket) -> None:
    """A command was carried out."""
    facts = {"order_id": ticket.order_id, "kitchen": ticket.kitchen, "number": ticket.number}
    match outcome:
        case PutOutcome.TAKEN | PutOutcome.REBUILT:
            log.info(
                "ticket_taken",
                **facts,
                status=ticket.status,
                promised_at=to_text(ticket.promised_at) if ticket.promised_at else None,
                rebuilt=outcome is PutOutcome.REBUILT,
            )
        case PutOutcome.CHANGED:
            log.info("ticket_changed", **facts, status=ticket.status, revision=ticket.revision)
        case (
            PutOutcome.WITHDRAWN | PutOutcome.VOIDED | ResetOutcome.WITHDRAWN | ResetOutcome.VOIDED
        ):
            log.info("ticket_voided", **facts, reason=ticket.reason)
            if outcome in (PutOutcome.VOIDED, ResetOutcome.VOIDED):
                WASTE.inc()
                dishes = [f"{line.quantity} × {line.name}" for line in ticket.lines]
                log.info("waste_recorded", **facts, reason=ticket.reason, dishes=dishes)


def tell_move(move: Move, ticket: Ticket, since: int) -> None:
    """A ticket moved a step; ``since`` is when that began, in nanoseconds of Unix time."""
    recalled = move.source is Status.READY and move.target is Status.PREPARING
    MOVES.labels(to=move.target, cause=move.cause).inc()
    _record("recall ticket" if recalled else _MOVES[move.target], ticket, since)
    with tracing.within(ticket.traceparent):
        log.info(
            "ticket_recalled" if recalled else _MOVED[move.target],
            order_id=ticket.order_id,
            kitchen=ticket.kitchen,
            number=ticket.number,
            cause=move.cause,
            by=move.by,
            seq=ticket.seq,
            **({"reason": move.reason} if move.reason else {}),
        )


def tell_renewal(ticket: Ticket, since: int) -> None:
    """A promise was renewed; ``since`` as for ``tell_move``."""
    _record("renew promise", ticket, since)
    with tracing.within(ticket.traceparent):
        log.info(
            "promise_renewed",
            order_id=ticket.order_id,
            kitchen=ticket.kitchen,
            number=ticket.number,
            status=ticket.status,
            promised_at=to_text(ticket.promised_at) if ticket.promised_at else None,
        )


def _record(name: str, ticket: Ticket, since: int) -> None:
    facts = {
        **trace_facts(ticket),
        "brigade.ticket.seq": ticket.seq,
        "brigade.cause": ticket.cause,
    }
    # A cook's tap has a trace of its own; the step belongs to the order's.
    tracing.record(
        name, "internal", facts, parent=ticket.traceparent, since=since, linked=tracing.to_keep()
    )


def trace_facts(of: Ticket | TicketCommand) -> dict[str, str | int]:
    """What a span about a ticket tells of it."""
    return {
        "brigade.order.id": of.order_id,
        "brigade.order.status": of.status,
        "brigade.kitchen": of.kitchen,
    }
