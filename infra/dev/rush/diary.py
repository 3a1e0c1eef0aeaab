"""What clients were told: every acknowledgement, and every event of every stream."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from infra.dev.replay.sales_file import SoldOrder

FINAL = frozenset({"completed", "cancelled", "rejected"})


@dataclass
class Asked:
    """One order as its guest knows it."""

    key: str
    """The idempotency key it was placed under."""
    sold: SoldOrder
    order_id: str = ""
    """Empty until the order was acknowledged."""
    totals: set[int] = field(default_factory=set)
    """What it may cost by what was acknowledged: more than one after an edit whose first try may
    or may not have been carried out."""
    notes: set[str] = field(default_factory=lambda: {""})
    """As ``totals``, the notes it may have."""
    cancelled: bool = False
    """Whether a cancel was acknowledged."""


@dataclass(frozen=True)
class Told:
    """One event of a stream; ``id`` is its own or, where it has none, the last one before it."""

    event: str
    id: str
    data: dict[str, Any]


@dataclass
class StreamLog:
    """All that one guest's stream told, over all its connections."""

    name: str
    user: str
    order_id: str = ""
    """Set for a stream of one order."""
    told: list[Told] = field(default_factory=list)
    ended: bool = False
    """Whether the server said that nothing more will come."""


class Diary:
    """What all clients were told."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.streams: list[StreamLog] = []
        self.answers: Counter[int] = Counter()
        """Answers of the gateways, by HTTP status."""
        self.events: Counter[str] = Counter()
        """Events of all streams, by name."""
        self.complaints: list[str] = []
        """What clients themselves saw to be wrong."""
        self._finished: set[str] = set()

    @property
    def acknowledged(self) -> list[Asked]:
        """The orders the house has taken."""
        return [asked for asked in self.asked if asked.order_id]

    @property
    def untold(self) -> list[Asked]:
        """Acknowledged orders whose last status their guest's own stream has not told."""
        return [asked for asked in self.acknowledged if asked.order_id not in self._finished]

    def take(self, stream: StreamLog, told: Told) -> None:
        """Notes one event of a stream."""
        self.events[told.event] += 1
        if told.event == "heartbeat":
            return
        stream.told.append(told)
        if stream.order_id:
            return
        if told.event == "status" and told.data["status"] in FINAL:
            self._finished.add(told.data["order_id"])
        elif told.event == "snapshot":
            self._finished.update(o["id"] for o in told.data["orders"] if o["status"] in FINAL)
