"""What the order service counts; calls and Redis are counted in infra.metrics.

Replicas share one Redis, so each tells the same backlog: take the greatest, not the sum.
"""

import time
from functools import lru_cache
from typing import Any

from prometheus_client import Counter, Gauge
from redis.asyncio import Redis

from order import keys
from shared_proto.sharding import SHARDS

CHANGES = Counter("order_changes", "Changes of orders, by the status after.", ["status", "cause"])
OPEN = Gauge("order_open_orders", "Orders that are not finished.")
OUTBOX_ENTRIES = Gauge("order_outbox_entries", "What the kitchen has not heard yet.")
OUTBOX_OLDEST = Gauge("order_outbox_oldest_seconds", "Age of the oldest of it; 0 for none.")


# Finding a metric by its labels takes longer than counting.
_changes = lru_cache(CHANGES.labels)


def count_change(status: str, cause: str) -> None:
    """Counts one change."""
    _changes(status, cause).inc()


class BacklogGauges:
    """Reads how much waits for the kitchen, when somebody wants to know."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis

    async def refresh(self) -> None:
        """Sets the gauges. Raises RedisError."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in SHARDS:
                pipe.zcard(keys.open_orders(shard))
                pipe.xlen(keys.outbox(shard))
                pipe.xrange(keys.outbox(shard), count=1)
            found = await pipe.execute()
        # A stream's ids begin with the milliseconds of Unix time of when they were added.
        oldest = [float(first[0][0].partition("-")[0]) / 1000 for first in found[2::3] if first]
        OPEN.set(sum(found[0::3]))
        OUTBOX_ENTRIES.set(sum(found[1::3]))
        OUTBOX_OLDEST.set(max(0.0, time.time() - min(oldest)) if oldest else 0.0)
