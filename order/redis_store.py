"""Orders and the menu in Redis: the ports, kept by atomic scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import chain
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from ulid import ULID

from infra import tracing
from infra.clock import from_text, to_ms, to_text
from infra.limits import SLIDING_WINDOW, Limit, Usage
from infra.redis_client import load_script
from order import keys
from order.codec import (
    dish_from_json,
    dish_to_json,
    entry_from_json,
    entry_to_json,
    event_fields,
    event_from_fields,
    op_marker,
    order_from_fields,
    order_to_fields,
    state_to_fields,
)
from order.domain import (
    BacklogFullError,
    Change,
    DishNotFoundError,
    Menu,
    Order,
    TooManyOrdersError,
)
from order.house import House, OpeningHours
from order.lifecycle import Status
from order.ports import (
    Applied,
    CommitResult,
    FirstAnswer,
    Idempotency,
    OrderPage,
    Replayed,
    Stale,
    UserEvents,
)
from shared_proto.sharding import shard_of, shard_of_order

IDEMPOTENCY_SECONDS = 24 * 60 * 60
PAGE_SCAN = 100
RECENT_SCAN = 500
OUTBOX_SCAN = 1_000
RECENT_ORDERS = 4_096
NO_EVENT = "0-0"


class RedisOrderStore:
    """``OrderStore`` in Redis.

    Args:
        redis: where; its retries are safe, because every script is.
        retention: how long finished orders are kept; zero keeps them for good.
        outbox_limit: how many commands of one shard may wait before new orders are refused.
        feed_length: roughly how many events a shard's feed keeps.
        user_events_length: roughly how many events a user's own stream keeps.
        placing: how often one guest may order; None for any number.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        retention: timedelta,
        outbox_limit: int = 10_000,
        feed_length: int = 10_000,
        user_events_length: int = 1_000,
        placing: Limit | None = None,
    ) -> None:
        # redis-py types what any client might answer, not what ours does.
        self._redis: Any = redis
        self._retention_seconds = int(retention.total_seconds())
        self._outbox_limit = outbox_limit
        self._feed_length = feed_length
        self._user_events_length = user_events_length
        self._placing = placing
        self._commit = load_script(redis, "order", "lua/commit.lua", after=SLIDING_WINDOW)
        self._recent: dict[str, Order] = {}

    async def get(self, order_id: str) -> Order | None:
        (order,) = await self.get_many([order_id])
        return order

    async def get_with_history(self, order_id: str) -> Order | None:
        shard = shard_of_order(order_id)
        # One transaction, so that the history is that of the version beside it.
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(keys.order(shard, order_id))
            pipe.lrange(keys.history(shard, order_id), 0, -1)
            fields, entries = await pipe.execute()
        if not fields:
            return None
        history = tuple(entry_from_json(entry) for entry in entries)
        return replace(order_from_fields(fields), history=history)

    async def get_many(self, order_ids: Sequence[str]) -> list[Order | None]:
        if not order_ids:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for order_id in order_ids:
                pipe.hgetall(keys.order(shard_of_order(order_id), order_id))
            found = await pipe.execute()
        return [order_from_fields(fields) if fields else None for fields in found]

    async def recall_many(self, order_ids: Sequence[str]) -> list[Order | None]:
        missing = [order_id for order_id in order_ids if order_id not in self._recent]
        read = dict(zip(missing, await self.get_many(missing), strict=True))
        return [self._recent.get(order_id) or read.get(order_id) for order_id in order_ids]

    def _remember(self, change: Change, result: CommitResult) -> None:
        """Keeps what was just committed at hand: the kitchen's answer to it comes soon."""
        order = change.order
        self._recent.pop(order.id, None)
        if isinstance(result, Applied) and result.is_new and not order.is_finished:
            self._recent[order.id] = order
            if len(self._recent) > RECENT_ORDERS:
                del self._recent[next(iter(self._recent))]

    async def list_of_user(
        self, user_id: str, *, status: Status | None, limit: int, cursor: str
    ) -> OrderPage:
        key = keys.user_orders(shard_of(user_id), user_id)
        page: list[Order] = []
        last = cursor
        # Without a filter hardly more are read than are shown.
        scan = PAGE_SCAN if status else limit + 1
        while len(page) <= limit:
            ids = await self._ids_before(key, last, scan)
            found = await self.get_many(ids)
            # Ids whose orders have expired are of no more use.
            if gone := [i for i, order in zip(ids, found, strict=True) if order is None]:
                await self._redis.zrem(key, *gone)
            page += [o for o in found if o is not None and status in (None, o.status)]
            if len(ids) < scan:
                break
            last = ids[-1]
        more = len(page) > limit
        return OrderPage(page[:limit], page[limit - 1].id if more else "")

    async def _ids_before(self, key: str, order_id: str, count: int) -> list[str]:
        """Up to ``count`` ids placed before ``order_id``, newest first; from the newest if empty.

        An id names its own moment, so a cursor stays good when its order has expired.
        """
        if not order_id:
            return cast(list[str], await self._redis.zrevrange(key, 0, count - 1))
        score = to_ms(ULID.from_str(order_id).datetime)
        same = await self._redis.zrevrangebyscore(key, score, score)
        older = await self._redis.zrevrangebyscore(key, f"({score}", "-inf", start=0, num=count)
        return [i for i in same if i < order_id] + cast(list[str], older)

    async def find_first_answer(self, user_id: str, key: str) -> FirstAnswer | None:
        answer = await self._redis.get(keys.idempotency(shard_of(user_id), user_id, key))
        return None if answer is None else _answer_from_json(answer)

    async def commit(
        self, change: Change, *, tell_kitchen: bool, idempotency: Idempotency | None = None
    ) -> CommitResult:
        script_keys, args = self._commit_call(change, tell_kitchen, idempotency)
        reply = await self._commit(keys=script_keys, args=args)
        return self._commit_result(change, reply)

    async def commit_many(self, changes: Sequence[Change]) -> list[CommitResult]:
        if not changes:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for change in changes:
                script_keys, args = self._commit_call(change, tell_kitchen=False)
                await self._commit(keys=script_keys, args=args, client=cast(Redis, pipe))
            replies = await pipe.execute()
        return [self._commit_result(c, reply) for c, reply in zip(changes, replies, strict=True)]

    def _commit_call(
        self, change: Change, tell_kitchen: bool, idempotency: Idempotency | None = None
    ) -> tuple[list[str], list[Any]]:
        order = change.order
        shard = shard_of_order(order.id)
        event = event_fields(order, change.previous, change.traceparent or tracing.to_keep())
        fields = order_to_fields(order) if change.is_content else state_to_fields(order)
        script_keys = [
            keys.order(shard, order.id),
            keys.history(shard, order.id),
            keys.user_orders(shard, order.user_id),
            keys.open_orders(shard),
            keys.feed(shard),
            keys.user_events(shard, order.user_id),
            keys.outbox(shard),
            keys.placings(shard, order.user_id),
        ]
        answer = ""
        if idempotency is not None:
            script_keys.append(keys.idempotency(shard, order.user_id, idempotency.key))
            answer = _answer_to_json(idempotency, fields, entry_to_json(change.entry))
        is_new = change.expected_version == 0
        args: list[Any] = [
            change.expected_version,
            change.entry.op,
            entry_to_json(change.entry),
            self._feed_length,
            self._user_events_length,
            self._outbox_limit if is_new else 0,
            int(tell_kitchen),
            int(order.is_finished),
            self._retention_seconds,
            to_ms(order.placed_at),
            answer,
            IDEMPOTENCY_SECONDS,
            order.id,
            *((self._placing.count, self._placing.window_ms) if self._placing else (0, 0)),
            len(event) * 2,
            *chain.from_iterable(event.items()),
            *chain.from_iterable(fields.items()),
        ]
        return script_keys, args

    def _commit_result(self, change: Change, reply: list[Any]) -> CommitResult:
        result: CommitResult
        match reply:
            case ["APPLIED" | "LIMITED" as outcome, taken, reset_ms] if self._placing:
                usage = Usage(self._placing, outcome == "APPLIED", int(taken), int(reset_ms))
                if not usage.granted:
                    raise TooManyOrdersError(usage)
                result = Applied(usage, is_new=True)
            case ["APPLIED"]:
                result = Applied(is_new=True)
            case ["DONE"]:
                result = Applied()
            case ["STALE", _]:
                result = Stale()
            case ["REPLAY", answer]:
                result = Replayed(_answer_from_json(answer))
            case ["FULL"]:
                raise BacklogFullError
            case _:
                raise AssertionError(f"commit.lua never answers {reply!r}")
        self._remember(change, result)
        return result

    async def was_applied(self, order_id: str, op: str) -> bool:
        key = keys.history(shard_of_order(order_id), order_id)
        marker = op_marker(op)
        return any(marker in entry for entry in await self._redis.lrange(key, 0, -1))

    async def last_event_id(self, user_id: str) -> str:
        key = keys.user_events(shard_of(user_id), user_id)
        last = await self._redis.xrevrange(key, count=1)
        return str(last[0][0]) if last else NO_EVENT

    async def events_after(self, user_id: str, event_id: str, *, limit: int) -> UserEvents:
        key = keys.user_events(shard_of(user_id), user_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            await queue_cursor_check(pipe, key, event_id)
            pipe.xrange(key, min=f"({event_id}", count=limit + 1)
            checked, entries = await pipe.execute()
        if not is_cursor_usable(checked, event_id, self._user_events_length):
            return UserEvents((), more=False, usable=False)
        events = [event_from_fields(i, fields) for i, fields in entries[:limit]]
        return UserEvents(events, more=len(entries) > limit, usable=True)

    async def recent_of_user(self, user_id: str, finished_since: datetime) -> list[Order]:
        key = keys.user_orders(shard_of(user_id), user_id)
        found = await self.get_many(await self._redis.zrevrange(key, 0, RECENT_SCAN - 1))
        return [
            order
            for order in found
            if order is not None and (not order.is_finished or order.updated_at >= finished_since)
        ]

    async def open_since_before(self, shard: str, at: datetime, *, offset: int) -> list[str]:
        order_ids: list[str] = await self._redis.zrangebyscore(
            keys.open_orders(shard), "-inf", to_ms(at), start=offset, num=PAGE_SCAN
        )
        return order_ids

    async def waiting_for_kitchen(self, shard: str) -> frozenset[str] | None:
        entries = await self._redis.xrange(keys.outbox(shard), count=OUTBOX_SCAN + 1)
        if len(entries) > OUTBOX_SCAN:
            return None
        return frozenset(fields["order_id"] for _, fields in entries)

    async def tell_kitchen_again(self, order: Order) -> None:
        outbox = keys.outbox(shard_of_order(order.id))
        await self._redis.xadd(outbox, {"order_id": order.id, "version": order.version})

    async def save_tick(self, kitchen: str, at: datetime) -> None:
        await self._redis.hset(keys.KITCHENS, kitchen, to_text(at))

    async def read_ticks(self) -> Mapping[str, datetime]:
        ticks = await self._redis.hgetall(keys.KITCHENS)
        return {kitchen: from_text(at) for kitchen, at in ticks.items()}


async def queue_cursor_check(pipe: Pipeline, key: str, event_id: str) -> None:
    """Asks, within ``pipe``, what ``is_cursor_usable`` must know of the stream at ``key``."""
    if event_id == NO_EVENT:
        pipe.xlen(key)
    else:
        pipe.xrange(key, min=event_id, max=event_id)


def is_cursor_usable(checked: Any, event_id: str, length: int) -> bool:
    """Whether nothing after ``event_id`` was trimmed away: that very entry still exists.

    "Before the first" has no entry to look for; it is good while the stream is so short that it
    can't have been trimmed yet.
    """
    return bool(checked < length) if event_id == NO_EVENT else bool(checked)


def _answer_to_json(idempotency: Idempotency, fields: Mapping[str, str], entry: str) -> str:
    answer = {"body_sha256": idempotency.body_sha256, "order": fields, "history": [entry]}
    return orjson.dumps(answer).decode()


def _answer_from_json(text: str) -> FirstAnswer:
    answer = orjson.loads(text)
    history = tuple(entry_from_json(entry) for entry in answer["history"])
    order = replace(order_from_fields(answer["order"]), history=history)
    return FirstAnswer(answer["body_sha256"], order)


NO_MENU = Menu(0, "", {})


class RedisMenuStore:
    """``MenuStore`` in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._import = load_script(redis, "order", "lua/import_menu.lua")
        self._replace_dish = load_script(redis, "order", "lua/replace_dish.lua")
        self._known = NO_MENU

    async def read(self) -> Menu:
        # Every change of the menu raises its version.
        version = await self._redis.hget(keys.MENU, "_version")
        if int(version or 0) != self._known.version:
            self._known = _menu(await self._redis.hgetall(keys.MENU))
        return self._known

    async def replace(self, menu: Menu, *, op: str) -> Menu:
        dishes = chain.from_iterable((i.sku, dish_to_json(i)) for i in menu.items.values())
        sequence = orjson.dumps(list(menu.items))
        version = await self._import(keys=[keys.MENU], args=[op, menu.currency, sequence, *dishes])
        return replace(menu, version=int(version))

    async def set_availability(self, sku: str, available: bool) -> Menu:
        while True:
            menu = await self.read()
            if sku not in menu.items:
                raise DishNotFoundError(sku)
            before = menu.items[sku]
            after = replace(before, available=available)
            done = await self._replace_dish(
                keys=[keys.MENU], args=[sku, dish_to_json(before), dish_to_json(after)]
            )
            if done:
                return replace(menu, items={sku: after})


def _menu(fields: Mapping[str, str]) -> Menu:
    # A menu is read in the sequence its author gave it, which a hash does not keep.
    skus = orjson.loads(fields["_skus"]) if "_skus" in fields else fields
    return Menu(
        version=int(fields.get("_version", 0)),
        currency=fields.get("_currency", ""),
        items={sku: dish_from_json(sku, fields[sku]) for sku in skus if not sku.startswith("_")},
    )


class RedisHouseStore:
    """``HouseStore`` in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis

    async def read(self) -> House:
        fields = await self._redis.hgetall(keys.HOUSE)
        return House(
            hours=tuple(
                OpeningHours(day, time.fromisoformat(opens), time.fromisoformat(closes))
                for day, opens, closes in orjson.loads(fields.get("hours", "[]"))
            ),
            time_zone=fields.get("time_zone", "UTC"),
            paused=fields.get("paused") == "1",
            reason=fields.get("reason", ""),
        )

    async def set_hours(self, hours: Sequence[OpeningHours], time_zone: str) -> None:
        written = [(each.day, _clock_time(each.opens), _clock_time(each.closes)) for each in hours]
        fields = {"hours": orjson.dumps(written), "time_zone": time_zone}
        await self._redis.hset(keys.HOUSE, mapping=fields)

    async def set_pause(self, paused: bool, reason: str) -> None:
        fields = {"paused": int(paused), "reason": reason}
        await self._redis.hset(keys.HOUSE, mapping=fields)


def _clock_time(at: time) -> str:
    return at.isoformat(timespec="minutes")
