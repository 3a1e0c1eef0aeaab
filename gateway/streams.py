"""All event streams of this process: how many there may be, their heartbeats, and their end."""

import time
from collections import Counter
from typing import Any

from gateway.clients import RETRY_AFTER_SECONDS
from gateway.metrics import STREAMS
from gateway.problems import TOO_MANY_STREAMS, TOO_MANY_STREAMS_OF_USER
from gateway.stream import Item, Source, Stream
from gateway.turns import Turns
from infra.identity import Caller
from infra.logs import get_logger
from infra.revocations import Revocations
from infra.web import ProblemError

log = get_logger()


class OpenStreams:
    """All streams that are open, and the one clock they share.

    Args:
        queue: how many items may wait for a slow reader.
        per_user: how many streams one user may have open.
        limit: how many may be open of users.
        nameless_limit: how many may be open of callers without a name. They are counted apart: a
            crowd before the public board takes no guest's place.
        patience_seconds: how long a reader may take nothing of what waits for him.
    """

    def __init__(
        self,
        *,
        queue: int,
        per_user: int,
        limit: int,
        nameless_limit: int,
        patience_seconds: float,
    ) -> None:
        self._queue = queue
        self._per_user = per_user
        self._limit = limit
        self._nameless_limit = nameless_limit
        self._patience_seconds = patience_seconds
        self._streams: set[Stream[Any]] = set()
        self._users: Counter[str] = Counter()
        self._turns = Turns()
        self._closing = False

    def open(self, source: Source[Item], caller: Caller) -> Stream[Item]:
        """A new stream. It counts until it is over.

        Raises:
            ProblemError: 429 when the user has too many, 503 when the process has, or is stopping.
        """
        self._require_room(caller)
        stream = Stream(source, caller, queue=self._queue, turns=self._turns, on_gone=self._forget)
        self._streams.add(stream)
        self._users[caller.user_id] += 1
        STREAMS.inc()
        log.info("stream_opened")
        return stream

    def _require_room(self, caller: Caller) -> None:
        retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        nameless = self._users[""]
        if caller.user_id:
            is_full = len(self._streams) - nameless >= self._limit
        else:
            is_full = nameless >= self._nameless_limit
        if self._closing or is_full:
            raise ProblemError(TOO_MANY_STREAMS, "try again shortly", headers=retry)
        if caller.user_id and self._users[caller.user_id] >= self._per_user:
            raise ProblemError(
                TOO_MANY_STREAMS_OF_USER,
                f"at most {self._per_user} may be open at once",
                headers=retry,
            )

    def _forget(self, stream: Stream[Any]) -> None:
        self._streams.remove(stream)
        user_id = stream.caller.user_id
        self._users[user_id] -= 1
        if not self._users[user_id]:
            del self._users[user_id]
        STREAMS.dec()
        log.info("stream_closed", seconds=round(time.monotonic() - stream.opened_at, 1))

    def beat(self) -> None:
        """Tells every stream that a heartbeat is due."""
        for stream in self._streams:
            stream.inbox.beat()

    def sweep(self) -> None:
        """Ends the streams whose time is over: the token expired, or the reader stands still."""
        now = time.time()
        for stream in self._streams:
            # What the token allowed ends with the token.
            if stream.caller.token and stream.caller.expires_at <= now:
                stream.inbox.close()
            elif stream.stands_still(self._patience_seconds):
                stream.give_up()

    def end_revoked(self, revocations: Revocations) -> None:
        """Ends the streams whose token counts no longer."""
        for stream in self._streams:
            if revocations.cover(stream.caller):
                stream.inbox.close()

    def close_all(self) -> None:
        """Ends every stream soon, and lets no more begin: the process stops."""
        self._closing = True
        for stream in self._streams:
            stream.inbox.close()
