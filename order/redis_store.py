"""Orders and the menu in Redis: the ports, kept by atomic scripts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import chain
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError
from ulid import ULID

from infra import tracing
from infra.clock import from_text, to_ms, to_text
from infra.limits import Limit, Usage
from infra.redis_client import load_script
from infra.shared_pipeline import read_hash, without_error
from infra.unreadable import UNREADABLE, is_of_data, tell_unreadable
from order import keys
from order.codec import (
    dish_from_json,
    dish_to_json,
    entry_from_json,
    entry_to_json,
    event_from_fields,
    first_order,
    lines_to_json,
    op_marker,
    order_from_fields,
)
from order.domain import (
    BacklogFullError,
    Change,
    DishNotFoundError,
    HouseChangedError,
    Menu,
    MenuChangedError,
    MenuItem,
    Order,
    OrderEvent,
    OrderNotFoundError,
    TooManyOrdersError,
)
from order.house import House, OpeningHours
from order.lifecycle import Status
from order.ports import (
    Applied,
    CommitListener,
    FirstAnswer,
    Idempotency,
    OrderMark,
    OrderPage,
    Outdated,
    Replayed,
    Stale,
    Unreadable,
    UserEvents,
)
from shared_proto.sharding import SHARDS, shard_of, shard_of_order

IDEMPOTENCY_SECONDS = 24 * 60 * 60
PAGE_SCAN = 100
RECENT_SCAN = 500
OUTBOX_SCAN = 1_000
RECENT_ORDERS = 4_096
NO_EVENT = "0-0"
LOOKS = 3
"""How often an order and its history are read until they go together."""


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
        self._places = (placing.count, placing.window_ms) if placing else (0, 0)
        self._place = load_script(redis, "order", "place")
        self._change = load_script(redis, "order", "change")
        self._outdate = load_script(redis, "order", "outdate")
        self._recent: dict[str, Order] = {}
        self._listeners: list[CommitListener] = []

    def add_listener(self, listener: CommitListener) -> None:
        """Tells ``listener`` of each commit from now on."""
        self._listeners.append(listener)

    async def get_with_history(self, order_id: str) -> Order | None:
        shard = shard_of_order(order_id)
        found: Order | None = None
        for _ in range(LOOKS):
            # Not in a transaction, which a full Redis refuses even for reading: so somebody may
            # write between the two.
            fields, entries = await self._redis.fetch_each(
                ("HGETALL", keys.order(shard, order_id)),
                ("LRANGE", keys.history(shard, order_id), 0, -1),
            )
            match _order(order_id, fields, entries):
                case Unreadable(error=error):
                    raise error
                case found:
                    if found is None or found.version in (e.version for e in found.history[-1:]):
                        break
        return found

    async def get_mark(self, order_id: str) -> OrderMark | None:
        key = keys.order(shard_of_order(order_id), order_id)
        [[user_id, kitchen, version]] = await self._redis.fetch(
            ("HMGET", key, "user_id", "kitchen", "version")
        )
        return None if version is None else OrderMark(user_id, kitchen, int(version))

    async def get_many(self, order_ids: Sequence[str]) -> list[Order | Unreadable | None]:
        found = await self._redis.fetch_each(
            *(("HGETALL", keys.order(shard_of_order(order_id), order_id)) for order_id in order_ids)
        )
        return list(map(_order, order_ids, found))

    async def recall_many(self, order_ids: Sequence[str]) -> list[Order | Unreadable | None]:
        missing = [order_id for order_id in order_ids if order_id not in self._recent]
        read = dict(zip(missing, await self.get_many(missing), strict=True))
        return [self._recent.get(order_id) or read.get(order_id) for order_id in order_ids]

    def _note(self, change: Change, result: Applied | Stale | Replayed) -> None:
        """Keeps what was just committed at hand, for the kitchen's answer to it comes soon, and
        tells the listeners."""
        order = change.order
        self._recent.pop(order.id, None)
        if not (isinstance(result, Applied) and result.is_new):
            return
        if not order.is_finished:
            self._recent[order.id] = order
            if len(self._recent) > RECENT_ORDERS:
                del self._recent[next(iter(self._recent))]
        for listener in self._listeners:
            listener.committed(change, result.outbox_id)

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
            page += [o for o in found if isinstance(o, Order) and status in (None, o.status)]
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
        shard = shard_of(user_id)
        answer, content_sha256 = await self._redis.fetch(
            ("GET", keys.idempotency(shard, user_id, key)),
            ("GET", keys.idempotent_content(shard, user_id, key)),
        )
        if answer is None:
            return None
        body_sha256, order_id = answer.split(" ")
        return await self._first_answer(
            Idempotency(key, body_sha256, content_sha256 or ""), order_id
        )

    async def _first_answer(self, given: Idempotency, order_id: str) -> FirstAnswer:
        shard = shard_of_order(order_id)
        fields, entry = await self._redis.fetch(
            ("HGETALL", keys.order(shard, order_id)),
            ("LINDEX", keys.history(shard, order_id), 0),
        )
        if not fields:
            raise OrderNotFoundError(order_id)
        return FirstAnswer(given, first_order(read_hash(fields), entry_from_json(entry)))

    async def place(
        self, change: Change, *, edition: int = 0, idempotency: Idempotency | None = None
    ) -> Applied | Stale | Replayed | Outdated:
        order = change.order
        shard = shard_of_order(order.id)
        script_keys = [
            keys.order(shard, order.id),
            keys.history(shard, order.id),
            keys.user_orders(shard, order.user_id),
            keys.open_orders(shard),
            keys.feed(shard),
            keys.user_events(shard, order.user_id),
            keys.outbox(shard),
            keys.terms(shard),
        ]
        if idempotency is not None:
            script_keys += (
                keys.idempotency(shard, order.user_id, idempotency.key),
                keys.idempotent_content(shard, order.user_id, idempotency.key),
            )
        args: list[str | bytes | int] = [
            change.entry.op,
            entry_to_json(change.entry),
            order.id,
            order.user_id,
            order.kitchen,
            lines_to_json(order.lines),
            order.total,
            order.currency,
            order.note,
            to_text(order.placed_at),
            to_ms(order.placed_at),
            self._feed_length,
            self._user_events_length,
            self._outbox_limit,
            *self._places,
            edition,
            idempotency.body_sha256 if idempotency else "",
            idempotency.content_sha256 if idempotency else "",
            IDEMPOTENCY_SECONDS,
        ]
        if trace := change.traceparent or tracing.to_keep():
            args.append(trace)
        reply = await self._place(script_keys, args)
        result: Applied | Stale | Replayed
        match reply.split(" "):
            case ["APPLIED", outbox_id]:
                result = Applied(is_new=True, outbox_id=outbox_id)
            case ["APPLIED", outbox_id, taken, reset_ms] if self._placing:
                usage = Usage(self._placing, True, int(taken), int(reset_ms))
                result = Applied(usage, is_new=True, outbox_id=outbox_id)
            case ["LIMITED", taken, reset_ms] if self._placing:
                raise TooManyOrdersError(Usage(self._placing, False, int(taken), int(reset_ms)))
            case ["DONE"]:
                result = Applied()
            case ["STALE"]:
                result = Stale()
            case ["REPLAY", body_sha256, order_id, content_sha256] if idempotency:
                given = Idempotency(idempotency.key, body_sha256, content_sha256)
                result = Replayed(await self._first_answer(given, order_id))
            case ["OUTDATED", newest]:
                return Outdated(int(newest))
            case ["FULL"]:
                raise BacklogFullError
            case _:
                raise AssertionError(f"place.lua never answers {reply!r}")
        self._note(change, result)
        return result

    async def commit(
        self, change: Change, *, tell_kitchen: bool, edition: int = 0
    ) -> Applied | Stale | Outdated:
        [reply] = await self._change.each([self._change_call(change, tell_kitchen, (), edition)])
        match reply.split(" ") if isinstance(reply, str) else ():
            case ["OUTDATED", newest]:
                return Outdated(int(newest))
            case ["FULL"]:
                raise BacklogFullError
        [result] = self._results([change], [reply])
        if isinstance(result, Unreadable):
            raise result.error
        return result

    async def commit_many(
        self,
        changes: Sequence[Change],
        *,
        tell_kitchen: bool = False,
        heard: Sequence[Sequence[str]] = (),
    ) -> list[Applied | Stale | Unreadable]:
        replies = await self._change.each(
            [
                self._change_call(change, tell_kitchen, ids)
                for change, ids in zip(changes, heard or [()] * len(changes), strict=True)
            ]
        )
        return self._results(changes, replies)

    def _results(
        self, changes: Sequence[Change], replies: Sequence[Any]
    ) -> list[Applied | Stale | Unreadable]:
        """What change.lua replied to each, noted. Raises what Redis refused all of them for."""
        if refusals := [e for e in replies if isinstance(e, Exception) and not is_of_data(e)]:
            raise refusals[0]
        results: list[Applied | Stale | Unreadable] = []
        for change, reply in zip(changes, replies, strict=True):
            if isinstance(reply, Exception):
                self._recent.pop(change.order.id, None)
                tell_unreadable("order", reply, order_id=change.order.id)
                results.append(Unreadable(change.order.id, reply))
                continue
            result: Applied | Stale
            match reply.split(" "):
                case ["APPLIED", *told]:
                    result = Applied(is_new=True, outbox_id=told[0] if told else "")
                case ["DONE"]:
                    result = Applied()
                case ["STALE"]:
                    result = Stale()
                case _:
                    raise AssertionError(f"change.lua never answers {reply!r}")
            self._note(change, result)
            results.append(result)
        return results

    def _change_call(
        self, change: Change, tell_kitchen: bool, heard: Sequence[str], edition: int = 0
    ) -> tuple[list[str], list[str | bytes | int]]:
        order = change.order
        shard = shard_of_order(order.id)
        script_keys = [
            keys.order(shard, order.id),
            keys.history(shard, order.id),
            keys.feed(shard),
            keys.user_events(shard, order.user_id),
        ]
        if tell_kitchen or heard or order.is_finished:
            script_keys += (
                keys.outbox(shard),
                keys.open_orders(shard),
                keys.user_orders(shard, order.user_id),
            )
        args: list[str | bytes | int] = [
            change.expected_version,
            change.entry.op,
            entry_to_json(change.entry),
            order.id,
            order.user_id,
            change.previous or "",
            order.status,
            order.number,
            order.revision,
            order.applied_seq,
            order.cause,
            order.reason,
            to_text(order.updated_at),
            to_text(order.promised_at) if order.promised_at else "",
            self._feed_length,
            self._user_events_length,
            int(tell_kitchen),
            int(order.is_finished),
            self._retention_seconds,
            change.traceparent or tracing.to_keep(),
            " ".join(heard),
        ]
        if change.is_content:
            script_keys.append(keys.terms(shard))
            args += (edition, self._outbox_limit)
            args += ("items", lines_to_json(order.lines), "total", order.total)
            args += ("note", order.note)
        return script_keys, args

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
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange(key, min=f"({event_id}", count=limit + 1)
            # After it: what is still there now was then, and so was all that follows it.
            queue_cursor_check(pipe, key, event_id)
            entries, checked = await pipe.execute()
        if not is_cursor_usable(checked, event_id, self._user_events_length):
            return UserEvents((), more=False, usable=False)
        events = list(read_events(entries[:limit]))
        return UserEvents(events, more=len(entries) > limit, usable=True)

    async def recent_of_user(self, user_id: str, finished_since: datetime) -> list[Order]:
        key = keys.user_orders(shard_of(user_id), user_id)
        found = await self.get_many(await self._redis.zrevrange(key, 0, RECENT_SCAN - 1))
        return [
            order
            for order in found
            if isinstance(order, Order)
            and (not order.is_finished or order.updated_at >= finished_since)
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
        return frozenset(fields.get("order_id", "") for _, fields in entries)

    async def tell_kitchen_again(self, order: Order) -> None:
        outbox = keys.outbox(shard_of_order(order.id))
        await self._redis.xadd(outbox, {"order_id": order.id, "version": order.version})

    async def read_edition(self) -> int:
        return int(await self._redis.get(keys.TERMS) or 0)

    async def outdate_terms(self) -> None:
        edition = await self._redis.incr(keys.TERMS)
        without_error(
            await self._outdate.each([([keys.terms(shard)], [edition]) for shard in SHARDS])
        )

    async def save_tick(self, kitchen: str, at: datetime) -> None:
        await self._redis.hset(keys.KITCHENS, kitchen, to_text(at))

    async def read_ticks(self) -> Mapping[str, datetime]:
        ticks: dict[str, datetime] = {}
        for kitchen, at in (await self._redis.hgetall(keys.KITCHENS)).items():
            try:
                ticks[kitchen] = from_text(at)
            except UNREADABLE as error:
                tell_unreadable("tick", error, kitchen=kitchen)
        return ticks


def _order(order_id: str, fields: Any, entries: Any = ()) -> Order | Unreadable | None:
    """The order of Redis' replies about its hash and its history."""
    try:
        for reply in (fields, entries):
            if isinstance(reply, Exception):
                raise reply
        if not fields:
            return None
        return order_from_fields(read_hash(fields), tuple(map(entry_from_json, entries)))
    except UNREADABLE as error:
        if isinstance(error, ResponseError) and not is_of_data(error):
            raise
        tell_unreadable("order", error, order_id=order_id)
        return Unreadable(order_id, error)


