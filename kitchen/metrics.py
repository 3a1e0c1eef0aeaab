"""What the kitchen counts; calls and Redis are counted in infra.metrics.

Replicas share one Redis, so each tells the same of shelves and backlog: take the greatest.
"""

import time
from collections.abc import Sequence
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from redis.asyncio import Redis

from kitchen import keys

TICK_SECONDS = Histogram("kitchen_tick_seconds", "How long a tick took.", ["kitchen"])
TICK_LATENESS = Histogram(
    "kitchen_tick_lateness_seconds",
    "How long after its time the ten-second job began.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
TICKS_SKIPPED = Counter("kitchen_ticks_skipped", "Ticks left out because one was under way.")
TICKS_FAILED = Counter("kitchen_ticks_failed", "Ticks that broke off.", ["kitchen"])
LAST_TICK = Gauge("kitchen_last_tick_timestamp_seconds", "When a tick last ended.", ["kitchen"])
MOVES = Counter("kitchen_moves", "Tickets moved, by what moved them.", ["to", "cause"])
WASTE = Counter("kitchen_waste", "Tickets called off when cooking had begun.")
VERDICTS = Counter("kitchen_verdicts", "Verdicts on changes.", ["kitchen", "kind"])
TICKETS = Gauge("kitchen_tickets", "Tickets on the shelves.", ["kitchen", "shelf"])
CHANGES_ENTRIES = Gauge("kitchen_changes_entries", "Changes without a verdict.", ["kitchen"])
CHANGES_OLDEST = Gauge(
    "kitchen_changes_oldest_seconds", "Age of the oldest of them; 0 for none.", ["kitchen"]
)

_SHELVES = {
    "queued": keys.queued,
    "preparing": keys.preparing,
    "ready": keys.ready,
    "flagged": keys.flagged,
    "parked": keys.parked,
}


class ShelfGauges:
    """Reads what is on the shelves and what waits for the order service, when asked."""

    def __init__(self, redis: Redis, kitchens: Sequence[str]) -> None:
        self._redis: Any = redis
        self._kitchens = kitchens

    async def refresh(self) -> None:
        """Sets the gauges. Raises RedisError."""
        for kitchen in self._kitchens:
            await self._refresh(kitchen)

    async def _refresh(self, kitchen: str) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.tick(kitchen))
            pipe.xlen(keys.changes(kitchen))
            pipe.xrange(keys.changes(kitchen), count=1)
            for key_of in _SHELVES.values():
                pipe.zcard(key_of(kitchen))
            tick_ms, waiting, first, *shelves = await pipe.execute()
        if tick_ms is not None:
            LAST_TICK.labels(kitchen).set(int(tick_ms) / 1000)
        CHANGES_ENTRIES.labels(kitchen).set(waiting)
        # A stream's ids begin with the milliseconds of Unix time of when they were added.
        age = time.time() - int(first[0][0].partition("-")[0]) / 1000 if first else 0.0
        CHANGES_OLDEST.labels(kitchen).set(max(0.0, age))
        for shelf, count in zip(_SHELVES, shelves, strict=True):
            TICKETS.labels(kitchen, shelf).set(count)
