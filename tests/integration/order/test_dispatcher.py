"""The outbox: until the kitchen has it, nothing of it is forgotten."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from order import dispatcher as dispatcher_module
from order import keys
from order.dispatcher import Delivery, Dispatcher
from order.domain import LineRequest
from order.lifecycle import Cause, Status
from order.queueing import Place
from order.redis_store import RedisHouseStore, RedisMenuStore, RedisOrderStore
from order.service import OrderService
from shared_proto.sharding import shard_of
from tests.integration.order.conftest import ANNA, BORIS

SOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
OUTBOX = keys.outbox(shard_of(ANNA.user_id))


class Kitchen:
    """A kitchen that keeps what it was sent, and can be away or refuse."""

    def __init__(self):
        self.got = {}
        self.batches = []
        self.away = 0
        self.away_with = grpc.StatusCode.UNAVAILABLE
        self.answer = lambda order: Delivery(order.id, taken=True)
        self.called = asyncio.Condition()

    async def send(self, orders):
        async with self.called:
            self.batches.append([order.id for order in orders])
            self.called.notify_all()
            if self.away:
                self.away -= 1
                nothing = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(self.away_with, nothing, nothing, "away")
            self.got |= {order.id: order for order in orders}
            return [self.answer(order) for order in orders]

    async def until(self, done):
        async with self.called:
            await self.called.wait_for(done)


@pytest.fixture
def kitchen():
    return Kitchen()


def in_the_queue(order):
    """The kitchen's answer to the command of a placed order."""
    place = Place(seq=1, number=7, promised_at=SOON) if order.status is Status.PLACED else None
    return Delivery(order.id, taken=True, place=place)


def answer_after(kitchen, happening):
    """The kitchen queues each order, and ``happening`` overtakes its first answer."""
    kitchen.answer = in_the_queue
    send, first = kitchen.send, iter([True])

    async def send_and_let_it_happen(orders):
        deliveries = await send(orders)
        if next(first, False):
            await happening(orders[0])
        return deliveries

    kitchen.send = send_and_let_it_happen


@asynccontextmanager
async def dispatching(redis, store, service, kitchen):
    dispatcher = Dispatcher(
        redis,
        store,
        send=kitchen.send,
        queue=service.queue_orders,
        reject=service.reject_order,
    )
    store.add_listener(dispatcher)
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.fixture
def restless(monkeypatch):
    """A dispatcher that leaves others no time."""
    monkeypatch.setattr(dispatcher_module, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(dispatcher_module, "SWEEP_SECONDS", 0.05)


async def place(service, caller=ANNA):
    placed = await service.place_order(
        caller, [LineRequest("bowl", 1)], note="", kitchen="main", idempotency=None
    )
    return placed.order


async def drained(redis, outbox=OUTBOX):
    """Waits until every entry was delivered and deleted."""
    # Redis tells of no deletion that one could wait for.
    while await redis.xlen(outbox):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_what_was_placed_before_the_start_is_delivered(redis, store, service, kitchen):
    orders = [await place(service) for _ in range(3)]
    async with dispatching(redis, store, service, kitchen):
        await kitchen.until(lambda: len(kitchen.got) == 3)
        late = await place(service, BORIS)
        await kitchen.until(lambda: late.id in kitchen.got)
        await drained(redis)
        await drained(redis, keys.outbox(shard_of(BORIS.user_id)))
    assert set(kitchen.got) == {order.id for order in orders} | {late.id}


async def test_several_entries_of_one_order_become_one_command_with_the_newest_state(
    redis, store, service, kitchen
):
    order = await place(service)
    await service.cancel_order(ANNA, order.id, reason="", if_version=None)
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    assert kitchen.batches == [[order.id]]
    assert kitchen.got[order.id].status is Status.CANCELLED


@pytest.mark.parametrize("end", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED])
async def test_a_kitchen_that_is_away_gets_everything_when_it_is_back(
    redis, store, service, kitchen, end
):
    kitchen.away, kitchen.away_with = 3, end
    order = await place(service)
    async with dispatching(redis, store, service, kitchen):
        await kitchen.until(lambda: order.id in kitchen.got)
        await drained(redis)
    assert len(kitchen.batches) == 4


