"""Watch streams: live, resumed, joined in mid-flight, and told when their cursor is lost."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import pytest

from infra.redis_client import open_redis
from order import feed as feed_module
from order import keys
from order.domain import LineRequest
from order.feed import QUEUE_LENGTH, Feed, FeedNews, Watcher, WatcherOverflowError
from order.redis_store import RedisHouseStore, RedisMenuStore, RedisOrderStore
from order.service import OrderService
from shared_proto.restaurant.order.v1 import order_pb2 as pb
from shared_proto.sharding import shard_of
from tests.integration.order.conftest import ANNA, BORIS, as_service, as_user
from tests.integration.order.test_order_calls import place, queue

SHARD = shard_of(ANNA.user_id)


class Gateway:
    """One Watch stream as a gateway holds it."""

    def __init__(self, stub, first):
        self.wishes = asyncio.Queue()
        self.wishes.put_nowait(first)
        self.cursors = {}
        self._call = stub.Watch(self._requests(), metadata=as_service("gateway"))

    async def _requests(self):
        while (wish := await self.wishes.get()) is not None:
            yield wish

    async def responses(self):
        async for response in self._call:
            self.cursors.update(response.cursors)
            yield response

    async def until(self, done):
        """Reads until ``done`` holds of what was read so far; answers all responses."""
        read = []
        async for response in self.responses():
            read.append(response)
            if done(read):
                return read
        raise AssertionError("the stream ended")

    def cancel(self):
        self._call.cancel()


@asynccontextmanager
async def watching(stub, *user_ids, cursors=None):
    gateway = Gateway(stub, pb.WatchRequest(add_user_ids=user_ids, cursors=cursors or {}))
    try:
        yield gateway
    finally:
        gateway.cancel()


def events_of(responses):
    return [event for response in responses for event in response.events]


def added(*user_ids):
    return lambda read: set(user_ids) <= {u for r in read for u in r.added_user_ids}


def at_least(count):
    return lambda read: len(events_of(read)) >= count


async def test_a_followed_users_events_arrive_and_no_others(stub):
    async with watching(stub, ANNA.user_id) as gateway:
        await gateway.until(added(ANNA.user_id))
        await stub.PlaceOrder(place(), metadata=as_user(BORIS))
        mine = (await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order
        (event,) = events_of(await gateway.until(at_least(1)))
        assert (event.order_id, event.user_id) == (mine.id, ANNA.user_id)
        assert event.previous == pb.ORDER_STATUS_UNSPECIFIED
        assert list(event.allowed_actions) == ["edit", "cancel"]


async def test_users_can_be_added_and_removed_while_it_runs(stub):
    async with watching(stub) as gateway:
        gateway.wishes.put_nowait(pb.WatchRequest(add_user_ids=[ANNA.user_id]))
        await gateway.until(added(ANNA.user_id))
        await stub.PlaceOrder(place(), metadata=as_user(ANNA))
        await gateway.until(at_least(1))
        gateway.wishes.put_nowait(
            pb.WatchRequest(remove_user_ids=[ANNA.user_id], add_user_ids=[BORIS.user_id])
        )
        await gateway.until(added(BORIS.user_id))
        await stub.PlaceOrder(place(), metadata=as_user(ANNA))
        await stub.PlaceOrder(place(), metadata=as_user(BORIS))
        (event,) = events_of(await gateway.until(at_least(1)))
        assert event.user_id == BORIS.user_id


async def test_a_reopened_stream_first_tells_what_was_missed(stub):
    async with watching(stub, ANNA.user_id) as gateway:
        await gateway.until(added(ANNA.user_id))
        order = (await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order
        await gateway.until(at_least(1))
        cursors = gateway.cursors
    call = stub.PushChanges(
        iter([pb.PushChangesRequest(kitchen="main", changes=[queue(order)])]),
        metadata=as_service("kitchen"),
    )
    assert [r async for r in call]
    async with watching(stub, ANNA.user_id, BORIS.user_id, cursors=cursors) as gateway:
        responses = await gateway.until(at_least(1))
        (event,) = events_of(responses)
        assert (event.status, event.number) == (pb.ORDER_STATUS_QUEUED, 7)
        assert not any(response.reset_shards for response in responses)


async def test_a_lost_cursor_is_named(stub, redis):
    async with watching(stub, ANNA.user_id) as gateway:
        await gateway.until(added(ANNA.user_id))
        await stub.PlaceOrder(place(), metadata=as_user(ANNA))
        await gateway.until(at_least(1))
        cursor = gateway.cursors[SHARD]
        await stub.PlaceOrder(place(), metadata=as_user(ANNA))
        await gateway.until(at_least(1))
    await redis.xdel(keys.feed(SHARD), cursor)
    async with watching(stub, ANNA.user_id, cursors={SHARD: cursor}) as gateway:
        responses = await gateway.until(added(ANNA.user_id))
        assert [shard for r in responses for shard in r.reset_shards] == [SHARD]
        assert not events_of(responses)


async def test_streams_that_come_and_go_in_a_storm_of_orders_miss_and_repeat_nothing(stub):
    """Reopened at any instant, with the cursors it had: the events are those of the feed."""
    total = 150

    async def storm():
        for _ in range(total):
            await stub.PlaceOrder(place(), metadata=as_user(ANNA))

    seen: list[str] = []
    cursors = {SHARD: "0-0"}
    storming = asyncio.create_task(storm())
    while len(seen) < total:
        async with watching(stub, ANNA.user_id, cursors=cursors) as gateway:
            responses = await gateway.until(at_least(1))
            seen += [event.id for event in events_of(responses)]
            cursors = gateway.cursors
    await storming
    assert len(seen) == total
    assert seen == sorted(seen, key=lambda i: tuple(map(int, i.split("-"))))
    assert len(set(seen)) == total


async def test_as_of_and_the_kitchens_ticks_are_told(stub):
    tick = pb.PushChangesRequest(kitchen="main")
    tick.tick_at.GetCurrentTime()
    async for _ in stub.PushChanges(iter([tick]), metadata=as_service("kitchen")):
        pass
    async with watching(stub) as gateway:
        (*_, last) = await gateway.until(lambda read: "main" in read[-1].kitchen_tick_at)
        assert last.kitchen_tick_at["main"].seconds == tick.tick_at.seconds
        assert last.as_of.seconds >= tick.tick_at.seconds


async def test_a_snapshot_has_the_active_orders_and_the_id_to_go_on_from(stub):
    empty = await stub.ReadEvents(
        pb.ReadEventsRequest(user_id=ANNA.user_id), metadata=as_service("gateway")
    )
    assert (empty.snapshot.event_id, len(empty.snapshot.orders)) == ("0-0", 0)
    order = (await stub.PlaceOrder(place(), metadata=as_user(ANNA))).order

    async def read(after):
        request = pb.ReadEventsRequest(user_id=ANNA.user_id, after_event_id=after)
        return await stub.ReadEvents(request, metadata=as_service("gateway"))

    snapshot = (await read("")).snapshot
    assert [o.id for o in snapshot.orders] == [order.id]
    assert [e.order_id for e in (await read("0-0")).events] == [order.id]
    nothing_new = await read(snapshot.event_id)
    assert not nothing_new.HasField("snapshot")
    assert not nothing_new.events
    for unknown in ("1-1", "garbage"):
        assert (await read(unknown)).snapshot == snapshot


async def test_a_watcher_that_falls_behind_is_ended_not_waited_for():
    watcher = Watcher([])
    watcher.begin([])
    for n in range(QUEUE_LENGTH + 50):
        watcher.add_users([str(n)])
    for _ in range(QUEUE_LENGTH):
        assert isinstance(await watcher.next(), FeedNews)
    with pytest.raises(WatcherOverflowError):
        await watcher.next()


async def test_watching_takes_the_gateways_credential(stub):
    call = stub.Watch(iter([pb.WatchRequest()]), metadata=as_service("kitchen"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call.read()
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_the_cursors_of_a_quiet_stream_move_on_with_the_feed(stub):
    async with watching(stub, ANNA.user_id) as gateway:
        await gateway.until(added(ANNA.user_id))
        await stub.PlaceOrder(place(), metadata=as_user(BORIS))
        shard = shard_of(BORIS.user_id)
        before = gateway.cursors[shard]
        await gateway.until(lambda _: gateway.cursors[shard] != before)


@asynccontextmanager
async def another_replica(redis, redis_server):
    """Its order service, whose commits only its own feed is told of."""
    store = RedisOrderStore(redis, retention=timedelta(days=1))
    async with open_redis(redis_server.url, blocking=True) as listening:
        feed = Feed(redis, listening, store, feed_length=10_000)
        store.add_listener(feed)
        running = asyncio.create_task(feed.run())
        try:
            yield OrderService(store, RedisMenuStore(redis), RedisHouseStore(redis))
        finally:
            running.cancel()
            await asyncio.wait({running})


async def test_what_another_replica_commits_is_told_as_well(stub, redis, redis_server, monkeypatch):
    async with watching(stub, ANNA.user_id) as gateway:
        await gateway.until(added(ANNA.user_id))
        async with another_replica(redis, redis_server) as elsewhere:
            # Nobody looks by himself: the other one has to say it.
            monkeypatch.setattr(feed_module, "LOOK_SECONDS", 3600)
            while (await redis.pubsub_numsub(keys.FEEDS))[0][1] < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            order = (await order_tea(elsewhere, ANNA)).order
            (event,) = events_of(await gateway.until(at_least(1)))
            assert event.order_id == order.id


async def test_what_another_replica_could_not_say_is_found(stub, redis, monkeypatch):
    monkeypatch.setattr(feed_module, "LOOK_SECONDS", 0.05)
    async with watching(stub, ANNA.user_id) as gateway:
        await gateway.until(added(ANNA.user_id))
        order = (await order_tea(silent_service(redis), ANNA)).order
        (event,) = events_of(await gateway.until(at_least(1)))
        assert event.order_id == order.id


async def test_several_shards_are_read_at_once(stub, redis, monkeypatch):
    monkeypatch.setattr(feed_module, "LOOK_SECONDS", 0.05)
    assert shard_of(BORIS.user_id) != SHARD
    async with watching(stub, ANNA.user_id, BORIS.user_id) as gateway:
        await gateway.until(added(ANNA.user_id, BORIS.user_id))
        silent = silent_service(redis)
        placed = [(await order_tea(silent, who)).order.id for who in (ANNA, BORIS, ANNA)]
        events = events_of(await gateway.until(at_least(3)))
        assert {event.order_id for event in events} == set(placed)
        assert [e.order_id for e in events if e.user_id == ANNA.user_id] == placed[::2]


def silent_service(redis):
    """Another replica's service, whose hints all get lost."""
    store = RedisOrderStore(redis, retention=timedelta(days=1))
    return OrderService(store, RedisMenuStore(redis), RedisHouseStore(redis))


