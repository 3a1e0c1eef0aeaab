"""The atomic scripts on a real Redis: each once, twice, and against the clock."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.clock import to_text
from order import keys
from order.domain import BacklogFullError, DishNotFoundError, Menu, OrderLine, new_order
from order.lifecycle import Cause, Status
from order.ports import Applied, Idempotency, Replayed, Stale
from order.redis_store import RedisMenuStore, RedisOrderStore
from order.service import new_op, new_order_id
from shared_proto.sharding import shard_of
from tests.integration.order.conftest import BOWL, TEA

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LINE = OrderLine("bowl", "Bowl", 2, ("rice",), 900, "grill", 120)


def an_order(user_id="anna-id", at=NOON):
    return new_order(
        order_id=new_order_id(user_id, at),
        user_id=user_id,
        kitchen="main",
        lines=(LINE,),
        currency="EUR",
        note="no onion",
        by="anna",
        at=at,
        op=new_op(),
    )


def queued(order, op="main:1-0"):
    step = order.move(Status.QUEUED, Cause.SYSTEM, by="main", at=NOON, op=op)
    return step.with_facts(number=7, promised_at=NOON + timedelta(minutes=5), applied_seq=1)


async def test_a_placed_order_stands_in_redis_as_the_design_says(redis, store):
    change = an_order()
    assert await store.place(change) == Applied()
    order, shard = change.order, shard_of("anna-id")
    assert order.id[-1] == shard
    fields = await redis.hgetall(f"order:{{{shard}}}:{order.id}")
    assert fields["status"] == "placed"
    assert fields["total"] == "1800"
    assert fields["placed_at"] == "2026-11-23T12:00:00.000Z"
    assert await redis.zrange(f"order:{{{shard}}}:user:anna-id", 0, -1) == [order.id]
    assert await redis.zrange(f"order:{{{shard}}}:open", 0, -1) == [order.id]
    ((feed_id, event),) = await redis.xrange(f"order:{{{shard}}}:events")
    ((own_id, own),) = await redis.xrange(f"order:{{{shard}}}:user:anna-id:events")
    assert (feed_id, event) == (own_id, own)
    assert event["previous"] == ""
    ((_, command),) = await redis.xrange(f"order:{{{shard}}}:outbox")
    assert command["order_id"] == order.id
    assert await store.get_many([order.id]) == [order]


async def test_committing_twice_happens_once(redis, store):
    change = an_order()
    await store.place(change)
    step = queued(change.order)
    results = [await store.commit(step, tell_kitchen=False) for _ in range(3)]
    assert results == [Applied()] * 3
    # Also after the order went on.
    await store.commit(
        step.order.move(Status.PREPARING, Cause.TIMER, by="main", at=NOON, op="main:2-0"),
        tell_kitchen=False,
    )
    assert await store.commit(step, tell_kitchen=False) == Applied()
    stored = await store.get_with_history(change.order.id)
    assert [entry.status for entry in stored.history] == ["placed", "queued", "preparing"]
    assert stored.version == 3
    shard = shard_of("anna-id")
    assert await redis.xlen(keys.feed(shard)) == 3
    assert await redis.xlen(keys.outbox(shard)) == 1


async def test_of_two_changes_to_one_version_one_wins(store):
    change = an_order()
    await store.place(change)
    cancel = change.order.cancel(Cause.GUEST, by="anna", at=NOON, op="cancel", reason="")
    results = await asyncio.gather(
        store.commit(cancel, tell_kitchen=True),
        store.commit(queued(change.order), tell_kitchen=False),
    )
    assert sorted(type(result).__name__ for result in results) == ["Applied", "Stale"]
    [order] = await store.get_many([change.order.id])
    assert order.version == 2


async def test_a_finished_order_leaves_the_open_ones_and_expires(redis, store):
    change = an_order()
    await store.place(change)
    shard = shard_of("anna-id")
    assert await redis.ttl(keys.order(shard, change.order.id)) == -1
    cancel = change.order.cancel(Cause.GUEST, by="anna", at=NOON, op="cancel", reason="")
    await store.commit(cancel, tell_kitchen=True)
    assert await redis.zcard(keys.open_orders(shard)) == 0
    for key in (keys.order(shard, change.order.id), keys.history(shard, change.order.id)):
        assert 0 < await redis.ttl(key) <= 24 * 60 * 60
    assert await redis.ttl(keys.feed(shard)) == -1
    theirs = (keys.user_orders(shard, "anna-id"), keys.user_events(shard, "anna-id"))
    for key in theirs:
        assert await redis.ttl(key) > 24 * 60 * 60
    # What lists a guest's orders stays while there is an open one.
    await store.place(an_order(at=NOON + timedelta(minutes=1)))
    for key in theirs:
        assert await redis.ttl(key) == -1


async def test_an_idempotency_key_has_one_order_even_when_used_at_once(redis, store):
    changes = [an_order(at=NOON + timedelta(milliseconds=n)) for n in range(20)]
    given = Idempotency("k1", "ab" * 32, "cd" * 32)
    results = await asyncio.gather(*(store.place(change, idempotency=given) for change in changes))
    (winner,) = [c for c, r in zip(changes, results, strict=True) if isinstance(r, Applied)]
    answers = {r.answer.order.id for r in results if isinstance(r, Replayed)}
    assert answers == {winner.order.id}
    first = await store.find_first_answer("anna-id", "k1")
    assert first.given == given
    assert first.order == winner.order
    assert first.order.history == (winner.entry,)
    assert await redis.zcard(keys.user_orders(shard_of("anna-id"), "anna-id")) == 1


async def test_the_last_release_and_this_one_read_each_others_idempotency_keys(redis, store):
    change, shard = an_order(), shard_of("anna-id")
    given = Idempotency("k1", "ab" * 32, "cd" * 32)
    await store.place(change, idempotency=given)
    kept = f"order:{{{shard}}}:idem:anna-id:k1"
    assert await redis.get(kept) == f"{given.body_sha256} {change.order.id}"
    content = keys.idempotent_content(shard, "anna-id", "k1")
    for key in (kept, content):
        assert 0 < await redis.ttl(key) <= 24 * 60 * 60
    # The last release keeps the first of them only.
    await redis.delete(content)
    again = an_order(at=NOON + timedelta(seconds=1))
    replayed = await store.place(again, idempotency=given)
    assert isinstance(replayed, Replayed)
    assert replayed.answer == await store.find_first_answer("anna-id", "k1")
    assert replayed.answer.answers(given)
    assert not replayed.answer.answers(Idempotency("k1", "ef" * 32))


async def test_a_full_outbox_refuses_new_orders_but_not_cancellations(redis):
    store = RedisOrderStore(redis, retention=timedelta(0), outbox_limit=1)
    first = an_order()
    await store.place(first)
    with pytest.raises(BacklogFullError):
        await store.place(an_order(at=NOON + timedelta(seconds=1)))
    cancel = first.order.cancel(Cause.GUEST, by="anna", at=NOON, op="cancel", reason="")
    assert await store.commit(cancel, tell_kitchen=True) == Applied()


async def test_a_change_of_an_order_that_is_not_there_is_stale(store):
    change = an_order()
    assert await store.commit(queued(change.order), tell_kitchen=False) == Stale()


async def test_pages_stay_right_while_orders_arrive(store):
    changes = [an_order(at=NOON + timedelta(seconds=n // 2)) for n in range(25)]
    for change in changes:
        await store.place(change)
    seen, cursor = [], ""
    while True:
        page = await store.list_of_user("anna-id", status=None, limit=4, cursor=cursor)
        seen += [order.id for order in page.orders]
        await store.place(an_order(at=NOON + timedelta(days=1)))
        if not page.next_cursor:
            break
        cursor = page.next_cursor
    placed = {change.order.id for change in changes}
    assert len(seen) == len(set(seen))
    assert set(seen) == placed
    assert seen == sorted(seen, reverse=True)


async def test_a_list_can_be_of_one_status_and_skips_expired_orders(redis, store):
    changes = [an_order(at=NOON + timedelta(seconds=n)) for n in range(6)]
    for change in changes:
        await store.place(change)
    await store.commit(queued(changes[1].order), tell_kitchen=False)
    await redis.delete(keys.order(shard_of("anna-id"), changes[2].order.id))
    page = await store.list_of_user("anna-id", status=Status.QUEUED, limit=10, cursor="")
    assert [order.id for order in page.orders] == [changes[1].order.id]
    page = await store.list_of_user("anna-id", status=None, limit=10, cursor="")
    assert len(page.orders) == 5


async def test_events_resume_after_the_last_one_seen(redis, store):
    assert await store.last_event_id("anna-id") == "0-0"
    change = an_order()
    await store.place(change)
    first = await store.last_event_id("anna-id")
    await store.commit(queued(change.order), tell_kitchen=False)
    found = await store.events_after("anna-id", first, limit=10)
    assert [(e.status, e.previous, e.number) for e in found.events] == [("queued", "placed", 7)]
    everything = await store.events_after("anna-id", "0-0", limit=1)
    assert (len(everything.events), everything.more) == (1, True)


async def test_a_cursor_is_good_only_while_its_entry_exists(redis, store):
    change = an_order()
    await store.place(change)
    first = await store.last_event_id("anna-id")
    await store.commit(queued(change.order), tell_kitchen=False)
    await redis.xdel(keys.user_events(shard_of("anna-id"), "anna-id"), first)
    for lost in (first, "1-1", "9999999999999-0"):
        assert not (await store.events_after("anna-id", lost, limit=10)).usable


async def test_history_is_readable_by_people(redis, store):
    change = an_order()
    await store.place(change)
    (entry,) = await redis.lrange(keys.history(shard_of("anna-id"), change.order.id), 0, -1)
    told = json.loads(entry)
    assert (told["status"], told["cause"], told["by"]) == ("placed", "guest", "anna")
    assert told["at"] == to_text(NOON)


async def test_a_menu_keeps_its_sequence_and_is_imported_once_per_operation(redis):
    menus = RedisMenuStore(redis)
    assert (await menus.read()).version == 0
    menu = Menu(0, "EUR", {"tea": TEA, "bowl": BOWL})
    for _ in range(2):
        assert (await menus.replace(menu, op="one")).version == 1
    assert await menus.read() == replace(menu, version=1)
    assert list((await menus.read()).items) == ["tea", "bowl"]
    assert (await menus.replace(replace(menu, items={"bowl": BOWL}), op="two")).version == 2
    assert (await menus.read()).items == {"bowl": BOWL}


async def test_selling_out_touches_one_dish(redis):
    menus = RedisMenuStore(redis)
    await menus.replace(Menu(0, "EUR", {"tea": TEA, "bowl": BOWL}), op="one")
    changed = await menus.set_availability("tea", False, op="two")
    assert changed.items == {"tea": replace(TEA, available=False)}
    menu = await menus.read()
    assert (menu.version, menu.items["bowl"]) == (2, BOWL)
    with pytest.raises(DishNotFoundError):
        await menus.set_availability("pizza", True, op="three")


async def test_orders_of_one_guest_in_one_millisecond_are_different_orders(store):
    changes = [an_order() for _ in range(200)]
    assert len({change.order.id for change in changes}) == 200
    for change in changes:
        await store.place(change)
    page = await store.list_of_user("anna-id", status=None, limit=100, cursor="")
    rest = await store.list_of_user("anna-id", status=None, limit=100, cursor=page.next_cursor)
    listed = [order.id for order in (*page.orders, *rest.orders)]
    assert listed == sorted((change.order.id for change in changes), reverse=True)


async def test_another_order_under_the_same_id_is_not_taken_for_the_same(store):
    change = an_order()
    await store.place(change)
    other = replace(change, entry=replace(change.entry, op=new_op()))
    assert await store.commit(other, tell_kitchen=True) == Stale()


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_span_of_a_change_stands_in_its_event_and_its_command(redis, store):
    change = replace(an_order(), traceparent=TRACEPARENT)
    # The second time as whoever lost the first reply.
    for _ in range(2):
        assert await store.place(change) == Applied()
    shard = shard_of("anna-id")
    ((_, event),) = await redis.xrange(f"order:{{{shard}}}:events")
    ((_, command),) = await redis.xrange(f"order:{{{shard}}}:outbox")
    assert event["traceparent"] == command["traceparent"] == TRACEPARENT
    # It belongs to the change, not to the order.
    assert "traceparent" not in await redis.hgetall(f"order:{{{shard}}}:{change.order.id}")
    (told,) = (await store.events_after("anna-id", "0-0", limit=10)).events
    assert told.traceparent == TRACEPARENT


async def test_change_without_a_span_leaves_no_field_for_one(redis, store):
    assert await store.place(an_order()) == Applied()
    shard = shard_of("anna-id")
    ((_, event),) = await redis.xrange(f"order:{{{shard}}}:events")
    ((_, command),) = await redis.xrange(f"order:{{{shard}}}:outbox")
    assert "traceparent" not in event
    assert set(command) == {"order_id", "version"}
    (told,) = (await store.events_after("anna-id", "0-0", limit=10)).events
    assert told.traceparent == ""
