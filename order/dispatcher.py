"""Brings the kitchen what it must hear: the outbox, until the kitchen has every entry of it."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra import tracing
from infra.correlation import TRACE_KEY
from infra.logs import get_logger
from infra.loops import CrowdPace, check_cancelled, forever
from infra.outage import Outage
from infra.redis_client import has_answered
from infra.unreadable import UNREADABLE, tell_unreadable
from order import keys
from order.domain import Change, Order
from order.ports import OrderStore, Unreadable
from order.queueing import Place, Queued, Queueing
from shared_proto.sharding import SHARDS, shard_of_order

BATCH = 200
ANNOUNCED = 4_000
"""How many entries are kept in memory; what is more, the outboxes alone keep."""
SWEEP_SECONDS = 2.0
IDLE_SECONDS = 5.0
"""So long an entry of somebody else is left to him."""
MAX_PATIENCE_SECONDS = 5 * 60.0
STUCK_FAILURES = 5
BACKOFF_SECONDS = (0.1, 5.0)
OF_WHAT_WAS_SENT = frozenset(
    {
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)
"""How a call may end for what it brought. Other ends are those of every call: the kitchen is away,
or does not know us; then all wait together."""
GATHER_SECONDS = 0.025
"""A message to the kitchen costs much the same with one order or with many."""
CROWD = 1_000.0
"""Orders a second that are worth such a wait."""

log = get_logger()


@dataclass(frozen=True)
class Entry:
    """One entry of an outbox: an order whose wanted state the kitchen must hear."""

    shard: str
    id: str
    order_id: str
    version: int = 0
    """Of the order it was written with, or an earlier one."""
    traceparent: str = ""
    """The span that wrote it, where that was recorded (``infra.tracing``)."""
    order: Order | None = field(default=None, compare=False, repr=False)
    """The order as this process has just committed it."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.shard, self.id


@dataclass(frozen=True)
class Delivery:
    """What the kitchen said to one order's command."""

    order_id: str
    taken: bool
    rejected: bool = False
    reason: str = ""
    place: Place | None = None
    """What makes the order queued, where it was placed and the kitchen has a place for it."""


SendTickets = Callable[[Sequence[Order]], Awaitable[list[Delivery]]]
QueueOrders = Callable[[Sequence[Queued]], Awaitable[list[Queueing]]]
RejectOrder = Callable[[Order, str], Awaitable[bool]]


