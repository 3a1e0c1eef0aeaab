"""What waits to be sent on one event stream."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from gateway.metrics import OVERFLOWS

Item = TypeVar("Item")


class Inbox(Generic[Item]):
    """The bounded queue between a fan-out, which never waits, and one stream, which may be slow.

    It begins *stale*: the stream has to catch up from the source first. While it is stale it takes
    nothing in, for what happens before the catching up begins is part of that. When it overflows it
    drops what it holds and is stale again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[Item] = deque()
        self._beat_due = False
        self._woken = asyncio.Event()
        self.stale = True
        self.closed = False

    def put(self, item: Item) -> None:
        """Hands over what just happened."""
        if self.stale:
            return
        if len(self._items) < self._limit:
            self._items.append(item)
            self._woken.set()
        else:
            OVERFLOWS.inc()
            self.invalidate()

    def take(self) -> Item | None:
        """The oldest item, if there is one."""
        return self._items.popleft() if self._items else None

    def refresh(self) -> None:
        """The stream begins to catch up: from here on, what happens is kept for afterwards."""
        self.stale = False

    def invalidate(self) -> None:
        """Something was missed, or may have been: the stream must catch up."""
        self._items.clear()
        self.stale = True
        self._woken.set()

    def beat(self) -> None:
        """A heartbeat is due."""
        self._beat_due = True
        self._woken.set()

    def take_beat(self) -> bool:
        """Whether a heartbeat is due; asked once for each."""
        due, self._beat_due = self._beat_due, False
        return due

    def close(self) -> None:
        """The stream shall end."""
        self.closed = True
        self._woken.set()

    def wake(self) -> None:
        """The source may have become ready."""
        self._woken.set()

    async def wait(self) -> None:
        """Returns when anything above has happened since the last wait."""
        await self._woken.wait()
        self._woken.clear()
