"""What a rush reads in the stores in the end, under the keys the services really use."""

import json

import pytest
from redis.asyncio import Redis

from infra.dev.rush.audit import audit
from infra.dev.rush.diary import Diary
from infra.dev.rush.stock_taking import UNDER_WAY, read_under_way, take_stock
from kitchen import keys as kitchen_keys
from order import keys as order_keys

KEYS = {
    ("order", "outbox"): order_keys.outbox("A"),
    ("order", "open"): order_keys.open_orders("A"),
    ("kitchen", "changes"): kitchen_keys.changes("main"),
    ("kitchen", "queued"): kitchen_keys.queued("main"),
    ("kitchen", "preparing"): kitchen_keys.preparing("main"),
    ("kitchen", "ready"): kitchen_keys.ready("main"),
    ("kitchen", "promises"): kitchen_keys.promises("main"),
    ("kitchen", "parked"): kitchen_keys.parked("main"),
    ("kitchen", "numbers"): kitchen_keys.numbers("main"),
}
PLANT = {
    "XLEN": lambda redis, key: redis.xadd(key, {"order_id": "A"}),
    "ZCARD": lambda redis, key: redis.zadd(key, {"A": 1}),
    "HLEN": lambda redis, key: redis.hset(key, "7", "A"),
}


@pytest.mark.parametrize("facet", UNDER_WAY)
async def test_whatever_is_left_on_its_way_is_found(redis: Redis, facet: tuple[str, ...]) -> None:
    key = KEYS[facet]
    await PLANT[UNDER_WAY[facet]](redis, key)
    assert await read_under_way(redis) == {key: 1}
    assert audit(Diary(), await take_stock(redis))["left on its way"] == [f"{key} has 1"]


async def test_orders_are_read_whole(redis: Redis) -> None:
    entry = {"status": "placed", "version": 1}
    await redis.hset(order_keys.order("A", "1A"), mapping={"id": "1A", "kitchen": "main"})
    await redis.rpush(order_keys.history("A", "1A"), json.dumps(entry))
    await redis.zadd(order_keys.user_orders("B", "anna"), {"1A": 1})
    await redis.hset(kitchen_keys.ticket("main", "1A"), "status", "queued")
    await redis.xadd(kitchen_keys.events("main"), {"order_id": "1A", "status": "queued"})
    stock = await take_stock(redis)
    [order] = stock.orders.values()
    assert (order.id, order.history, order.ticket) == ("1A", [entry], {"status": "queued"})
    assert (stock.listed, stock.fired) == ({"1A"}, {"1A": ["queued"]})


async def test_history_whose_order_is_gone_is_found(redis: Redis) -> None:
    key = order_keys.history("A", "1A")
    await redis.rpush(key, json.dumps({"status": "placed", "version": 1}))
    found = audit(Diary(), await take_stock(redis))
    assert found["left on its way"] == [f"{key}, without its order, has 1"]
