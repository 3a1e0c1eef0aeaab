"""What one order takes in Redis."""

import statistics
from collections.abc import Sequence
from typing import Any

import httpx
from redis.asyncio import Redis

from infra.dev.bench.errors import BenchError
from infra.dev.bench.guests import ORDER, Account
from infra.dev.bench.meter import KITCHEN, Meter
from infra.dev.bench.results import OrderWeight, Round
from kitchen import keys as kitchen_keys
from order import keys as order_keys
from shared_proto.sharding import shard_of_order

IDEMPOTENCY_KEY = "bench-weighed"


async def weigh_order(
    http: httpx.AsyncClient, redis: Redis, account: Account, meter: Meter, placed: Sequence[Round]
) -> OrderWeight:
    """The keys of an order that the kitchen has, and what all of ``placed`` added to Redis.

    Raises:
        BenchError: the order was not taken, or a key of it is missing.
    """
    client: Any = redis
    answer = await http.post(
        "/order",
        json=ORDER,
        headers=account.authorization | {"Idempotency-Key": IDEMPOTENCY_KEY},
    )
    if answer.status_code != 201:
        raise BenchError(f"the order to weigh was answered {answer.status_code}: {answer.text}")
    order_id = answer.json()["id"]
    await meter.settle()
    shard = shard_of_order(order_id)
    user_id = await client.hget(order_keys.order(shard, order_id), "user_id")
    keys = {
        "order": order_keys.order(shard, order_id),
        "history": order_keys.history(shard, order_id),
        "idempotency key": order_keys.idempotency(shard, user_id, IDEMPOTENCY_KEY),
        "idempotent content": order_keys.idempotent_content(shard, user_id, IDEMPOTENCY_KEY),
        "ticket": kitchen_keys.ticket(KITCHEN, order_id),
    }
    sizes = {}
    for name, key in keys.items():
        # Without samples it would guess from five of the fields.
        size = await client.memory_usage(key, samples=0)
        if size is None:
            raise BenchError(f"there is no {key}")
        sizes[name] = int(size)
    grown = [round_.sample.redis_bytes / round_.sample.requests for round_ in placed]
    return OrderWeight(all_told=round(statistics.median(grown)), keys=sizes)
