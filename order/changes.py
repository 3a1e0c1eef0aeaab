"""The kitchen's changes: what the order service makes of each, and why."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from infra import tracing
from infra.frozen import altered
from infra.logs import get_logger
from infra.unreadable import is_of_data
from infra.words import Word
from order.domain import Change, Order, OrderError
from order.journal import log_step
from order.lifecycle import Cause, Status
from order.ports import Applied, OrderStore, Unreadable
from order.queueing import MAX_ATTEMPTS, Place, queue_order

log = get_logger()


class Verdict(Word):
    """What became of one change."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    VOID = "void"
    AMENDED = "amended"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True)
class TicketChange:
    """One change of a ticket as the kitchen tells it."""

    change_id: str
    order_id: str
    seq: int
    revision: int
    previous: Status
    status: Status
    cause: Cause
    by: str
    at: datetime
    number: int = 0
    promised_at: datetime | None = None
    reason: str = ""
    traceparent: str = ""
    """The span that sent it, then the one that applies it, where recorded (``infra.tracing``)."""


@dataclass(frozen=True)
class Answer:
    """A verdict, and the order whose state the kitchen must take over for VOID and AMENDED."""

    verdict: Verdict
    order: Order | None = None
    detail: str = ""


UNREADABLE = Answer(Verdict.FAILED, detail="the order can't be read")


def judge(order: Order | Unreadable | None, change: TicketChange) -> Answer | Change:
    """What to commit for ``change``, or why not.

    The step to commit may be the one before the change, to queued, where that was missed: then its
    ``applied_seq`` is not the change's yet. Pure: whether a change with a seq that was applied
    already is this very one, only the history can tell; such a change comes back as DUPLICATE with
    the order, and the caller looks.
    """
    if order is None:
        return Answer(Verdict.UNKNOWN)
    if isinstance(order, Unreadable):
        return UNREADABLE
    if order.status is Status.CANCELLED:
        return Answer(Verdict.VOID, order)
    if change.seq <= order.applied_seq:
        return Answer(Verdict.DUPLICATE, order)
    if order.status is Status.PLACED and (change.previous, change.seq) == (
        Status.QUEUED,
        order.applied_seq + 2,
    ):
        # The kitchen's answer that it was queued got lost, or is not here yet.
        place = Place(change.seq - 1, change.number, change.promised_at)
        return queue_order(order, place, at=change.at, op=f"{change.change_id}:queued")
    # The kitchen must stand where we stand: at the next seq, the same status, the same content.
    # A ticket that is being queued shows content that may have changed since; that command is on
    # its way.
    in_step = change.seq == order.applied_seq + 1 and change.previous is order.status
    current = change.revision == order.revision or change.status is Status.QUEUED
    if not (in_step and current):
        return Answer(Verdict.AMENDED, order)
    try:
        step = _step(order, change)
    except OrderError:
        return Answer(Verdict.AMENDED, order)
    return altered(
        step.with_facts(
            number=change.number, promised_at=change.promised_at, applied_seq=change.seq
        ),
        traceparent=change.traceparent,
    )


def _step(order: Order, change: TicketChange) -> Change:
    if change.status is order.status and change.promised_at is not None:
        return order.renew_promise(
            change.promised_at, by=change.by, at=change.at, op=change.change_id
        )
    return order.move(
        change.status,
        change.cause,
        by=change.by,
        at=change.at,
        op=change.change_id,
        reason=change.reason,
    )


async def apply_changes(store: OrderStore, changes: Sequence[TicketChange]) -> list[Answer]:
    """Applies a batch in order and answers each change, in the order they came.

    Changes of one order are applied one after the other, those of different orders in one round
    trip. Whatever goes wrong with one order fails its changes alone.
    """
    with tracing.each("apply change", "consumer", changes, _trace_facts) as spans:
        traced = [span.carry(change) for span, change in zip(spans, changes, strict=True)]
        answers = await _apply_in_order(store, traced)
        for span, answer in zip(spans, answers, strict=True):
            span.note({"brigade.verdict": answer.verdict})
        return answers


