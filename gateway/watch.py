"""The one Watch stream of this process to the order service, and its fan-out to event streams."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import grpc

from gateway import shapes
from gateway.clients import Peer
from gateway.events import StatusEvent
from gateway.inbox import Inbox
from gateway.metrics import WATCHES_LOST
from gateway.reach import Reach
from gateway.sse import encode
from gateway.upstream import (
    SILENCE_SECONDS,
    Backoff,
    UpstreamEndedError,
    describe,
    ending_as_error,
    read_news,
)
from infra.logs import get_logger
from infra.loops import check_cancelled
from infra.outage import Outage
from shared_proto.restaurant.order.v1.order_pb2 import (
    OrderEvent,
    ReadEventsRequest,
    ReadEventsResponse,
    WatchRequest,
    WatchResponse,
)
from shared_proto.sharding import shard_of

if TYPE_CHECKING:
    from shared_proto.restaurant.order.v1.order_pb2_grpc import OrderServiceAsyncStub

log = get_logger()

WatchCall = grpc.aio.StreamStreamCall[WatchRequest, WatchResponse]

# When many streams must catch up at once, so many ask at a time.
READS_AT_ONCE = 64


class _Guest:
    """A user with open streams, or who had some a moment ago."""

    __slots__ = ("inboxes", "is_followed")

    def __init__(self) -> None:
        self.inboxes: set[Inbox[StatusEvent]] = set()
        self.is_followed = False
        """Whether each of his events will arrive on the Watch stream that is open now."""

    def invalidate(self) -> None:
        for inbox in self.inboxes:
            inbox.invalidate()


class Watch:
    """What happens to the orders of the users this process serves.

    Two tasks work the stream while it is open: one reads, one writes. When it breaks it is opened
    again with a cursor for each feed, and what the users missed meanwhile comes the way of all
    events; where that can't be, the streams concerned are told to catch up.

    Args:
        order: the service that knows.
        on_reach: called when the order service or the kitchen was lost, or is back.
    """

    def __init__(
        self, order: "Peer[OrderServiceAsyncStub]", on_reach: Callable[[], None] = lambda: None
    ) -> None:
        self._order = order
        self._on_reach = on_reach
        self.reach = Reach(["order", "kitchen"], self._note_reach)
        self._guests: dict[str, _Guest] = {}
        self._cursors: dict[str, str] = {}
        self._adding: set[str] = set()
        self._removing: set[str] = set()
        self._to_say = asyncio.Event()
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._as_of: str | None = None
        self._kitchen_tick_at: dict[str, str] = {}
        self._heartbeat: bytes | None = None
        self._outage = Outage()

    def _note_reach(self) -> None:
        self._heartbeat = None
        self._on_reach()

    def follow(self, user_id: str, inbox: Inbox[StatusEvent]) -> None:
        """Puts the user's events into ``inbox``; once he ``is_followed``, which wakes it, all of
        them."""
        guest = self._guests.get(user_id)
        if guest is None:
            guest = self._guests[user_id] = _Guest()
            self._adding.add(user_id)
            self._to_say.set()
        guest.inboxes.add(inbox)

    def unfollow(self, user_id: str, inbox: Inbox[StatusEvent]) -> None:
        """Puts no more events into ``inbox``."""
        self._guests[user_id].inboxes.discard(inbox)

    def is_followed(self, user_id: str) -> bool:
        """Whether every event of the user from now on will arrive."""
        return self._guests[user_id].is_followed

    def forget_absent(self) -> None:
        """Stops following users without streams. Not at once when the last one closes: most are
        back in a second."""
        # One whose add was not answered yet stays: an answer must never be taken for another's.
        gone = [u for u, guest in self._guests.items() if guest.is_followed and not guest.inboxes]
        for user_id in gone:
            del self._guests[user_id]
        if gone:
            self._removing.update(gone)
            self._to_say.set()

    async def read_events(self, user_id: str, after_event_id: str) -> ReadEventsResponse:
        """The user's events after an id, or a snapshot. Raises what ``Peer.ask`` raises."""
        async with self._reads:
            return await self._order.ask_as_gateway(
                self._order.stub.ReadEvents,
                ReadEventsRequest(user_id=user_id, after_event_id=after_event_id),
            )

    def heartbeat(self) -> bytes:
        """An encoded heartbeat: when the order service and each kitchen were last heard of."""
        if self._heartbeat is None:
            self._heartbeat = encode(
                "heartbeat",
                {
                    "kitchen_tick_at": self._kitchen_tick_at,
                    "as_of": self._as_of,
                    "away": self.reach.away,
                },
            )
        return self._heartbeat

    async def run(self) -> None:
        """Keeps the stream open for ever."""
        backoff = Backoff()
        while True:
            try:
                await self._keep_open(backoff)
            except* (
                UpstreamEndedError,
                TimeoutError,
                grpc.aio.AioRpcError,
                asyncio.InvalidStateError,  # grpc.aio's answer to a write after the end
            ) as group:
                WATCHES_LOST.labels("order").inc()
                self._outage.tell("watch_lost", error=describe(group))
            check_cancelled()
            await backoff.wait()

    async def _keep_open(self, backoff: Backoff) -> None:
        call: WatchCall = self._order.stub.Watch(
            metadata=self._order.own_metadata, wait_for_ready=True
        )
        try:
            with ending_as_error():
                async with asyncio.timeout(SILENCE_SECONDS):
                    await call.write(self._opening())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(call))
                await self._read(call, backoff)
        finally:
            call.cancel()
            self.reach.lose("order")
            self._lose_track()

    def _opening(self) -> WatchRequest:
        self._guests = {u: guest for u, guest in self._guests.items() if guest.inboxes}
        self._adding.clear()
        self._removing.clear()
        return WatchRequest(add_user_ids=self._guests, cursors=self._cursors)

    def _lose_track(self) -> None:
        for user_id, guest in self._guests.items():
            guest.is_followed = False
            # Without a cursor nobody knows what the next stream would have to begin with.
            if shard_of(user_id) not in self._cursors:
                guest.invalidate()

    async def _write(self, call: WatchCall) -> None:
        while True:
            await self._to_say.wait()
            self._to_say.clear()
            added, self._adding = self._adding, set()
            removed, self._removing = self._removing, set()
            # One message each: within one, nothing says which comes first for a user in both.
            if removed:
                await call.write(WatchRequest(remove_user_ids=removed))
            if added:
                await call.write(WatchRequest(add_user_ids=added))

    async def _read(self, call: WatchCall, backoff: Backoff) -> None:
        opened = False
        while True:
            response: WatchResponse = await read_news(call)
            if not opened:
                opened = True
                backoff.reset()
                self.reach.find("order")
                self._outage.over()
                log.info("watch_opened", users=len(self._guests), cursors=len(self._cursors))
            self._take(response)

    def _take(self, response: WatchResponse) -> None:
        for event in response.events:
            self._fan_out(event)
        for user_id in response.added_user_ids:
            if (guest := self._guests.get(user_id)) is not None:
                guest.is_followed = True
                for inbox in guest.inboxes:
                    inbox.wake()
        if response.reset_shards:
            self._reset(response.reset_shards)
        self._cursors.update(response.cursors)
        if response.HasField("as_of"):
            self._as_of = shapes.time_text(response.as_of)
            self._heartbeat = None
        for kitchen, at in response.kitchen_tick_at.items():
            self._kitchen_tick_at[kitchen] = shapes.time_text(at)

    def _fan_out(self, message: OrderEvent) -> None:
        guest = self._guests.get(message.user_id)
        if guest is None or not guest.inboxes:
            return
        event = StatusEvent.of(message)
        for inbox in guest.inboxes:
            inbox.put(event)

    def _reset(self, shards: Iterable[str]) -> None:
        lost = frozenset(shards)
        log.info("watch_shards_reset", shards=sorted(lost))
        for user_id, guest in self._guests.items():
            if shard_of(user_id) in lost:
                guest.invalidate()
