"""Brings the kitchen what it must hear: the outbox, until the kitchen has every entry of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from infra import tracing
from infra.correlation import TRACE_KEY
from infra.logs import get_logger
from infra.loops import Pace, check_cancelled, forever
from infra.redis_client import BLOCK_MS
from order import keys
from order.domain import Order
from order.ports import OrderStore
from shared_proto.sharding import SHARDS, shard_of_order

BATCH = 200
CLAIM_IDLE_MS = 5_000
CLAIM_SECONDS = 2.0
GONE_MS = 60 * 60 * 1000
MAX_PATIENCE_MS = 5 * 60 * 1000
STUCK_DELIVERIES = 5
BACKOFF_SECONDS = (0.1, 5.0)
GATHER_SECONDS = 0.020
"""Each look at the outboxes costs the same however many orders it finds."""

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


@dataclass(frozen=True)
class Delivery:
    """What the kitchen said to one order's command."""

    order_id: str
    taken: bool
    rejected: bool = False
    reason: str = ""


SendTickets = Callable[[Sequence[Order]], Awaitable[list[Delivery]]]
RejectOrder = Callable[[Order, str], Awaitable[bool]]


class Dispatcher:
    """Delivers outbox entries in batches; several replicas share the work as a consumer group.

    An entry names the order, and what is sent is the order as it is by then, so entries of one
    order may be merged, repeated or overtake each other. It is deleted only when the kitchen has
    it; what a dead replica left is claimed by another.

    Args:
        redis: a client whose sockets outlast a blocking read, for this dispatcher alone.
        consumer: a name no other replica has.
        send: brings orders' wanted states to the kitchen; raises AioRpcError when it is away.
        reject: notes that the kitchen can't take an order as it was sent; False when that is not
            true of it any more.
    """

    def __init__(
        self,
        redis: Redis,
        store: OrderStore,
        *,
        consumer: str,
        send: SendTickets,
        reject: RejectOrder,
    ) -> None:
        self._redis: Any = redis
        self._store = store
        self._consumer = consumer
        self._send = send
        self._reject = reject
        self._pace = Pace(GATHER_SECONDS)
        self.stuck = 0
        """How many entries the kitchen failed on again and again; they are still tried."""

    async def check(self) -> str | None:
        """A readiness check that never fails, but tells of tickets that can't be delivered."""
        if self.stuck:
            return f"{self.stuck} tickets can't be delivered; see ticket_not_taken in the log"
        return None

    async def run(self) -> None:
        """Delivers for ever; waits while Redis or the kitchen is away."""
        await self._until_redis_answers(self._create_groups)
        await self._until_redis_answers(self._forget_the_dead)
        async with asyncio.TaskGroup() as loops:
            for step in (self._read_new, self._claim_left):
                loops.create_task(forever(partial(self._until_redis_answers, step)))

    async def _until_redis_answers(self, step: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff()
        groups_are_gone = False
        while True:
            try:
                if groups_are_gone:
                    await self._create_groups()
                return await step()
            except (RedisError, OSError) as error:
                check_cancelled()
                log.warning("outbox_not_read", error=str(error))
                # Somebody emptied Redis under us; the groups belong to what is to come.
                groups_are_gone = str(error).startswith("NOGROUP")
                await backoff.wait()

    async def _create_groups(self) -> None:
        for shard in SHARDS:
            try:
                await self._redis.xgroup_create(
                    keys.outbox(shard), keys.DISPATCHERS, id="0", mkstream=True
                )
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def _forget_the_dead(self) -> None:
        """Strikes off consumers that are gone for good; each start of a replica adds one."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in SHARDS:
                pipe.xinfo_consumers(keys.outbox(shard), keys.DISPATCHERS)
            found = await pipe.execute()
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard, consumers in zip(SHARDS, found, strict=True):
                for consumer in consumers:
                    # Those alive read every two seconds. What one left behind is claimed first.
                    if not consumer["pending"] and consumer["idle"] > GONE_MS:
                        pipe.xgroup_delconsumer(
                            keys.outbox(shard), keys.DISPATCHERS, consumer["name"]
                        )
            await pipe.execute()

    async def _read_new(self) -> None:
        await self._pace.keep()
        streams = {keys.outbox(shard): ">" for shard in SHARDS}
        answer = await self._redis.xreadgroup(
            keys.DISPATCHERS, self._consumer, streams, count=BATCH, block=BLOCK_MS
        )
        await self._deliver([entry for _, found in answer or [] for entry in _entries(found)])

    async def _claim_left(self) -> None:
        """Takes over what was read and never delivered, by us or by a replica that died.

        What the kitchen failed on before waits longer each time.
        """
        await asyncio.sleep(CLAIM_SECONDS)
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in SHARDS:
                pipe.xpending_range(
                    keys.outbox(shard), keys.DISPATCHERS, "-", "+", BATCH, idle=CLAIM_IDLE_MS
                )
            left = await pipe.execute()
        due = {
            shard: [
                entry["message_id"]
                for entry in entries
                if entry["time_since_delivered"] >= patience_ms(entry["times_delivered"])
            ]
            for shard, entries in zip(SHARDS, left, strict=True)
        }
        self.stuck = sum(
            entry["times_delivered"] >= STUCK_DELIVERIES for entries in left for entry in entries
        )
        due = {shard: ids for shard, ids in due.items() if ids}
        if not due:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard, ids in due.items():
                pipe.xclaim(
                    keys.outbox(shard), keys.DISPATCHERS, self._consumer, CLAIM_IDLE_MS, ids
                )
            claimed = await pipe.execute()
        found = [entry for entries in claimed for entry in _entries(entries)]
        log.info("outbox_claimed", entries=len(found), stuck=self.stuck)
        await self._deliver(found)

    async def _deliver(self, entries: Sequence[Entry]) -> None:
        """Brings the kitchen the orders of ``entries``; returns when it has them.

        What the kitchen itself failed on, or refused too late, stays behind, to be claimed and
        tried again later.
        """
        for start in range(0, len(entries), BATCH):
            await self._deliver_batch(entries[start : start + BATCH])

    async def _deliver_batch(self, entries: Sequence[Entry]) -> None:
        by_order: dict[str, list[Entry]] = {}
        for entry in entries:
            by_order.setdefault(entry.order_id, []).append(entry)
        # What is sent is the state its newest entry tells of.
        newest = [found[-1] for found in by_order.values()]
        with tracing.each("deliver ticket", "consumer", newest, _trace_facts) as spans:
            await self._deliver_orders(by_order, dict(zip(by_order, spans, strict=True)))

    async def _deliver_orders(
        self, by_order: Mapping[str, Sequence[Entry]], spans: Mapping[str, tracing.Span]
    ) -> None:
        backoff = Backoff()
        while True:
            found = await self._read_orders(by_order)
            orders = [spans[order.id].carry(order) for order in found if order is not None]
            try:
                deliveries = await self._send(orders) if orders else []
                break
            except grpc.aio.AioRpcError as error:
                log.warning(
                    "tickets_not_sent",
                    tickets=len(orders),
                    code=error.code().name,
                    error=error.details(),
                )
                await backoff.wait()
        known = {order.id: order for order in orders}
        done = [
            entry for order_id in by_order.keys() - known.keys() for entry in by_order[order_id]
        ]
        for delivery in deliveries:
            span = spans[delivery.order_id]
            with span.active():
                if await self._is_settled(known[delivery.order_id], delivery):
                    done += by_order[delivery.order_id]
                else:
                    span.fail("not_taken")
        await self._delete(done)

    async def _read_orders(self, by_order: Mapping[str, Sequence[Entry]]) -> list[Order | None]:
        """The orders as their entries tell of them, or newer."""
        recalled = await self._store.recall_many(list(by_order))
        old = [
            entries[-1].order_id
            for order, entries in zip(recalled, by_order.values(), strict=True)
            if order is None or order.version < entries[-1].version
        ]
        read = dict(zip(old, await self._store.get_many(old), strict=True))
        return [
            read.get(order_id, order) for order_id, order in zip(by_order, recalled, strict=True)
        ]

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
        if not entries:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry in entries:
                pipe.xack(keys.outbox(entry.shard), keys.DISPATCHERS, entry.id)
                pipe.xdel(keys.outbox(entry.shard), entry.id)
            await pipe.execute()


def _entries(found: Sequence[tuple[str, dict[str, str] | None]]) -> list[Entry]:
    # A claimed entry that was deleted meanwhile comes without fields, or not at all (Redis 6.2).
    named = [(e[0], e[1]) for e in found if e and e[0] and e[1]]
    return [
        Entry(
            shard_of_order(fields["order_id"]),
            entry_id,
            fields["order_id"],
            int(fields["version"]),
            fields.get(TRACE_KEY, ""),
        )
        for entry_id, fields in named
    ]


def _trace_facts(entry: Entry) -> tracing.Attributes:
    return {
        "brigade.order.id": entry.order_id,
        "messaging.system": "redis",
        "messaging.destination.name": keys.outbox(entry.shard),
        "messaging.operation.type": "process",
        "messaging.operation.name": "deliver",
        "messaging.message.id": entry.id,
    }


def patience_ms(times_delivered: int) -> int:
    """How long an entry must have lain before it is tried again, in milliseconds."""
    return int(min(CLAIM_IDLE_MS * 2 ** (times_delivered - 1), MAX_PATIENCE_MS))


class Backoff:
    """Waits longer after each failure, with jitter, so that replicas don't knock in step."""

    def __init__(self) -> None:
        self._seconds, self._cap = BACKOFF_SECONDS

    async def wait(self) -> None:
        """Waits; twice as long the next time, up to the cap."""
        await asyncio.sleep(self._seconds * random.uniform(0.5, 1))  # noqa: S311
        self._seconds = min(self._seconds * 2, self._cap)
