"""The event feed: one reader a process follows every shard, and fans out to Watch streams."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.clock import utc_now
from infra.logs import get_logger
from infra.loops import Pace, check_cancelled, forever
from infra.redis_client import BLOCK_MS
from order import keys
from order.codec import event_from_fields
from order.domain import OrderEvent
from order.ports import OrderStore
from order.redis_store import NO_EVENT, is_cursor_usable, queue_cursor_check
from shared_proto.sharding import SHARDS, shard_of

READ_COUNT = 500
QUEUE_LENGTH = 1_000
AS_OF_SECONDS = 2.0
PAUSE_SECONDS = 0.5
GATHER_SECONDS = 0.005
"""Each look at the feeds costs the same however many events it finds."""

log = get_logger()


class WatcherOverflowError(Exception):
    """A watcher reads slower than its users' orders move; it must come back with its cursors."""


@dataclass(frozen=True)
class FeedNews:
    """What a watcher is told at one time."""

    events: tuple[OrderEvent, ...] = ()
    added_user_ids: tuple[str, ...] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    reset_shards: tuple[str, ...] = ()


class Watcher:
    """One Watch stream: the users it follows, and what it has not been told yet."""

    def __init__(self, user_ids: Iterable[str]) -> None:
        self._users = set(user_ids)
        self._queue: asyncio.Queue[FeedNews | None] = asyncio.Queue()
        # What is read while the past is still being collected waits here, to be told after it.
        self._held: list[FeedNews] | None = []

    def add_users(self, user_ids: Iterable[str]) -> None:
        """Follows users: each of their events that is read from now on will be told."""
        added = tuple(user_ids)
        self._users.update(added)
        self._tell(FeedNews(added_user_ids=added))

    def remove_users(self, user_ids: Iterable[str]) -> None:
        """Follows users no longer."""
        self._users.difference_update(user_ids)

    def offer(self, shard: str, events: Iterable[OrderEvent], cursor: str) -> None:
        """Tells the events of followed users; the others only matter for the cursor."""
        wanted = tuple(event for event in events if event.user_id in self._users)
        if wanted:
            self._tell(FeedNews(events=wanted, cursors={shard: cursor}))

    def pass_on(self, cursors: Mapping[str, str]) -> None:
        """Moves the gateway's cursors past events of users it does not follow, in their turn."""
        self._tell(FeedNews(cursors=dict(cursors)))

    def begin(self, past: Iterable[FeedNews]) -> None:
        """Tells the past, then what was held back meanwhile, and from then on what comes."""
        held, self._held = self._held or [], None
        for news in (*past, *held):
            self._tell(news)

    def _tell(self, news: FeedNews) -> None:
        if self._held is not None:
            self._held.append(news)
        elif self._queue.qsize() < QUEUE_LENGTH:
            self._queue.put_nowait(news)
            if self._queue.qsize() == QUEUE_LENGTH:
                # Nothing fits any more: this ends the stream, and the gateway comes back with
                # the cursors of what it did get.
                self._queue.put_nowait(None)

    async def next(self) -> FeedNews:
        """What to tell next. Raises WatcherOverflowError when the watcher fell behind."""
        news = await self._queue.get()
        if news is None:
            raise WatcherOverflowError
        return news


