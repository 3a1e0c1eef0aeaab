"""Which changes may go up now: each ticket's in order, and not too many unanswered in all."""

from collections import deque
from collections.abc import Set

from kitchen.domain import Change


class Lanes:
    """Changes on their way, one lane a ticket; of each lane only the first has been sent.

    So a change is judged before the next of its ticket leaves, and one that has to be sent again
    is never overtaken by its successors.
    """

    def __init__(self, window: int, held: int) -> None:
        """At most ``window`` changes unanswered, and ``held`` in memory."""
        self._window = window
        self._held = held
        self._lanes: dict[str, deque[Change]] = {}
        self._waiting: set[str] = set()
        self._count = 0

    @property
    def room(self) -> int:
        """How many more changes may be added now."""
        unanswered = len(self._lanes) - len(self._waiting)
        return max(0, min(self._window - unanswered, self._held - self._count))

    def add(self, change: Change) -> bool:
        """Puts a change at the end of its ticket's lane; True when it may be sent at once."""
        lane = self._lanes.setdefault(change.order_id, deque())
        lane.append(change)
        self._count += 1
        return len(lane) == 1

    def first(self, order_id: str, change_id: str) -> Change | None:
        """The unanswered change of a ticket, if it is this one."""
        lane = self._lanes.get(order_id)
        return lane[0] if lane and lane[0].id == change_id else None

    def answered(self, order_id: str, keep: Set[str] | None = None) -> Change | None:
        """Removes the ticket's first change; returns the next, which may be sent now.

        Of the others only those in ``keep`` stay, or all when it is None.
        """
        lane = self._lanes.pop(order_id)
        self._waiting.discard(order_id)
        self._count -= len(lane)
        lane.popleft()
        if keep is not None:
            lane = deque(change for change in lane if change.id in keep)
        if not lane:
            return None
        self._lanes[order_id] = lane
        self._count += len(lane)
        return lane[0]

    def wait(self, order_id: str) -> None:
        """The ticket's first change is to be sent again later; meanwhile it takes no window."""
        self._waiting.add(order_id)

    def resend(self, order_id: str) -> Change | None:
        """The change that waited, to be sent again now."""
        self._waiting.discard(order_id)
        lane = self._lanes.get(order_id)
        return lane[0] if lane else None
