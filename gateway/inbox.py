"""What waits to be sent on one event stream."""

from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.metrics import OVERFLOWS

Item = TypeVar("Item")


class Inbox(Generic[Item]):
    """The bounded queue between a fan-out, which never waits, and one stream, which may be slow.

    It begins *stale*: the stream has to catch up from the source first. While it is stale it takes
    nothing in, for what happens before the catching up begins is part of that. When it overflows it
    drops what it holds and is stale again.

    Args:
        limit: how many items it holds at most.
        on_news: called whenever the stream may have something to do; it must not do it at once.
    """

    # There are thousands, nearly always empty: a list takes a tenth of a deque's memory.
    __slots__ = ("_beat_due", "_items", "_limit", "_on_news", "closed", "stale")

    def __init__(self, limit: int, on_news: Callable[[], None]) -> None:
        self._limit = limit
        self._on_news = on_news
        self._items: list[Item] = []
        self._beat_due = False
        self.stale = True
        self.closed = False

    def put(self, item: Item) -> None:
        """Hands over what just happened."""
        if self.stale:
            return
        if len(self._items) < self._limit:
            self._items.append(item)
            self._on_news()
        else:
            OVERFLOWS.inc()
            self.invalidate()

    def take_all(self) -> list[Item]:
        """All it holds, oldest first; it is empty afterwards."""
        if not self._items:
            return self._items
        items, self._items = self._items, []
        return items

    def refresh(self) -> None:
        """The stream begins to catch up: from here on, what happens is kept for afterwards."""
        self.stale = False

    def invalidate(self) -> None:
        """Something was missed, or may have been: the stream must catch up."""
        self._items = []
        self.stale = True
        self._on_news()

    def beat(self) -> None:
        """A heartbeat is due."""
        self._beat_due = True
        self._on_news()

    def take_beat(self) -> bool:
        """Whether a heartbeat is due; asked once for each."""
        due, self._beat_due = self._beat_due, False
        return due

    def close(self) -> None:
        """The stream shall end."""
        self.closed = True
        self._on_news()

    def wake(self) -> None:
        """The source may have become ready."""
        self._on_news()
