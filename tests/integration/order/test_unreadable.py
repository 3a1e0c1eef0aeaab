"""An order nobody can read, as a hand in Redis or a later release leaves it: it stays as it is, and
all others go on."""

import asyncio
import json
from datetime import timedelta

import pytest

from infra.clock import utc_now
from infra.unreadable import MET
from order import keys
from order.lifecycle import Status
from order.ports import Unreadable
from order.reconciler import Reconciler
from order.redis_store import RedisOrderStore
from order.service import new_order_id
from shared_proto.restaurant.order.v1 import order_pb2 as pb
from shared_proto.sharding import shard_of
from tests.integration.order import test_dispatcher, test_reconciler
from tests.integration.order.conftest import ANNA, as_service, as_user
from tests.integration.order.test_dispatcher import OUTBOX, dispatching, in_the_queue
from tests.integration.order.test_feed import added, at_least, events_of, watching
from tests.integration.order.test_order_calls import place, push, queue

SHARD = shard_of(ANNA.user_id)


async def lose_a_field(redis, key):
    await redis.hdel(key, "placed_at")


async def write_an_unknown_status(redis, key):
    await redis.hset(key, "status", "on the moon")


async def write_no_list_of_items(redis, key):
    await redis.hset(key, "items", '{"bowl": 1}')


async def write_what_no_message_can_carry(redis, key):
    [line] = json.loads(await redis.hget(key, "items"))
    await redis.hset(key, "items", json.dumps([line | {"prep_seconds": 10**12}]))


async def write_something_else(redis, key):
    await redis.set(key, "not a hash")


@pytest.fixture(
    params=[
        lose_a_field,
        write_an_unknown_status,
        write_no_list_of_items,
        write_what_no_message_can_carry,
        write_something_else,
    ]
)
def spoil(request, redis):
    """Makes an order unreadable."""

    async def spoil(order_id):
        await request.param(redis, keys.order(SHARD, order_id))

    return spoil


async def two_orders(service):
    return [await test_dispatcher.place(service) for _ in range(2)]


async def test_it_is_counted_and_told_from_one_that_is_gone(store, service, spoil):
    bad, good = await two_orders(service)
    await spoil(bad.id)
    met = MET.labels("order")._value.get()
    gone = new_order_id(ANNA.user_id, utc_now())
    found = await store.get_many([bad.id, gone, good.id])
    assert isinstance(found[0], Unreadable)
    assert (found[0].order_id, found[1], found[2].id) == (bad.id, None, good.id)
    assert MET.labels("order")._value.get() == met + 1


async def test_a_guest_still_has_the_others(redis, store, service, stub, spoil):
    bad, good = await two_orders(service)
    await spoil(bad.id)
    page = await service.list_orders(ANNA, status=None, limit=20, cursor="")
    assert [order.id for order in page.orders] == [good.id]
    snapshot = await stub.ReadEvents(
        pb.ReadEventsRequest(user_id=ANNA.user_id), metadata=as_service("gateway")
    )
    assert [order.id for order in snapshot.snapshot.orders] == [good.id]
    # It is still his.
    assert bad.id in await redis.zrange(keys.user_orders(SHARD, ANNA.user_id), 0, -1)


async def test_the_kitchen_gets_the_others(redis, service, spoil, monkeypatch):
    monkeypatch.setattr(test_dispatcher.dispatcher_module, "MAX_PATIENCE_SECONDS", 0.01)
    for wait in ("IDLE_SECONDS", "SWEEP_SECONDS"):
        monkeypatch.setattr(test_dispatcher.dispatcher_module, wait, 0.01)
    kitchen = test_dispatcher.Kitchen()
    kitchen.answer = in_the_queue
    bad, good = await two_orders(service)
    fields = await redis.hgetall(keys.order(SHARD, bad.id))
    await spoil(bad.id)
    # As another process, which does not remember it.
    store = RedisOrderStore(redis, retention=timedelta(days=1))
    async with dispatching(redis, store, service, kitchen) as dispatcher:
        await kitchen.until(lambda: good.id in kitchen.got)
        later = await test_dispatcher.place(service)
        await kitchen.until(lambda: later.id in kitchen.got)
        await until_it_is_told(dispatcher)
        # Until it can be read again.
        await redis.delete(keys.order(SHARD, bad.id))
        await redis.hset(keys.order(SHARD, bad.id), mapping=fields)
        await kitchen.until(lambda: bad.id in kitchen.got)
        await test_dispatcher.drained(redis, OUTBOX)
    assert (await service.get_order(ANNA, bad.id)).status is Status.QUEUED


