"""One guest's event stream: of all his orders, or of one."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import grpc

from gateway import shapes
from gateway.clients import PeerAwayError
from gateway.events import (
    FINAL,
    EventId,
    StatusEvent,
    parse_event_id,
    read_event_id,
    record_sent,
)
from gateway.inbox import Inbox
from gateway.metrics import RESETS
from gateway.sse import encode
from gateway.watch import Watch
from shared_proto.restaurant.order.v1.order_pb2 import Order, ReadEventsResponse, Snapshot

ReadEvents = Callable[[str, str], Awaitable[ReadEventsResponse]]
FetchOrder = Callable[[], Awaitable[Order]]


@dataclass(frozen=True)
class OneOrder:
    """The order a stream is limited to, and how to read it for the one who watches."""

    id: str
    fetch: FetchOrder


class OrderStream:
    """Tells one reader what happens to a user's orders: no gap, no repeat, in order.

    Args:
        watch: where the user's events come from.
        user_id: whose orders.
        last_event_id: the last id the reader has, of whatever form, or "".
        one: limits the stream to one order; it is over after that order's last status.
    """

    __slots__ = ("_is_lost", "_is_over", "_one", "_seen", "_user_id", "_watch")

    def __init__(
        self, watch: Watch, user_id: str, last_event_id: str, *, one: OneOrder | None = None
    ) -> None:
        self._watch = watch
        self._user_id = user_id
        self._one = one
        # What the reader has seen: everything up to and including this.
        self._seen = parse_event_id(last_event_id)
        # The reader holds an id that names no event: it must hear that it is of no use.
        self._is_lost = bool(last_event_id) and self._seen is None
        self._is_over = False

    def join(self, inbox: Inbox[StatusEvent]) -> None:
        self._watch.follow(self._user_id, inbox)

    def leave(self, inbox: Inbox[StatusEvent]) -> None:
        self._watch.unfollow(self._user_id, inbox)

    @property
    def is_ready(self) -> bool:
        return self._watch.is_followed(self._user_id)

    @property
    def is_away(self) -> bool:
        return "order" in self._watch.reach.away

    @property
    def is_over(self) -> bool:
        return self._is_over

    def heartbeat(self) -> bytes:
        return self._watch.heartbeat()

    def tell(self, item: StatusEvent) -> bytes | None:
        if self._seen is not None and item.id <= self._seen:
            return None
        self._seen = item.id
        if self._one is not None:
            if item.order_id != self._one.id:
                return None
            self._is_over = item.is_last
        return item.chunk

    async def catch_up(self) -> AsyncGenerator[bytes, None]:
        # Asked before the replay: what led to the order's last status is told by its end.
        is_finished = await self._is_finished()
        while not self._is_over:
            page = await self._watch.read_events(self._user_id, _text(self._seen))
            if page.HasField("snapshot"):
                # Fetched before anything is sent: if that fails, all of it is done again.
                shown = await self._orders_of(page.snapshot)
                if shown is None:
                    self._is_over = True
                    return
                if self._is_lost or self._seen is not None:
                    RESETS.inc()
                    yield encode("reset", {})
                self._is_lost = False
                self._seen = read_event_id(page.snapshot.event_id)
                yield encode(
                    "snapshot",
                    {"orders": [shapes.order(order) for order in shown]},
                    page.snapshot.event_id,
                )
                self._is_over = self._one is not None and shown[0].status in FINAL
                return
            for message in page.events:
                event = StatusEvent.of(message)
                chunk = self.tell(event)
                if chunk is not None:
                    since = time.time_ns()
                    yield chunk
                    record_sent(event, since)
                if self._is_over:
                    return
            if not page.more:
                self._is_over = is_finished
                return

    async def _is_finished(self) -> bool:
        """Whether a reader who comes back to one order may have seen all of it before."""
        if self._one is None or self._seen is None:
            return False
        order = await self._fetch_one(self._one)
        return order is None or order.status in FINAL

    async def _orders_of(self, snapshot: Snapshot) -> list[Order] | None:
        """What this stream shows of a snapshot, or None when there is no such order of the user."""
        if self._one is None:
            return list(snapshot.orders)
        found = [order for order in snapshot.orders if order.id == self._one.id]
        if found:
            return found
        # Not among the active and recent ones: it was finished long ago, or it is another user's.
        order = await self._fetch_one(self._one)
        if order is None:
            return None
        order.ClearField("history")
        return [order]

    async def _fetch_one(self, one: OneOrder) -> Order | None:
        """The order as it is, or None when the user has no such order."""
        try:
            order = await one.fetch()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        return order if order.user_id == self._user_id else None


def _text(event_id: EventId | None) -> str:
    return f"{event_id[0]}-{event_id[1]}" if event_id else ""


async def has_seen_all(watch: Watch, order: Order, last_event_id: str) -> bool:
    """Whether a reader who has ``last_event_id`` knows all there will ever be about ``order``.

    When that can't be found out now the answer is False: a stream tells him.
    """
    seen = parse_event_id(last_event_id)
    if order.status not in FINAL or seen is None:
        return False
    try:
        while True:
            page = await watch.read_events(order.user_id, _text(seen))
            if page.HasField("snapshot"):
                return seen >= read_event_id(page.snapshot.event_id)
            if any(event.order_id == order.id for event in page.events):
                return False
            if not page.more:
                return True
            seen = read_event_id(page.events[-1].id)
    except (grpc.aio.AioRpcError, PeerAwayError):
        return False