async def test_what_gathers_while_nobody_reads_is_told_together_and_in_its_order():
    watcher = Watcher(["anna"])
    watcher.begin([])
    for n in range(3):
        watcher.tell(FeedNews(events=(n,), cursors={"A": f"{n}-0"}))
    watcher.add_users(["boris"])
    watcher.tell(FeedNews(events=(3,), cursors={"B": "3-0"}))
    assert await watcher.next() == FeedNews(events=(0, 1, 2), cursors={"A": "2-0"})
    assert await watcher.next() == FeedNews(added_user_ids=("boris",))
    assert await watcher.next() == FeedNews(events=(3,), cursors={"B": "3-0"})
    watcher.end()
    assert await watcher.next() is None


async def test_a_watcher_that_fell_behind_is_told_nothing_after_the_gap():
    watcher = Watcher([])
    watcher.begin([])
    for n in range(QUEUE_LENGTH + 1):
        watcher.add_users([str(n)])
    await watcher.next()
    watcher.add_users(["after the gap"])
    for _ in range(QUEUE_LENGTH - 1):
        news = await watcher.next()
        assert news.added_user_ids != ("after the gap",)
    with pytest.raises(WatcherOverflowError):
        await watcher.next()


def order_tea(service, caller):
    return service.place_order(
        caller, [LineRequest("tea", 1)], note="", kitchen="main", idempotency=None
    )
