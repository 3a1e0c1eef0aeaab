"""One kitchen's board, live: a single reader of the events, fanned out to every watcher."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from infra.logs import get_logger
from infra.loops import Pace
from infra.outage import Outage
from infra.redis_client import has_answered
from kitchen.domain import BoardEvent, Ticket
from kitchen.ports import Clock, EventFeed, TicketStore

log = get_logger()

# The contract says at least every five.
AS_OF_SECONDS = 4.0
QUEUED_BATCHES = 64
RETRY_SECONDS = 1.0
# A look costs the same however many events it finds.
GATHER_SECONDS = 0.010


@dataclass(frozen=True)
class BoardSnapshot:
    """The whole board at one moment; ``event_id`` was read before the tickets."""

    event_id: str
    tickets: Sequence[Ticket]


@dataclass(frozen=True)
class BoardUpdate:
    """What a watcher is told; without snapshot and events it only says how fresh the board is."""

    as_of: datetime
    tick_at: datetime | None
    snapshot: BoardSnapshot | None = None
    events: Sequence[BoardEvent] = ()


class _Watcher:
    """A bounded queue; when it overflows, what it held is dropped and the watcher starts anew."""

    def __init__(self) -> None:
        self._batches: asyncio.Queue[Sequence[BoardEvent]] = asyncio.Queue(QUEUED_BATCHES)
        self.behind = False

    def offer(self, events: Sequence[BoardEvent]) -> None:
        try:
            self._batches.put_nowait(events)
        except asyncio.QueueFull:
            self.start_anew()

    def start_anew(self) -> None:
        self.behind = True
        while not self._batches.empty():
            self._batches.get_nowait()
        # Wakes whoever waits for a batch.
        self._batches.put_nowait(())

    async def next(self) -> Sequence[BoardEvent]:
        return await self._batches.get()


class Board:
    """One kitchen's board as its watchers see it."""

    def __init__(self, kitchen: str, store: TicketStore, events: EventFeed, clock: Clock) -> None:
        self._kitchen = kitchen
        self._store = store
        self._events = events
        self._clock = clock
        self._watchers: set[_Watcher] = set()
        self._some_watch = asyncio.Event()
        self._closed = False
        self._outage = Outage()

    async def run(self) -> None:
        """Reads the kitchen's events for all watchers, for ever. Ends when it is cancelled."""
        while True:
            try:
                await self._follow_events()
            except RedisError as error:
                self._outage.tell(
                    "board_lost",
                    kitchen=self._kitchen,
                    has_answered=has_answered(error),
                    error=str(error),
                )
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow_events(self) -> None:
        pace = Pace(GATHER_SECONDS)
        while True:
            # Nobody reads what nobody watches: a busy kitchen has an event for each step of each
            # order.
            await self._some_watch.wait()
            last = await self._store.last_event_id(self._kitchen)
            self._outage.over()
            # Whoever took a snapshot before this may have missed what came in between.
            for watcher in self._watchers:
                watcher.start_anew()
            while self._watchers:
                await pace.keep()
                entries = await self._events.events_after(self._kitchen, last)
                if entries:
                    last = entries[-1][0]
                    await self._tell(entries)
            self._some_watch.clear()

    async def _tell(self, entries: Sequence[tuple[str, str]]) -> None:
        tickets = await self._store.tickets(
            self._kitchen, list(dict.fromkeys(order_id for _, order_id in entries))
        )
        events = [
            BoardEvent(event_id, tickets[order_id])
            for event_id, order_id in entries
            if order_id in tickets
        ]
        for watcher in self._watchers:
            watcher.offer(events)

    async def watch(self) -> AsyncGenerator[BoardUpdate, None]:
        """A snapshot, then events in order; a snapshot again whenever some may have been missed.

        Says at least every five seconds how fresh the board is. Ends when the board is closed.
        Raises what the store raises.
        """
        # Before the snapshot is read, so that nothing falls between it and the first event.
        watcher = _Watcher()
        self._watchers.add(watcher)
        self._some_watch.set()
        try:
            seen = ""
            while not self._closed:
                if not seen or watcher.behind:
                    watcher.behind = False
                    seen = await self._store.last_event_id(self._kitchen)
                    tickets = await self._store.board(self._kitchen)
                    yield await self._update(snapshot=BoardSnapshot(seen, tickets))
                    continue
                events: Sequence[BoardEvent] = ()
                try:
                    async with asyncio.timeout(AS_OF_SECONDS):
                        events = await watcher.next()
                except TimeoutError:
                    yield await self._update()
                    continue
                fresh = [event for event in events if _place(event.id) > _place(seen)]
                if fresh:
                    seen = fresh[-1].id
                    yield await self._update(events=fresh)
        finally:
            self._watchers.discard(watcher)

    async def _update(
        self, snapshot: BoardSnapshot | None = None, events: Sequence[BoardEvent] = ()
    ) -> BoardUpdate:
        tick_at = await self._store.last_tick(self._kitchen)
        return BoardUpdate(self._clock(), tick_at, snapshot, events)

    def close(self) -> None:
        """Ends every watch."""
        self._closed = True
        for watcher in self._watchers:
            watcher.start_anew()


def _place(event_id: str) -> tuple[int, int]:
    """An entry's place in its stream, for comparing."""
    ms, _, count = event_id.partition("-")
    return int(ms), int(count)
