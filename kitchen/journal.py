"""What is told of a ticket's life: a log line, and a count."""

from infra.clock import to_text
from infra.logs import get_logger
from kitchen.domain import Move, PutOutcome, ResetOutcome, Status, Ticket
from kitchen.metrics import MOVES, WASTE

log = get_logger()

_MOVED = {
    Status.PREPARING: "ticket_started",
    Status.READY: "ticket_finished",
    Status.COMPLETED: "ticket_completed",
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


def tell_move(move: Move, ticket: Ticket) -> None:
    """A ticket moved a step."""
    recalled = move.source is Status.READY and move.target is Status.PREPARING
    MOVES.labels(to=move.target, cause=move.cause).inc()
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


def tell_renewal(ticket: Ticket) -> None:
    """A promise was renewed."""
    log.info(
        "promise_renewed",
        order_id=ticket.order_id,
        kitchen=ticket.kitchen,
        number=ticket.number,
        status=ticket.status,
        promised_at=to_text(ticket.promised_at) if ticket.promised_at else None,
    )
