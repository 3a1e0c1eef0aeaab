"""All event streams of this process: how many there may be, their heartbeats, and their end."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Protocol, TypeVar

import grpc

from gateway.clients import RETRY_AFTER_SECONDS, PeerAwayError
from gateway.inbox import Inbox
from gateway.metrics import CHANGE_TO_BROWSER, EVENTS_SENT, STREAMS
from gateway.problems import TOO_MANY_STREAMS, TOO_MANY_STREAMS_OF_USER
from gateway.sse import RETRY
from gateway.upstream import describe
from infra.identity import Caller
from infra.logs import get_logger
from infra.revocations import Revocations
from infra.web import ProblemError

log = get_logger()

# Waking every stream at once would hold up everything else; so many are woken at a time.
BEATS_AT_ONCE = 200
CATCH_UP_AGAIN_SECONDS = 0.5

Item = TypeVar("Item", contravariant=True)


class Source(Protocol[Item]):
    """What one event stream tells its reader. All chunks are encoded events."""

    @property
    def is_ready(self) -> bool:
        """Whether the reader can be brought up to date now; its inbox is woken when it can."""

    @property
    def is_over(self) -> bool:
        """Whether all has been told for good."""

    def catch_up(self) -> AsyncIterator[bytes]:
        """What brings the reader up to date. Raises AioRpcError or PeerAwayError: try later."""

    def tell(self, item: Item) -> bytes | None:
        """What happened, for this reader, or None if that is no news to it."""

    def heartbeat(self) -> bytes:
        """How fresh the data is."""


async def run_stream(inbox: Inbox[Any], source: Source[Any]) -> AsyncGenerator[bytes, None]:
    """The chunks of one stream: up to date first and after every gap, then live, until closed."""
    yield RETRY
    while not inbox.closed:
        if inbox.take_beat():
            yield source.heartbeat()
            EVENTS_SENT.labels("heartbeat").inc()
        if inbox.stale and source.is_ready:
            inbox.refresh()
            try:
                async for chunk in source.catch_up():
                    yield chunk
                    EVENTS_SENT.labels("catch_up").inc()
            except (grpc.aio.AioRpcError, PeerAwayError) as error:
                log.info("stream_catch_up_failed", error=describe(error))
                inbox.invalidate()
                await asyncio.sleep(CATCH_UP_AGAIN_SECONDS * random.uniform(1, 2))  # noqa: S311
            else:
                # What was caught up with may be old already: say so now, not at the next beat.
                inbox.beat()
        while not (source.is_over or inbox.closed) and (item := inbox.take()) is not None:
            told = source.tell(item)
            if told is not None:
                yield told
                # Here it has been written: the sender asks for the next chunk after that.
                EVENTS_SENT.labels("live").inc()
                CHANGE_TO_BROWSER.observe(max(0.0, time.time() - item.at))
        if source.is_over:
            return
        await inbox.wait()


class OpenStreams:
    """The inboxes of all open streams.

    Args:
        queue: how many items may wait in one inbox.
        per_user: how many streams one user may have open.
        limit: how many may be open in all.
    """

    def __init__(self, *, queue: int, per_user: int, limit: int) -> None:
        self._queue = queue
        self._per_user = per_user
        self._limit = limit
        self._inboxes: dict[Inbox[Any], Caller] = {}
        self._users: Counter[str] = Counter()
        self._closing = False

    def open(self, caller: Caller) -> Inbox[Any]:
        """The inbox of a new stream; that of a caller without a name counts for nobody.

        Raises:
            ProblemError: 429 when the user has too many, 503 when the process has, or is stopping.
        """
        retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        if self._closing or len(self._inboxes) >= self._limit:
            raise ProblemError(TOO_MANY_STREAMS, "try again shortly", headers=retry)
        if caller.user_id and self._users[caller.user_id] >= self._per_user:
            raise ProblemError(
                TOO_MANY_STREAMS_OF_USER,
                f"at most {self._per_user} may be open at once",
                headers=retry,
            )
        inbox: Inbox[Any] = Inbox(self._queue)
        self._inboxes[inbox] = caller
        self._users[caller.user_id] += 1
        STREAMS.inc()
        return inbox

    def close(self, inbox: Inbox[Any]) -> None:
        """Forgets a stream that was opened."""
        user_id = self._inboxes.pop(inbox).user_id
        self._users[user_id] -= 1
        if not self._users[user_id]:
            del self._users[user_id]
        STREAMS.dec()

    async def beat(self) -> None:
        """Tells every stream that a heartbeat is due."""
        for index, inbox in enumerate(tuple(self._inboxes), start=1):
            inbox.beat()
            if index % BEATS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def end_revoked(self, revocations: Revocations) -> None:
        """Ends the streams whose token counts no longer."""
        for inbox, caller in self._inboxes.items():
            if revocations.cover(caller):
                inbox.close()

    def close_all(self) -> None:
        """Ends every stream soon, and lets no more begin: the process stops."""
        self._closing = True
        for inbox in self._inboxes:
            inbox.close()
