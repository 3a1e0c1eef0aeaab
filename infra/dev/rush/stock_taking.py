"""What the stores hold when the night is over, read whole."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

SCAN_COUNT = 1000
UNDER_WAY: Mapping[tuple[str, ...], str] = {
    ("order", "outbox"): "XLEN",
    ("order", "open"): "ZCARD",
    ("kitchen", "changes"): "XLEN",
    ("kitchen", "queued"): "ZCARD",
    ("kitchen", "preparing"): "ZCARD",
    ("kitchen", "ready"): "ZCARD",
    ("kitchen", "promises"): "ZCARD",
    ("kitchen", "parked"): "ZCARD",
    ("kitchen", "numbers"): "HLEN",
}
"""What is empty when all is quiet, by its key without the slot, and how it is counted."""


@dataclass(frozen=True)
class StoredOrder:
    """An order, its whole history and its ticket, as Redis has them."""

    fields: Mapping[str, str]
    history: Sequence[Mapping[str, Any]]
    ticket: Mapping[str, str]
    """Empty where the kitchen has none."""

    @property
    def id(self) -> str:
        return self.fields["id"]


@dataclass
class Stock:
    """Everything that is checked."""

    orders: dict[str, StoredOrder] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    """Order ids in the users' lists."""
    under_way: dict[str, int] = field(default_factory=dict)
    """Streams and shelves that should be empty by now, by how much is in them."""
    fired: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Each ticket's statuses as the kitchen's own events tell them, oldest first."""


async def take_stock(redis: Redis) -> Stock:
    """Reads both stores. They should be quiet."""
    client: Any = redis
    stock = Stock(under_way=await read_under_way(redis))
    async for key, slot, facet in _keys(redis):
        match facet:
            case "order", "user", _:
                stock.listed.update(await client.zrange(key, 0, -1))
            case "order", order_id, "history":
                history = [json.loads(entry) for entry in await client.lrange(key, 0, -1)]
                fields = await client.hgetall(f"order:{slot}:{order_id}")
                if not fields:
                    stock.under_way[f"{key}, without its order,"] = len(history)
                    continue
                kitchen = fields.get("kitchen", "")
                ticket = await client.hgetall(f"kitchen:{{{kitchen}}}:ticket:{order_id}")
                stock.orders[order_id] = StoredOrder(fields, history, ticket)
            case "kitchen", "events":
                for _, event in await client.xrange(key):
                    stock.fired[event["order_id"]].append(event["status"])
    return stock


async def read_under_way(redis: Redis) -> dict[str, int]:
    """What is still on its way, or open, by its key."""
    client: Any = redis
    found: dict[str, int] = {}
    async for key, _, facet in _keys(redis):
        if command := UNDER_WAY.get(facet):
            found[key] = await client.execute_command(command, key)
    return found


async def _keys(redis: Redis) -> AsyncIterator[tuple[str, str, tuple[str, ...]]]:
    """Every key once, with its slot, and its parts without that."""
    client: Any = redis
    for key in {key async for key in client.scan_iter(count=SCAN_COUNT)}:
        owner, *parts = key.split(":")
        slot = parts[0] if parts else ""
        yield key, slot, (owner, *parts[1:])
