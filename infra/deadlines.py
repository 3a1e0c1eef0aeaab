"""Many deadlines on one timer."""

import asyncio
import heapq
from collections.abc import Callable, Container


class Deadlines:
    """Tells when the time of something under way is over.

    A timer or an ``asyncio.timeout`` for each costs 1 to 4 us, though next to all are done long
    before. Here those are forgotten when they come to the front.

    Args:
        under_way: the keys of all that is under way.
        expire: called with each key whose time is over while it is under way.
    """

    def __init__(self, under_way: Container[int], expire: Callable[[int], None]) -> None:
        self._under_way = under_way
        self._expire = expire
        self._heap: list[tuple[float, int]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many it keeps."""
        return len(self._heap)

    def add(self, key: int, seconds: float) -> None:
        """``key``, which is used once, has ``seconds`` from now."""
        loop = asyncio.get_running_loop()
        self._forget_done()
        ends_at = loop.time() + seconds
        heapq.heappush(self._heap, (ends_at, key))
        if self._timer is None or ends_at < self._timer.when():
            self._set_timer(loop)

    def close(self) -> None:
        """Forgets all."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget_done(self) -> None:
        while self._heap and self._heap[0][1] not in self._under_way:
            heapq.heappop(self._heap)

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._heap[0][0], self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._forget_done()
        while self._heap and self._heap[0][0] <= loop.time():
            self._expire(heapq.heappop(self._heap)[1])
            self._forget_done()
        if self._heap:
            self._set_timer(loop)
