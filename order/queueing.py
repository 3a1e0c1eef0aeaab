"""A placed order becomes queued: by what the kitchen answers to its command."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra import tracing
from infra.frozen import altered
from infra.words import Word
from order.domain import Change, Order
from order.journal import log_step
from order.lifecycle import Cause, Status
from order.ports import Applied, OrderStore, Stale

MAX_ATTEMPTS = 10
"""Each but the first is lost to a guest who changed the order in the same instant."""


@dataclass(frozen=True)
class Place:
    """Where the kitchen has queued a ticket: what it answers to the command of a placed order."""

    seq: int
    """The number of the step from placed to queued."""
    number: int
    promised_at: datetime | None


@dataclass(frozen=True)
class Queued:
    """An order, as the kitchen was sent it, and the place it has there."""

    order: Order
    place: Place
    outbox_ids: Sequence[str]
    """The entries by which the kitchen was told, to be deleted when the order is queued."""


class Queueing(Word):
    """What became of an order whose ticket was queued."""

    APPLIED = "applied"
    """It is queued now, and its entries of the outbox are deleted."""
    OVER = "over"
    """It has gone on already."""
    CHANGED = "changed"
    """It is not what the kitchen was told, which must hear of it again."""


def queue_order(order: Order, place: Place, *, at: datetime, op: str) -> Change:
    """The step of a placed order to queued. Raises TransitionNotAllowedError for another."""
    step = order.move(Status.QUEUED, Cause.SYSTEM, by="kitchen", at=at, op=op)
    return step.with_facts(
        number=place.number, promised_at=place.promised_at, applied_seq=place.seq
    )


async def queue_orders(
    store: OrderStore, queued: Sequence[Queued], *, at: datetime, new_op: Callable[[], str]
) -> list[Queueing]:
    """Makes orders queued that have a place in the kitchen: one answer each."""
    answers = dict.fromkeys((each.order.id for each in queued), Queueing.CHANGED)
    pending = list(queued)
    for _ in range(MAX_ATTEMPTS):
        steps: list[tuple[Queued, Change]] = []
        for each in pending:
            if each.order.status is Status.PLACED:
                op = f"{each.order.kitchen}:{new_op()}"
                steps.append((each, queue_order(each.order, each.place, at=at, op=op)))
            elif each.order.status is not Status.REJECTED:
                # A cancelled one has an entry of its own in the outbox.
                answers[each.order.id] = Queueing.OVER
        results = await store.commit_many(
            [altered(step, traceparent=each.order.traceparent) for each, step in steps],
            heard=[each.outbox_ids for each, _ in steps],
        )
        pending = []
        for (each, step), result in zip(steps, results, strict=True):
            if isinstance(result, Applied):
                answers[each.order.id] = Queueing.APPLIED
                with tracing.within(each.order.traceparent):
                    log_step(step)
            elif isinstance(result, Stale):
                pending.append(each)
        if not pending:
            break
        pending = await _as_they_are_now(store, pending)
    return [answers[each.order.id] for each in queued]


async def _as_they_are_now(store: OrderStore, queued: Sequence[Queued]) -> list[Queued]:
    found = await store.get_many([each.order.id for each in queued])
    return [
        altered(each, order=altered(order, traceparent=each.order.traceparent))
        for each, order in zip(queued, found, strict=True)
        if isinstance(order, Order)
    ]
