"""Compares orders with tickets, and mends what should never have come apart.

Nothing in the design lets an order lose its ticket or a ticket its order, so each mend is a defect
that somebody must look at: it is logged as an error and counted.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import grpc
from prometheus_client import Counter
from redis.exceptions import RedisError

from infra.clock import utc_now
from infra.logs import get_logger
from infra.loops import check_cancelled, forever
from order.domain import Order
from order.ports import OrderStore
from shared_proto.sharding import SHARDS

log = get_logger()

SETTLED_AFTER = timedelta(seconds=60)
SHARE = 0.05
"""Of the time it looks, at most; else it rests. A long backlog takes many pages, and guests would
wait behind each of them."""
MENDED = Counter(
    "order_reconciler_mended_total",
    "Orders and tickets that had come apart and were mended; anything but 0 is a defect.",
    ["kind"],
)
ORDER_WITHOUT_TICKET = MENDED.labels("order_without_ticket")
TICKET_WITHOUT_ORDER = MENDED.labels("ticket_without_order")


class Kitchen(Protocol):
    """What the reconciler asks of the kitchen."""

    async def find_tickets(self, kitchen: str, order_ids: Sequence[str]) -> frozenset[str]:
        """Those of the orders that the kitchen knows."""

    def open_tickets(self, kitchen: str) -> AsyncIterator[Mapping[str, int]]:
        """The orders that have an open ticket, and the version the kitchen knows, page by page."""

    async def void_ticket(self, kitchen: str, order_id: str, *, version: int) -> None:
        """Voids a ticket that has no order."""


class Reconciler:
    """Finds what came apart: an order the kitchen should have and does not, a ticket whose order
    is gone."""

    def __init__(
        self,
        store: OrderStore,
        kitchen: Kitchen,
        *,
        every_seconds: float,
        clock: Callable[[], datetime] = utc_now,
        rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._kitchen = kitchen
        self._every_seconds = every_seconds
        self._clock = clock
        self._rest = rest

    async def run(self) -> None:
        """Compares for ever; while Redis or the kitchen is away there is nothing to compare."""
        await forever(self._step)

    async def _step(self) -> None:
        await asyncio.sleep(self._every_seconds)
        try:
            await self.compare()
        except (RedisError, OSError, grpc.aio.AioRpcError) as error:
            check_cancelled()
            log.info("reconciling_put_off", error=str(error))

    async def compare(self) -> None:
        """Compares everything once."""
        for shard in SHARDS:
            await self._compare_shard(shard)
        for kitchen in await self._store.read_ticks():
            began_at = time.monotonic()
            async for marks in self._kitchen.open_tickets(kitchen):
                await self._void_orphans(kitchen, marks)
                await self._rest_after(began_at)
                began_at = time.monotonic()

    async def _compare_shard(self, shard: str) -> None:
        before = self._clock() - SETTLED_AFTER
        offset = 0
        while order_ids := await self._store.open_since_before(shard, before, offset=offset):
            began_at = time.monotonic()
            offset += len(order_ids)
            orders = await self._store.get_many(order_ids)
            # What changed a moment ago may still be on its way.
            quiet = [o for o in orders if isinstance(o, Order) and o.updated_at < before]
            for order in await self._without_ticket(shard, quiet):
                await self._store.tell_kitchen_again(order)
                ORDER_WITHOUT_TICKET.inc()
                log.error("order_without_ticket_mended", order_id=order.id, status=order.status)
            await self._rest_after(began_at)

    async def _without_ticket(self, shard: str, orders: Sequence[Order]) -> list[Order]:
        by_kitchen: dict[str, list[Order]] = defaultdict(list)
        for order in orders:
            by_kitchen[order.kitchen].append(order)
        missing: list[Order] = []
        for kitchen, its_orders in by_kitchen.items():
            known = await self._kitchen.find_tickets(kitchen, [order.id for order in its_orders])
            missing += [order for order in its_orders if order.id not in known]
        if not missing:
            return []
        # Looked at after the kitchen was asked: an entry is deleted only when the kitchen has it,
        # so an order that is neither there nor here is in nobody's hands.
        waiting = await self._store.waiting_for_kitchen(shard)
        if waiting is None:
            return []
        now = await self._store.get_many([order.id for order in missing])
        return [
            order
            for order, current in zip(missing, now, strict=True)
            if order.id not in waiting and current == order
        ]

    async def _void_orphans(self, kitchen: str, marks: Mapping[str, int]) -> None:
        orders = await self._store.get_many(list(marks))
        for (order_id, version), order in zip(marks.items(), orders, strict=True):
            if order is None:
                await self._kitchen.void_ticket(kitchen, order_id, version=version + 1)
                TICKET_WITHOUT_ORDER.inc()
                log.error("ticket_without_order_voided", order_id=order_id, kitchen=kitchen)

    async def _rest_after(self, began_at: float) -> None:
        """Rests for so long that what ``began_at`` some time took no more than its share."""
        await self._rest((time.monotonic() - began_at) * (1 / SHARE - 1))