class Dispatcher:
    """Delivers outbox entries in batches: while one is on its way, the next gathers.

    What this process commits it is told of at once, order and all (``committed``). What others left
    behind, or what the kitchen failed on, a look at the outboxes finds every two seconds. Two
    replicas may then bring the same: an entry names the order, what is sent is the order as it was
    by then or is now, and the kitchen keeps the highest version, so entries may be merged, repeated
    or overtake each other. An entry is deleted only when the kitchen has it, and where it says that
    it has queued the order, with the commit of that.

    Args:
        redis: where the outboxes are.
        send: brings orders' wanted states to the kitchen; raises AioRpcError when it is away.
        queue: notes that the kitchen has queued orders, and deletes their entries with that.
        reject: notes that the kitchen can't take an order as it was sent; False when that is not
            true of it any more.
    """

    def __init__(
        self,
        redis: Redis,
        store: OrderStore,
        *,
        send: SendTickets,
        queue: QueueOrders,
        reject: RejectOrder,
    ) -> None:
        self._redis: Any = redis
        self._store = store
        self._send = send
        self._queue = queue
        self._reject = reject
        self._pace = CrowdPace(GATHER_SECONDS, CROWD)
        self._announced: deque[Entry] = deque()
        self._some_announced = asyncio.Event()
        self._in_hand: set[tuple[str, str]] = set()
        self._first_seen: dict[tuple[str, str], float] = {}
        self._failures: dict[tuple[str, str], _Failures] = {}
        self._has_swept = False
        self._kitchen_outage = Outage()

    @property
    def stuck(self) -> int:
        """How many entries the kitchen failed on again and again; they are still tried."""
        return sum(f.count >= STUCK_FAILURES for f in self._failures.values())

    async def check(self) -> str | None:
        """A readiness check that never fails, but tells of tickets that can't be delivered."""
        if stuck := self.stuck:
            return f"{stuck} tickets can't be delivered; see ticket_not_taken in the log"
        return None

    def committed(self, change: Change, outbox_id: str) -> None:
        """This process has just committed ``change``; a ``ports.CommitListener``."""
        if outbox_id and len(self._announced) < ANNOUNCED:
            order = change.order
            entry = Entry(
                shard_of_order(order.id),
                outbox_id,
                order.id,
                order.version,
                change.traceparent or tracing.to_keep(),
                order,
            )
            self._in_hand.add(entry.key)
            self._announced.append(entry)
            self._some_announced.set()

    async def run(self) -> None:
        """Delivers for ever; waits while Redis or the kitchen is away."""
        async with asyncio.TaskGroup() as loops:
            for step in (self._deliver_announced, self._deliver_left):
                loops.create_task(forever(partial(self._until_redis_answers, step, Outage())))

    async def _until_redis_answers(
        self, step: Callable[[], Awaitable[None]], outage: Outage
    ) -> None:
        backoff = Backoff()
        while True:
            try:
                await step()
            except (RedisError, OSError) as error:
                check_cancelled()
                outage.tell("outbox_not_read", has_answered=has_answered(error), error=str(error))
                await backoff.wait()
            else:
                outage.over()
                return

    async def _deliver_announced(self) -> None:
        await self._some_announced.wait()
        await self._pace.keep()
        batch = [self._announced.popleft() for _ in range(min(BATCH, len(self._announced)))]
        if not self._announced:
            self._some_announced.clear()
        self._pace.count(len(batch), asyncio.get_running_loop().time())
        try:
            await self._deliver_batch(batch)
        finally:
            self._in_hand.difference_update(entry.key for entry in batch)

    async def _deliver_left(self) -> None:
        """Delivers what is in nobody's hands any more: its process died, or the kitchen failed.

        What the kitchen failed on before waits longer each time. Whatever is there when this
        process starts was most likely left by the one before it, and does not wait.
        """
        if self._has_swept:
            await asyncio.sleep(SWEEP_SECONDS)
        found: set[tuple[str, str]] = set()
        async for entries in self._read_outboxes():
            found.update(entry.key for entry in entries)
            due = [entry for entry in entries if self._is_due(entry.key)]
            if due:
                log.info("outbox_swept", entries=len(due), stuck=self.stuck)
                await self._deliver(due)
        self._has_swept = True
        for known in (self._first_seen, self._failures):
            for key in known.keys() - found:
                del known[key]

    def _is_due(self, key: tuple[str, str]) -> bool:
        if key in self._in_hand:
            return False
        now = time.monotonic()
        if failures := self._failures.get(key):
            return now >= failures.again_at
        since = self._first_seen.setdefault(key, now)
        return not self._has_swept or now - since >= IDLE_SECONDS

    async def _read_outboxes(self) -> AsyncIterator[list[Entry]]:
        """All entries, a batch of each outbox at a time."""
        after = dict.fromkeys(SHARDS, "-")
        while after:
            async with self._redis.pipeline(transaction=False) as pipe:
                for shard, entry_id in after.items():
                    pipe.xrange(keys.outbox(shard), min=entry_id, count=BATCH)
                read = dict(zip(after, await pipe.execute(), strict=True))
            after = {s: f"({found[-1][0]}" for s, found in read.items() if len(found) == BATCH}
            if entries := [e for shard, found in read.items() for e in _entries(shard, found)]:
                yield entries

    async def _deliver(self, entries: Sequence[Entry]) -> None:
        """Brings the kitchen the orders of ``entries``; returns when it has them.

        What the kitchen itself failed on, or refused too late, stays, to be tried again later.
        """
        for start in range(0, len(entries), BATCH):
            await self._deliver_batch(entries[start : start + BATCH])

    async def _deliver_batch(self, entries: Sequence[Entry]) -> None:
        by_order: dict[str, list[Entry]] = {}
        for entry in entries:
            by_order.setdefault(entry.order_id, []).append(entry)
        for found in by_order.values():
            found.sort(key=lambda entry: entry.version)
        # What is sent is the state its newest entry tells of.
        newest = [found[-1] for found in by_order.values()]
        with tracing.each("deliver ticket", "consumer", newest, _trace_facts) as spans:
            await self._deliver_orders(by_order, dict(zip(by_order, spans, strict=True)))

    async def _deliver_orders(
        self, by_order: Mapping[str, Sequence[Entry]], spans: Mapping[str, tracing.Span]
    ) -> None:
        backoff = Backoff()
        found = await self._recall_orders(by_order)
        while True:
            orders = [spans[order.id].carry(order) for order in found if isinstance(order, Order)]
            try:
                deliveries = await self._send(orders) if orders else []
                self._kitchen_outage.over()
                break
            except grpc.aio.AioRpcError as error:
                is_of_what_was_sent = error.code() in OF_WHAT_WAS_SENT
                tell = log.warning if is_of_what_was_sent else self._kitchen_outage.tell
                tell(
                    "tickets_not_sent",
                    tickets=len(orders),
                    code=error.code().name,
                    error=error.details(),
                )
                if is_of_what_was_sent:
                    await self._deliver_apart(by_order, spans)
                    return
                await backoff.wait()
            found = await self._store.get_many(list(by_order))
        known = {order.id: order for order in orders}
        unreadable = {each.order_id for each in found if isinstance(each, Unreadable)}
        for order_id in unreadable:
            self._note_failure(by_order[order_id])
        # An order that is gone needs no ticket.
        gone = by_order.keys() - known.keys() - unreadable
        done = [entry for order_id in gone for entry in by_order[order_id]]
        queued: list[Queued] = []
        for delivery in deliveries:
            order, entries = known[delivery.order_id], by_order[delivery.order_id]
            span = spans[delivery.order_id]
            with span.active():
                if not await self._is_settled(order, delivery):
                    span.fail("not_taken")
                    self._note_failure(entries)
                elif delivery.place is not None:
                    queued.append(Queued(order, delivery.place, [entry.id for entry in entries]))
                else:
                    done += entries
        for each, queueing in zip(queued, await self._queue(queued), strict=True):
            match queueing:
                case Queueing.OVER:
                    done += by_order[each.order.id]
                case Queueing.CHANGED:
                    self._note_failure(by_order[each.order.id])
        await self._delete(done)

    async def _deliver_apart(
        self, by_order: Mapping[str, Sequence[Entry]], spans: Mapping[str, tracing.Span]
    ) -> None:
        """Delivers what the kitchen can't take together: in halves, down to the one at fault."""
        order_ids = list(by_order)
        if len(order_ids) == 1:
            self._note_failure(by_order[order_ids[0]])
            return
        half = len(order_ids) // 2
        for part in (order_ids[:half], order_ids[half:]):
            await self._deliver_orders({order_id: by_order[order_id] for order_id in part}, spans)

    def _note_failure(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            before = self._failures.get(entry.key)
            count = before.count + 1 if before else 1
            self._failures[entry.key] = _Failures(count, time.monotonic() + patience(count))

    async def _recall_orders(
        self, by_order: Mapping[str, Sequence[Entry]]
    ) -> list[Order | Unreadable | None]:
        """The orders as their entries tell of them, or newer."""
        told: dict[str, Order | Unreadable | None] = {
            entry.order_id: entry.order for (*_, entry) in by_order.values()
        }
        unknown = [order_id for order_id, order in told.items() if order is None]
        recalled = dict(zip(unknown, await self._store.recall_many(unknown), strict=True))
        old = [
            order_id
            for order_id, order in recalled.items()
            if order is None
            or (isinstance(order, Order) and order.version < by_order[order_id][-1].version)
        ]
        read = dict(zip(old, await self._store.get_many(old), strict=True))
        return list({**told, **recalled, **read}.values())

    async def _is_settled(self, order: Order, delivery: Delivery) -> bool:
        """Whether the kitchen need not hear of the order again, for now."""
        if delivery.rejected and not await self._reject(order, delivery.reason):
            # It changed meanwhile, so the kitchen has yet to hear how it stands.
            log.info("rejection_too_late", order_id=order.id, reason=delivery.reason)
            return False
        if not (delivery.taken or delivery.rejected):
            log.warning("ticket_not_taken", order_id=order.id, reason=delivery.reason)
            return False
        log.info("ticket_sent", order_id=order.id, version=order.version, kitchen=order.kitchen)
        return True

    async def _delete(self, entries: Sequence[Entry]) -> None:
        ids: dict[str, list[str]] = {}
        for entry in entries:
            ids.setdefault(entry.shard, []).append(entry.id)
        if not ids:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard, its in ids.items():
                pipe.xdel(keys.outbox(shard), *its)
            await pipe.execute()


@dataclass(frozen=True)
class _Failures:
    """How often the kitchen failed on an entry, and when it is tried again."""

    count: int
    again_at: float


def _entries(shard: str, found: Sequence[tuple[str, dict[str, str]]]) -> list[Entry]:
    entries: list[Entry] = []
    for entry_id, fields in found:
        try:
            version = int(fields["version"])
            trace = fields.get(TRACE_KEY, "")
            entries.append(Entry(shard, entry_id, fields["order_id"], version, trace))
        except UNREADABLE as error:
            tell_unreadable("outbox", error, key=keys.outbox(shard), entry_id=entry_id)
    return entries


def _trace_facts(entry: Entry) -> tracing.Attributes:
    return {
        "brigade.order.id": entry.order_id,
        "messaging.system": "redis",
        "messaging.destination.name": keys.outbox(entry.shard),
        "messaging.operation.type": "process",
        "messaging.operation.name": "deliver",
        "messaging.message.id": entry.id,
    }


def patience(failures: int) -> float:
    """How many seconds after its last failure an entry is tried again."""
    return min(IDLE_SECONDS * 2.0 ** (failures - 1), MAX_PATIENCE_SECONDS)


class Backoff:
    """Waits longer after each failure, with jitter, so that replicas don't knock in step."""

    def __init__(self) -> None:
        self._seconds, self._cap = BACKOFF_SECONDS

    async def wait(self) -> None:
        """Waits; twice as long the next time, up to the cap."""
        await asyncio.sleep(self._seconds * random.uniform(0.5, 1))  # noqa: S311
        self._seconds = min(self._seconds * 2, self._cap)
