"""The event feed: one reader a process follows every shard, and fans out to Watch streams."""

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.clock import utc_now
from infra.logs import get_logger
from infra.loops import CrowdPace, check_cancelled, forever
from infra.outage import Outage
from infra.redis_client import BLOCK_MS, has_answered, is_cluster
from order import keys
from order.domain import Change, OrderEvent
from order.ports import OrderStore
from order.redis_store import NO_EVENT, is_cursor_usable, queue_cursor_check, read_events
from shared_proto.sharding import SHARDS, shard_of, shard_of_order

READ_COUNT = 500
QUEUE_LENGTH = 1_000
TOGETHER = 500
"""So many events make a message that takes no more."""
AS_OF_SECONDS = 2.0
LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.5
GATHER_SECONDS = 0.010
"""Each look at the feeds costs much the same however many events it finds."""
CROWD = 1_000.0
"""Feeds written to a second that are worth such a wait."""

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

    @property
    def is_plain(self) -> bool:
        """Whether it has events and cursors only."""
        return not (self.added_user_ids or self.reset_shards)


class Watcher:
    """One Watch stream: the users it follows, and what it has not been told yet."""

    def __init__(self, user_ids: Iterable[str]) -> None:
        self._users: set[str] = set()
        self._in_shards: Counter[str] = Counter()
        self._queue: deque[FeedNews] = deque()
        self._some = asyncio.Event()
        self._is_over = False
        self._fell_behind = False
        # What is read while the past is still being collected waits here, to be told after it.
        self._held: list[FeedNews] | None = []
        self._follow(user_ids)

    def follows(self, user_id: str) -> bool:
        """Whether it follows the user."""
        return user_id in self._users

    @property
    def shards(self) -> Set[str]:
        """Where the users it follows are."""
        return self._in_shards.keys()

    def add_users(self, user_ids: Iterable[str]) -> None:
        """Follows users: each of their events that is read from now on will be told."""
        added = tuple(user_ids)
        self._follow(added)
        self.tell(FeedNews(added_user_ids=added))

    def _follow(self, user_ids: Iterable[str]) -> None:
        added = set(user_ids) - self._users
        self._users |= added
        self._in_shards.update(map(shard_of, added))

    def remove_users(self, user_ids: Iterable[str]) -> None:
        """Follows users no longer."""
        removed = self._users.intersection(user_ids)
        self._users -= removed
        self._in_shards.subtract(map(shard_of, removed))
        # Without those that count none.
        self._in_shards = +self._in_shards

    def begin(self, past: Iterable[FeedNews]) -> None:
        """Tells the past, then what was held back meanwhile, and from then on what comes."""
        held, self._held = self._held or [], None
        for news in (*past, *held):
            self.tell(news)

    def tell(self, news: FeedNews) -> None:
        """Tells ``news``, in its turn."""
        if self._held is not None:
            self._held.append(news)
        elif len(self._queue) < QUEUE_LENGTH and not self._fell_behind:
            self._queue.append(news)
            self._some.set()
        else:
            # This ends the stream when all before it was told, and the gateway comes back with the
            # cursors of what it did get.
            self._fell_behind = True

    def end(self) -> None:
        """There is nobody to be told any more."""
        self._is_over = True
        self._some.set()

    async def next(self) -> FeedNews | None:
        """What to tell next, as much as fits together; None when it is over.

        Raises WatcherOverflowError when the watcher fell behind.
        """
        while not self._queue:
            if self._is_over:
                return None
            if self._fell_behind:
                raise WatcherOverflowError
            self._some.clear()
            await self._some.wait()
        return None if self._is_over else self._take()

    def _take(self) -> FeedNews:
        first = self._queue.popleft()
        # Only events and cursors are put together: what else there is has its place among them.
        if not (first.is_plain and self._queue and self._queue[0].is_plain):
            return first
        events, cursors = list(first.events), dict(first.cursors)
        while self._queue and self._queue[0].is_plain and len(events) < TOGETHER:
            news = self._queue.popleft()
            events += news.events
            cursors.update(news.cursors)
        return FeedNews(tuple(events), cursors=cursors)


