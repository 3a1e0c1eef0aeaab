"""The kitchens' boards: what hangs on each, derived from one WatchTickets stream a kitchen."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import grpc

from gateway import shapes
from gateway.clients import RETRY_AFTER_SECONDS, Peer
from gateway.events import read_event_id
from gateway.inbox import Inbox
from gateway.metrics import WATCHES_LOST
from gateway.problems import TOO_MANY_BOARDS
from gateway.reach import Reach
from gateway.sse import encode
from gateway.upstream import Backoff, UpstreamEndedError, describe, read_news
from infra.logs import get_logger
from infra.outage import Outage
from infra.web import ProblemError
from shared_proto.restaurant.kitchen.v1.kitchen_pb2 import (
    Ticket,
    TicketEvent,
    WatchTicketsRequest,
    WatchTicketsResponse,
)
from shared_proto.restaurant.order.v1 import order_pb2

if TYPE_CHECKING:
    from shared_proto.restaurant.kitchen.v1.kitchen_pb2_grpc import KitchenServiceAsyncStub

log = get_logger()

# Names that nobody could check while the kitchen service is away must not pile up.
BOARDS_LIMIT = 64
SERVICE = "kitchen"
# The kitchen speaks every four seconds; who looks at its board must know within eight.
SILENCE_SECONDS = 7
REFUSALS = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT})

# The halves of the pickup screen; queued ones aren't shown there.
SCREENED = {
    order_pb2.ORDER_STATUS_PREPARING: "preparing",
    order_pb2.ORDER_STATUS_READY: "ready",
}
ON_BOARD = frozenset({order_pb2.ORDER_STATUS_QUEUED, *SCREENED})


@dataclass(frozen=True, slots=True)
class BoardEvent:
    """A change of the board, ready to be sent."""

    for_cooks: bytes
    for_guests: bytes | None
    """None when guests see no difference."""
    at: float
    """When it happened, in seconds of Unix time."""
    # Of no trace: an order's goes on to its own guest.
    traceparent = ""


class Board:
    """What hangs in one kitchen, as the kitchen service last said."""

    def __init__(self, kitchen: str) -> None:
        self.kitchen = kitchen
        self.inboxes: set[Inbox[BoardEvent]] = set()
        self.is_loaded = False
        self.refusal: grpc.aio.AioRpcError | None = None
        """Why there is no such board, once that is known."""
        self.known = asyncio.Event()
        """Set when it is loaded or refused."""
        self.as_of: str | None = None
        self._tick_at: dict[str, str] = {}
        self._tickets: dict[str, Ticket] = {}
        self._event_id = ""
        self._heartbeat: bytes | None = None
        self.reach = Reach([SERVICE], self._on_reach)

    def _on_reach(self) -> None:
        self._heartbeat = None
        self.beat()

    def beat(self) -> None:
        """Tell every stream that a heartbeat is due."""
        for inbox in self.inboxes:
            inbox.beat()

    def take(self, news: WatchTicketsResponse) -> None:
        """Brings the board up to date, and its streams with it."""
        if news.HasField("snapshot"):
            self._tickets = {ticket.order_id: ticket for ticket in news.snapshot.tickets}
            self._event_id = news.snapshot.event_id
            self.is_loaded = True
            self.reach.find(SERVICE)
            self.known.set()
            for inbox in self.inboxes:
                inbox.invalidate()
        for event in news.events:
            self._apply(event)
        if news.HasField("tick_at"):
            self._tick_at[self.kitchen] = shapes.time_text(news.tick_at)
        if news.HasField("as_of"):
            self.as_of = shapes.time_text(news.as_of)
            self._heartbeat = None

    def _apply(self, event: TicketEvent) -> None:
        ticket = event.ticket
        before = self._tickets.pop(ticket.order_id, None)
        if ticket.status in ON_BOARD or (
            ticket.status == order_pb2.ORDER_STATUS_CANCELLED and ticket.flag
        ):
            self._tickets[ticket.order_id] = ticket
        self._event_id = event.id
        if not self.inboxes:
            return
        change = BoardEvent(
            for_cooks=encode("ticket", shapes.ticket(ticket) | {"id": event.id}, event.id),
            for_guests=_public_event(before, ticket),
            at=read_event_id(event.id)[0] / 1000,
        )
        for inbox in self.inboxes:
            inbox.put(change)

    def refuse(self, error: grpc.aio.AioRpcError) -> None:
        """There is no such board: its streams end."""
        self.refusal = error
        self.known.set()
        for inbox in self.inboxes:
            inbox.close()

    def tickets(self) -> shapes.Json:
        """All that hangs here, first promised first, and the id of the last change."""
        return shapes.tickets(self._in_order()) | {"event_id": self._event_id}

    def numbers(self) -> shapes.Json:
        """What guests may know: pickup numbers, first promised and first ready first, and whose
        word each status is."""
        shown: dict[str, list[Ticket]] = {status: [] for status in SCREENED.values()}
        in_order = [ticket for ticket in self._in_order() if ticket.status in ON_BOARD]
        for ticket in in_order:
            if (status := SCREENED.get(ticket.status)) is not None:
                shown[status].append(ticket)
        # A screen that was just turned on shows the newest first, as one that saw them come.
        shown["ready"].sort(key=lambda ticket: ticket.ready_at.ToNanoseconds())
        return {
            **{status: [ticket.number for ticket in shown[status]] for status in shown},
            "tickets": [_public(ticket) for ticket in in_order],
        }

    def _in_order(self) -> list[Ticket]:
        # As the kitchen's job takes them: by the promise, then as Redis sorts members.
        return sorted(
            self._tickets.values(), key=lambda t: (t.promised_at.ToNanoseconds(), t.order_id)
        )

    def heartbeat(self) -> bytes:
        """An encoded heartbeat: when the kitchen and its ten-second job were last heard of."""
        if self._heartbeat is None:
            data = {
                "kitchen_tick_at": self._tick_at,
                "as_of": self.as_of,
                "away": self.reach.away,
            }
            self._heartbeat = encode("heartbeat", data)
        return self._heartbeat


def _public_event(before: Ticket | None, after: Ticket) -> bytes | None:
    if before is not None and (before.status, before.cause) == (after.status, after.cause):
        return None
    return encode("status", _public(after))


def _public(ticket: Ticket) -> shapes.Json:
    return {
        "number": ticket.number,
        "status": shapes.status_name(ticket.status),
        "cause": shapes.cause_name(ticket.cause),
    }


class BoardStream:
    """Tells one reader what happens on a board.

    Use ``for_cooks`` or ``for_guests``.
    """

    __slots__ = ("_board", "_choose", "_snapshot")

    is_over = False

    def __init__(
        self,
        board: Board,
        snapshot: Callable[[Board], bytes],
        choose: Callable[[BoardEvent], bytes | None],
    ) -> None:
        self._board = board
        self._snapshot = snapshot
        self._choose = choose

    @classmethod
    def for_cooks(cls, board: Board) -> "BoardStream":
        """The tickets with all that cooks must know."""
        return cls(board, _snapshot_for_cooks, attrgetter("for_cooks"))

    @classmethod
    def for_guests(cls, board: Board) -> "BoardStream":
        """Numbers and statuses only: the board is public."""
        return cls(board, _snapshot_for_guests, attrgetter("for_guests"))

    def join(self, inbox: Inbox[BoardEvent]) -> None:
        self._board.inboxes.add(inbox)

    def leave(self, inbox: Inbox[BoardEvent]) -> None:
        self._board.inboxes.discard(inbox)

    @property
    def is_ready(self) -> bool:
        return self._board.is_loaded

    @property
    def is_away(self) -> bool:
        return SERVICE in self._board.reach.away

    async def catch_up(self) -> AsyncGenerator[bytes, None]:
        yield self._snapshot(self._board)

    def tell(self, item: BoardEvent) -> bytes | None:
        return self._choose(item)

    def heartbeat(self) -> bytes:
        return self._board.heartbeat()


def _snapshot_for_cooks(board: Board) -> bytes:
    tickets: dict[str, Any] = board.tickets()
    return encode("snapshot", tickets, tickets["event_id"])


def _snapshot_for_guests(board: Board) -> bytes:
    return encode("snapshot", board.numbers())


class Boards:
    """The boards somebody asked for, each kept up to date from then on.

    Args:
        kitchen: the service that knows.
        tasks: runs one task for each board.
        connect_seconds: how long ``find`` waits for a board's first news.
    """

    def __init__(
        self,
        kitchen: "Peer[KitchenServiceAsyncStub]",
        tasks: asyncio.TaskGroup,
        *,
        connect_seconds: float,
    ) -> None:
        self._kitchen = kitchen
        self._tasks = tasks
        self._connect_seconds = connect_seconds
        self._boards: dict[str, Board] = {}
        self._keepers: set[asyncio.Task[None]] = set()

    async def find(self, kitchen: str) -> Board:
        """The board of a kitchen; not loaded yet while the kitchen service is away.

        Raises:
            grpc.aio.AioRpcError: there is no such kitchen.
            ProblemError: 503 when too many are asked for that nobody has heard of.
        """
        board = self._boards.get(kitchen)
        if board is None:
            if len(self._boards) >= BOARDS_LIMIT:
                raise ProblemError(
                    TOO_MANY_BOARDS,
                    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                )
            board = self._boards[kitchen] = Board(kitchen)
            keeper = self._tasks.create_task(self._keep(board))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)
        try:
            async with asyncio.timeout(self._connect_seconds):
                await board.known.wait()
        except TimeoutError:
            return board
        if board.refusal is not None:
            raise board.refusal
        return board

    def beat(self) -> None:
        """Tell every stream of every board that a heartbeat is due."""
        for board in self._boards.values():
            board.beat()

    def close(self) -> None:
        """Stops keeping boards."""
        for keeper in self._keepers:
            keeper.cancel()

    async def _keep(self, board: Board) -> None:
        backoff, outage = Backoff(), Outage()
        while True:
            try:
                await self._read(board, backoff, outage)
            except grpc.aio.AioRpcError as error:
                if error.code() in REFUSALS:
                    del self._boards[board.kitchen]
                    board.refuse(error)
                    return
                _log_loss(board, outage, error)
            except (UpstreamEndedError, TimeoutError) as error:
                _log_loss(board, outage, error)
            board.reach.lose(SERVICE)
            await backoff.wait()

    async def _read(self, board: Board, backoff: Backoff, outage: Outage) -> None:
        call = self._kitchen.stub.WatchTickets(
            WatchTicketsRequest(kitchen=board.kitchen),
            metadata=self._kitchen.own_metadata,
            wait_for_ready=True,
        )
        try:
            while True:
                news: WatchTicketsResponse = await read_news(call, SILENCE_SECONDS)
                if news.HasField("snapshot"):
                    backoff.reset()
                    outage.over()
                    log.info("board_opened", kitchen=board.kitchen)
                board.take(news)
        finally:
            call.cancel()


def _log_loss(board: Board, outage: Outage, error: Exception) -> None:
    WATCHES_LOST.labels("kitchen").inc()
    outage.tell("board_lost", kitchen=board.kitchen, error=describe(error))