async def until_it_is_told(dispatcher):
    while await dispatcher.check() is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_it_is_compared_with_no_ticket(redis, store, service, spoil):
    await store.save_tick("main", utc_now())
    bad, good = await two_orders(service)
    await redis.delete(OUTBOX)
    await spoil(bad.id)
    kitchen = test_reconciler.Kitchen()
    kitchen.open[bad.id] = 1
    later = timedelta(minutes=5)
    await Reconciler(store, kitchen, every_seconds=1, clock=lambda: utc_now() + later).compare()
    # Its ticket stays, and the order that has none is mended.
    assert not kitchen.voided
    ((_, entry),) = await redis.xrange(OUTBOX)
    assert entry["order_id"] == good.id


async def test_a_change_of_it_fails_alone(redis, service, stub, spoil):
    bad, good = [(await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order for _ in range(2)]
    service._orders._recent.clear()
    await spoil(bad.id)
    verdicts = await push(stub, queue(bad), queue(good))
    assert [verdict.kind for verdict in verdicts] == [
        pb.VERDICT_KIND_FAILED,
        pb.VERDICT_KIND_APPLIED,
    ]


@pytest.mark.parametrize("part", [keys.order, keys.history])
async def test_a_change_redis_refuses_fails_alone_and_writes_nothing(redis, stub, part):
    bad, good = [(await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order for _ in range(2)]
    await redis.set(part(SHARD, bad.id), "something else")
    before = await redis.dump(keys.order(SHARD, bad.id))
    # The process remembers the order as it was.
    verdicts = await push(stub, queue(bad), queue(good))
    assert [verdict.kind for verdict in verdicts] == [
        pb.VERDICT_KIND_FAILED,
        pb.VERDICT_KIND_APPLIED,
    ]
    assert await redis.dump(keys.order(SHARD, bad.id)) == before


async def test_what_the_outbox_holds_besides_orders_is_passed_over(redis, store, service):
    await redis.xadd(OUTBOX, {"foo": "bar"})
    await redis.xadd(OUTBOX, {"order_id": "x", "version": "first"})
    kitchen = test_dispatcher.Kitchen()
    order = await test_dispatcher.place(service)
    async with dispatching(redis, store, service, kitchen):
        await kitchen.until(lambda: order.id in kitchen.got)


async def test_a_kitchen_whose_tick_can_not_be_read_is_no_kitchen(redis, store):
    now = utc_now()
    await store.save_tick("main", now)
    await redis.hset(keys.KITCHENS, "ghost", "yesterday")
    assert set(await store.read_ticks()) == {"main"}


async def test_one_dish_nobody_can_read_is_not_on_the_menu(redis, service):
    await redis.hset(keys.MENU, "bowl", "{oops")
    await redis.hincrby(keys.MENU, "_version")
    assert set((await service.read_menu()).items) == {"tea"}


async def test_orders_are_read_when_redis_is_full(redis, service):
    order = await test_dispatcher.place(service)
    await redis.config_set("maxmemory", 1)
    try:
        assert (await service.get_order(ANNA, order.id)).id == order.id
        events = await service.read_events(ANNA.user_id, "0-0")
        assert [event.order_id for event in events.events] == [order.id]
    finally:
        await redis.config_set("maxmemory", 0)


@pytest.mark.parametrize("version", ["first", str(10**20)])
async def test_an_event_nobody_can_read_is_left_out(redis, stub, version):
    async with watching(stub, ANNA.user_id) as gateway:
        await gateway.until(added(ANNA.user_id))
        event = {"user_id": ANNA.user_id, "order_id": "x", "status": "ready", "version": version}
        event |= {"previous": "", "number": 1, "cause": "timer", "promised_at": ""}
        await redis.xadd(keys.feed(SHARD), event | {"at": "2026-11-23T12:00:00Z"})
        order = (await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order
        read = await gateway.until(at_least(1))
    assert [each.order_id for each in events_of(read)] == [order.id]
