"""One event stream: what it sends when, and what it holds while there is nothing to send."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from contextvars import copy_context
from typing import Any, Generic, Protocol, TypeVar

import grpc
from starlette.types import Receive

from gateway.clients import PeerAwayError
from gateway.events import record_sent
from gateway.inbox import Inbox
from gateway.long_answers import Wire
from gateway.metrics import EVENTS_SENT, TOLD_LIVE
from gateway.turns import Turns
from gateway.upstream import describe
from infra import tracing
from infra.identity import Caller
from infra.logs import get_logger

log = get_logger()

CATCH_UP_AGAIN_SECONDS = 0.5

BEATS_SENT = EVENTS_SENT.labels("heartbeat")
CAUGHT_UP = EVENTS_SENT.labels("catch_up")


class News(tracing.Traced, Protocol):
    """What may happen on a stream."""

    @property
    def at(self) -> float:
        """When it happened, in seconds of Unix time."""

    @property
    def traceparent(self) -> str:
        """The span that made it happen, where that was recorded (``infra.tracing``)."""


Item = TypeVar("Item", bound=News)
Told = TypeVar("Told", contravariant=True)


class Source(Protocol[Told]):
    """What one event stream tells its reader. All chunks are encoded events."""

    def join(self, inbox: Inbox[Any]) -> None:
        """Puts into ``inbox`` what happens from here on."""

    def leave(self, inbox: Inbox[Any]) -> None:
        """Puts nothing more into it."""

    @property
    def is_ready(self) -> bool:
        """Whether the reader can be brought up to date now; its inbox is woken when it can."""

    @property
    def is_away(self) -> bool:
        """Whether the service that knows what to tell is not heard."""

    @property
    def is_over(self) -> bool:
        """Whether all has been told for good."""

    def catch_up(self) -> AsyncGenerator[bytes, None]:
        """What brings the reader up to date. Raises AioRpcError or PeerAwayError: try later."""

    def tell(self, item: Told) -> bytes | None:
        """What happened, for this reader, or None if that is no news to it."""

    def heartbeat(self) -> bytes:
        """How fresh the data is."""


class Stream(Generic[Item]):
    """One open event stream.

    The only task it has for good is the request's own, and that waits for the reader to go. What
    is to be sent is sent in turns that the stream takes when its inbox has news: up to date first
    and after every gap, then live, until it is over or closed. A turn takes a task only where it
    has to wait: while the reader is brought up to date, while he is slow, and for the end.
    Meanwhile the inbox fills, and past its limit the reader has to be brought up to date again,
    from the last that was sent to him.

    Args:
        source: what it tells.
        caller: for whom, or a caller without a name.
        queue: how many items may wait for a slow reader.
        turns: where it waits for its turn.
        on_gone: called once when it is over, whatever ended it, in the context it was made in.
    """

    __slots__ = (
        "_context",
        "_full_since",
        "_is_due",
        "_is_open",
        "_on_gone",
        "_source",
        "_task",
        "_turns",
        "_wire",
        "caller",
        "inbox",
        "opened_at",
    )

    def __init__(
        self,
        source: Source[Item],
        caller: Caller,
        *,
        queue: int,
        turns: Turns,
        on_gone: Callable[["Stream[Any]"], None],
    ) -> None:
        self.caller = caller
        self.inbox: Inbox[Item] = Inbox(queue, self._on_news)
        self.opened_at = time.monotonic()
        self._source = source
        self._turns = turns
        self._on_gone = on_gone
        # What the log says of the request it says of all that comes of it.
        self._context = copy_context()
        self._wire: Wire
        self._is_open = False
        self._is_due = False
        self._task: asyncio.Task[None] | None = None
        self._full_since: float | None = None
        source.join(self.inbox)

    async def run(self, receive: Receive, wire: Wire) -> None:
        """Sends events until there are no more or the reader is gone, which ``receive`` reports."""
        self._wire = wire
        self._is_open = True
        if self._source.is_away:
            # There is nothing to show yet: say why now, not at the next beat.
            self.inbox.beat()
        self._on_news()
        try:
            # It comes after the end too, so this is all there is to wait for.
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._is_open = False
            self.forget()
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait({self._task})

    def forget(self) -> None:
        """Lets go of it. For a stream that never ran; ``run`` sees to the others."""
        self._source.leave(self.inbox)
        self._context.run(self._on_gone, self)

    def give_up(self) -> None:
        """Ends it for a reader who stands still."""
        self._context.run(log.info, "stream_stalled")
        self.inbox.close()

    def stands_still(self, seconds: float) -> bool:
        """Whether the reader has taken nothing for so long though something waits for him."""
        since = self._full_since
        return since is not None and time.monotonic() - since >= seconds

    def _on_news(self) -> None:
        if not self._is_open:
            return
        if self._task is not None:
            # When that is done the stream looks for news again; but it may wait for long.
            if self.inbox.closed:
                self._task.cancel()
        elif not self._is_due:
            self._is_due = True
            self._turns.wait_for_one(self)

    def take_turn(self) -> None:
        """Sends what there is to send; what takes waiting goes on in a task."""
        self._is_due = False
        if not self._is_open or self._task is not None:
            return
        try:
            if self._wire.is_full:
                if self.inbox.closed:
                    # He has not even taken what was sent before, so he won't take the end.
                    self._break_off()
                else:
                    self._start(self._wait_for_room())
            elif self._must_catch_up():
                # That asks other services, with deadlines, which only tasks can have.
                self._start(self._catch_up())
            else:
                self._tell()
        except Exception as error:
            self._break_off(error)

    def _must_catch_up(self) -> bool:
        inbox = self.inbox
        return inbox.stale and not inbox.closed and self._source.is_ready

    def _tell(self) -> None:
        """Sends a heartbeat, what happened, and the end, whichever of them is due."""
        inbox, source = self.inbox, self._source
        if inbox.take_beat():
            self._wire.write(source.heartbeat())
            BEATS_SENT.inc()
        chunks: list[bytes] = []
        told: list[Item] = []
        for item in inbox.take_all():
            if source.is_over:
                break
            if (chunk := source.tell(item)) is not None:
                chunks.append(chunk)
                told.append(item)
        if chunks:
            began_at = time.time_ns()
            # What came together goes out together.
            self._wire.write(b"".join(chunks))
            for item in told:
                TOLD_LIVE.note(item.at)
                record_sent(item, began_at)
        if inbox.closed or source.is_over:
            self._start(self._end())

    async def _catch_up(self) -> None:
        self.inbox.refresh()
        try:
            async with aclosing(self._source.catch_up()) as chunks:
                async for chunk in chunks:
                    await self._wait_for_room()
                    self._wire.write(chunk)
                    CAUGHT_UP.inc()
        except (grpc.aio.AioRpcError, PeerAwayError) as error:
            log.info("stream_catch_up_failed", error=describe(error))
            self.inbox.invalidate()
            await asyncio.sleep(CATCH_UP_AGAIN_SECONDS * random.uniform(1, 2))  # noqa: S311
        except BaseException:
            # What has come meanwhile is not for a reader who was not told what was before it.
            self.inbox.invalidate()
            raise
        else:
            # What was caught up with may be old already: say so now, not at the next beat.
            self.inbox.beat()

    async def _end(self) -> None:
        await self._wait_for_room()
        await self._wire.end()
        self._is_open = False

    async def _wait_for_room(self) -> None:
        """Waits while too much was not taken of what was sent."""
        self._full_since = time.monotonic()
        await self._wire.drain()
        self._full_since = None

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.create_task(work, context=self._context)
        self._task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self._full_since = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._break_off(error)
        self._on_news()

    def _break_off(self, error: BaseException | None = None) -> None:
        """Breaks off the connection, for a bug if there is an ``error``: the reader comes back."""
        if error is not None:
            self._context.run(log.error, "stream_failed", exc_info=error)
        if self._is_open:
            self._is_open = False
            self._wire.abort()