def read_events(entries: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[OrderEvent]:
    """The events of a stream's entries, but for those that can't be read."""
    for event_id, fields in entries:
        try:
            yield event_from_fields(event_id, fields)
        except UNREADABLE as error:
            tell_unreadable("event", error, event_id=event_id)


def queue_cursor_check(pipe: Pipeline, key: str, event_id: str) -> None:
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


NO_MENU = Menu(0, "", {})


class RedisMenuStore:
    """``MenuStore`` in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._import = load_script(redis, "order", "done", "import_menu")
        self._replace_dish = load_script(redis, "order", "done", "replace_dish")
        self._known = NO_MENU

    async def read(self) -> Menu:
        # Every change of the menu raises its version.
        version = await self._redis.hget(keys.MENU, "_version")
        if int(version or 0) != self._known.version:
            self._known = _menu(await self._redis.hgetall(keys.MENU))
        return self._known

    async def replace(self, menu: Menu, *, op: str, if_version: int | None = None) -> Menu:
        dishes = chain.from_iterable((i.sku, dish_to_json(i)) for i in menu.items.values())
        sequence = orjson.dumps(list(menu.items))
        args: list[str | bytes | int] = [op, _wanted(if_version), menu.currency, sequence, *dishes]
        done, version = await self._import(keys=[keys.MENU], args=args)
        if done == "STALE":
            raise MenuChangedError(version)
        return replace(menu, version=version)

    async def set_availability(
        self, sku: str, available: bool, *, op: str, if_version: int | None = None
    ) -> Menu:
        while True:
            menu = await self.read()
            if sku not in menu.items:
                raise DishNotFoundError(sku)
            if if_version not in (None, menu.version):
                raise MenuChangedError(menu.version)
            dish = replace(menu.items[sku], available=available)
            done, version = await self._replace_dish(
                keys=[keys.MENU], args=[op, menu.version, sku, dish_to_json(dish)]
            )
            if done == "DONE":
                return replace(menu, version=version, items={sku: dish})


def _wanted(if_version: int | None) -> int | str:
    return "" if if_version is None else if_version


def _menu(fields: Mapping[str, str]) -> Menu:
    # A menu is read in the sequence its author gave it, which a hash does not keep.
    skus = orjson.loads(fields["_skus"]) if "_skus" in fields else fields
    dishes: dict[str, MenuItem] = {}
    for sku in skus:
        if sku.startswith("_"):
            continue
        try:
            dishes[sku] = dish_from_json(sku, fields[sku])
        except UNREADABLE as error:
            # All others can be ordered.
            tell_unreadable("dish", error, sku=sku)
    return Menu(int(fields.get("_version", 0)), fields.get("_currency", ""), dishes)


class RedisHouseStore:
    """``HouseStore`` in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis
        self._set = load_script(redis, "order", "done", "set_house")

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
            paused_until=from_text(until) if (until := fields.get("until")) else None,
            version=int(fields.get("version", 1)),
        )

    async def set_hours(
        self,
        hours: Sequence[OpeningHours],
        time_zone: str,
        *,
        op: str,
        if_version: int | None = None,
    ) -> None:
        written = [(each.day, _clock_time(each.opens), _clock_time(each.closes)) for each in hours]
        fields = ("hours", orjson.dumps(written), "time_zone", time_zone)
        await self._write(op, if_version, *fields)

    async def set_pause(
        self,
        paused: bool,
        reason: str,
        until: datetime | None,
        *,
        op: str,
        if_version: int | None = None,
    ) -> None:
        end = to_text(until) if until else ""
        await self._write(op, if_version, "paused", int(paused), "reason", reason, "until", end)

    async def _write(
        self, op: str, if_version: int | None = None, *fields: str | bytes | int
    ) -> None:
        args = [op, _wanted(if_version), *fields]
        done, version = await self._set(keys=[keys.HOUSE], args=args)
        if done == "STALE":
            raise HouseChangedError(version)


def _clock_time(at: time) -> str:
    return at.isoformat(timespec="minutes")