async def test_an_order_is_queued_where_the_kitchen_says_so(redis, store, service, kitchen):
    kitchen.answer = in_the_queue
    order = await place(service)
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    now = await service.get_order(ANNA, order.id)
    assert (now.status, now.number, now.promised_at) == (Status.QUEUED, 7, SOON)
    assert (now.version, now.applied_seq) == (2, 1)
    assert (now.history[-1].cause, now.history[-1].by) == (Cause.SYSTEM, "kitchen")


async def test_an_answer_that_comes_twice_queues_an_order_once(redis, store, service, kitchen):
    kitchen.answer = in_the_queue
    order = await place(service)
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
        await store.tell_kitchen_again(order)
        await drained(redis)
    assert len(kitchen.batches) == 2
    assert (await service.get_order(ANNA, order.id)).version == 2


async def test_an_order_its_guest_changed_meanwhile_is_queued_as_it_is_now(
    redis, store, service, kitchen
):
    order = await place(service)

    async def edit(order):
        await service.update_order(
            ANNA, order.id, [LineRequest("tea", 1)], note=None, if_version=None
        )

    answer_after(kitchen, edit)
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    now = await service.get_order(ANNA, order.id)
    assert (now.status, now.version, now.revision) == (Status.QUEUED, 3, 2)
    assert [line.sku for line in now.lines] == ["tea"]
    # The edit has an entry of its own.
    assert kitchen.got[order.id].revision == 2


async def test_an_order_its_guest_cancelled_meanwhile_stays_so(redis, store, service, kitchen):
    order = await place(service)

    async def cancel(order):
        await service.cancel_order(ANNA, order.id, reason="", if_version=None)

    answer_after(kitchen, cancel)
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    assert (await service.get_order(ANNA, order.id)).status is Status.CANCELLED
    assert kitchen.got[order.id].status is Status.CANCELLED


async def test_a_kitchen_that_queues_what_was_rejected_meanwhile_is_told(
    redis, store, service, kitchen, restless
):
    order = await place(service)

    async def reject(order):
        assert await service.reject_order(order, "no grill")

    answer_after(kitchen, reject)
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    assert (await service.get_order(ANNA, order.id)).status is Status.REJECTED
    assert kitchen.got[order.id].status is Status.REJECTED


async def test_an_order_the_kitchen_cannot_take_is_rejected_with_its_reason(
    redis, store, service, kitchen
):
    kitchen.answer = lambda o: Delivery(o.id, taken=False, rejected=True, reason="no such kitchen")
    order = await place(service)
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    rejected = await service.get_order(ANNA, order.id)
    assert (rejected.status, rejected.reason) == (Status.REJECTED, "no such kitchen")


async def test_an_order_edited_while_its_rejection_was_on_its_way_is_sent_again(
    redis, store, service, kitchen, restless
):
    order = await place(service)
    send, refusals = kitchen.send, iter([True])

    async def refuse_while_the_guest_edits(orders):
        if not next(refusals, False):
            return await send(orders)
        await service.update_order(
            ANNA, order.id, [LineRequest("tea", 1)], note=None, if_version=None
        )
        return [Delivery(o.id, taken=False, rejected=True, reason="no grill") for o in orders]

    kitchen.send = refuse_while_the_guest_edits
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    assert kitchen.got[order.id].version == 2
    assert (await service.get_order(ANNA, order.id)).status is Status.PLACED


async def test_what_the_kitchen_failed_on_is_tried_again_and_the_others_go_on(
    redis, store, service, kitchen, restless
):
    bad, good = await place(service), await place(service)
    failures = iter([True])
    kitchen.answer = lambda o: Delivery(
        o.id, taken=not (o.id == bad.id and next(failures, False)), reason="hiccup"
    )
    async with dispatching(redis, store, service, kitchen):
        await drained(redis)
    assert set(kitchen.got) == {bad.id, good.id}
    assert sum(bad.id in batch for batch in kitchen.batches) == 2