def _trace_facts(change: TicketChange) -> tracing.Attributes:
    return {
        "brigade.order.id": change.order_id,
        "brigade.order.status": change.status,
        "brigade.ticket.seq": change.seq,
        "messaging.operation.type": "process",
        "messaging.operation.name": "apply",
        "messaging.message.id": change.change_id,
    }


async def _apply_in_order(store: OrderStore, changes: Sequence[TicketChange]) -> list[Answer]:
    answers: dict[int, Answer] = {}
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for index, change in enumerate(changes):
        waiting[change.order_id].append(index)
    while waiting:
        heads = [queue.popleft() for queue in waiting.values()]
        applied = await _apply_apart(store, [changes[index] for index in heads])
        answers.update(zip(heads, applied, strict=True))
        waiting = {order_id: queue for order_id, queue in waiting.items() if queue}
    return [answers[index] for index in range(len(changes))]


async def _apply_apart(store: OrderStore, changes: Sequence[TicketChange]) -> list[Answer]:
    """As ``_apply_heads``, but what one order's data breaks fails that order's change alone."""
    try:
        return await _apply_heads(store, changes)
    except Exception as error:
        if isinstance(error, RedisError) and not is_of_data(error):
            # Not these changes' fault: the stream ends, and the kitchen sends them again.
            raise
        if len(changes) > 1:
            return [answer for c in changes for answer in await _apply_apart(store, [c])]
        log.exception("change_failed", order_id=changes[0].order_id)
        return [Answer(Verdict.FAILED, detail=type(error).__name__)]


async def _apply_heads(store: OrderStore, changes: Sequence[TicketChange]) -> list[Answer]:
    """One change each of different orders."""
    answers: dict[str, Answer] = {}
    pending = list(changes)
    for attempt in range(MAX_ATTEMPTS):
        read = store.get_many if attempt else store.recall_many
        orders = await read([change.order_id for change in pending])
        unsure: list[TicketChange] = []
        steps: list[tuple[TicketChange, Change]] = []
        for change, order in zip(pending, orders, strict=True):
            match judge(order, change):
                case Change() as step:
                    steps.append((change, step))
                case Answer() if not attempt:
                    # By what is remembered, which may not be the newest state: look.
                    unsure.append(change)
                case Answer(Verdict.DUPLICATE, Order() as known):
                    answers[change.order_id] = await _same_or_amended(store, change, known)
                case Answer() as answer:
                    answers[change.order_id] = answer
        results = await store.commit_many([step for _, step in steps])
        pending = unsure
        for (change, step), result in zip(steps, results, strict=True):
            if isinstance(result, Applied):
                if step.order.applied_seq == change.seq:
                    answers[change.order_id] = Answer(Verdict.APPLIED)
                else:
                    pending.append(change)
                with tracing.within(change.traceparent):
                    log_step(step)
            elif isinstance(result, Unreadable):
                answers[change.order_id] = UNREADABLE
            else:
                pending.append(change)
        if not pending:
            break
    for change in pending:
        answers[change.order_id] = Answer(Verdict.FAILED, detail="the order kept changing")
    for change in changes:
        answer = answers[change.order_id]
        if answer.verdict not in (Verdict.APPLIED, Verdict.DUPLICATE):
            log.info(
                "change_not_applied",
                order_id=change.order_id,
                verdict=answer.verdict,
                attempted=change.status,
                seq=change.seq,
            )
    return [answers[change.order_id] for change in changes]


async def _same_or_amended(store: OrderStore, change: TicketChange, order: Order) -> Answer:
    """DUPLICATE for the very change that was applied; another under its seq was not.

    A kitchen whose ticket was reset numbers on from the applied seq, so an old sender may still
    bring a change under a seq that was given anew.
    """
    if await store.was_applied(order.id, change.change_id):
        return Answer(Verdict.DUPLICATE)
    return Answer(Verdict.AMENDED, order)
