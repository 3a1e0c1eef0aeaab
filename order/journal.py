"""What is told of an order's life: a line in the log, and a count."""

from infra.logs import get_logger
from order.domain import Change
from order.lifecycle import Cause
from order.metrics import count_change

log = get_logger()


def log_step(step: Change) -> None:
    """Tells a committed change in the log, by the name of what happened."""
    order = step.order
    count_change(order.status, step.entry.cause)
    if step.previous is None or step.previous is not order.status:
        event = f"order_{order.status}"
    elif step.entry.cause is Cause.TIMER:
        event = "order_promise_renewed"
    else:
        event = "order_changed"
    log.info(
        event,
        order_id=order.id,
        version=order.version,
        cause=step.entry.cause,
        by=step.entry.by,
        number=order.number or None,
        reason=step.entry.reason or None,
    )