class Feed:
    """Follows the feeds in which somebody watches a user, for all of this process's watchers.

    A feed is read when it was written to: this process knows of its own commits (``committed``),
    and replicas tell each other on a channel. That is a hint, and may be lost, so all feeds that
    matter are read every second as well. A blocking read of all 32 would be woken, and cost as much
    again, at every commit of anybody.

    Args:
        redis: a client for commands.
        listening: one for the channel alone.
        store: for when the kitchens' jobs last ran.
        feed_length: roughly how many events each feed keeps.
    """

    def __init__(
        self, redis: Redis, listening: Redis, store: OrderStore, *, feed_length: int
    ) -> None:
        self._redis: Any = redis
        self._listening = listening
        self._store = store
        self._feed_length = feed_length
        self._name = secrets.token_hex(8)
        self._one_by_one = False
        """Whether no two feeds can be read by one command, as in a cluster."""
        self._positions: dict[str, str] = {}
        self._watchers: set[Watcher] = set()
        self._started = asyncio.Event()
        self._pace = CrowdPace(GATHER_SECONDS, CROWD)
        self._written: set[str] = set()
        """Shards that were written to and have not been read since."""
        self._to_tell: set[str] = set()
        """Those of them the other replicas have not been told of."""
        self._some_written = asyncio.Event()
        self._look_at = 0.0
        """When all that is watched is read, hint or not, by the loop's clock."""
        self.as_of: datetime | None = None
        """When Redis last answered: everything up to then has been told."""
        self.ticks: Mapping[str, datetime] = {}
        """When each kitchen's job last ran."""

    def committed(self, change: Change, outbox_id: str) -> None:
        """This process has just committed ``change``; a ``ports.CommitListener``."""
        shard = shard_of_order(change.order.id)
        self._to_tell.add(shard)
        self._note_written((shard,))

    def _note_written(self, shards: Iterable[str]) -> None:
        self._written.update(shards)
        self._some_written.set()

    async def run(self) -> None:
        """Reads for ever; waits while Redis is away and misses nothing meanwhile."""
        async with asyncio.TaskGroup() as loops:
            for step in (self._step, self._listen, self._say_as_of):
                loops.create_task(forever(partial(self._until_redis_answers, step, Outage())))

    async def _until_redis_answers(
        self, step: Callable[[], Awaitable[None]], outage: Outage
    ) -> None:
        try:
            await step()
        except (RedisError, OSError) as error:
            check_cancelled()
            outage.tell("feed_not_read", has_answered=has_answered(error), error=str(error))
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            outage.over()

    async def _step(self) -> None:
        if not self._positions:
            self._one_by_one = await is_cluster(self._redis)
            self._positions = await self._last_ids(SHARDS)
            self._started.set()
        try:
            async with asyncio.timeout_at(self._look_at):
                await self._some_written.wait()
        except TimeoutError:
            pass
        now = asyncio.get_running_loop().time()
        if now >= self._look_at:
            # By the clock, not after a silence: who is busy may miss a hint as well.
            self._written.update(SHARDS)
            self._look_at = now + LOOK_SECONDS
        await self._pace.keep()
        self._pace.count(len(self._written), asyncio.get_running_loop().time())
        await self._read()

    async def _last_ids(self, shards: Iterable[str]) -> dict[str, str]:
        named = tuple(shards)
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in named:
                pipe.xrevrange(keys.feed(shard), count=1)
            found = await pipe.execute()
        return {
            shard: entries[0][0] if entries else NO_EVENT
            for shard, entries in zip(named, found, strict=True)
        }

    async def _read(self) -> None:
        """Reads what was written where somebody watches, and tells the other replicas."""
        written, self._written = self._written, set()
        told, self._to_tell = self._to_tell, set()
        self._some_written.clear()
        shards = sorted(written & self._watched)
        try:
            if told:
                await self._redis.publish(keys.FEEDS, f"{self._name} {''.join(sorted(told))}")
            found = await self._events_after_positions(shards) if shards else []
        except (RedisError, OSError):
            self._to_tell |= told
            self._note_written(written)
            raise
        for shard, entries in found:
            if len(entries) == READ_COUNT:
                self._note_written((shard,))
            self._tell_watchers(shard, entries)
        self.as_of = utc_now()

    @property
    def _watched(self) -> set[str]:
        return {shard for watcher in self._watchers for shard in watcher.shards}

    async def _events_after_positions(
        self, shards: Sequence[str]
    ) -> list[tuple[str, list[tuple[str, dict[str, str]]]]]:
        streams = {keys.feed(shard): self._positions[shard] for shard in shards}
        of_key = dict(zip(streams, shards, strict=True))
        return [(of_key[key], entries) for key, entries in await self._read_streams(streams)]

    async def _read_streams(
        self, streams: Mapping[str, str]
    ) -> list[tuple[str, list[tuple[str, dict[str, str]]]]]:
        """What follows the given ids, by stream; streams without news are left out."""
        if not self._one_by_one:
            return await self._redis.xread(streams, count=READ_COUNT) or []
        # They leave together, in one round trip.
        answers = await asyncio.gather(
            *(self._redis.xread({key: after}, count=READ_COUNT) for key, after in streams.items())
        )
        return [found for answer in answers for found in answer or []]

    def _tell_watchers(self, shard: str, entries: list[tuple[str, dict[str, str]]]) -> None:
        # No await in here: a watcher that joins sees an event either in its replay, which ends at
        # the position, or here.
        last = self._positions[shard] = entries[-1][0]
        for watcher in self._watchers:
            wanted = tuple(
                read_events(
                    (event_id, fields)
                    for event_id, fields in entries
                    if watcher.follows(fields.get("user_id", ""))
                )
            )
            if wanted:
                watcher.tell(FeedNews(events=wanted, cursors={shard: last}))

    async def _listen(self) -> None:
        """Hears from other replicas which feeds they have written to."""
        async with self._listening.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(keys.FEEDS)
            while True:
                message = await channel.get_message(timeout=BLOCK_MS / 1000)
                check_cancelled()
                if message is None:
                    continue
                name, _, shards = message["data"].partition(" ")
                if name != self._name:
                    self._note_written(shards)

    async def _say_as_of(self) -> None:
        """Tells every watcher, now and then, how far it has been told all."""
        for watcher in self._watchers:
            watcher.tell(FeedNews(cursors=dict(self._positions)))
        await asyncio.sleep(AS_OF_SECONDS)
        self.ticks = await self._store.read_ticks()
        await self._skip_unwatched()

    async def _skip_unwatched(self) -> None:
        """Moves on in feeds nobody watches, which are not read."""
        last_ids = await self._last_ids(SHARDS)
        # Whoever began to watch one while we asked finds its position where it was.
        self._positions.update({s: last_ids[s] for s in last_ids.keys() - self._watched})

    @asynccontextmanager
    async def watch(
        self, user_ids: Iterable[str], cursors: Mapping[str, str]
    ) -> AsyncIterator[Watcher]:
        """A watcher that follows ``user_ids`` from where ``cursors`` left off.

        What those users missed since is told first. A shard without a cursor is followed from now
        on; one whose cursor is of no use any more is named in ``reset_shards``.
        """
        await self._started.wait()
        # A cursor of another replica must not be ahead of where this one goes on.
        await self._skip_unwatched()
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
            wanted = tuple(event for event in read_events(entries) if event.user_id in users)
            past.append(FeedNews(events=wanted, cursors={shard: upto[shard]}))
        first = FeedNews(added_user_ids=users, cursors=upto, reset_shards=tuple(reset))
        return [*past, first]

    async def _entries_between(
        self, shard: str, after: str, upto: str
    ) -> list[tuple[str, dict[str, str]]] | None:
        """The feed's entries in ``(after, upto]``, or None when some of them were trimmed."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange(keys.feed(shard), min=f"({after}", max=upto)
            # As in ``events_after`` of the store.
            queue_cursor_check(pipe, keys.feed(shard), after)
            entries, checked = await pipe.execute()
        if not is_cursor_usable(checked, after, self._feed_length):
            return None
        found: list[tuple[str, dict[str, str]]] = entries
        return found