class Feed:
    """Follows the feeds of all shards with one blocking read, and serves this process's watchers.

    Args:
        redis: a client whose sockets outlast a blocking read.
        store: for when the kitchens' jobs last ran.
        feed_length: roughly how many events each feed keeps.
    """

    def __init__(self, redis: Redis, store: OrderStore, *, feed_length: int) -> None:
        self._redis: Any = redis
        self._store = store
        self._feed_length = feed_length
        self._positions: dict[str, str] = {}
        self._watchers: set[Watcher] = set()
        self._started = asyncio.Event()
        self._pace = Pace(GATHER_SECONDS)
        self.as_of: datetime | None = None
        """When Redis last answered: everything up to then has been told."""
        self.ticks: Mapping[str, datetime] = {}
        """When each kitchen's job last ran."""

    async def run(self) -> None:
        """Reads for ever; waits while Redis is away and misses nothing meanwhile."""
        await forever(self._step)

    async def _step(self) -> None:
        try:
            if not self._positions:
                self._positions = await self._last_ids()
                self._started.set()
            await self._read()
            if self.as_of is None or (utc_now() - self.as_of).total_seconds() >= AS_OF_SECONDS:
                self.ticks = await self._store.read_ticks()
                for watcher in self._watchers:
                    watcher.pass_on(self._positions)
            self.as_of = utc_now()
        except (RedisError, OSError) as error:
            check_cancelled()
            log.warning("feed_not_read", error=str(error))
            await asyncio.sleep(PAUSE_SECONDS)

    async def _last_ids(self) -> dict[str, str]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in SHARDS:
                pipe.xrevrange(keys.feed(shard), count=1)
            found = await pipe.execute()
        return {
            shard: entries[0][0] if entries else NO_EVENT
            for shard, entries in zip(SHARDS, found, strict=True)
        }

    async def _read(self) -> None:
        await self._pace.keep()
        streams = {keys.feed(shard): last for shard, last in self._positions.items()}
        answer = await self._redis.xread(streams, count=READ_COUNT, block=BLOCK_MS)
        shards = {keys.feed(shard): shard for shard in SHARDS}
        for key, entries in answer or []:
            shard = shards[key]
            events = [event_from_fields(i, fields) for i, fields in entries]
            # No await between the two: a watcher that joins sees an event either in its replay,
            # which ends at the position, or here.
            self._positions[shard] = events[-1].id
            for watcher in tuple(self._watchers):
                watcher.offer(shard, events, events[-1].id)

    @asynccontextmanager
    async def watch(
        self, user_ids: Iterable[str], cursors: Mapping[str, str]
    ) -> AsyncIterator[Watcher]:
        """A watcher that follows ``user_ids`` from where ``cursors`` left off.

        What those users missed since is told first. A shard without a cursor is followed from now
        on; one whose cursor is of no use any more is named in ``reset_shards``.
        """
        await self._started.wait()
        users = tuple(user_ids)
        watcher = Watcher(users)
        upto = dict(self._positions)
        self._watchers.add(watcher)
        try:
            watcher.begin(await self._past(users, cursors, upto))
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def _past(
        self, users: tuple[str, ...], cursors: Mapping[str, str], upto: Mapping[str, str]
    ) -> list[FeedNews]:
        """What ``users`` missed between ``cursors`` and ``upto``, shard by shard."""
        shards = sorted({shard_of(user) for user in users} & cursors.keys())
        behind = [shard for shard in shards if cursors[shard] != upto[shard]]
        past: list[FeedNews] = []
        reset: list[str] = []
        for shard in behind:
            entries = await self._entries_between(shard, cursors[shard], upto[shard])
            if entries is None:
                reset.append(shard)
                continue
            events = (event_from_fields(i, fields) for i, fields in entries)
            wanted = tuple(event for event in events if event.user_id in users)
            past.append(FeedNews(events=wanted, cursors={shard: upto[shard]}))
        first = FeedNews(added_user_ids=users, cursors=upto, reset_shards=tuple(reset))
        return [*past, first]

    async def _entries_between(
        self, shard: str, after: str, upto: str
    ) -> list[tuple[str, dict[str, str]]] | None:
        """The feed's entries in ``(after, upto]``, or None when some of them were trimmed."""
        async with self._redis.pipeline(transaction=True) as pipe:
            await queue_cursor_check(pipe, keys.feed(shard), after)
            pipe.xrange(keys.feed(shard), min=f"({after}", max=upto)
            checked, entries = await pipe.execute()
        if not is_cursor_usable(checked, after, self._feed_length):
            return None
        found: list[tuple[str, dict[str, str]]] = entries
        return found