async def test_what_a_dead_replica_had_in_hand_is_brought_by_another(
    redis, store, service, kitchen, restless
):
    dead = Kitchen()
    dead.away = 1_000_000
    async with dispatching(redis, store, service, dead):
        order = await place(service)
        await dead.until(lambda: dead.batches)
    async with dispatching(redis, store, service, kitchen):
        await kitchen.until(lambda: order.id in kitchen.got)
        await drained(redis)


async def test_what_another_replica_committed_is_brought_when_that_one_does_not(
    redis, store, service, kitchen, restless
):
    async with dispatching(redis, store, service, kitchen) as dispatcher:
        first = await place(service)
        await kitchen.until(lambda: first.id in kitchen.got)
        other = RedisOrderStore(redis, retention=timedelta(days=1))
        elsewhere = OrderService(other, RedisMenuStore(redis), RedisHouseStore(redis))
        order = await place(elsewhere, BORIS)
        await kitchen.until(lambda: order.id in kitchen.got)
        await drained(redis, keys.outbox(shard_of(BORIS.user_id)))
        assert dispatcher.stuck == 0


async def test_more_than_memory_holds_is_brought_all_the_same(
    redis, store, service, kitchen, restless, monkeypatch
):
    monkeypatch.setattr(dispatcher_module, "ANNOUNCED", 2)
    monkeypatch.setattr(dispatcher_module, "BATCH", 3)
    kitchen.away = 2
    async with dispatching(redis, store, service, kitchen):
        orders = [await place(service) for _ in range(10)]
        await drained(redis)
    assert set(kitchen.got) == {order.id for order in orders}


async def test_what_the_kitchen_fails_on_again_and_again_is_told(
    redis, store, service, kitchen, restless, monkeypatch
):
    monkeypatch.setattr(dispatcher_module, "MAX_PATIENCE_SECONDS", 0.01)
    kitchen.answer = lambda o: Delivery(o.id, taken=False, reason="no luck")
    async with dispatching(redis, store, service, kitchen) as dispatcher:
        order = await place(service)
        assert await dispatcher.check() is None
        await kitchen.until(lambda: len(kitchen.batches) > 5)
        assert "1 tickets" in await dispatcher.check()
        kitchen.answer = lambda o: Delivery(o.id, taken=True)
        await drained(redis)
        await kitchen.until(lambda: order.id in kitchen.got)


async def test_what_the_kitchen_can_not_take_together_is_sent_apart(
    redis, store, service, kitchen, restless, monkeypatch
):
    orders = [await place(service) for _ in range(9)]
    send, bad = kitchen.send, orders[3].id

    async def send_small_batches(orders):
        if len(orders) > 2 or bad in {order.id for order in orders}:
            code, nothing = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(code, nothing, nothing, "too large")
        return await send(orders)

    kitchen.send = send_small_batches
    async with dispatching(redis, store, service, kitchen):
        await kitchen.until(lambda: len(kitchen.got) == 8)
    assert bad not in kitchen.got
    ((_, left),) = await redis.xrange(OUTBOX)
    assert left["order_id"] == bad


async def test_a_redis_that_takes_no_writes_for_a_while_is_waited_out(
    redis, store, service, kitchen, restless
):
    arrived, go_on = asyncio.Event(), asyncio.Event()
    send = kitchen.send

    async def send_slowly(orders):
        deliveries = await send(orders)
        arrived.set()
        await go_on.wait()
        return deliveries

    kitchen.send = send_slowly
    async with dispatching(redis, store, service, kitchen):
        await place(service)
        await arrived.wait()
        await redis.config_resetstat()
        await redis.config_set("min-replicas-to-write", 1)
        go_on.set()
        # The kitchen has it, and Redis refuses to delete the entry.
        while not await refused(redis, "xdel"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await redis.config_set("min-replicas-to-write", 0)
        await drained(redis)


async def refused(redis, command):
    statistics = await redis.info("commandstats")
    return statistics.get(f"cmdstat_{command}", {}).get("rejected_calls", 0)
